//! What happens to the sinks that ship events from the journal.

use std::borrow::Cow;

use tracing::{error, info, warn};

use super::labels::{Lost, Sink};
use super::metrics::Metrics;

/// One thing that happened to a sink; each begins with the sink's name.
#[derive(Debug)]
pub enum ShipEvent<'a> {
    /// It goes on with the entry of this number.
    Opened(&'a str, u64),
    /// What it has read is not this journal: it begins anew.
    Began(&'a str, &'a str),
    /// So many events were taken by the destination.
    Shipped(&'a str, u64),
    /// So many entries of the journal wait for it.
    Behind(&'a str, u64),
    /// The destination took nothing, and why; whether that is news.
    Failed(&'a str, &'a str, bool),
    /// It takes events again.
    Mended(&'a str),
    /// Entries are not in the journal any more: from and until.
    Gone(&'a str, u64, u64),
    /// The destination does not take so many events and never will, though it takes others: why.
    Refused(&'a str, u64, &'a str),
    /// The destination took everything, and warns.
    Warned(&'a str, &'a str),
    /// The entry of this number is no event that this version can read.
    Unreadable(&'a str, u64, &'a str),
}

impl ShipEvent<'_> {
    pub(super) fn record(self, metrics: &Metrics) {
        match self {
            Self::Opened(sink, next) => {
                // An alert on a counter needs its zero.
                drop(metrics.audit_records.get_or_create(&label(sink)));
                drop(metrics.audit_sink_errors.get_or_create(&label(sink)));
                for reason in ["missing", "refused", "unreadable"] {
                    lost(metrics, sink, reason, 0);
                }
                info!(sink, next, "the sink reads the journal");
            }
            Self::Began(sink, why) => warn!(sink, why, "the sink reads the journal from its start"),
            Self::Shipped(sink, events) => {
                metrics.audit_records.get_or_create(&label(sink)).inc_by(events);
            }
            Self::Behind(sink, entries) => {
                let entries = i64::try_from(entries).unwrap_or(i64::MAX);
                metrics.audit_sink_lag.get_or_create(&label(sink)).set(entries);
            }
            Self::Failed(sink, why, news) => {
                metrics.audit_sink_errors.get_or_create(&label(sink)).inc();
                if news {
                    error!(sink, why, "the sink takes nothing; the journal keeps what waits");
                }
            }
            Self::Mended(sink) => info!(sink, "the sink takes events again"),
            Self::Gone(sink, from, until) => {
                metrics.audit_sink_errors.get_or_create(&label(sink)).inc();
                lost(metrics, sink, "missing", (until - from).saturating_add(1));
                error!(sink, from, until, "entries are not in the journal any more; not shipped");
            }
            Self::Refused(sink, events, why) => {
                metrics.audit_sink_errors.get_or_create(&label(sink)).inc();
                lost(metrics, sink, "refused", events);
                error!(sink, events, why, "the destination refuses events for good; not shipped");
            }
            Self::Warned(sink, why) => warn!(sink, why, "the destination warns"),
            Self::Unreadable(sink, entry, why) => {
                metrics.audit_sink_errors.get_or_create(&label(sink)).inc();
                lost(metrics, sink, "unreadable", 1);
                error!(sink, entry, why, "an entry of the journal cannot be read; not shipped");
            }
        }
    }
}

/// Counts what a sink has passed over.
fn lost(metrics: &Metrics, sink: &str, reason: &'static str, entries: u64) {
    let lost = Lost { sink: sink.to_owned(), reason };
    metrics.audit_sink_lost.get_or_create(&lost).inc_by(entries);
}

fn label(sink: &str) -> Sink {
    Sink { sink: Cow::Owned(sink.to_owned()) }
}
