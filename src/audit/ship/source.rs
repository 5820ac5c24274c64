//! Events as a sink reads them from the journal.

use std::path::{Path, PathBuf};

use crate::telemetry::{Event as Told, Metrics, ShipEvent};

use super::super::event::{Event, Format, Origin};
use super::super::journal::{Entry, Fault, Kind, Reader};
use super::batch::{Batch, Limits};
use super::cursor::Cursor;
use super::settings::{Select, ShipSettings, ShipTo};

/// The journal from a place on.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    folder: PathBuf,
    /// None until something is wanted of it, and after a fault.
    reader: Option<Reader>,
    at: Cursor,
    teller: Teller,
}

/// What becomes of an entry.
#[derive(Debug)]
struct Teller {
    format: Format,
    select: Select,
    framed: Framed,
    origin: Origin,
}

/// How one event is told from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framed {
    /// It is a line.
    Line,
    /// It is a message of syslog, and the sink frames it.
    Message,
}

// === impl Source ===

impl Source {
    pub(super) fn new(folder: &Path, settings: &ShipSettings, origin: Origin) -> Self {
        let framed = match settings.to {
            ShipTo::Syslog(_) => Framed::Message,
            ShipTo::File(_) | ShipTo::Http(_) | ShipTo::Stdout => Framed::Line,
        };
        let ShipSettings { name, format, select, .. } = settings;
        let teller = Teller { format: *format, select: *select, framed, origin };
        let (name, folder) = (name.clone(), folder.to_owned());
        Self { name, folder, reader: None, at: Cursor::START, teller }
    }

    /// Where the journal is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads on from another place.
    pub(super) fn go(&mut self, to: Cursor) {
        (self.reader, self.at) = (None, to);
    }

    /// Reads the next events, of entries before `until` and no more than a batch takes.
    pub(super) fn read(
        &mut self,
        until: u64,
        limits: Limits,
        metrics: &Metrics,
    ) -> Result<Batch, Fault> {
        let mut batch = Batch::new(self.at);
        let result = self.fill(&mut batch, until, limits, metrics);
        if result.is_err() {
            // It may have read ahead what has been written anew since.
            self.reader = None;
        }
        // What stands before a fault is sent first.
        if batch.after == self.at {
            result?;
        }
        self.at = batch.after;
        Ok(batch)
    }

    fn fill(
        &mut self,
        batch: &mut Batch,
        until: u64,
        limits: Limits,
        metrics: &Metrics,
    ) -> Result<(), Fault> {
        let from = batch.after.next;
        let reader =
            self.reader.get_or_insert_with(|| Reader::open(&self.folder).from_sequence(from));
        while batch.after.next < until && !batch.is_full(limits) {
            let Some(entry) = reader.next()? else { break };
            let sequence = entry.sequence();
            if sequence > batch.after.next {
                let gone = ShipEvent::Gone(&self.name, batch.after.next, sequence - 1);
                Told::Ship(gone).record(metrics);
            }
            batch.after = Cursor { next: sequence + 1, chain: *entry.chain() };
            if let Err(error) = self.teller.tell(&entry, batch) {
                let why = error.to_string();
                Told::Ship(ShipEvent::Unreadable(&self.name, sequence, &why)).record(metrics);
            }
        }
        Ok(())
    }
}

// === impl Teller ===

impl Teller {
    /// Adds what an entry says, where it is about a request that has ended. Others, and those whose
    /// payload retention has dropped, say nothing.
    fn tell(&self, entry: &Entry<'_>, batch: &mut Batch) -> serde_json::Result<()> {
        let ended = entry.payload().filter(|_| entry.kind() == Some(Kind::Ended));
        let Some(line) = ended else { return Ok(()) };
        let event: Event<'_> = serde_json::from_slice(line)?;
        if !self.select.takes(&event) {
            return Ok(());
        }
        batch.add(|into| match (self.framed, self.format) {
            (Framed::Message, format) => format.write_message(&event, &self.origin, into),
            (Framed::Line, Format::Record) => {
                into.extend_from_slice(line);
                into.push(b'\n');
            }
            (Framed::Line, format) => {
                format.write(&event, &self.origin, into);
                into.push(b'\n');
            }
        });
        Ok(())
    }
}
