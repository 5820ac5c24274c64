//! Records for requests that a kill cut off: whatever may have left is found by a search for
//! records. On a thread of its own, which the start does not wait for, the verdicts of earlier runs
//! are looked for that have none; the writer takes what is made of them as it takes all records.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc::Sender;
use uuid::Uuid;

use crate::telemetry::{Event, JournalEvent, Metrics};

use super::super::background;
use super::super::interrupted::complete;
use super::super::journal::{Earlier, Entry, Fault, Kind, Reader, segments};
use super::super::personal::KeyRing;
use super::writer::Message;

/// A segment that is compressed meanwhile may stand under neither of its names for who lists the
/// folder just then: what is wrong is believed when it was seen so often.
const TRIES: u32 = 5;

/// So long after each other.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks for them.
pub(super) struct Recovery {
    pub(super) earlier: Earlier,
    pub(super) keys: KeyRing,
    pub(super) queue: Sender<Message>,
    pub(super) metrics: Arc<Metrics>,
}

/// The entries with the first and the last verdict on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdicts {
    first: u64,
    last: u64,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    /// The verdicts that have no record.
    open: HashMap<Uuid, Verdicts>,
    /// Verdicts that name no request.
    unread: u64,
    /// Up to which entry some could not be read: a record may have been among them.
    damaged: u64,
}

/// The id in a line of a record or a verdict.
#[derive(Deserialize)]
struct Named<'l> {
    #[serde(borrow)]
    id: Cow<'l, str>,
}

impl Recovery {
    /// Begins. Where it cannot, or does not come to its end, the next start does it.
    pub(super) fn start(self) {
        let look = move || {
            background::give_way();
            self.run();
        };
        let thread = thread::Builder::new().name("recovery".to_owned()).spawn(look);
        if let Err(error) = thread {
            tracing::error!(%error, "requests that a kill cut off have no record before the next start");
        }
    }

    fn run(self) {
        let range = self.earlier.range();
        tracing::debug!(?range, "verdicts without a record are looked for");
        match self.complete(range) {
            Ok(Some(completed)) => {
                if completed > 0 {
                    Event::Journal(JournalEvent::Completed(completed)).record(&self.metrics);
                }
                // Where nobody takes it any more the program ends.
                drop(self.queue.blocking_send(Message::Completed));
            }
            Ok(None) => tracing::debug!("the program ends before all records are completed"),
            Err(fault) => {
                tracing::error!(%fault, "requests that a kill cut off may have no record before the next start");
            }
        }
    }

    /// Makes the records; how many. Nothing where nobody takes them any more.
    fn complete(&self, range: Range<u64>) -> Result<Option<u64>, Fault> {
        let folder = self.earlier.folder();
        let mut found = Found::default();
        found.look(folder, range)?;
        let doubtful = found.leave_doubtful();
        let mut completed = 0;
        let mut take = |line| {
            Event::AuditQueued.record(&self.metrics);
            let taken = self.queue.blocking_send(Message::Interrupted(line)).is_ok();
            completed += u64::from(taken);
            taken
        };
        let mut tries = 1;
        while let Err(fault) = found.each(folder, &self.keys, &mut take) {
            if tries == TRIES {
                return Err(fault);
            }
            tries += 1;
            thread::sleep(PAUSE);
        }
        let unread = found.unread;
        if self.queue.is_closed() {
            return Ok(None);
        }
        if doubtful > 0 {
            tracing::error!(
                "{doubtful} verdicts have no record that can be read, and the journal is damaged where \
                 it may stand: `audit verify` tells where, `audit query --verdicts` has them"
            );
        }
        if unread > 0 {
            tracing::error!("{unread} verdicts have no record and cannot be read themselves");
        }
        Ok(Some(completed))
    }
}

// === impl Found ===

impl Found {
    /// Goes over some entries. What is damaged is told and passed over, up to the next segment;
    /// where a file cannot be read now, that is an error.
    fn look(&mut self, folder: &Path, range: Range<u64>) -> Result<(), Fault> {
        let (mut from, mut tries) = (range.start, 0);
        while from < range.end {
            let (next, read) = self.read(folder, from..range.end);
            let Err(fault) = read else { return Ok(()) };
            tries = if next > from { 1 } else { tries + 1 };
            from = next;
            if tries < TRIES {
                thread::sleep(PAUSE);
                continue;
            }
            let next = if let Fault::Missing { until, .. } = &fault {
                until.checked_add(1)
            } else if let Fault::Damaged { sequence, .. } = &fault {
                let after = (*sequence).max(from);
                segments(folder)?.iter().map(|one| one.first).find(|first| *first > after)
            } else {
                return Err(fault);
            };
            tracing::error!(%fault, "verdicts there are not looked for");
            let next = next.filter(|next| *next > from).unwrap_or(range.end);
            self.damaged = self.damaged.max(next);
            (from, tries) = (next, 0);
        }
        Ok(())
    }

