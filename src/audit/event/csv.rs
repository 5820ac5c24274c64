//! Comma-separated values (RFC 4180) for spreadsheets and scripts: a row for each event, its
//! columns fields of the record and what is told of it. One table for all who ask.

use std::borrow::Cow;

use csv::{QuoteStyle, Terminator, WriterBuilder};
use serde_json::Value;
use thiserror::Error;

use super::fields::{FIELDS, pick};
use super::{Event, text};

/// What is told if nobody says which columns.
const USUAL: [&str; 30] = [
    SEQUENCE,
    "time",
    "ended",
    "id",
    "client",
    "principal",
    "exporter",
    "method",
    "scheme",
    "host",
    "port",
    "path",
    "address",
    "via",
    "location.countries",
    "location.asns",
    "recipient.party",
    "tags",
    "data.subjects",
    "rules.pack",
    "rules.rule",
    "outcome",
    "mode",
    WOULD,
    "cite",
    "status",
    "error.code",
    "bytes_out",
    "bytes_in",
    "config",
];

/// The number of the entry.
const SEQUENCE: &str = "sequence";

/// What rules that only observe would have made of it.
const WOULD: &str = "would";

/// A name of a column that no record has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no field `{0}` in records; README lists them, such as `host` or `location.countries`")]
pub struct UnknownField(String);

/// The columns of a table of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(Vec<&'static str>);

// === impl Columns ===

impl Columns {
    /// Reads names of [`FIELDS`], `sequence` and `would`, with commas between them.
    pub fn parse(list: &str) -> Result<Self, UnknownField> {
        let column = |name: &str| {
            let mut known = FIELDS.iter().chain(&[SEQUENCE, WOULD]);
            known
                .find(|field| **field == name)
                .copied()
                .ok_or_else(|| UnknownField(name.chars().take(60).collect()))
        };
        list.split(',').map(str::trim).map(column).collect::<Result<_, _>>().map(Self)
    }

    /// Appends the row of names.
    pub fn head(&self, into: &mut Vec<u8>) {
        row(self.0.iter(), into);
    }

    /// Appends the row of an entry's event. Several values in a cell have a blank between them. What is
    /// `hidden` is told of nobody.
    pub fn write(&self, sequence: u64, event: &Event<'_>, hidden: &[&str], into: &mut Vec<u8>) {
        let mut line = Vec::new();
        let written = event.write(&mut line).and_then(|()| serde_json::from_slice(&line));
        let record: Value = written.expect("an event has only string keys, and is JSON");
        let cell = |name: &&'static str| match *name {
            name if hidden.contains(&name) => Cow::Borrowed(""),
            SEQUENCE => sequence.to_string().into(),
            WOULD => event.would().map_or("", |would| would.name()).into(),
            name => pick(&record, name).map_or(Cow::Borrowed(""), told),
        };
        row(self.0.iter().map(cell), into);
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self(USUAL.to_vec())
    }
}

fn row<C: AsRef<str>>(cells: impl Iterator<Item = C>, into: &mut Vec<u8>) {
    let mut builder = WriterBuilder::new();
    builder
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .buffer_capacity(1 << 10);
    let mut writer = builder.from_writer(into);
    let written = writer.write_record(cells.map(|cell| harmless(cell.as_ref()).into_owned()));
    written.and_then(|()| Ok(writer.flush()?)).expect("a Vec takes every write");
}

fn told(value: Value) -> Cow<'static, str> {
    match value {
        Value::String(text) => text.into(),
        Value::Array(list) => {
            let parts: Vec<_> = list.into_iter().map(told).collect();
            parts.join(" ").into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            value.to_string().into()
        }
    }
}

/// Without line breaks and other signs that end a row for some readers. What a spreadsheet would
/// run as a formula begins with an apostrophe, and is text then.
pub fn harmless(cell: &str) -> Cow<'_, str> {
    let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !runs && !cell.contains(text::is_unruly) {
        return cell.into();
    }
    let clean = cell.chars().map(|sign| if text::is_unruly(sign) { ' ' } else { sign });
    runs.then_some('\'').into_iter().chain(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    const RECORD: &str = r#"{"time":"2026-10-01T00:00:00Z","id":"x","client":"10.0.0.1:1",
        "principal":"=HYPERLINK(\"x\")","method":"GET","scheme":"https","host":"a,\"b\"\r\nc",
        "location":{"state":"known","countries":["AA","BB"]},"tags":["health","geo.precise"],
        "rules":[],"outcome":"allow","status":200,"config":"c"}"#;

    fn cells(columns: &Columns, line: &str, hidden: &[&str]) -> Vec<Vec<String>> {
        let event = Event::read(line).unwrap();
        let mut text = Vec::new();
        columns.head(&mut text);
        columns.write(7, &event, hidden, &mut text);
        assert!(text.ends_with(b"\r\n"));
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&text[..]);
        let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect());
        rows.collect()
    }

    #[test]
    fn a_reader_finds_what_was_written() {
        let columns = Columns::parse("host, principal,location.countries,tags,status,via").unwrap();
        let [head, row] = cells(&columns, RECORD, &[]).try_into().unwrap();
        assert_eq!(head, ["host", "principal", "location.countries", "tags", "status", "via"]);
        assert_eq!(
            row,
            ["a,\"b\"  c", "'=HYPERLINK(\"x\")", "AA BB", "health geo.precise", "200", ""]
        );
        let [_, row] = cells(&columns, RECORD, &["principal", "host"]).try_into().unwrap();
        assert_eq!(row, ["", "", "AA BB", "health geo.precise", "200", ""]);
    }

    #[test]
    fn what_is_no_field_is_told_too() {
        let columns = Columns::parse("sequence,outcome,would").unwrap();
        let rules = r#""rules":[{"rule":"a","pack":"p","version":"1","digest":"d","outcome":"block",
            "mode":"observe","presumed":false,"cite":null}]"#;
        let observed = RECORD.replace("\"rules\":[]", rules);
        for (line, would) in [(RECORD, ""), (&*observed, "block")] {
            let [_, row] = cells(&columns, line, &[]).try_into().unwrap();
            assert_eq!(row, ["7", "allow", would]);
        }
    }

    #[test]
    fn a_cell_is_no_formula() {
        assert_eq!(harmless("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(harmless("@a\u{2028}b"), "'@a b");
        assert_eq!((harmless("a=b"), harmless("")), ("a=b".into(), "".into()));
    }

    #[test]
    fn the_usual_columns_are_fields() {
        assert_eq!(Columns::parse(&USUAL.join(",")).unwrap(), Columns::default());
        assert!(Columns::parse("host,nothing").unwrap_err().to_string().contains("`nothing`"));
        assert!("csv".parse::<Format>().is_err(), "rows need a head, which a line has not");
    }
}
