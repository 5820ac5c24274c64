//! An event as a log record. Its attributes may hold what no attribute of a span may: lists of
//! objects, in the words of the record.

use serde_json::{Value, json};

use super::super::view::View;
use super::attributes::{severity, shared};
use super::value::{list, nanos};

/// The record; `linked` to the span that the same event is.
pub(super) fn record(view: &View<'_>, linked: bool) -> Value {
    let event = view.event;
    let (mut trace, mut span) = (event.trace.as_deref(), event.span.as_deref());
    (trace, span) = (super::span::shown(trace), super::span::shown(span));
    let own = linked.then(|| super::span::ids(view)).flatten();
    let mut sampled = event.sampled;
    if let Some((of, own)) = &own {
        (trace, span, sampled) = (Some(&**of), Some(&**own), Some(true));
    }
    let severity = severity(view.verdict);
    json!({
        "timeUnixNano": nanos(event.time),
        "observedTimeUnixNano": nanos(event.ended.unwrap_or(event.time)),
        "severityNumber": severity.0,
        "severityText": severity.1,
        "eventName": super::SCOPE,
        "body": { "stringValue": view.message() },
        "traceId": trace,
        "spanId": span,
        "flags": sampled.map(u8::from),
        "attributes": list(whole(view)),
    })
}

fn whole(view: &View<'_>) -> Value {
    let event = view.event;
    let meter = event.counts.first();
    let mut fields = shared(view);
    let more = json!({
        "egress.bulk.subjects": meter.map(|count| count.after),
        "egress.bulk.limit": meter.and_then(|count| count.limit),
        "egress.counts": event.counts,
        "egress.context": event.context,
        "egress.data": event.data,
        "egress.found": event.found,
        "egress.redacted": event.redacted,
        "egress.rules": event.rules,
        "egress.reports": event.reports,
        "egress.retain_years": event.retain_years,
        "egress.owners": event.recipient.as_ref().map(|recipient| &recipient.owners),
        "egress.messages_out": event.messages_out,
        "egress.timings_us": view.timings(),
    });
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    fields
}
