//! Squid's own access log: ten fields between blanks, the verdict in the result code.

use std::io::Write;

use super::text;
use super::view::{Verdict, View};

/// Appends the line.
pub(super) fn write(view: &View<'_>, into: &mut Vec<u8>) {
    let event = view.event;
    let millis = event.time.as_millisecond();
    write!(
        into,
        "{}.{:03} {:6} {} {}/{} {} {} {} {} {} -",
        millis.div_euclid(1_000),
        millis.rem_euclid(1_000),
        // The form knows no time or size that is not known: its result says that it was cut off.
        view.millis().unwrap_or_default(),
        event.client.canonical(),
        result(view),
        view.status(),
        event.bytes_in,
        field(Some(&event.method)),
        // As Squid says of a target that it could not read.
        view.url().as_deref().unwrap_or("error:invalid-request"),
        field(view.principal()),
        hierarchy(view),
    )
    .expect("a Vec takes every write");
}

fn result(view: &View<'_>) -> &'static str {
    let event = view.event;
    let by_client = event.error.as_ref().is_some_and(|error| error.fault == "client");
    let cut = by_client || event.is_interrupted();
    match view.verdict {
        Verdict::Blocked | Verdict::Held => "TCP_DENIED",
        Verdict::Failed if event.outcome.is_none() => "NONE_NONE",
        Verdict::Failed if cut => "TCP_MISS_ABORTED",
        _ if view.is_tunnel() => "TCP_TUNNEL",
        Verdict::Allowed | Verdict::Failed | Verdict::Logged | Verdict::Observed => "TCP_MISS",
    }
}

fn hierarchy(view: &View<'_>) -> String {
    let via = view.event.via.as_deref().map(|via| format!("FIRSTUP_PARENT/{}", field(Some(via))));
    let direct =
        || view.address().map(|address| format!("HIER_DIRECT/{}", address.ip().to_canonical()));
    let way = (!view.verdict.refuses()).then(|| via.or_else(direct)).flatten();
    way.unwrap_or_else(|| "HIER_NONE/-".to_owned())
}

/// A field as Squid writes it: blanks and what is unsafe in it are encoded, so is `%`. A field
/// that is but a dash would be read as absent.
fn field(text: Option<&str>) -> String {
    match text {
        None | Some("") => "-".to_owned(),
        Some("-") => "%2D".to_owned(),
        Some(text) => text::url(&text.replace('%', "%25")),
    }
}
