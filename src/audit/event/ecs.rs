//! Elastic Common Schema 9.4. What it has no field for stands under `egress`.

use serde_json::{Value, json};

use super::super::personal::Hidden;
use super::view::{Verdict, View};
use super::{Origin, json, text};

/// The version of the schema.
const VERSION: &str = "9.4.0";

/// Appends the event.
pub(super) fn write(view: &View<'_>, into: &mut Vec<u8>) {
    json::write(event(view), into);
}

fn event(view: &View<'_>) -> Value {
    let event = view.event;
    let address = view.address().map(|address| address.ip().to_canonical());
    let client = event.client.ip();
    let place = event.location.as_ref();
    json!({
        "@timestamp": format!("{:.3}", event.time),
        "ecs": { "version": VERSION },
        "message": view.message(),
        "event": about(view),
        "observer": {
            "type": "proxy", "product": Origin::PRODUCT, "vendor": Origin::PRODUCT,
            "hostname": view.origin.hostname, "name": view.origin.instance,
            "version": view.origin.version,
        },
        "source": {
            "ip": client, "port": event.client.port(),
            "address": event.client.hidden().map(Hidden::word),
        },
        "user": { "name": view.principal() },
        "destination": {
            "ip": address,
            "port": event.port,
            "domain": view.host(),
            "bytes": view.bytes_in(),
            "geo": { "country_iso_code": view.country() },
            "as": { "number": place.and_then(|place| place.asns.first()) },
        },
        "network": {
            "direction": "outbound", "transport": "tcp",
            "protocol": protocol(view),
            "bytes": view.bytes(),
        },
        "http": http(view),
        "url": url(view),
        "tls": event.tls.as_ref().map(|session| json!({
            "version": session.version, "version_protocol": "tls",
            "next_protocol": session.alpn, "established": true,
            "client": { "server_name": view.host() },
        })),
        "rule": view.rule().map(|rule| json!({
            "id": view.rule_id(), "name": rule.rule, "ruleset": rule.pack,
            "version": rule.version, "reference": rule.cite,
        })),
        "error": event.error.as_ref().map(|error| json!({
            "code": error.code, "message": error.detail, "type": error.fault,
        })),
        "trace": { "id": event.trace },
        "related": {
            "ip": [client, address],
            "hosts": [view.host()],
            "user": [view.principal()],
        },
        "egress": egress(view),
    })
}

fn about(view: &View<'_>) -> Value {
    let event = view.event;
    let barred = view.verdict.refuses();
    // From the view of who tells: to bar what must be barred is a success.
    let outcome = if view.verdict == Verdict::Failed { "failure" } else { "success" };
    let kind = if barred { "alert" } else { "event" };
    let leave = if barred { "denied" } else { "allowed" };
    let leave = (view.verdict != Verdict::Failed).then_some(leave);
    json!({
        "kind": kind,
        "category": ["network", "web"],
        "type": [Some("connection"), leave],
        "action": format!("egress-{}", view.verdict.name()),
        "outcome": outcome,
        "reason": view.reason(),
        "dataset": "borderpost.decision",
        "module": Origin::PRODUCT,
        "provider": Origin::PRODUCT,
        "id": event.id,
        "severity": u16::from(view.verdict.severity()) * 10,
        "duration": view.took().map(|took| took.saturating_mul(1_000)),
        "start": format!("{:.3}", event.time),
        "end": event.ended.map(|ended| format!("{ended:.3}")),
    })
}

fn protocol(view: &View<'_>) -> Option<&'static str> {
    if !view.is_tunnel() {
        return Some("http");
    }
    (view.event.scheme == "socks5").then_some("socks")
}

fn http(view: &View<'_>) -> Value {
    let event = view.event;
    json!({
        "request": {
            "id": event.id,
            "method": event.method,
            "body": { "bytes": view.bytes_out() },
        },
        "response": {
            "status_code": event.status,
            "body": { "bytes": view.bytes_in() },
        },
    })
}

fn url(view: &View<'_>) -> Option<Value> {
    if view.is_tunnel() {
        return None;
    }
    Some(json!({
        "full": view.url()?,
        "scheme": view.event.scheme,
        "domain": view.host(),
        "port": view.event.port,
        "path": view.event.path.as_deref().map(text::url),
    }))
}

fn egress(view: &View<'_>) -> Value {
    let event = view.event;
    json!({
        "scheme": event.scheme,
        "tunnel": event.tunnel,
        "server_name": event.server_name,
        "via": event.via,
        "exporter": event.exporter,
        "recipient": event.recipient,
        "verdict": view.verdict.name(),
        "mode": event.mode,
        "outcome": event.outcome,
        "data_classes": event.tags,
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
        "config": event.config,
        "messages_out": event.messages_out,
        "timings_us": view.timings(),
    })
}
