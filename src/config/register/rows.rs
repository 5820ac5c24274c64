//! The register as rows: one fact in each, as it comes out of a spreadsheet or a screening list.

use std::ops::Range;
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::policy::register::{Percent, Period};

use super::facts::{Fact, Subject};
use super::{EMPTY_PERIOD, Parties, Place};
use crate::config::problem::Text;
use crate::config::words::{nearest, parse_date, parse_id};

/// The columns, of which the first three must be there.
const COLUMNS: [&str; 7] = ["party", "fact", "value", "percent", "from", "until", "note"];
const NEEDED: usize = 3;

/// Which field of a row stands under which column.
type Header = [Option<usize>; COLUMNS.len()];

/// A row and where it stands.
struct Row<'r> {
    file: &'r Arc<Text>,
    header: &'r Header,
    fields: &'r StringRecord,
    span: Range<usize>,
}

impl Parties<'_> {
    /// Reads every row of a file; the first one names the columns.
    pub(in crate::config) fn read_rows(&mut self, file: &Arc<Text>) {
        let mut builder = ReaderBuilder::new();
        // Rows of a wrong length are told by us, with their place.
        builder.has_headers(false).flexible(true).trim(Trim::All).comment(Some(b'#'));
        let mut reader = builder.from_reader(file.text.as_bytes());
        let (mut header, mut fields) = (None, StringRecord::new());
        loop {
            let start = reader.position().byte();
            match reader.read_record(&mut fields) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let place = Place { file: Arc::clone(file), span: 0..0 };
                    return self.problem(&place, error.to_string(), None);
                }
            }
            let span = row_span(&file.text, start, reader.position().byte());
            let Some(header) = header.as_ref() else {
                header = self.read_header(file, &fields, span);
                if header.is_none() {
                    return;
                }
                continue;
            };
            self.read_row(&Row { file, header, fields: &fields, span });
        }
        if header.is_none() {
            let place = Place { file: Arc::clone(file), span: 0..0 };
            let help = format!("the first row is {}", COLUMNS.join(","));
            self.problem(&place, "this register has no row", Some(help));
        }
    }

    fn read_header(
        &self,
        file: &Arc<Text>,
        fields: &StringRecord,
        span: Range<usize>,
    ) -> Option<Header> {
        let mut header = Header::default();
        let bare = Row { file, header: &Header::default(), fields, span };
        let mut right = true;
        for (position, name) in fields.iter().enumerate() {
            let place = bare.place_at(Some(position));
            let column = COLUMNS.iter().position(|column| *column == name);
            match column.and_then(|column| header.get_mut(column)) {
                Some(slot @ None) => *slot = Some(position),
                Some(Some(_)) => {
                    right = false;
                    self.problem(&place, format!("the column `{name}` is there twice"), None);
                }
                None => {
                    right = false;
                    let help = match nearest(name, COLUMNS) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("columns: {}", COLUMNS.join(", ")),
                    };
                    self.problem(&place, format!("unknown column `{name}`"), Some(help));
                }
            }
        }
        let missing = COLUMNS.iter().zip(&header).take(NEEDED).find(|(_, at)| at.is_none());
        if let Some((column, _)) = missing.filter(|_| right) {
            let message = format!("the column `{column}` is missing here");
            self.problem(&bare.place_at(None), message, None);
        }
        (right && missing.is_none()).then_some(header)
    }

    fn read_row(&mut self, row: &Row<'_>) {
        if row.fields.iter().any(|field| field.contains('\n')) {
            let help = "is a quotation mark not closed?".to_owned();
            return self.problem(
                &row.place_at(None),
                "a field goes over several lines",
                Some(help),
            );
        }
        let columns = row.header.iter().flatten().count();
        if row.fields.len() > columns {
            let message = format!("this row has more than the {columns} fields of the header");
            let help = "put a value that has a comma in quotation marks".to_owned();
            return self.problem(&row.place_at(None), message, Some(help));
        }
        let id = self.parse_field(row, "party", parse_id);
        let subject = self.subject(row);
        let percent = match row.field("percent") {
            "" => None,
            _ => self.parse_field(row, "percent", |text| {
                Percent::parse(text).map_err(|error| error.to_string())
            }),
        };
        let during = self.period(row);
        let (Some(id), Some(subject), Some(during)) = (id, subject, during) else { return };
        if !self.fits(row, subject) || subject == Subject::Owner && row.unread(percent) {
            return;
        }
        let note = Some(row.field("note")).filter(|note| !note.is_empty());
        let (value, place) = (row.field("value"), row.place("value"));
        self.take(&id, &Fact { subject, value, place, percent, during, cite: note });
    }

    fn subject(&self, row: &Row<'_>) -> Option<Subject> {
        let text = row.field("fact");
        let found = Subject::ALL.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names = Subject::ALL.map(|(name, _)| name);
            let message = format!("`{text}` is none of {}", names.join(", "));
            let help = nearest(text, names).map(|name| format!("did you mean `{name}`?"));
            self.problem(&row.place("fact"), message, help);
        }
        found.map(|(_, subject)| *subject)
    }

    /// Fields that mean nothing for the fact are mistakes, because they were meant.
    fn fits(&self, row: &Row<'_>, subject: Subject) -> bool {
        let dated = subject.is_dated();
        let idle = [("percent", subject != Subject::Owner), ("from", !dated), ("until", !dated)];
        let mut fits = true;
        for (column, _) in
            idle.into_iter().filter(|(name, idle)| *idle && !row.field(name).is_empty())
        {
            fits = false;
            let message = format!("`{}` has no `{column}`", row.field("fact"));
            self.problem(&row.place(column), message, None);
        }
        fits
    }

    fn period(&self, row: &Row<'_>) -> Option<Period> {
        let date = |column: &'static str| match row.field(column) {
            "" => Some(None),
            _ => self.parse_field(row, column, parse_date).map(Some),
        };
        let (from, until) = (date("from"), date("until"));
        let period = Period::new(from?, until?);
        if period.is_none() {
            let help = "`until` is the first day on which it does not hold any more".to_owned();
            self.problem(&row.place("until"), EMPTY_PERIOD, Some(help));
        }
        period
    }

    fn parse_field<T>(
        &self,
        row: &Row<'_>,
        column: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let told = |message| self.problem(&row.place(column), message, None);
        parse(row.field(column)).map_err(told).ok()
    }
}

