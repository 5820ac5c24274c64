//! Numbers as they stand, for who shows them otherwise than as metrics.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::journal::Signed;
use super::metrics::Metrics;
use super::rates::Second;

/// How the journal and its index stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Records that wait to be written.
    pub queue: u64,
    /// Entries in the journal.
    pub entries: u64,
    /// Entries that were lost, which it tells of.
    pub lost: u64,
    /// The last checkpoint, where one was signed in this run.
    pub signed: Option<Signed>,
    /// Whether its index can be kept.
    pub indexed: bool,
}

impl Metrics {
    /// How the journal stands.
    pub fn kept(&self) -> Kept {
        Kept {
            queue: u64::try_from(self.audit_queue.get()).unwrap_or(0),
            entries: self.audit_entries.load(Ordering::Relaxed),
            lost: self.audit_lost.load(Ordering::Relaxed),
            signed: *self.audit_signed.lock().expect("no thread panics with it"),
            indexed: self.audit_index_up.get() > 0,
        }
    }

    /// The last ten minutes by the second, the oldest first, each with how long ago it began. The
    /// second that runs is not among them.
    pub fn rates(&self) -> Vec<(Duration, Second)> {
        self.rates.seconds()
    }
}
