//! Objects and enumerations that the classes share.

use serde_json::{Value, json};

use crate::policy::Mode;

use super::super::super::personal::Hidden;
use super::super::Origin;
use super::super::text;
use super::super::view::{Verdict, View};
use super::{Named, VERSION};

pub(super) fn severity(view: &View<'_>) -> Named {
    match view.verdict {
        Verdict::Allowed => Named(1, "Informational"),
        Verdict::Failed | Verdict::Logged | Verdict::Observed => Named(2, "Low"),
        Verdict::Held => Named(3, "Medium"),
        Verdict::Blocked => Named(4, "High"),
    }
}

pub(super) fn status(view: &View<'_>) -> Named {
    match view.verdict {
        Verdict::Allowed | Verdict::Logged | Verdict::Observed => Named(1, "Success"),
        Verdict::Blocked | Verdict::Failed | Verdict::Held => Named(2, "Failure"),
    }
}

pub(super) fn action(view: &View<'_>) -> Named {
    match view.verdict {
        Verdict::Blocked | Verdict::Held => Named(2, "Denied"),
        Verdict::Observed => Named(3, "Observed"),
        Verdict::Allowed | Verdict::Failed | Verdict::Logged => {
            if view.event.redacted.is_some() {
                Named(4, "Modified")
            } else if view.event.outcome.is_some() {
                Named(1, "Allowed")
            } else {
                // It failed before anything was decided.
                Named(0, "Unknown")
            }
        }
    }
}

pub(super) fn disposition(view: &View<'_>) -> Named {
    match view.verdict {
        Verdict::Allowed | Verdict::Logged if view.event.redacted.is_some() => {
            Named(11, "Corrected")
        }
        Verdict::Allowed => Named(1, "Allowed"),
        Verdict::Blocked => Named(2, "Blocked"),
        Verdict::Failed => Named(27, "Error"),
        Verdict::Held => Named(14, "Delayed"),
        Verdict::Logged => Named(17, "Logged"),
        Verdict::Observed => Named(15, "Detected"),
    }
}

pub(super) fn metadata(view: &View<'_>, correlation: Option<&str>, profiles: &[&str]) -> Value {
    let event = view.event;
    let config = (!event.config.is_empty()).then(|| format!("config:{}", event.config));
    json!({
        "version": VERSION,
        "uid": event.id,
        "correlation_uid": correlation,
        "product": product(view.origin),
        "profiles": profiles,
        "log_name": "decision",
        "log_version": "1",
        "labels": [format!("mode:{}", event.mode.name()), config],
    })
}

pub(super) fn product(origin: &Origin) -> Value {
    json!({
        "name": Origin::PRODUCT, "vendor_name": Origin::PRODUCT,
        "version": origin.version, "uid": origin.instance,
    })
}

pub(super) fn policy(view: &View<'_>) -> Option<Value> {
    view.rule().map(|rule| {
        json!({
            "uid": rule.pack,
            "name": rule.pack,
            "version": rule.version,
            "is_applied": rule.mode == Mode::Enforce && rule.lifted.is_none(),
        })
    })
}

pub(super) fn rule(view: &View<'_>) -> Option<Value> {
    view.rule().map(|rule| {
        json!({
            "uid": view.rule_id(),
            "name": rule.rule,
            "type": rule.outcome.name(),
            "version": rule.version,
            "desc": rule.cite,
        })
    })
}

pub(super) fn source(view: &View<'_>) -> Value {
    let client = view.event.client;
    json!({
        "ip": client.ip(), "port": client.port(),
        "name": client.hidden().map(Hidden::word),
    })
}

/// Absent where neither a name nor an address is known.
pub(super) fn destination(view: &View<'_>) -> Option<Value> {
    let address = view.address();
    let host = view.host();
    if address.is_none() && host.is_none() {
        return None;
    }
    let place = view.event.location.as_ref();
    let region = place.and_then(|place| match &*place.regions {
        [one] => Some(one),
        [] | [_, ..] => None,
    });
    let builds = place.into_iter().flat_map(|place| &place.builds);
    let provider: Vec<_> = builds.map(|(name, build)| format!("{name}@{build}")).collect();
    // The schema has place for one country: where there are more, `unmapped.egress` has them.
    let location = view.country().map(
        |country| json!({ "country": country, "region": region, "provider": provider.join(" ") }),
    );
    let asn = place.and_then(|place| match &*place.asns {
        [one] => Some(json!({ "number": one })),
        [] | [_, ..] => None,
    });
    Some(json!({
        "hostname": host,
        "ip": address.map(|address| address.ip().to_canonical()),
        "port": view.event.port,
        "location": location,
        "autonomous_system": asn,
    }))
}

/// Ourselves, and the proxy that we go through.
pub(super) fn proxy(view: &View<'_>) -> Value {
    let beyond = view.event.via.as_deref().map(|via| json!({ "name": via }));
    json!({
        "hostname": view.origin.hostname, "uid": view.origin.instance, "name": Origin::PRODUCT,
        "proxy_endpoint": beyond,
    })
}

pub(super) fn actor(view: &View<'_>) -> Option<Value> {
    view.principal()
        .filter(|name| !name.is_empty())
        .map(|name| json!({ "user": { "name": name, "uid": name } }))
}

/// The session with the destination; a server name alone is not one.
pub(super) fn tls(view: &View<'_>) -> Option<Value> {
    let session = view.event.tls.as_ref()?;
    Some(json!({ "version": session.version, "sni": view.host() }))
}

pub(super) fn url(view: &View<'_>) -> Option<Value> {
    let event = view.event;
    Some(json!({
        "url_string": view.url()?,
        "scheme": event.scheme,
        "hostname": view.host(),
        "port": event.port,
        "path": event.path.as_deref().map(text::url),
    }))
}
