//! The attributes of an event: those of the semantic conventions that are stable, and `egress.*`,
//! which nobody else gives a meaning.

use serde_json::{Value, json};

use super::super::view::{Verdict, View};

/// What log records and spans share: texts, numbers, and lists of texts.
pub(super) fn shared(view: &View<'_>) -> Value {
    let event = view.event;
    let address = view.address();
    let place = event.location.as_ref();
    let rule = view.rule();
    let (method, original) = method(&event.method);
    json!({
        "http.request.method": method,
        "http.request.method_original": original,
        "url.full": (!view.is_tunnel()).then(|| view.url()),
        "url.scheme": (!view.is_tunnel()).then_some(&event.scheme),
        "server.address": view.host(),
        "server.port": event.port,
        "network.peer.address": address.map(|address| address.ip().to_canonical()),
        "network.peer.port": address.map(|address| address.port()),
        "client.address": event.client.canonical(),
        "client.port": event.client.port(),
        "http.response.status_code": event.status,
        "error.type": error(view),
        "egress.id": event.id,
        "egress.verdict": view.verdict.name(),
        "egress.outcome": event.outcome,
        "egress.mode": event.mode,
        "egress.reason": view.reason(),
        "egress.pack": rule.map(|rule| &rule.pack),
        "egress.pack.version": rule.map(|rule| &rule.version),
        "egress.rule": view.rule_id(),
        "egress.rule.cite": event.cite,
        "egress.principal": event.principal,
        "egress.authenticated": event.authenticated,
        "egress.exporter": event.exporter.as_ref().map(|exporter| &exporter.id),
        "egress.recipient": event.recipient.as_ref().map(|recipient| &recipient.party),
        "egress.destination.country": view.country(),
        "egress.destination.countries": place.map(|place| &place.countries),
        "egress.destination.state": place.map(|place| &place.state),
        "egress.data_classes": event.tags,
        "egress.tunnel": event.tunnel,
        "egress.server_name": event.server_name,
        "egress.via": event.via,
        "egress.tls.version": event.tls.as_ref().map(|session| &session.version),
        "egress.bytes_out": view.bytes_out(),
        "egress.bytes_in": view.bytes_in(),
        "egress.hold": event.hold,
        "egress.config": event.config,
    })
}

/// The kind of error, or the status that says that there was one.
pub(super) fn error(view: &View<'_>) -> Option<String> {
    let code = view.event.error.as_ref().map(|error| error.code.to_string());
    let status = view.event.status.filter(|status| *status >= 400);
    let refused = view.verdict.refuses().then(|| format!("egress_{}", view.verdict.name()));
    code.or(refused).or_else(|| status.map(|status| status.to_string()))
}

/// The methods that the conventions know, and another as it was.
pub(super) fn method(method: &str) -> (&str, Option<&str>) {
    const KNOWN: [&str; 10] =
        ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];
    if KNOWN.contains(&method) { (method, None) } else { ("_OTHER", Some(method)) }
}

/// `SeverityNumber` and its name.
pub(super) const fn severity(verdict: Verdict) -> (u64, &'static str) {
    match verdict {
        Verdict::Allowed | Verdict::Logged | Verdict::Observed => (9, "INFO"),
        Verdict::Blocked | Verdict::Failed | Verdict::Held => (13, "WARN"),
    }
}
