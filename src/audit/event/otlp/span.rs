//! An event as a span: the request as its client sees it, from its head to the last byte. Its ids are
//! those of the decision, so that a span that comes twice is the same one.

use serde_json::{Value, json};

use super::super::super::personal::Hidden;
use super::super::view::{Verdict, View};
use super::attributes::{error, method, shared};
use super::value::{list, nanos};

/// `SPAN_KIND_CLIENT`: what goes out, as Envoy has it for egress.
const CLIENT: u64 = 3;
/// `STATUS_CODE_ERROR`
const ERROR: u64 = 2;

/// Flags of W3C, and that it is known whether the parent is another program's, and that it is.
const SAMPLED: u64 = 1;
const KNOWN: u64 = 0x100;
const REMOTE: u64 = 0x200;

/// The span; `None` where its client says that the trace is not recorded, or the event has no id that
/// could be one.
pub(super) fn span(view: &View<'_>) -> Option<Value> {
    let event = view.event;
    let (trace, own) = ids(view)?;
    let parent = shown(event.span.as_deref());
    let (method, _) = method(&event.method);
    let wrong = error(view);
    Some(json!({
        "traceId": trace,
        "spanId": own,
        "parentSpanId": parent,
        "flags": SAMPLED | KNOWN | if parent.is_some() { REMOTE } else { 0 },
        // The conventions name a span of an unknown method so.
        "name": if method == "_OTHER" { "HTTP" } else { method },
        "kind": CLIENT,
        "startTimeUnixNano": nanos(event.time),
        "endTimeUnixNano": nanos(event.ended.unwrap_or(event.time)),
        "attributes": list(whole(view)),
        "status": wrong.map(|_| json!({ "code": ERROR, "message": message(view) })),
    }))
}

/// The trace and the span of an event that is recorded as one: a trace of its own begins where the
/// client has none.
pub(super) fn ids(view: &View<'_>) -> Option<(String, String)> {
    let event = view.event;
    if event.sampled == Some(false) {
        return None;
    }
    let id: String = event.id.chars().filter(|sign| *sign != '-').collect();
    let hex = id.len() == 32 && id.bytes().all(|one| matches!(one, b'0'..=b'9' | b'a'..=b'f'));
    // The last octets of a UUID are random but for two bits, which are not both zero.
    let own = id.get(16..).filter(|own| hex && own.bytes().any(|one| one != b'0'))?;
    let trace = shown(event.trace.as_deref()).unwrap_or(&id).to_owned();
    Some((trace, own.to_owned()))
}

/// An id of the client's; a word that stands in its place is none.
pub(super) fn shown(id: Option<&str>) -> Option<&str> {
    id.filter(|id| Hidden::of(id).is_none())
}

fn message<'e>(view: &View<'e>) -> Option<&'e str> {
    // What the destination answered speaks for itself.
    view.reason().filter(|_| view.verdict.refuses() || view.verdict == Verdict::Failed)
}

fn whole(view: &View<'_>) -> Value {
    let mut fields = shared(view);
    let timings = view.event.timings_us;
    let more = json!({
        "egress.time.resolve_us": timings.resolve,
        "egress.time.decide_us": timings.decide,
        "egress.time.connect_us": timings.connect,
        "egress.time.first_byte_us": timings.first_byte,
    });
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    fields
}
