//! Findings as a sink tells them: at once where they are new, and their numbers every so often. They
//! follow from the journal up to a place: a sink that goes back, or starts, reads the day before it
//! again and needs no file for them.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use memchr::memmem;

use super::super::event::{Event, Findings, Origin};
use super::super::journal::{Fault, Kind, Onward, Reader};
use super::batch::Batch;
use super::cursor::Cursor;
use super::settings::Select;

/// What a line has that no rule spoke to. In a text of a client each quote has a backslash before it.
const NO_RULES: &[u8] = b"\"rules\":[]";

/// The findings of a sink.
#[derive(Debug)]
pub(super) struct Gathered {
    findings: Findings,
    every: Duration,
    /// Whether they are those of what stands before the next entry.
    known: bool,
    text: Vec<u8>,
}

impl Gathered {
    /// Their numbers are told so often.
    pub(super) fn new(every: Duration) -> Self {
        Self { findings: Findings::default(), every, known: false, text: Vec::new() }
    }

    /// The sink reads on from another place.
    pub(super) fn forget(&mut self) {
        (self.findings, self.known) = (Findings::default(), false);
    }

    /// Gathers what stands before a place, where that is not known: all of its day and of the day
    /// before, in which what ended on its day may have begun. After a fault it goes on without the
    /// rest: numbers are too low then, and nothing new is missed.
    pub(super) fn recall(
        &mut self,
        journal: &Path,
        place: Cursor,
        select: Select,
        origin: &Origin,
    ) -> Result<(), Fault> {
        if std::mem::replace(&mut self.known, true) {
            return Ok(());
        }
        if let Some(since) = before(journal, place)? {
            let mut reader = Onward::open(journal).since(since);
            while let Some(entry) = reader.next_entry()? {
                if entry.sequence() >= place.next {
                    break;
                }
                let ended = entry.payload().filter(|_| entry.kind() == Some(Kind::Ended));
                let Some(line) = ended.filter(|line| memmem::find(line, NO_RULES).is_none()) else {
                    continue;
                };
                // What cannot be read has been told of.
                let Ok(event) = serde_json::from_slice::<Event<'_>>(line) else { continue };
                if select.takes(&event) {
                    self.findings.note(&event, origin, &mut self.text);
                    self.text.clear();
                }
            }
        }
        Ok(())
    }

    /// Adds what an event makes new, and what is over.
    pub(super) fn note(&mut self, event: &Event<'_>, origin: &Origin, batch: &mut Batch) {
        self.findings.note(event, origin, &mut self.text);
        self.add(batch);
    }

    /// Adds the numbers that are due, or all that have grown.
    pub(super) fn update(&mut self, now: Timestamp, all: bool, batch: &mut Batch) {
        if self.known {
            let every = if all { Duration::ZERO } else { self.every };
            self.findings.update(now, every, &mut self.text);
            self.add(batch);
        }
    }

    /// When numbers are due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.findings.due(self.every)
    }

    fn add(&mut self, batch: &mut Batch) {
        for line in self.text.split_inclusive(|octet| *octet == b'\n') {
            batch.add(|into| into.extend_from_slice(line));
        }
        self.text.clear();
    }
}

/// The beginning of the day before that of the last entry before a place, in milliseconds.
fn before(journal: &Path, place: Cursor) -> Result<Option<i64>, Fault> {
    let Some(last) = place.next.checked_sub(1) else { return Ok(None) };
    let at = Reader::one(journal, last, |entry| entry.at())?.flatten();
    let midnight = |at: i64| {
        let day = TimeZone::UTC.to_datetime(Timestamp::from_millisecond(at).ok()?).date();
        let begun = day.yesterday().ok()?.at(0, 0, 0, 0);
        Some(TimeZone::UTC.to_timestamp(begun).ok()?.as_millisecond())
    };
    Ok(at.and_then(midnight))
}
