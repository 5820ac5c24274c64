//! ArcSight's Common Event Format: a header between bars, then `key=value` between blanks.

use std::net::IpAddr;

use super::view::View;
use super::{Client, Origin, text};

/// Appends the line.
pub(super) fn write(view: &View<'_>, into: &mut Vec<u8>) {
    let event = view.event;
    let code = event.error.as_ref().map(|error| error.code.to_string());
    let class = view.rule_id().or(code).unwrap_or_else(|| view.verdict.name().to_owned());
    let name = view.rule().map_or_else(|| view.verdict.name(), |rule| &rule.rule);
    let (version, severity) = (header(&view.origin.version), view.verdict.severity());
    let product = Origin::PRODUCT;
    let (class, name) = (header(&class), header(name));
    let head = format!("CEF:0|{product}|{product}|{version}|{class}|{name}|{severity}|");
    into.extend(head.bytes());
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let mut pairs = Pairs { into, first: true };
    pairs.put("rt", &event.time.as_millisecond().to_string());
    pairs.put("act", view.verdict.name());
    pairs.put("dvchost", &view.origin.hostname);
    pairs.put("externalId", &event.id);
    match event.client {
        Client::At(client) => {
            pairs.address(("src", "c6a2", "Source IPv6 Address"), client.ip());
            pairs.put("spt", &client.port().to_string());
        }
        // The fields above hold addresses alone.
        Client::Hidden(why) => pairs.put("shost", why.word()),
    }
    pairs.put("suser", view.principal().unwrap_or_default());
    if let Some(address) = view.address() {
        pairs.address(("dst", "c6a3", "Destination IPv6 Address"), address.ip());
    }
    pairs.put("dpt", &event.port.map(|port| port.to_string()).unwrap_or_default());
    pairs.put("dhost", view.host().unwrap_or_default());
    pairs.put("app", &event.scheme);
    pairs.url("request", &view.url().unwrap_or_default());
    pairs.put("requestMethod", &event.method);
    pairs.put("out", &number(view.bytes_out()));
    pairs.put("in", &number(view.bytes_in()));
    pairs.put("outcome", &event.status.map(|status| status.to_string()).unwrap_or_default());
    pairs.put("reason", view.reason().unwrap_or_default());
    pairs.put("msg", &view.message());
    let pack = view.rule().map(|rule| &*rule.pack).unwrap_or_default();
    let meter = event.counts.first();
    let limit = meter.and_then(|count| count.limit);
    for (key, label, value) in [
        ("cs1", "pack", pack),
        ("cs2", "dataClass", &event.tags.join(",")),
        ("cs3", "destCountry", &view.countries()),
        ("cs4", "meter", meter.map(|count| &*count.meter).unwrap_or_default()),
        ("cs5", "cite", event.cite.as_deref().unwrap_or_default()),
        ("cs6", "config", &event.config),
        ("cn1", "countBefore", &meter.map(|count| count.before.to_string()).unwrap_or_default()),
        ("cn2", "countAfter", &meter.map(|count| count.after.to_string()).unwrap_or_default()),
        ("cn3", "limit", &limit.map(|limit| limit.to_string()).unwrap_or_default()),
    ] {
        pairs.labelled(key, label, value);
    }
}

/// The extension; what is empty is left out.
struct Pairs<'v> {
    into: &'v mut Vec<u8>,
    first: bool,
}

impl Pairs<'_> {
    fn put(&mut self, key: &str, value: &str) {
        self.pair(key, &extension(value));
    }

    /// A URL is encoded already.
    fn url(&mut self, key: &str, url: &str) {
        self.pair(key, &escaped(url));
    }

    fn pair(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            let blank = if std::mem::take(&mut self.first) { "" } else { " " };
            self.into.extend(format!("{blank}{key}={value}").bytes());
        }
    }

    fn labelled(&mut self, key: &str, label: &str, value: &str) {
        if !value.is_empty() {
            self.put(&format!("{key}Label"), label);
            self.put(key, value);
        }
    }

    /// `src` and `dst` are of version 4; others have fields of their own.
    fn address(&mut self, (v4, v6, label): (&str, &str, &str), address: IpAddr) {
        match address.to_canonical() {
            IpAddr::V4(address) => self.put(v4, &address.to_string()),
            IpAddr::V6(address) => self.labelled(v6, label, &address.to_string()),
        }
    }
}

/// A header has no way to write a line break: it is encoded, as all controls are.
fn header(value: &str) -> String {
    text::plain(value).replace('\\', "\\\\").replace('|', "\\|")
}

/// Line breaks are `\n` and `\r` here; the other controls are encoded.
fn extension(value: &str) -> String {
    let part = |part: &str| escaped(&text::plain(part));
    let line = |line: &str| line.split('\r').map(part).collect::<Vec<_>>().join("\\r");
    value.split('\n').map(line).collect::<Vec<_>>().join("\\n")
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('=', "\\=")
}
