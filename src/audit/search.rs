//! Finding records in the journal itself, for who has no index, or what the index does not cover:
//! lines that cannot be meant are not parsed. And moments, as people write them.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use memchr::memmem::Finder;

use super::event::Event;
use super::index::{Filters, State};
use super::journal::{self, Entry, Gaps, Kind, Onward, Reader};
use super::personal::KeyRing;

/// Why the journal cannot be searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] journal::Fault),
    /// An entry that should be a record is none.
    #[error("entry {sequence} is no record: {source}")]
    NoRecord {
        /// The entry.
        sequence: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// A journal, and the keys of its personal fields.
#[derive(Clone, Debug)]
pub struct Journal {
    /// Its folder.
    pub folder: PathBuf,
    /// The keys.
    pub keys: KeyRing,
}

/// One record that is meant.
#[derive(Debug)]
pub struct Found<'a> {
    /// Its entry.
    pub sequence: u64,
    /// The line with its personal fields, or a word for each.
    pub line: &'a [u8],
    /// What it says.
    pub event: Event<'a>,
}

/// Reads the journal itself.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    /// What is read.
    pub journal: &'a Journal,
    /// Which are meant.
    pub filters: &'a Filters,
    /// Only entries from this one on.
    pub from: u64,
    /// Only entries before this one.
    pub before: u64,
    /// Also verdicts that were kept before their requests had ended.
    pub verdicts: bool,
}

/// Reads a journal on and on, each time what has come since: beginning anew would go through the
/// open segment from its start.
#[derive(Debug)]
pub struct Follow {
    reader: Reader,
    keys: KeyRing,
}

/// `2026-11-26T03:00:00Z`, `2026-11-26`, or so long ago.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        return format!("{day}T00:00:00Z").parse().map_err(|error: jiff::Error| error.to_string());
    }
    ago(text).ok_or_else(|| {
        format!("`{text}` is neither a moment (2026-11-26T03:00:00Z), nor a day, nor a time (7d)")
    })
}

/// The first whole millisecond that is not before a moment.
pub fn millis(moment: Timestamp) -> i64 {
    moment.as_millisecond() + i64::from(moment.subsec_nanosecond() % 1_000_000 > 0)
}

fn ago(text: &str) -> Option<Timestamp> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = number.parse::<i64>().ok()?.checked_mul(seconds)?;
    Timestamp::now().checked_sub(SignedDuration::from_secs(seconds)).ok()
}

/// Whether nothing that is meant can stand before the index's first entry.
pub fn covers(state: &State, filters: &Filters) -> bool {
    state.first == 0 || filters.since.is_some_and(|since| millis(since) >= state.since)
}

impl<'a> Scan<'a> {
    /// All records that are meant.
    pub const fn all(journal: &'a Journal, filters: &'a Filters) -> Self {
        Self { journal, filters, from: 0, before: u64::MAX, verdicts: false }
    }

    /// Hands every record that is meant to `tell`, until it has seen enough. Returns what could not
    /// be read on the way.
    pub fn each<E: From<Fault>>(
        &self,
        mut tell: impl FnMut(Found<'_>) -> Result<bool, E>,
    ) -> Result<Gaps, E> {
        let mut reader = Onward::open(&self.journal.folder).from_sequence(self.from);
        let mut opener = self.journal.keys.opener();
        if let Some(since) = self.filters.since {
            reader = reader.since(since.as_millisecond());
        }
        let needles = self.filters.needles();
        let finders: Vec<_> = needles.iter().copied().map(Finder::new).collect();
        while let Some(entry) = reader.next_entry().map_err(Fault::from)? {
            if entry.sequence() >= self.before {
                break;
            }
            let Some(line) = self.line(&entry) else { continue };
            let line = opener.open(line);
            if !finders.iter().all(|finder| finder.find(&line).is_some()) {
                continue;
            }
            if let Some(found) = read(&entry, &line)?
                && self.filters.means(&found.event)
                && !tell(found)?
            {
                break;
            }
        }
        Ok(reader.into_gaps())
    }

    /// Hands those of some entries to `tell` that are meant, until it has seen enough; the
    /// entries in rising order. Returns what could not be read of them.
    pub fn those<E: From<Fault>>(
        &self,
        entries: &[u64],
        mut tell: impl FnMut(Found<'_>) -> Result<bool, E>,
    ) -> Result<Gaps, E> {
        let Some(first) = entries.first() else { return Ok(Gaps::default()) };
        let mut reader = Onward::open(&self.journal.folder).from_sequence(*first);
        let mut opener = self.journal.keys.opener();
        for wanted in entries {
            reader.skip_to(*wanted);
            let Some(entry) = reader.next_entry().map_err(Fault::from)? else { break };
            let sequence = entry.sequence();
            if sequence > *wanted {
                // What stands behind damage may be wanted next.
                reader.go(sequence);
                continue;
            }
            // What was pruned since is in no list.
            let Some(line) = self.line(&entry).filter(|_| sequence == *wanted) else {
                continue;
            };
            let line = opener.open(line);
            if let Some(found) = read(&entry, &line)?
                && self.filters.means(&found.event)
                && !tell(found)?
            {
                break;
            }
        }
        Ok(reader.into_gaps())
    }

    fn line<'e>(&self, entry: &Entry<'e>) -> Option<&'e [u8]> {
        line(entry, self.verdicts)
    }
}

// === impl Follow ===

impl Follow {
    /// From an entry on.
    pub fn new(journal: &Journal, from: u64) -> Self {
        let reader = Reader::open(&journal.folder).from_sequence(from);
        Self { reader, keys: journal.keys.clone() }
    }

    /// The entry that comes next.
    pub const fn next(&self) -> u64 {
        self.reader.next()
    }

    /// Hands the lines of the records that are meant and stand before an entry to `tell`. They are
    /// parsed only where the filters ask.
    pub fn lines(
        &mut self,
        filters: &Filters,
        before: u64,
        mut tell: impl FnMut(u64, &[u8]),
    ) -> Result<(), Fault> {
        // One for each time: a key that was destroyed is of no use from then on.
        let mut opener = self.keys.opener();
        let needles = filters.needles();
        let finders: Vec<_> = needles.iter().copied().map(Finder::new).collect();
        let any = *filters == Filters::default();
        while self.reader.next() < before {
            let Some(entry) = self.reader.next_entry()? else { break };
            let Some(sealed) = line(&entry, false) else { continue };
            let line = opener.open(sealed);
            let may = finders.iter().all(|finder| finder.find(&line).is_some());
            let means = |found: Found<'_>| filters.means(&found.event);
            if any || (may && read(&entry, &line)?.is_some_and(means)) {
                tell(entry.sequence(), &line);
            }
        }
        Ok(())
    }
}

fn line<'e>(entry: &Entry<'e>, verdicts: bool) -> Option<&'e [u8]> {
    let wanted = match entry.kind()? {
        Kind::Ended => true,
        Kind::Decided => verdicts,
        Kind::Start | Kind::Gap | Kind::Checkpoint | Kind::Key | Kind::Note => false,
    };
    entry.payload().filter(|_| wanted)
}

fn read<'e>(entry: &Entry<'e>, line: &'e [u8]) -> Result<Option<Found<'e>>, Fault> {
    let sequence = entry.sequence();
    match serde_json::from_slice(line) {
        Ok(event) => Ok(Some(Found { sequence, line, event })),
        // A verdict on a request under way tells less than a record.
        Err(_) if entry.kind() == Some(Kind::Decided) => Ok(None),
        Err(source) => Err(Fault::NoRecord { sequence, source }),
    }
}
