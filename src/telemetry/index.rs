//! What happens to the search index beside the journal.

use std::sync::atomic::Ordering;

use tracing::{error, info, warn};

use super::metrics::Metrics;

/// One thing that happened to the index.
#[derive(Debug)]
pub enum IndexEvent<'a> {
    /// Its thread begins; until it has looked, all is missing.
    Opened,
    /// It cannot be kept, and why.
    Failed(&'a str),
    /// It can be kept again.
    Mended,
    /// Everything before this entry of the journal is in it.
    Reached(u64),
    /// It is built anew, and why.
    Rebuilding(&'a str),
}

impl IndexEvent<'_> {
    pub(super) fn record(self, metrics: &Metrics) {
        match self {
            Self::Opened => {
                metrics.audit_index_up.set(1);
                metrics.audit_indexed.store(0, Ordering::Relaxed);
                lag(metrics);
            }
            Self::Failed(why) => {
                metrics.audit_index_up.set(0);
                error!(why, "the index of the journal is not kept; searches read the journal");
            }
            Self::Mended => {
                metrics.audit_index_up.set(1);
                info!("the index of the journal is kept again");
            }
            Self::Reached(entry) => {
                metrics.audit_indexed.store(entry, Ordering::Relaxed);
                lag(metrics);
            }
            Self::Rebuilding(why) => {
                metrics.audit_indexed.store(0, Ordering::Relaxed);
                lag(metrics);
                warn!(why, "the index of the journal is built anew");
            }
        }
    }
}

/// Sets by how many entries the index is behind.
pub(super) fn lag(metrics: &Metrics) {
    let entries = metrics.audit_entries.load(Ordering::Relaxed);
    let lag = entries.saturating_sub(metrics.audit_indexed.load(Ordering::Relaxed));
    metrics.audit_index_lag.set(i64::try_from(lag).unwrap_or(i64::MAX));
}
