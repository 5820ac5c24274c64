//! A message of RFC 5424. How it is framed is the matter of whoever sends it: RFC 5425 and 6587
//! count its octets.

use std::io::Write;

use jiff::Timestamp;

use super::view::{Verdict, View};
use super::{Origin, text};

/// Log audit.
const FACILITY: u8 = 13;

/// The severity of what is normal and matters.
pub(super) const NOTICE: u8 = 5;

/// Appends the message.
pub(super) fn write(view: &View<'_>, into: &mut Vec<u8>) {
    let (event, origin) = (view.event, view.origin);
    head(view, into);
    write!(into, " [egress@{}", origin.enterprise).expect("a Vec takes every write");
    let rule = view.rule();
    let meter = event.counts.first();
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    for (name, value) in [
        ("id", &*event.id),
        ("instance", &origin.instance),
        ("version", &origin.version),
        ("verdict", view.verdict.name()),
        ("pack", rule.map(|rule| &*rule.pack).unwrap_or_default()),
        ("rule", rule.map(|rule| &*rule.rule).unwrap_or_default()),
        ("cite", event.cite.as_deref().unwrap_or_default()),
        ("country", &view.countries()),
        ("class", &event.tags.join(",")),
        ("src", &event.client.canonical()),
        ("user", view.principal().unwrap_or_default()),
        ("dst", &view.address().map(|a| a.ip().to_canonical().to_string()).unwrap_or_default()),
        ("host", view.host().unwrap_or_default()),
        ("port", &number(event.port.map(u64::from))),
        ("method", &event.method),
        ("scheme", &event.scheme),
        ("server_name", event.server_name.as_deref().unwrap_or_default()),
        ("status", &number(event.status.map(u64::from))),
        ("code", event.error.as_ref().map(|error| &*error.code).unwrap_or_default()),
        ("reason", view.reason().unwrap_or_default()),
        ("out", &number(view.bytes_out())),
        ("in", &number(view.bytes_in())),
        ("meter", meter.map(|count| &*count.meter).unwrap_or_default()),
        ("before", &number(meter.map(|count| count.before))),
        ("after", &number(meter.map(|count| count.after))),
        ("limit", &number(meter.and_then(|count| count.limit))),
    ] {
        put(name, &text::plain(value), into);
    }
    // A URL is encoded already.
    put("url", &view.url().unwrap_or_default(), into);
    // The mark says that the text is UTF-8.
    write!(into, "] \u{feff}{}", text::plain(&view.message())).expect("a Vec takes every write");
}

/// Appends what stands before structured data and text.
pub(super) fn head(view: &View<'_>, into: &mut Vec<u8>) {
    head_of(severity(view), view.event.time, "DECISION", view.origin, into);
}

/// The same for what is of a severity, a time and a kind of messages.
pub(super) fn head_of(
    severity: u8,
    time: Timestamp,
    kind: &str,
    origin: &Origin,
    into: &mut Vec<u8>,
) {
    write!(
        into,
        "<{}>1 {time:.3} {} {} - {kind}",
        FACILITY * 8 + severity,
        name(&origin.hostname, 255),
        name(Origin::PRODUCT, 48),
    )
    .expect("a Vec takes every write");
}

fn severity(view: &View<'_>) -> u8 {
    let ours = view.event.error.as_ref().is_some_and(|error| error.fault == "proxy");
    match view.verdict {
        Verdict::Failed if ours => 3,
        Verdict::Blocked | Verdict::Held => 4,
        Verdict::Failed | Verdict::Logged | Verdict::Observed => 5,
        Verdict::Allowed => 6,
    }
}

/// A field of the header: printable ASCII, of bounded length.
fn name(text: &str, most: usize) -> String {
    let signs = text.chars().filter(char::is_ascii_graphic).take(most);
    let name: String = signs.collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// A parameter; what is empty is left out.
fn put(name: &str, value: &str, into: &mut Vec<u8>) {
    if value.is_empty() {
        return;
    }
    into.extend(format!(" {name}=\"").bytes());
    for byte in value.bytes() {
        if matches!(byte, b'"' | b'\\' | b']') {
            into.push(b'\\');
        }
        into.push(byte);
    }
    into.push(b'"');
}
