//! OpenTelemetry, in the JSON encoding of OTLP 1: ids in hex, 64-bit integers as text, enumerations
//! as numbers. One event is a log record and a span; the registry's numbers are metrics.

mod attributes;
mod log;
mod metrics;
mod span;
mod value;

use serde_json::{Value, json};

use crate::telemetry::Snapshot;

use super::view::View;
use super::{Event, Origin, json};

use value::list;

/// The instrumentation scope of all that is told.
const SCOPE: &str = "egress.decision";

/// What OpenTelemetry calls a kind of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Events as log records.
    Logs,
    /// What `/metrics` shows.
    Metrics,
    /// Events as spans.
    Traces,
}

/// Requests of one signal: what all records of a request share, once around them.
#[derive(Clone, Debug)]
pub struct Envelope {
    before: Vec<u8>,
    after: Vec<u8>,
}

// === impl Signal ===

impl Signal {
    /// Its name in configuration, and the last part of its path.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Traces => "traces",
        }
    }

    /// The counter of what a collector refused, in its answer.
    pub const fn rejected(self) -> &'static str {
        match self {
            Self::Logs => "rejectedLogRecords",
            Self::Metrics => "rejectedDataPoints",
            Self::Traces => "rejectedSpans",
        }
    }

    /// Appends the event as one record of the signal; nothing where it is none. `linked` says that
    /// spans are sent as well, to which log records belong then.
    pub fn write(self, event: &Event<'_>, origin: &Origin, linked: bool, into: &mut Vec<u8>) {
        let view = View::of(event, origin);
        match self {
            Self::Logs => json::write(log::record(&view, linked), into),
            Self::Metrics => {}
            Self::Traces => {
                if let Some(span) = span::span(&view) {
                    json::write(span, into);
                }
            }
        }
    }

    const fn words(self) -> [&'static str; 3] {
        match self {
            Self::Logs => ["resourceLogs", "scopeLogs", "logRecords"],
            Self::Metrics => ["resourceMetrics", "scopeMetrics", "metrics"],
            Self::Traces => ["resourceSpans", "scopeSpans", "spans"],
        }
    }
}

// === impl Envelope ===

impl Envelope {
    /// Around records of a signal that this proxy tells.
    pub fn new(signal: Signal, origin: &Origin) -> Self {
        let [all, scoped, records] = signal.words();
        let mut before = format!("{{\"{all}\":[{{\"resource\":").into_bytes();
        json::write(resource(origin), &mut before);
        before.extend(format!(",\"{scoped}\":[{{\"scope\":").bytes());
        json::write(json!({ "name": SCOPE, "version": "1" }), &mut before);
        before.extend(format!(",\"{records}\":[").bytes());
        Self { before, after: b"]}]}]}".to_vec() }
    }

    /// A whole request with all metrics, and how many points they have.
    pub fn metrics(&self, snapshot: &Snapshot) -> (Vec<u8>, u64) {
        let mut all = Vec::new();
        let points = metrics::write(snapshot, &mut all);
        let mut request = Vec::with_capacity(all.len() + 1_024);
        self.around(std::iter::once(all), &mut request);
        (request, points)
    }

    /// A whole request.
    pub fn around<R: AsRef<[u8]>>(&self, records: impl Iterator<Item = R>, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.before);
        for (at, record) in records.enumerate() {
            if at > 0 {
                into.push(b',');
            }
            into.extend_from_slice(record.as_ref());
        }
        into.extend_from_slice(&self.after);
    }
}

/// Appends the event as a whole request of logs, as collectors read them from files.
pub(super) fn write(view: &View<'_>, into: &mut Vec<u8>) {
    let mut record = Vec::new();
    json::write(log::record(view, false), &mut record);
    Envelope::new(Signal::Logs, view.origin).around([record].into_iter(), into);
}

/// Who tells.
fn resource(origin: &Origin) -> Value {
    json!({ "attributes": list(json!({
        "service.name": Origin::PRODUCT,
        "service.instance.id": origin.instance,
        "service.version": origin.version,
        "host.name": origin.hostname,
    })) })
}
