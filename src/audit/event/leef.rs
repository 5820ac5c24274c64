//! QRadar's Log Event Extended Format 2.0: a header between bars, then `key=value` between carets.
//! It has no escapes: what would end a value stands percent-encoded in it.

use super::view::View;
use super::{Origin, text};

/// What stands between values, as the header says.
const BETWEEN: &str = "^";

/// Appends the line.
pub(super) fn write(view: &View<'_>, into: &mut Vec<u8>) {
    let event = view.event;
    let code = event.error.as_ref().map(|error| error.code.to_string());
    let id = view.rule_id().or(code).unwrap_or_else(|| view.verdict.name().to_owned());
    let (product, version) = (Origin::PRODUCT, header(&view.origin.version));
    let head = format!("LEEF:2.0|{product}|{product}|{version}|{}|{BETWEEN}|", header(&id));
    into.extend(head.bytes());
    let meter = event.counts.first();
    let limit = meter.and_then(|count| count.limit);
    let address = view.address().map(|address| address.ip().to_canonical().to_string());
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let pairs = [
        ("devTime", event.time.as_millisecond().to_string()),
        ("cat", view.verdict.name().to_owned()),
        ("sev", view.verdict.severity().to_string()),
        ("identHostName", view.origin.hostname.clone()),
        ("src", event.client.ip().map(|ip| ip.to_string()).unwrap_or_default()),
        ("srcName", event.client.hidden().map(|why| why.to_string()).unwrap_or_default()),
        ("srcPort", event.client.port().map(|port| port.to_string()).unwrap_or_default()),
        ("usrName", view.principal().unwrap_or_default().to_owned()),
        ("dst", address.unwrap_or_default()),
        ("dstPort", event.port.map(|port| port.to_string()).unwrap_or_default()),
        ("dstHost", view.host().unwrap_or_default().to_owned()),
        ("proto", "TCP".to_owned()),
        ("url", String::new()),
        ("method", event.method.to_string()),
        ("scheme", event.scheme.to_string()),
        ("srcBytes", number(view.bytes_out())),
        ("dstBytes", number(view.bytes_in())),
        ("status", event.status.map(|status| status.to_string()).unwrap_or_default()),
        ("policy", view.rule().map(|rule| rule.pack.to_string()).unwrap_or_default()),
        ("reason", view.reason().unwrap_or_default().to_owned()),
        ("dataClass", event.tags.join(",")),
        ("destCountry", view.countries()),
        ("cite", event.cite.as_deref().unwrap_or_default().to_owned()),
        ("meter", meter.map(|count| count.meter.to_string()).unwrap_or_default()),
        ("countBefore", meter.map(|count| count.before.to_string()).unwrap_or_default()),
        ("countAfter", meter.map(|count| count.after.to_string()).unwrap_or_default()),
        ("limit", limit.map(|limit| limit.to_string()).unwrap_or_default()),
        ("eventId", event.id.to_string()),
    ];
    let pairs = pairs.into_iter().filter_map(|(key, value)| {
        // A URL is encoded already, carets too.
        let value = if key == "url" {
            view.url().unwrap_or_default()
        } else {
            text::plain_without(&value, BETWEEN)
        };
        (!value.is_empty()).then(|| format!("{key}={value}"))
    });
    into.extend(pairs.collect::<Vec<_>>().join(BETWEEN).bytes());
}

fn header(value: &str) -> String {
    text::plain_without(value, "|")
}
