//! `GET /api/v1/decisions/export`: the journal itself is read, and goes out as it is read.

use std::io;

use bytes::Bytes;
use http::{HeaderValue, header};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::audit::event::Columns;
use crate::audit::index::Filters;
use crate::audit::personal::PERSONAL;
use crate::audit::search::{self, Found, Journal, Scan};

use super::super::asked::Asked;
use super::super::moving::STALLED;
use super::super::reply::{self, Answer};
use super::super::state::Admin;
use super::row;

/// Octets of a piece.
const PIECE: usize = 64 * 1024;

/// Pieces that wait for who reads.
const WAITING: usize = 4;

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
        let columns = Columns::default();
        let mut out = Out { form, columns, masked, buffer: Vec::new(), pieces, runtime };
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
    /// The same as `borderpost audit export` writes.
    columns: Columns,
    masked: bool,
    buffer: Vec<u8>,
    pieces: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
}

impl Out {
    fn all(&mut self, journal: &Journal, filters: &Filters) -> Result<(), End> {
        if self.form == Form::Csv {
            self.columns.head(&mut self.buffer);
        }
        let gaps = Scan::all(journal, filters).each(|found| {
            self.record(&found)?;
            if self.buffer.len() >= PIECE {
                self.put()?;
            }
            Ok::<_, End>(true)
        })?;
        self.put()?;
        // What there is has gone out; that it is not all ends the answer without its last chunk.
        gaps.whole().map_err(|fault| End::from(search::Fault::from(fault)))
    }

    fn record(&mut self, found: &Found<'_>) -> Result<(), End> {
        match self.form {
            Form::Csv => {
                let hidden = if self.masked { &PERSONAL[..] } else { &[] };
                self.columns.write(found.sequence, &found.event, hidden, &mut self.buffer);
                Ok(())
            }
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
