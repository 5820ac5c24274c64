//! What the schema has no attribute for, in the words of the record.

use serde_json::{Value, json};

use super::super::view::View;

pub(super) fn egress(view: &View<'_>) -> Value {
    let event = view.event;
    json!({
        "method": event.method,
        "scheme": event.scheme,
        "tunnel": event.tunnel,
        "server_name": event.server_name,
        "authenticated": event.authenticated,
        "exporter": event.exporter,
        "recipient": event.recipient,
        "outcome": event.outcome,
        "cite": event.cite,
        "code": event.error.as_ref().map(|error| &error.code),
        "fault": event.error.as_ref().map(|error| &error.fault),
        "tags": event.tags,
        "data": event.data,
        "found": event.found,
        "redacted": event.redacted,
        "context": event.context,
        "counts": event.counts,
        "jurisdiction": event.location,
        "trace": event.rules,
        "reports": event.reports,
        "retain_years": event.retain_years,
        "hold": event.hold,
        "tls": event.tls,
        "messages_out": event.messages_out,
        "timings_us": view.timings(),
    })
}
