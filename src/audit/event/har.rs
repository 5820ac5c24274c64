//! HTTP Archive 1.2, without bodies and fields, of which nothing is kept. What was decided stands
//! under `_egress`.

use std::time::Duration;

use serde_json::{Value, json};

use super::view::View;
use super::{Event, Format, Origin, json};

/// A file of entries: opened, filled and closed.
#[derive(Debug)]
pub struct Collection {
    empty: bool,
}

impl Collection {
    /// Begins the file.
    pub fn open(origin: &Origin, into: &mut Vec<u8>) -> Self {
        into.extend(b"{\"log\":{\"version\":\"1.2\",\"creator\":");
        json::write(json!({ "name": Origin::PRODUCT, "version": origin.version }), into);
        into.extend(b",\"entries\":[");
        Self { empty: true }
    }

    /// Adds an entry.
    pub fn add(&mut self, event: &Event<'_>, origin: &Origin, into: &mut Vec<u8>) {
        if !std::mem::take(&mut self.empty) {
            into.push(b',');
        }
        into.push(b'\n');
        Format::Har.write(event, origin, into);
    }

    /// Ends the file.
    pub fn close(self, into: &mut Vec<u8>) {
        into.extend(b"\n]}}\n");
    }
}

/// Appends one entry.
pub(super) fn write(view: &View<'_>, into: &mut Vec<u8>) {
    json::write_whole(&entry(view), into);
}

fn entry(view: &View<'_>) -> Value {
    let event = view.event;
    let spans = Spans::of(event);
    // What is not known is -1.
    let size = |bytes: Option<u64>| bytes.map_or_else(|| json!(-1), Value::from);
    let (out, back) = (size(view.bytes_out()), size(view.bytes_in()));
    let mut entry = json!({
        "startedDateTime": format!("{:.3}", event.time),
        "time": millis(spans.sum()),
        "request": {
            "method": event.method, "url": view.url().unwrap_or_default(),
            "httpVersion": "unknown",
            "cookies": [], "headers": [], "queryString": [],
            "headersSize": -1, "bodySize": out,
        },
        "response": {
            "status": event.status.unwrap_or_default(), "statusText": "",
            "httpVersion": "unknown",
            "cookies": [], "headers": [],
            "content": { "size": back, "mimeType": "" },
            "redirectURL": "", "headersSize": -1, "bodySize": back,
        },
        "cache": {},
        "timings": spans.in_words(),
        "comment": view.message(),
        "_egress": json::pruned(egress(view)),
    });
    let address = view.address().map(|address| address.ip().to_canonical().to_string());
    if let (Some(fields), Some(address)) = (entry.as_object_mut(), address) {
        fields.insert("serverIPAddress".to_owned(), address.into());
    }
    entry
}

fn egress(view: &View<'_>) -> Value {
    let event = view.event;
    json!({
        "id": event.id,
        "verdict": view.verdict.name(),
        "outcome": event.outcome,
        "mode": event.mode,
        "cite": event.cite,
        "error": event.error,
        "principal": event.principal,
        "tunnel": event.tunnel,
        "tags": event.tags,
        "location": event.location,
        "recipient": event.recipient,
        "counts": event.counts,
        "rules": event.rules,
        "hold": event.hold,
        "config": event.config,
    })
}

/// The time by stage, in microseconds. The first byte is timed from the head of the request on, as
/// the whole is; the stages before it are taken off.
struct Spans {
    decide: Option<u64>,
    resolve: Option<u64>,
    connect: Option<u64>,
    wait: u64,
    receive: u64,
}

impl Spans {
    fn of(event: &Event<'_>) -> Self {
        let timings = event.timings_us;
        let before = [timings.decide, timings.resolve, timings.connect];
        let before = before.into_iter().flatten().fold(0, u64::saturating_add);
        let first = timings.first_byte.unwrap_or(timings.total);
        Self {
            decide: timings.decide,
            resolve: timings.resolve,
            connect: timings.connect,
            wait: first.saturating_sub(before),
            receive: timings.total.saturating_sub(first.max(before)),
        }
    }

    fn sum(&self) -> u64 {
        let known = [self.decide, self.resolve, self.connect].into_iter().flatten();
        known.chain([self.wait, self.receive]).fold(0, u64::saturating_add)
    }

    fn in_words(&self) -> Value {
        let stage = |stage: Option<u64>| stage.map_or(-1.0, millis);
        json!({
            "blocked": stage(self.decide), "dns": stage(self.resolve),
            "connect": stage(self.connect),
            // A body leaves while the answer is awaited.
            "send": 0.0, "wait": millis(self.wait), "receive": millis(self.receive),
        })
    }
}

fn millis(micros: u64) -> f64 {
    (Duration::from_micros(micros).as_secs_f64() * 1e6).round() / 1e3
}
