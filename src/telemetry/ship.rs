//! What happens to the sinks that ship events from the journal.

use std::borrow::Cow;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use tracing::{debug, error, info, warn};

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
    /// It begins to tell metrics.
    Pushes(&'a str),
    /// So many points of metrics were taken.
    Pushed(&'a str, u64),
    /// It has all before the entry of this number.
    Reached(&'a str, u64),
    /// It has ended by a fault, and is started again: why.
    Died(&'a str, &'a str),
    /// The destination took nothing, and why; whether that is news.
    Failed(&'a str, &'a str, bool),
    /// It takes events again.
    Mended(&'a str),
    /// Entries are not in the journal any more: from and until.
    Gone(&'a str, u64, u64),
    /// The destination does not take so many events and never will, though it takes others: why.
    Refused(&'a str, u64, &'a str),
    /// Something that somebody may want to look at.
    Warned(&'a str, &'a str),
    /// Retention had dropped entries before it came to them: the first, the last, and how many.
    Pruned(&'a str, u64, u64, u64),
    /// The entry of this number is no event that this version can read.
    Unreadable(&'a str, u64, &'a str),
}

impl ShipEvent<'_> {
    pub(super) fn record(self, metrics: &Metrics) {
        match self {
            Self::Opened(sink, next) => opened(metrics, sink, next),
            Self::Began(sink, why) => warn!(sink, why, "the sink reads the journal from its start"),
            Self::Shipped(sink, events) => {
                up(metrics, sink, true);
                metrics.audit_records.get_or_create(&label(sink)).inc_by(events);
            }
            Self::Pushes(sink) => {
                up(metrics, sink, true);
                drop(metrics.audit_sink_errors.get_or_create(&label(sink)));
                info!(sink, "the sink tells metrics");
            }
            Self::Pushed(sink, points) => {
                up(metrics, sink, true);
                debug!(sink, points, "metrics were pushed");
            }
            Self::Reached(sink, next) => reached(metrics, sink, next),
            Self::Died(sink, why) => {
                failed(metrics, sink);
                error!(sink, why, "the sink has ended by a fault and is started again");
            }
            Self::Failed(sink, why, news) => {
                failed(metrics, sink);
                if news {
                    error!(sink, why, "the sink takes nothing; the journal keeps what waits");
                }
            }
            Self::Mended(sink) => info!(sink, "the sink takes events again"),
            Self::Warned(sink, why) => warn!(sink, why, "the sink goes on"),
            Self::Gone(..) | Self::Pruned(..) | Self::Refused(..) | Self::Unreadable(..) => {
                self.lose(metrics);
            }
        }
    }

    /// What does not get to its destination, and never will.
    fn lose(self, metrics: &Metrics) {
        match self {
            Self::Gone(sink, from, until) => {
                lost(metrics, sink, "missing", (until - from).saturating_add(1));
                error!(sink, from, until, "entries are not in the journal any more; not shipped");
            }
            Self::Pruned(sink, from, until, entries) => {
                let what = "retention had dropped entries; they are not shipped";
                lost(metrics, sink, "pruned", entries);
                error!(sink, from, until, entries, "{what}");
            }
            Self::Refused(sink, events, why) => {
                lost(metrics, sink, "refused", events);
                error!(sink, events, why, "the destination refuses events for good; not shipped");
            }
            Self::Unreadable(sink, entry, why) => {
                lost(metrics, sink, "unreadable", 1);
                error!(sink, entry, why, "an entry of the journal cannot be read; not shipped");
            }
            Self::Opened(..)
            | Self::Began(..)
            | Self::Shipped(..)
            | Self::Pushes(_)
            | Self::Pushed(..)
            | Self::Reached(..)
            | Self::Died(..)
            | Self::Failed(..)
            | Self::Mended(_)
            | Self::Warned(..) => {}
        }
    }
}

fn opened(metrics: &Metrics, sink: &str, next: u64) {
    up(metrics, sink, true);
    reached(metrics, sink, next);
    // An alert on a counter needs its zero.
    drop(metrics.audit_records.get_or_create(&label(sink)));
    drop(metrics.audit_sink_errors.get_or_create(&label(sink)));
    for reason in ["missing", "pruned", "refused", "unreadable"] {
        drop(metrics.audit_sink_lost.get_or_create(&Lost { sink: sink.to_owned(), reason }));
    }
    info!(sink, next, "the sink reads the journal");
}

fn failed(metrics: &Metrics, sink: &str) {
    up(metrics, sink, false);
    metrics.audit_sink_errors.get_or_create(&label(sink)).inc();
}

fn up(metrics: &Metrics, sink: &str, up: bool) {
    metrics.audit_sink_up.get_or_create(&label(sink)).set(i64::from(up));
}

fn reached(metrics: &Metrics, sink: &str, next: u64) {
    let gauge = metrics.audit_sink_lag.get_or_create_owned(&label(sink));
    let mut all = metrics.audit_shipped.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert(sink.into(), (next, gauge));
    drop(all);
    lag(metrics);
}

/// Sets by how many entries each sink is behind: whenever one comes on, and whenever the journal does,
/// so that a sink that does nothing falls behind in plain view.
pub(super) fn lag(metrics: &Metrics) {
    let entries = metrics.audit_entries.load(Ordering::Relaxed);
    for (next, gauge) in
        metrics.audit_shipped.lock().unwrap_or_else(PoisonError::into_inner).values()
    {
        let lag = i64::try_from(entries.saturating_sub(*next)).unwrap_or(i64::MAX);
        gauge.set(lag);
    }
}

/// Counts what a sink has passed over.
fn lost(metrics: &Metrics, sink: &str, reason: &'static str, entries: u64) {
    metrics.audit_sink_errors.get_or_create(&label(sink)).inc();
    let lost = Lost { sink: sink.to_owned(), reason };
    metrics.audit_sink_lost.get_or_create(&lost).inc_by(entries);
}

fn label(sink: &str) -> Sink {
    Sink { sink: Cow::Owned(sink.to_owned()) }
}
