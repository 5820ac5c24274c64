//! What happens to the evidence journal.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::labels::Sink;
use super::metrics::Metrics;

/// The journal's name among the sinks.
const NAME: Sink = Sink { sink: Cow::Borrowed("journal") };

/// A checkpoint of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The entry that it is.
    pub sequence: u64,
    /// When, in milliseconds since 1970 UTC.
    pub at: i64,
}

/// One thing that happened to the journal.
#[derive(Debug)]
pub enum JournalEvent<'a> {
    /// It was opened, with so many entries; so many octets were torn and cut off.
    Opened(u64, u64),
    /// So many entries stand in it.
    Holds(u64),
    /// So many more entries stand in its files.
    Written(u64),
    /// So many more wait for it than before.
    Waits(i64),
    /// What was written was put on the disk in so much time.
    Synced(Duration),
    /// A checkpoint was signed: which entry it is, when, and the note.
    Signed(Signed, &'a str),
    /// So many requests of earlier runs had no record, and have one now.
    Completed(u64),
    /// An entry was kept without its personal fields.
    Faceless,
    /// So many entries were lost, which it tells of.
    Lost(u64),
    /// It cannot be written, and why.
    Failed(&'a str),
    /// It can be written again.
    Mended,
}

impl JournalEvent<'_> {
    pub(super) fn record(self, metrics: &Metrics) {
        match self {
            Self::Opened(entries, cut) => {
                metrics.audit_journal_up.set(1);
                metrics.audit_entries.store(entries, Ordering::Relaxed);
                if cut == 0 {
                    return info!(entries, "the journal is open");
                }
                warn!(entries, cut, "the last run tore the end of the journal, which was cut");
            }
            Self::Holds(entries) => {
                metrics.audit_entries.store(entries, Ordering::Relaxed);
                super::index::lag(metrics);
                super::ship::lag(metrics);
            }
            Self::Written(entries) => {
                metrics.audit_records.get_or_create(&NAME).inc_by(entries);
            }
            Self::Waits(more) => drop(metrics.audit_queue.inc_by(more)),
            Self::Synced(took) => metrics.audit_sync_seconds.observe(took.as_secs_f64()),
            Self::Signed(signed, note) => {
                // The signature is an entry itself.
                let entries = signed.sequence + 1;
                metrics.audit_entries.store(entries, Ordering::Relaxed);
                *metrics.audit_signed.lock().expect("no thread panics with it") = Some(signed);
                super::index::lag(metrics);
                debug!(entries, note, "the journal was signed");
            }
            Self::Completed(records) => {
                metrics.audit_interrupted.inc_by(records);
                warn!(
                    records,
                    "requests with tagged data were cut off by the end of an earlier run; their records \
                     say `interrupted`: how much of them left is not known"
                );
            }
            Self::Faceless => drop(metrics.audit_personal_lost.inc()),
            Self::Lost(entries) => {
                metrics.audit_lost.fetch_add(entries, Ordering::Relaxed);
                metrics.audit_dropped.get_or_create(&NAME).inc_by(entries);
            }
            Self::Failed(why) => {
                metrics.audit_journal_up.set(0);
                error!(why, "the journal cannot be written; tagged requests are refused");
            }
            Self::Mended => {
                metrics.audit_journal_up.set(1);
                // As loud as that it could not be.
                warn!("the journal can be written again");
            }
        }
    }
}
