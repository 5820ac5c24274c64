//! Everything that can happen, each told once.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use tracing::{debug, error, info, warn};

use super::client::ClientEvent;
use super::desk::DeskEvent;
use super::index::IndexEvent;
use super::journal::JournalEvent;
use super::labels::{
    Alert, Connections, Database, Direction, Ending, Inspected, Intercept, Lookup, Side, Sink,
    Stage, Transfer, Verdict,
};
use super::metrics::Metrics;
use super::ship::ShipEvent;
use super::trace::Trace;
use super::volume::VolumeEvent;

/// One thing that happened: [`Event::record`] writes its log line and its metrics.
#[derive(Debug)]
pub enum Event<'a> {
    /// The listener could not accept; it waits and tries again.
    AcceptFailed(&'a std::io::Error),
    /// A record was handed to the writer.
    AuditQueued,
    /// A record reached the sink.
    AuditWritten(&'static str),
    /// A record could not be written.
    AuditFailed(&'static str, &'a std::io::Error),
    /// So many records did not reach a sink beside the journal, which has them.
    AuditMissed(&'static str, u32),
    /// The record file could not be opened anew; the old one stays open.
    AuditReopenFailed(&'static str, &'a std::io::Error),
    /// Records go to this sink.
    AuditOpened(&'static str),
    /// A client connected (`true`) or left.
    Connection(Side, bool),
    /// A connection ended with an error that no request could be told of.
    ConnectionFailed(SocketAddr, &'a hyper::Error),
    /// Certificates and lists that end: what, whose and when, the first to end first; as of now.
    Ends(&'a [(&'static str, &'a str, Timestamp)], Timestamp),
    /// A client did something that no record of a request can tell of.
    Client(ClientEvent<'a>),
    /// A decision was taken; the trace of its client, if that is recorded.
    Decided(Duration, Option<Trace>),
    /// Something happened at the desk.
    Desk(DeskEvent<'a>),
    /// Something happened to the index of the journal.
    Index(IndexEvent<'a>),
    /// Something happened to the journal.
    Journal(JournalEvent<'a>),
    /// Something happened to a sink that ships from the journal.
    Ship(ShipEvent<'a>),
    /// An address was located.
    Located(&'static str),
    /// The configuration and databases were loaded.
    Loaded(&'a [(Database, i64)], f64),
    /// What rules may make of requests from now on: those that want somebody told, by pack and rule,
    /// and verdict, mode and pack of each.
    Ruled(&'a [(String, String)], &'a [(&'static str, &'static str, String)]),
    /// A reload failed; the last good configuration stays.
    ReloadFailed(&'a str),
    /// A request was looked into.
    Inspected(Inspected),
    /// So many values were taken out of a body.
    Redacted(u64),
    /// A tunnel passed so many bytes outward that nobody read.
    Unread(u64),
    /// A request or tunnel ended; its trace, if that is recorded.
    Finished(Verdict, Duration, u64, u64, Option<Trace>),
    /// A request went out that a rule which only observes would have refused.
    WouldRefuse,
    /// Until a request was answered it was held here for so long: without the time in which name
    /// servers and the destination were waited for.
    Added(Duration, Option<Trace>),
    /// What became of a tunnel: `opened`, `plain`, `unread`, `barred`, `unbelieved`, `unsigned`.
    Intercepted(&'static str),
    /// Something happened to a volume.
    Volume(VolumeEvent<'a>),
    /// A rule of a pack wants somebody told at once: the pack, the rule, the decision's id.
    Alert(&'a str, &'a str, &'a str),
    /// Something beyond the proxy failed.
    UpstreamFailed(Stage, &'a str),
    /// A tunnel or pooled connection was closed because the policy got tighter.
    Revoked(SocketAddr),
}

impl Event<'_> {
    /// Writes the log line and counts.
    pub fn record(self, metrics: &Metrics) {
        match self {
            Self::AcceptFailed(error) => warn!(%error, "could not accept a connection; waiting"),
            Self::AuditQueued => drop(metrics.audit_queue.inc()),
            Self::AuditWritten(sink) => {
                metrics.audit_queue.dec();
                metrics.audit_records.get_or_create(&Sink { sink: sink.into() }).inc();
            }
            Self::AuditOpened(sink) => opened(metrics, sink),
            Self::AuditFailed(sink, error) => {
                metrics.audit_queue.dec();
                metrics.audit_dropped.get_or_create(&Sink { sink: sink.into() }).inc();
                error!(%error, sink, "a record could not be written; tagged requests are refused");
            }
            Self::AuditMissed(sink, count) => missed(metrics, sink, count),
            Self::AuditReopenFailed(sink, error) => {
                error!(%error, sink, "could not open the records anew; the old file is written on");
            }
            Self::Alert(pack, rule, decision) => alert(metrics, pack, rule, decision),
            Self::Connection(side, opened) => connection(metrics, side, opened),
            Self::ConnectionFailed(client, error) => debug!(%client, %error, "connection ended"),
            Self::Ends(all, now) => ends(metrics, all, now),
            Self::Client(event) => event.record(metrics),
            Self::Decided(took, trace) => observe(&metrics.decision_seconds, took, trace),
            Self::Desk(event) => event.record(metrics),
            Self::Index(event) => event.record(metrics),
            Self::Journal(event) => event.record(metrics),
            Self::Ship(event) => event.record(metrics),
            Self::Located(result) => drop(metrics.lookups.get_or_create(&Lookup { result }).inc()),
            Self::Inspected(labels) => drop(metrics.inspected.get_or_create(&labels).inc()),
            Self::Redacted(values) => drop(metrics.redacted.inc_by(values)),
            Self::Unread(bytes) => drop(metrics.unread_bytes.inc_by(bytes)),
            Self::Loaded(databases, now) => loaded(metrics, databases, now),
            Self::Ruled(alerts, verdicts) => ruled(metrics, alerts, verdicts),
            Self::ReloadFailed(problems) => {
                metrics.reload_successful.set(0);
                error!("reload failed, the last good configuration stays in force:\n{problems}");
            }
            Self::Finished(verdict, took, out, back, trace) => {
                finished(metrics, &verdict, took, (out, back), trace);
            }
            Self::WouldRefuse => metrics.rates.would_refuse(),
            Self::Added(took, trace) => {
                metrics.rates.added(took);
                observe(&metrics.added_seconds, took, trace);
            }
            Self::Intercepted(result) => {
                metrics.intercepts.get_or_create(&Intercept { result }).inc();
            }
            Self::Volume(event) => event.record(metrics),
            Self::UpstreamFailed(stage, detail) => {
                metrics.upstream_errors.get_or_create(&stage).inc();
                debug!(stage = stage.stage, reason = stage.reason, detail, "upstream failed");
            }
            Self::Revoked(address) => info!(%address, "closed: the policy no longer permits it"),
        }
    }
}

/// Who looks at a bucket finds a trace that fell into it, the last one.
fn observe(into: &HistogramWithExemplars<Trace>, took: Duration, trace: Option<Trace>) {
    let at = trace.map(|_| SystemTime::now());
    into.observe(took.as_secs_f64(), trace, at);
}

fn finished(
    metrics: &Metrics,
    verdict: &Verdict,
    took: Duration,
    (out, back): (u64, u64),
    trace: Option<Trace>,
) {
    metrics.rates.ended(verdict.verdict, verdict.mode == "observe");
    metrics.decisions.get_or_create(verdict).inc();
    observe(&metrics.request_seconds, took, trace);
    let bytes = |direction| metrics.bytes.get_or_create_owned(&Transfer { direction });
    bytes(Direction::Out).inc_by(out);
    bytes(Direction::In).inc_by(back);
}

fn alert(metrics: &Metrics, pack: &str, rule: &str, decision: &str) {
    let alert = Alert { pack: pack.to_owned(), rule: rule.to_owned() };
    metrics.alerts.get_or_create(&alert).inc();
    error!(pack, rule, decision, "a rule wants somebody told at once");
}

/// Series that begin at 0, so that the first alert and the first block are a rise for who watches.
const ZEROS: usize = 1_000;

fn ruled(
    metrics: &Metrics,
    alerts: &[(String, String)],
    verdicts: &[(&'static str, &'static str, String)],
) {
    for (pack, rule) in alerts.iter().take(ZEROS) {
        let (pack, rule) = (pack.clone(), rule.clone());
        drop(metrics.alerts.get_or_create(&Alert { pack, rule }));
    }
    for (verdict, mode, pack) in verdicts.iter().take(ZEROS) {
        let (pack, data_class) = (pack.clone().into(), "none".into());
        let of = Verdict { verdict, mode, pack, country: "none", data_class };
        drop(metrics.decisions.get_or_create(&of));
    }
}

fn missed(metrics: &Metrics, sink: &'static str, count: u32) {
    metrics.audit_queue.dec_by(count.into());
    metrics.audit_dropped.get_or_create(&Sink { sink: sink.into() }).inc_by(count.into());
}

/// Both are there from the start: an alert on a counter needs its zero.
fn opened(metrics: &Metrics, sink: &'static str) {
    drop(metrics.audit_records.get_or_create(&Sink { sink: sink.into() }));
    drop(metrics.audit_dropped.get_or_create(&Sink { sink: sink.into() }));
}

/// From so many days before its end on, something is warned of.
const SOON: i64 = 14;

fn ends(metrics: &Metrics, all: &[(&'static str, &str, Timestamp)], now: Timestamp) {
    metrics.ends.clear();
    // The first of a kind to end stands for it.
    for (kind, _, until) in all.iter().rev() {
        metrics.ends.get_or_create(&Ending { kind }).set(until.as_second());
    }
    for (kind, of, until) in all {
        let left = until.duration_since(now);
        let days = left.as_hours() / 24;
        if left.is_negative() {
            error!(kind, of, %until, "has ended, renew it and reload");
        } else if days < SOON {
            warn!(kind, of, %until, days, "ends soon, renew it and reload");
        }
    }
}

fn connection(metrics: &Metrics, side: Side, opened: bool) {
    let open = metrics.connections.get_or_create(&Connections { side });
    if opened {
        open.inc()
    } else {
        open.dec()
    };
}

fn loaded(metrics: &Metrics, databases: &[(Database, i64)], now: f64) {
    metrics.reload_successful.set(1);
    metrics.reload_success_time.set(now);
    metrics.database_build.clear();
    for (database, build) in databases {
        metrics.database_build.get_or_create(database).set(*build);
    }
    info!("configuration and databases loaded");
}
