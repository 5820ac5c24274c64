//! Events in all formats: read back by a parser of each, held against the schemas of others, and
//! fed with texts that want to be more than texts.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::fs;
use std::path::Path;

use borderpost::audit::{Event, Format, Origin};

mod ecs;
mod findings;
mod har;
mod hostile;
mod ocsf;
mod otlp;
mod parse;

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The events of the golden files, and one whose personal fields were erased.
fn events() -> Vec<Event<'static>> {
    let lines = file("tests/golden/events/records.jsonl");
    let mut events: Vec<_> = lines.lines().map(|line| Event::read(line).unwrap()).collect();
    events.push(erased(&lines));
    events
}

/// The first record as it is read when its key was destroyed.
fn erased(lines: &str) -> Event<'static> {
    let mut record: serde_json::Value =
        serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    for field in ["client", "principal", "path", "trace"] {
        record[field] = "[erased]".into();
    }
    Event::read(&record.to_string()).unwrap()
}

#[test]
fn what_was_erased_is_said_in_every_format() {
    let event = erased(&file("tests/golden/events/records.jsonl"));
    for format in Format::ALL {
        let text = written(format, &event);
        let wanted = match format {
            Format::Record => "\"client\":\"[erased]\"",
            Format::Cef => " shost=[erased] suser=[erased] ",
            Format::Leef => "srcName=[erased]^usrName=[erased]^",
            Format::Syslog => " src=\"[erased\\]\" user=\"[erased\\]\" ",
            Format::Squid => " [erased] TCP_",
            Format::Combined => "[erased] - \\x5berased\\x5d ",
            Format::Ecs => "\"source\":{\"address\":\"[erased]\"}",
            Format::Ocsf => "\"src_endpoint\":{\"name\":\"[erased]\"}",
            Format::Har => "\"principal\":\"[erased]\"",
            Format::Otlp => "\"client.address\",\"value\":{\"stringValue\":\"[erased]\"}",
        };
        assert!(text.contains(wanted), "{format:?}: {text}");
        let path = text.contains("/[erased") || text.contains("\"path\":\"[erased]\"");
        assert!(path, "{format:?}: {text}");
    }
}

fn origin() -> Origin {
    Origin { version: "0.1.0".to_owned(), ..Origin::new("gw-ber-1.corp.example", "gw-ber-1") }
}

fn written(format: Format, event: &Event<'_>) -> String {
    let mut out = Vec::new();
    format.write(event, &origin(), &mut out);
    String::from_utf8(out).unwrap()
}

fn value(format: Format, event: &Event<'_>) -> serde_json::Value {
    serde_json::from_str(&written(format, event)).unwrap()
}

#[test]
fn formats_are_known_by_their_names() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    let unknown = "xml".parse::<Format>().unwrap_err().to_string();
    let all = "cef, combined, ecs, har, leef, ocsf, otlp, record, squid, syslog";
    assert_eq!(unknown, format!("no format `xml`; there are {all}"));
}

#[test]
fn the_record_is_the_line_itself() {
    for (event, line) in events().iter().zip(file("tests/golden/events/records.jsonl").lines()) {
        assert_eq!(written(Format::Record, event), line);
    }
}