// === impl Row ===

impl<'r> Row<'r> {
    /// What stands under the column, nothing if it is not there.
    fn field(&self, column: &str) -> &'r str {
        self.position(column).and_then(|at| self.fields.get(at)).unwrap_or_default()
    }

    /// Whether there is a percentage that could not be read, which has then been told.
    fn unread(&self, percent: Option<Percent>) -> bool {
        percent.is_none() && !self.field("percent").is_empty()
    }

    fn position(&self, column: &str) -> Option<usize> {
        let at = COLUMNS.iter().position(|name| *name == column)?;
        self.header.get(at).copied().flatten()
    }

    fn place(&self, column: &str) -> Place {
        self.place_at(self.position(column))
    }

    /// Where the field is; the whole row where quotation marks make that hard to say.
    fn place_at(&self, position: Option<usize>) -> Place {
        let row = self.file.text.get(self.span.clone()).unwrap_or_default();
        let field = position.filter(|_| !row.contains('"')).and_then(|at| nth_field(row, at));
        let (before, length) = field.unwrap_or((0, row.len()));
        let start = self.span.start + before;
        Place { file: Arc::clone(self.file), span: start..start + length }
    }
}

/// Where the field begins and how long it is, without spaces around it.
fn nth_field(row: &str, position: usize) -> Option<(usize, usize)> {
    let fields = row.split(',').scan(0, |next, field| {
        let start = *next;
        *next += field.len() + 1;
        Some((start, field))
    });
    let (start, field) = fields.into_iter().nth(position)?;
    let trimmed = field.trim();
    (!trimmed.is_empty()).then(|| (start + field.len() - field.trim_start().len(), trimmed.len()))
}

/// The row between two positions of the reader, which also count the empty lines and comments
/// before it.
fn row_span(text: &str, start: u64, end: u64) -> Range<usize> {
    let [mut start, end] =
        [start, end].map(|at| usize::try_from(at).unwrap_or(usize::MAX).min(text.len()));
    while let Some(rest) = text.get(start..end) {
        let line = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let skipped = rest.starts_with('#') || rest.starts_with(['\n', '\r']);
        if !skipped || line == rest.len() {
            break;
        }
        start += line;
    }
    let row = text.get(start..end).unwrap_or_default();
    start..start + row.trim_end().len()
}
