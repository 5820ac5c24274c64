//! Sinks that post to a collector: lines, or the signals of OpenTelemetry.

use std::path::Path;
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::audit::Format;
use crate::audit::event::Signal;
use crate::audit::ship::{HttpSettings, PushSettings, ShipTo};

use super::super::secrets;
use super::super::section::{Section, Word};
use super::roots;

/// What of OpenTelemetry can be sent.
const SIGNALS: [(&str, Signal); 3] =
    [("logs", Signal::Logs), ("metrics", Signal::Metrics), ("traces", Signal::Traces)];

/// How often metrics are told, as exporters of OpenTelemetry do.
const EVERY: Duration = Duration::from_mins(1);

/// A collector that takes lines.
pub(super) fn lines(section: &Section<'_>, base: &Path, format: Format) -> Option<ShipTo> {
    let example = "https://siem.example/ingest";
    let settings = url(section, example, |url| HttpSettings::new(url, format));
    let settings = rest(section, base, settings.into_iter().collect());
    settings.into_iter().next().map(|settings| ShipTo::Http(Box::new(settings)))
}

/// A collector of OpenTelemetry: one destination for each signal.
pub(super) fn otlp(section: &Section<'_>, base: &Path) -> Vec<ShipTo> {
    let signals = signals(section);
    let each = |url: &Url| -> Option<Vec<_>> {
        signals.iter().map(|signal| HttpSettings::otlp(url, *signal)).collect()
    };
    let settings = url(section, "https://collector.example:4318", each).unwrap_or_default();
    let settings = rest(section, base, settings);
    let every = section.duration("interval");
    if every.is_some() && !signals.contains(&Signal::Metrics) {
        let message = "metrics go out so often, and they are none of the `signals`";
        section.problem(section.span_of("interval"), message, None);
    }
    let every = every.unwrap_or(EVERY);
    let linked = signals.contains(&Signal::Traces);
    let to = |(signal, mut http): (&Signal, HttpSettings)| {
        http.linked = linked;
        match signal {
            Signal::Metrics => ShipTo::Metrics(Box::new(PushSettings { http, every })),
            Signal::Logs | Signal::Traces => ShipTo::Http(Box::new(http)),
        }
    };
    signals.iter().zip(settings).map(to).collect()
}

fn signals(section: &Section<'_>) -> Vec<Signal> {
    let Some(words) = section.some_words("signals") else { return vec![Signal::Logs] };
    let mut signals = Vec::new();
    for word in words {
        let known = SIGNALS.iter().find(|(name, _)| *name == word.text);
        match known {
            Some((_, signal)) if !signals.contains(signal) => signals.push(*signal),
            Some(_) => section.problem(word.span, "this signal is named already", None),
            None => {
                let names = SIGNALS.map(|(name, _)| name).join(", ");
                let message = format!("no signal `{}`; there are {names}", word.text);
                section.problem(word.span, message, None);
            }
        }
    }
    signals
}

fn url<T>(section: &Section<'_>, example: &str, settings: impl Fn(&Url) -> Option<T>) -> Option<T> {
    let word = section.required("to")?;
    section.parse(&word, |text| {
        let found = Url::parse(text).ok().and_then(|url| settings(&url));
        found.ok_or_else(|| {
            format!(
                "`{text}` is no URL such as \"{example}\", without a password \
                 in it: `headers_from` names a file for that"
            )
        })
    })
}

/// What all of them can say besides.
fn rest(section: &Section<'_>, base: &Path, mut all: Vec<HttpSettings>) -> Vec<HttpSettings> {
    let secure = all.first().is_none_or(HttpSettings::is_secure);
    let roots = roots(section, base, secure);
    let fields = section.word("headers_from").and_then(|word| fields(section, &word, base));
    let fields = fields.unwrap_or_default();
    let compressed = section.choice("compression", &[("gzip", true), ("none", false)]);
    let batch = section.section("batch");
    let records = batch.number("records", 1..=100_000).and_then(|n| usize::try_from(n).ok());
    let octets = batch.size("octets", "1KiB", "64MiB").and_then(|n| usize::try_from(n).ok());
    let gather = batch.duration("time");
    for settings in &mut all {
        settings.roots.clone_from(&roots);
        settings.fields.clone_from(&fields);
        settings.compressed = compressed.unwrap_or(settings.compressed);
        settings.records = records.unwrap_or(settings.records);
        settings.octets = octets.unwrap_or(settings.octets);
        settings.gather = gather.unwrap_or(settings.gather);
    }
    all
}

/// Header fields of a file, one a line. They hold a token, most often.
fn fields(section: &Section<'_>, word: &Word<'_>, base: &Path) -> Option<HeaderMap> {
    section.parse(word, |text| {
        let path = base.join(text);
        let octets = secrets::read(&path)?;
        let lines = String::from_utf8(octets).unwrap_or_default();
        let mut fields = HeaderMap::new();
        for (at, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let (name, value) = field(line).ok_or_else(|| {
                let shown = path.display();
                format!("{shown}:{}: no header field such as `Authorization: ...`", at + 1)
            })?;
            fields.append(name, value);
        }
        if fields.is_empty() {
            return Err(format!("{}: there is no header field in it", path.display()));
        }
        Ok(fields)
    })
}

fn field(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let name: HeaderName = name.trim().parse().ok()?;
    let mut value: HeaderValue = value.trim().parse().ok()?;
    value.set_sensitive(true);
    let ours =
        [HOST, CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION].contains(&name);
    (!ours).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_field_is_not_shown() {
        let (name, value) = field("Authorization: Bearer abc").unwrap();
        assert_eq!((name.as_str(), format!("{value:?}")), ("authorization", "Sensitive".into()));
        for wrong in ["", "x", ": y", "a b: c", "Host: x", "Content-Length: 1"] {
            assert!(field(wrong).is_none(), "{wrong}");
        }
    }
}
