//! The metrics, as they are counted and shown.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::classic;
use super::journal::Signed;
use super::labels::{
    Alert, Broken, Build, Connections, Database, Ending, Inspected, Intercept, Limit, Login,
    Lookup, Lost, Mark, Ruled, Sink, Stage, Store, Transfer, Verdict, Volume,
};
use super::process::Process;
use super::rates::Rates;
use super::snapshot::{self, Snapshot};
use super::trace::Trace;
use super::volume::Parties;

/// The program's metrics and the registry they are read from.
#[derive(Debug)]
pub struct Metrics {
    /// Since when everything is counted.
    since: Timestamp,
    registry: Registry,
    /// Those with names of their own.
    common: Registry,
    pub(super) added_seconds: HistogramWithExemplars<Trace>,
    pub(super) alerts: Family<Alert, Counter>,
    pub(super) decisions: Family<Verdict, Counter>,
    pub(super) decision_seconds: HistogramWithExemplars<Trace>,
    pub(super) request_seconds: HistogramWithExemplars<Trace>,
    pub(super) bytes: Family<Transfer, Counter>,
    pub(super) connections: Family<Connections, Gauge>,
    pub(super) upstream_errors: Family<Stage, Counter>,
    pub(super) volume_marks: Family<Mark, Counter>,
    pub(super) bulk_subjects: Family<Volume, Gauge>,
    pub(super) bulk_limit: Family<Limit, Gauge>,
    pub(super) parties: Parties,
    pub(super) intercepts: Family<Intercept, Counter>,
    state_stores: Family<Store, Gauge>,
    pub(super) lookups: Family<Lookup, Counter>,
    pub(super) database_build: Family<Database, Gauge>,
    pub(super) reload_successful: Gauge,
    pub(super) reload_success_time: Gauge<f64, AtomicU64>,
    pub(super) audit_records: Family<Sink, Counter>,
    pub(super) audit_dropped: Family<Sink, Counter>,
    pub(super) audit_interrupted: Counter,
    pub(super) audit_personal_lost: Counter,
    pub(super) audit_queue: Gauge,
    pub(super) audit_journal_up: Gauge,
    pub(super) audit_sink_errors: Family<Sink, Counter>,
    pub(super) audit_sink_lag: Family<Sink, Gauge>,
    pub(super) audit_sink_lost: Family<Lost, Counter>,
    pub(super) audit_sink_up: Family<Sink, Gauge>,
    /// Before which entry each sink has all.
    pub(super) audit_shipped: Mutex<BTreeMap<String, (u64, Gauge)>>,
    /// Entries that the journal has, and those before which the index has all; the metric is the
    /// difference.
    pub(super) audit_entries: AtomicU64,
    pub(super) audit_signed: Mutex<Option<Signed>>,
    pub(super) audit_lost: AtomicU64,
    pub(super) audit_indexed: AtomicU64,
    pub(super) audit_index_lag: Gauge,
    pub(super) audit_index_up: Gauge,
    pub(super) audit_sync_seconds: Histogram,
    pub(super) holds_open: Gauge,
    pub(super) holds_decided: Family<Ruled, Counter>,
    pub(super) reports_open: Gauge,
    pub(super) failed_logins: Family<Login, Counter>,
    pub(super) ends: Family<Ending, Gauge>,
    pub(super) pinned: Counter,
    pub(super) protocol_errors: Family<Broken, Counter>,
    pub(super) unread_bytes: Counter,
    pub(super) inspected: Family<Inspected, Counter>,
    pub(super) redacted: Counter,
    pub(super) rates: Rates,
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> Self {
        // A decision takes 0.1 to 10 microseconds, or a disk where volumes are counted; a request
        // 0.1 ms to a minute.
        let decision = [1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1];
        let request =
            [5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
        // A group of records is on the disk in 0.1 to 20 ms.
        let sync = [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 0.1, 0.5, 2.5];
        // What a request waits for us: 0.1 ms where nothing is looked into.
        let added = [5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 0.1, 0.5, 2.5];
        let mut metrics = Self {
            since: Timestamp::now(),
            registry: Registry::with_prefix("egress"),
            common: Registry::default(),
            added_seconds: HistogramWithExemplars::new(added.into_iter()),
            alerts: Family::default(),
            decisions: Family::default(),
            decision_seconds: HistogramWithExemplars::new(decision.into_iter()),
            request_seconds: HistogramWithExemplars::new(request.into_iter()),
            bytes: Family::default(),
            connections: Family::default(),
            upstream_errors: Family::default(),
            volume_marks: Family::default(),
            bulk_subjects: Family::default(),
            bulk_limit: Family::default(),
            parties: Parties::default(),
            intercepts: Family::default(),
            state_stores: Family::default(),
            lookups: Family::default(),
            database_build: Family::default(),
            reload_successful: Gauge::default(),
            reload_success_time: Gauge::default(),
            audit_records: Family::default(),
            audit_dropped: Family::default(),
            audit_interrupted: Counter::default(),
            audit_personal_lost: Counter::default(),
            audit_queue: Gauge::default(),
            audit_journal_up: Gauge::default(),
            audit_sink_errors: Family::default(),
            audit_sink_lag: Family::default(),
            audit_sink_lost: Family::default(),
            audit_sink_up: Family::default(),
            audit_shipped: Mutex::default(),
            audit_entries: AtomicU64::new(0),
            audit_signed: Mutex::new(None),
            audit_lost: AtomicU64::new(0),
            // Without an index nothing is behind.
            audit_indexed: AtomicU64::new(u64::MAX),
            audit_index_lag: Gauge::default(),
            audit_index_up: Gauge::default(),
            audit_sync_seconds: Histogram::new(sync),
            holds_open: Gauge::default(),
            holds_decided: Family::default(),
            reports_open: Gauge::default(),
            failed_logins: Family::default(),
            ends: Family::default(),
            pinned: Counter::default(),
            protocol_errors: Family::default(),
            unread_bytes: Counter::default(),
            inspected: Family::default(),
            redacted: Counter::default(),
            rates: Rates::new(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        self.register_audit();
        let build: Family<Build, Gauge> = Family::default();
        build
            .get_or_create(&Build {
                version: env!("CARGO_PKG_VERSION"),
                revision: env!("BORDERPOST_REVISION"),
                rustc: env!("BORDERPOST_RUSTC"),
            })
            .set(1);
        let r = &mut self.registry;
        r.register("alerts", "Decisions that somebody is told of at once", self.alerts.clone());
        r.register("build_info", "The version that runs, its source and its compiler", build);
        r.register_with_unit(
            "client_request_duration",
            "From a request's head to the last byte of its answer",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        r.register_with_unit(
            "config_last_reload_success_timestamp",
            "When the configuration in force was loaded",
            Unit::Seconds,
            self.reload_success_time.clone(),
        );
        r.register(
            "config_last_reload_successful",
            "Whether the last attempt to reload succeeded",
            self.reload_successful.clone(),
        );
        r.register("connections", "Open connections", self.connections.clone());
        r.register_with_unit(
            "decision_duration",
            "Time to decide on one request, all its addresses together",
            Unit::Seconds,
            self.decision_seconds.clone(),
        );
        r.register("decisions", "Requests and tunnels by decision", self.decisions.clone());
        r.register_with_unit(
            "geo_database_build_timestamp",
            "When the database was built, as it says itself",
            Unit::Seconds,
            self.database_build.clone(),
        );
        r.register("geo_lookups", "Addresses located, by state", self.lookups.clone());
        self.register_rest();
    }

    fn register_audit(&mut self) {
        let r = &mut self.registry;
        r.register(
            "audit_dropped",
            "Records that could not be written; under journal, entries that are lost",
            self.audit_dropped.clone(),
        );
        r.register(
            "audit_interrupted",
            "Requests that the end of an earlier run cut off",
            self.audit_interrupted.clone(),
        );
        r.register(
            "audit_personal_lost",
            "Entries of the journal without their personal fields, for want of a key",
            self.audit_personal_lost.clone(),
        );
        r.register(
            "audit_queue_records",
            "Records that wait for the writer, and entries that wait for room in the journal",
            self.audit_queue.clone(),
        );
        r.register(
            "audit_records",
            "Records written; under journal, entries of any kind: verdicts, notes and checkpoints, too",
            self.audit_records.clone(),
        );
        r.register(
            "audit_index_lag_records",
            "Entries of the journal that are not in its index yet",
            self.audit_index_lag.clone(),
        );
        r.register(
            "audit_index_up",
            "Whether there is an index of the journal and it can be kept",
            self.audit_index_up.clone(),
        );
        r.register(
            "audit_journal_up",
            "Whether there is a journal and it can be written",
            self.audit_journal_up.clone(),
        );
        r.register_with_unit(
            "audit_sync_duration",
            "Time to put what was written to the journal on the disk",
            Unit::Seconds,
            self.audit_sync_seconds.clone(),
        );
        self.register_sinks();
    }

    fn register_sinks(&mut self) {
        let r = &mut self.registry;
        r.register(
            "audit_sink_errors",
            "Attempts of sinks to ship events that failed",
            self.audit_sink_errors.clone(),
        );
        r.register(
            "audit_sink_lag_records",
            "Entries of the journal that wait for a sink",
            self.audit_sink_lag.clone(),
        );
        r.register(
            "audit_sink_lost",
            "Entries of the journal that a sink passed over, by why",
            self.audit_sink_lost.clone(),
        );
        r.register(
            "audit_sink_up",
            "Whether a sink runs and its destination last took what it was sent",
            self.audit_sink_up.clone(),
        );
    }

    fn register_rest(&mut self) {
        self.register_clients();
        self.register_volumes();
        self.register_desk();
        let r = &mut self.registry;
        for result in ["clean", "found", "unreadable"] {
            drop(self.inspected.get_or_create(&Inspected { result }));
        }
        r.register("inspected_requests", "Requests that were looked into", self.inspected.clone());
        r.register("redacted_values", "Values taken out of bodies", self.redacted.clone());
        r.register_with_unit("transfer", "Body bytes passed", Unit::Bytes, self.bytes.clone());
        r.register(
            "pinning_suspected",
            "Clients that refused our certificate of a host several times",
            self.pinned.clone(),
        );
        r.register_with_unit(
            "unscanned",
            "Bytes that left in tunnels that were not opened",
            Unit::Bytes,
            self.unread_bytes.clone(),
        );
        r.register_with_unit(
            "certificate_end_timestamp",
            "When the first certificate or list of a kind ends",
            Unit::Seconds,
            self.ends.clone(),
        );
        r.register("upstream_errors", "Failures beyond the proxy", self.upstream_errors.clone());
    }

    fn register_desk(&mut self) {
        // Nothing is known against it until something is to be kept.
        self.store("desk", true);
        let r = &mut self.registry;
        // An alert on a counter needs its zero.
        for decision in ["approve", "deny"] {
            drop(self.holds_decided.get_or_create(&Ruled { decision }));
        }
        r.register("holds_decided", "Decisions of people on holds", self.holds_decided.clone());
        r.register("holds_open", "Holds on which nobody has decided", self.holds_open.clone());
        r.register("reports_open", "Candidates for reports, not closed", self.reports_open.clone());
    }

    fn register_volumes(&mut self) {
        self.common.register_collector(Box::new(Process::new()));
        let r = &mut self.registry;
        r.register_with_unit(
            "added_latency",
            "Until a request was answered, without waiting for name servers and destinations",
            Unit::Seconds,
            self.added_seconds.clone(),
        );
        r.register(
            "bulk_limit_subjects",
            "From this count on a threshold is passed",
            self.bulk_limit.clone(),
        );
        r.register(
            "bulk_subjects",
            "The count as data last left, by whom it is counted for",
            self.bulk_subjects.clone(),
        );
        r.register(
            "state_store_up",
            "Whether what must outlive the program could last be read and written",
            self.state_stores.clone(),
        );
        for result in ["barred", "opened", "plain", "unbelieved", "unread", "unsigned"] {
            drop(self.intercepts.get_or_create(&Intercept { result }));
        }
        r.register("tls_intercept", "Tunnels by what became of them", self.intercepts.clone());
        r.register(
            "volume_marks",
            "Counts that crossed a warning mark of their threshold",
            self.volume_marks.clone(),
        );
    }

    fn register_clients(&mut self) {
        // The most common of each are there from the start.
        for reason in ["protocol-error", "enhance-your-calm"] {
            drop(self.protocol_errors.get_or_create(&Broken { reason }));
        }
        for kind in ["credentials-missing", "credentials-wrong", "certificate-refused"] {
            drop(self.failed_logins.get_or_create(&Login { kind }));
        }
        let r = &mut self.registry;
        r.register(
            "client_protocol_errors",
            "Connections of clients that were ended for breaking HTTP/2",
            self.protocol_errors.clone(),
        );
        r.register(
            "login_failures",
            "Requests and connections of clients that did not prove who they are",
            self.failed_logins.clone(),
        );
    }

    /// The OpenMetrics text of `/metrics`.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let registries = [&self.registry, &self.common];
        let mut written = registries.iter().map(|one| encode_registry(&mut text, one));
        let written = written.all(|one| one.is_ok());
        let ended = encode_eof(&mut text);
        (written && ended.is_ok()).then_some(text).expect("a String takes every write")
    }

    /// All of them as numbers.
    pub fn snapshot(&self) -> Snapshot {
        let families = snapshot::read(&self.render());
        Snapshot { since: self.since, at: Timestamp::now(), families }
    }

    /// The same as the older format of Prometheus has it.
    pub fn render_classic(&self) -> String {
        classic::of(&self.render())
    }

    /// Notes whether a store of what must outlive the program works.
    pub(super) fn store(&self, engine: &'static str, up: bool) {
        self.state_stores.get_or_create(&Store { engine }).set(i64::from(up));
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::names::{LABELS, NAMES};
    use super::super::{ClientEvent, Event, ShipEvent, Side, VolumeEvent};
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[tokio::test]
    async fn every_named_metric_is_exported() {
        let metrics = Metrics::new();
        let error = std::io::Error::other("test");
        let verdict = Verdict {
            verdict: "block",
            mode: "enforce",
            pack: "test".into(),
            country: "unknown",
            data_class: "none".into(),
        };
        let second = Duration::from_secs(1);
        let database = [(Database { db: "test".to_owned() }, 1)];
        for event in [
            Event::AuditQueued,
            Event::AuditQueued,
            Event::AuditWritten("file"),
            Event::Ship(ShipEvent::Opened("siem", 0)),
            Event::Ship(ShipEvent::Reached("siem", 1)),
            Event::AuditFailed("file", &error),
            Event::Connection(Side::Client, true),
            Event::Decided(second, None),
            Event::Located("agreed"),
            Event::Loaded(&database, 1.0),
            Event::Finished(verdict, second, 1, 2, Trace::new(TRACE, "00f067aa0ba902b7", true)),
            Event::Alert("pack", "rule", "id"),
            Event::Client(ClientEvent::Broke(([127, 0, 0, 1], 1).into(), "protocol-error")),
            Event::Ends(&[("authority", "test", Timestamp::UNIX_EPOCH)], Timestamp::UNIX_EPOCH),
            Event::Client(ClientEvent::Unproved(([127, 0, 0, 1], 1).into(), "credentials-wrong")),
            Event::Added(second, None),
            Event::Volume(VolumeEvent::Marked("pack/counter/class", "who", 80)),
            Event::Volume(VolumeEvent::Counted("pack/counter/class", "who", 8, Some(10))),
            Event::Volume(VolumeEvent::Store(true)),
            Event::UpstreamFailed(Stage { stage: "connect", reason: "test" }, "test"),
        ] {
            event.record(&metrics);
        }
        let exemplar = format!("{{le=\"1.0\"}} 1 # {{trace_id=\"{TRACE}\"}} 1.0 ");
        assert!(metrics.render().contains(&exemplar), "{}", metrics.render());
        // The older format has none.
        let classic = metrics.render_classic();
        assert!(classic.contains("{le=\"1.0\"} 1\n") && !classic.contains(TRACE), "{classic}");
        let text = metrics.render();
        for name in NAMES {
            let family = name.strip_suffix("_total").unwrap_or(name);
            let family = family.strip_suffix("_info").unwrap_or(family);
            assert!(text.contains(&format!("# TYPE {family}")), "{name} in\n{text}");
        }
        assert_eq!(text.matches("# TYPE ").count(), NAMES.len());
        // What the journal counts is not records alone, and who reads the numbers is told.
        for family in ["dropped", "queue_records", "records"] {
            let help = format!("# HELP egress_audit_{family} ");
            let help = text.lines().find(|line| line.starts_with(&help)).unwrap();
            assert!(help.contains("entries") && help.contains("journal"), "{help}");
        }
        assert!(text.contains("egress_transfer_bytes_total{direction=\"out\"} 1"), "{text}");
        assert_eq!(labels(&text), LABELS.map(|(name, labels)| (name, labels.to_vec())).into());
    }

    /// The names of the labels by metric, but for those of buckets.
    fn labels(text: &str) -> BTreeMap<&str, Vec<&str>> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let labelled = lines.filter_map(|line| line.split_once('{'));
        let labelled = labelled.filter(|(name, _)| !name.ends_with("_bucket"));
        labelled
            .map(|(name, rest)| {
                let parts = rest.split("=\"").map(|part| part.rsplit(['"', ',']).next().unwrap());
                let parts: Vec<_> = parts.collect();
                (name, parts.split_last().unwrap().1.to_vec())
            })
            .collect()
    }
}