    /// Reads them; which one comes next, and what is wrong there.
    fn read(&mut self, folder: &Path, range: Range<u64>) -> (u64, Result<(), Fault>) {
        let mut reader = Reader::open(folder).from_sequence(range.start);
        let mut next = range.start;
        while next < range.end {
            let entry = match reader.next_entry() {
                Ok(entry) => entry.filter(|entry| entry.sequence() < range.end),
                Err(fault) => return (next, Err(fault)),
            };
            let found = entry.as_ref().map_or(range.end, Entry::sequence);
            match entry.filter(|_| found == next) {
                Some(entry) => self.see(&entry),
                None => return (next, Err(missing(folder, next, found))),
            }
            next += 1;
        }
        (next, Ok(()))
    }

    fn see(&mut self, entry: &Entry<'_>) {
        let sequence = entry.sequence();
        match entry.kind() {
            Some(Kind::Decided) => match id(entry) {
                Some(id) => {
                    let first = Verdicts { first: sequence, last: sequence };
                    self.open.entry(id).or_insert(first).last = sequence;
                }
                None => self.unread += 1,
            },
            Some(Kind::Ended) if !self.open.is_empty() => {
                if let Some(id) = id(entry) {
                    self.open.remove(&id);
                }
            }
            // A record that retention has dropped was kept no shorter than its verdict.
            Some(
                Kind::Start | Kind::Ended | Kind::Gap | Kind::Checkpoint | Kind::Key | Kind::Note,
            )
            | None => {}
        }
    }

    /// Leaves out those whose record may stand where nobody can read it; how many.
    fn leave_doubtful(&mut self) -> usize {
        let (all, damaged) = (self.open.len(), self.damaged);
        self.open.retain(|_, verdicts| verdicts.first >= damaged);
        all - self.open.len()
    }

    /// Hands a record for each verdict to `take`, in their order, until it takes no more. It may be
    /// asked again for those that are left.
    fn each(
        &mut self,
        folder: &Path,
        keys: &KeyRing,
        take: &mut dyn FnMut(Vec<u8>) -> bool,
    ) -> Result<(), Fault> {
        let mut wanted: Vec<_> = self.open.iter().map(|(id, one)| (one.first, *id)).collect();
        let last = self.open.iter().filter(|(_, one)| one.last > one.first);
        wanted.extend(last.map(|(id, one)| (one.last, *id)));
        wanted.sort_unstable();
        let Some((from, _)) = wanted.first() else { return Ok(()) };
        let (mut reader, mut opener) = (Reader::open(folder).from_sequence(*from), keys.opener());
        let mut firsts = HashMap::new();
        for (sequence, id) in wanted {
            reader.skip_to(sequence);
            let entry = reader.next_entry()?.filter(|entry| entry.sequence() == sequence);
            let Some(entry) = entry else { return Err(missing(folder, sequence, sequence + 1)) };
            // Retention may have dropped it since.
            let line = entry.payload().map(|line| opener.open(line).into_owned());
            if self.open.get(&id).is_some_and(|one| one.last > sequence) {
                firsts.insert(id, line);
                continue;
            }
            let made = match (firsts.remove(&id), line) {
                (Some(Some(first)), last) => complete(&first, last.as_deref()),
                (_, Some(line)) => complete(&line, None),
                (_, None) => None,
            };
            self.open.remove(&id);
            match made.map(&mut *take) {
                Some(true) => {}
                Some(false) => break,
                None => self.unread += 1,
            }
        }
        Ok(())
    }
}

/// Entries that should be there, up to another one.
fn missing(folder: &Path, from: u64, to: u64) -> Fault {
    Fault::Missing { folder: folder.to_owned(), from, until: to.saturating_sub(1) }
}

fn id(entry: &Entry<'_>) -> Option<Uuid> {
    let named: Named<'_> = serde_json::from_slice(entry.payload()?).ok()?;
    named.id.parse().ok()
}

#[cfg(test)]
mod tests;
