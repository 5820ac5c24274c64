//! `GET /api/v1/decisions/export`: the journal itself is read, and goes out as it is read.

use std::io;

use bytes::Bytes;
use http::{HeaderValue, header};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::audit::Event;
use crate::audit::event::harmless;
use crate::audit::index::Filters;
use crate::audit::search::{self, Found, Journal, Scan};
use crate::policy::Mode;

use super::super::moving::STALLED;
use super::super::reply::{self, Answer};
use super::super::routes::Asked;
use super::super::state::Admin;
use super::row;

/// Octets of a piece.
const PIECE: usize = 64 * 1024;

/// Pieces that wait for who reads.
const WAITING: usize = 4;

const COLUMNS: [&str; 23] = [
    "sequence",
    "time",
    "ended",
    "id",
    "client",
    "principal",
    "method",
    "scheme",
    "host",
    "port",
    "path",
    "address",
    "countries",
    "tags",
    "outcome",
    "mode",
    "rules",
    "cite",
    "status",
    "error",
    "bytes_out",
    "bytes_in",
    "would",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Csv,
    Lines,
}

/// Why an export ends early.
enum End {
    /// Nobody reads it any more.
    Left,
    Fault(io::Error),
}

/// A file of records.
pub(in super::super) async fn export(admin: &Admin, asked: Asked) -> Answer {
    let Asked { who, mut params, what, .. } = asked;
    let personal = params.flag("personal", true)? && who.sees_people();
    let form = params.word("format", &[("csv", Form::Csv), ("ndjson", Form::Lines)])?;
    let form = form.unwrap_or(Form::Lines);
    let filters = params.filters()?;
    params.end()?;
    admin.may_filter(&who, &filters)?;
    let journal = admin.store()?.records();
    let room = admin.exports.enter(&who)?;
    if personal || filters.client.is_some() {
        admin.note_reading(&who, &what).await?;
    }
    let (pieces, coming) = mpsc::channel(WAITING);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let masked = !personal;
        let mut out = Out { form, masked, buffer: Vec::new(), pieces, runtime };
        let ended = out.all(&journal, &filters);
        drop(room);
        if let Err(End::Fault(error)) = ended {
            out.cut(error);
        }
    });
    let (kind, name) = match form {
        Form::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"decisions.csv\""),
        Form::Lines => ("application/x-ndjson", "attachment; filename=\"decisions.ndjson\""),
    };
    let mut response = reply::coming(kind, coming);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    Ok(response)
}

struct Out {
    form: Form,
    masked: bool,
    buffer: Vec<u8>,
    pieces: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
}

impl Out {
    fn all(&mut self, journal: &Journal, filters: &Filters) -> Result<(), End> {
        if self.form == Form::Csv {
            self.row(&COLUMNS.map(str::to_owned))?;
        }
        Scan::all(journal, filters).each(|found| {
            self.record(&found)?;
            if self.buffer.len() >= PIECE {
                self.put()?;
            }
            Ok::<_, End>(true)
        })?;
        self.put()
    }

    fn record(&mut self, found: &Found<'_>) -> Result<(), End> {
        match self.form {
            Form::Csv => self.row(&cells(found.sequence, &found.event, self.masked)),
            Form::Lines if self.masked => {
                let mut record: Value = serde_json::from_slice(found.line)?;
                row::mask(&mut record);
                serde_json::to_writer(&mut self.buffer, &record)?;
                self.buffer.push(b'\n');
                Ok(())
            }
            Form::Lines => {
                self.buffer.extend_from_slice(found.line);
                self.buffer.push(b'\n');
                Ok(())
            }
        }
    }

    fn row(&mut self, cells: &[String]) -> Result<(), End> {
        let mut builder = csv::WriterBuilder::new();
        let mut writer = builder.terminator(csv::Terminator::CRLF).from_writer(&mut self.buffer);
        let cells = cells.iter().map(|cell| harmless(cell).into_owned());
        writer.write_record(cells).map_err(|error| End::Fault(error.into()))?;
        writer.flush().map_err(End::Fault)
    }

    fn put(&mut self) -> Result<(), End> {
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        let put = async { timeout(STALLED, self.pieces.send(Ok(piece))).await };
        match self.runtime.block_on(put) {
            Ok(put) => put.map_err(|_| End::Left),
            Err(_) => Err(End::Fault(io::ErrorKind::TimedOut.into())),
        }
    }

    /// Cuts it off, so that nobody takes it for whole: also who reads what is left hours later.
    fn cut(self, error: io::Error) {
        let Self { pieces, runtime, .. } = self;
        runtime.spawn(async move { pieces.send(Err(error)).await });
    }
}

fn cells(sequence: u64, event: &Event<'_>, masked: bool) -> [String; 23] {
    let text = |text: Option<&std::borrow::Cow<'_, str>>| {
        text.map(ToString::to_string).unwrap_or_default()
    };
    let own = |value: String| if masked { String::new() } else { value };
    let countries = event.location.iter().flat_map(|location| &location.countries);
    let words = |words: Vec<String>| words.join(" ");
    let known = !event.is_interrupted();
    let bytes = |bytes: u64| if known { bytes.to_string() } else { String::new() };
    [
        sequence.to_string(),
        event.time.to_string(),
        event.ended.map(|at| at.to_string()).unwrap_or_default(),
        event.id.to_string(),
        own(event.client.to_string()),
        own(text(event.principal.as_ref())),
        event.method.to_string(),
        event.scheme.to_string(),
        text(event.host.as_ref()),
        event.port.map(|port| port.to_string()).unwrap_or_default(),
        own(text(event.path.as_ref())),
        text(event.address.as_ref()),
        words(countries.map(ToString::to_string).collect()),
        words(event.tags.iter().map(ToString::to_string).collect()),
        event.outcome.map_or("failed", |outcome| outcome.name()).to_owned(),
        (if event.mode == Mode::Observe { "observe" } else { "enforce" }).to_owned(),
        words(event.rules.iter().map(|rule| format!("{}/{}", rule.pack, rule.rule)).collect()),
        text(event.cite.as_ref()),
        event.status.map(|status| status.to_string()).unwrap_or_default(),
        text(event.error.as_ref().map(|error| &error.code)),
        bytes(event.bytes_out),
        bytes(event.bytes_in),
        event.would().map(|would| would.name().to_owned()).unwrap_or_default(),
    ]
}

impl From<search::Fault> for End {
    fn from(fault: search::Fault) -> Self {
        Self::Fault(io::Error::other(fault))
    }
}

impl From<serde_json::Error> for End {
    fn from(error: serde_json::Error) -> Self {
        Self::Fault(error.into())
    }
}
