//! The combined log of web servers, escaped as Apache does it. Neither referrer nor user agent are
//! recorded, nor is the version, in whose place stands the one that we answer with.

use std::fmt::Write as _;
use std::io::Write;

use super::view::View;

/// Appends the line.
pub(super) fn write(view: &View<'_>, into: &mut Vec<u8>) {
    let event = view.event;
    let bytes = event.bytes_in;
    write!(
        into,
        "{} - {} [{}] \"{} {} HTTP/1.1\" {} {} \"-\" \"-\"",
        event.client.canonical(),
        user(view.principal()),
        event.time.strftime("%d/%b/%Y:%H:%M:%S %z"),
        escaped(&event.method, " "),
        view.url().as_deref().unwrap_or("-"),
        view.status(),
        if bytes == 0 { "-".to_owned() } else { bytes.to_string() },
    )
    .expect("a Vec takes every write");
}

/// The name stands between blanks, without quotes.
fn user(name: Option<&str>) -> String {
    match name {
        None | Some("") => "-".to_owned(),
        Some("-") => "\\x2d".to_owned(),
        Some(name) => escaped(name, " []"),
    }
}

/// Quotes and backslashes behind a backslash, controls by their letter, and all else that is not
/// printable ASCII, or stands in `also`, as `\xhh`.
fn escaped(text: &str, also: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let sign = char::from(byte);
        match byte {
            b'"' | b'\\' => out.extend(['\\', sign]),
            b'\x08' => out.push_str("\\b"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\x0b' => out.push_str("\\v"),
            b' '..=b'~' if !also.contains(sign) => out.push(sign),
            _ => write!(out, "\\x{byte:02x}").expect("a String takes every write"),
        }
    }
    out
}
