//! Finding records in the journal itself, for who has no index, or what the index does not cover:
//! lines that cannot be meant are not parsed. And moments, as people write them.

use std::borrow::Cow;
use std::collections::VecDeque;
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

/// Reads the journal that this process writes on and on, each time what has come since: beginning
/// anew would go through the open segment from its start. Chain values are not checked.
#[derive(Debug)]
pub struct Follow {
    reader: Reader,
    keys: KeyRing,
}

/// The last records of a while.
#[derive(Debug, Default)]
pub struct Last {
    /// The number of each entry, and its record as a line of JSON.
    pub lines: Vec<(u64, Vec<u8>)>,
    /// How many were meant before them.
    pub more: u64,
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
        let reader = Reader::open(&journal.folder).from_sequence(from).trusting();
        Self { reader, keys: journal.keys.clone() }
    }

    /// The entry that comes next.
    pub const fn next(&self) -> u64 {
        self.reader.next()
    }

    /// The last of the records that are meant and stand before an entry. Lines are opened and parsed
    /// only where the filters ask, or where they are among the last: of a busy proxy one in a hundred.
    pub fn last(&mut self, filters: &Filters, before: u64, most: usize) -> Result<Last, Fault> {
        // One for each time: a key that was destroyed is of no use from then on.
        let mut opener = self.keys.opener();
        let needles = filters.needles();
        let finders: Vec<_> = needles.iter().copied().map(Finder::new).collect();
        let any = *filters == Filters::default();
        let (mut last, mut more) = (VecDeque::<(u64, Vec<u8>)>::with_capacity(most), 0);
        while self.reader.next() < before {
            let Some(entry) = self.reader.next_entry()? else { break };
            let Some(sealed) = line(&entry, false) else { continue };
            if !any {
                let line = opener.open(sealed);
                let may = finders.iter().all(|finder| finder.find(&line).is_some());
                let means = |found: Found<'_>| filters.means(&found.event);
                if !may || !read(&entry, &line)?.is_some_and(means) {
                    continue;
                }
            }
            let mut room = Vec::new();
            if last.len() == most {
                more += 1;
                room = last.pop_front().map(|(_, line)| line).unwrap_or_default();
            }
            room.clear();
            room.extend_from_slice(sealed);
            last.push_back((entry.sequence(), room));
        }
        for (_, line) in &mut last {
            if let Cow::Owned(opened) = opener.open(line) {
                *line = opened;
            }
        }
        Ok(Last { lines: last.into(), more })
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

#[cfg(test)]
mod tests {
    use super::super::journal::{Log, Settings, Signer};
    use super::*;

    #[test]
    fn who_follows_sees_the_last_and_how_many_came_before_them() {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::open_or_make(folder.path(), "proxy.example/journal").unwrap();
        let now = Timestamp::now();
        let (mut log, _) = Log::open(folder.path(), Settings::default(), signer, now).unwrap();
        let records = include_str!("../../tests/golden/events/records.jsonl");
        let example: serde_json::Value =
            serde_json::from_str(records.lines().next().unwrap()).unwrap();
        let mut write = |host: &str, kind| {
            let mut record = example.clone();
            record["host"] = host.into();
            log.append(kind, now, record.to_string().as_bytes());
            log.sync().unwrap();
        };
        let journal = Journal {
            folder: folder.path().to_owned(),
            keys: KeyRing::at(&folder.path().join("k")),
        };
        let mut follow = Follow::new(&journal, 0);
        for number in 0..7 {
            write(if number % 2 == 0 { "even.example" } else { "odd.example" }, Kind::Ended);
            write("even.example", Kind::Decided);
        }
        let hosts = |last: &Last| -> Vec<String> {
            let host = |line: &[u8]| {
                let line: serde_json::Value = serde_json::from_slice(line).unwrap();
                line["host"].as_str().unwrap().to_owned()
            };
            last.lines.iter().map(|(_, line)| host(line)).collect()
        };
        let any = Filters::default();
        let last = follow.last(&any, u64::MAX, 2).unwrap();
        assert_eq!(
            (hosts(&last), last.more),
            (vec!["odd.example".into(), "even.example".into()], 5)
        );
        assert!(last.lines.windows(2).all(|two| two[0].0 < two[1].0));
        assert_eq!(follow.last(&any, u64::MAX, 2).unwrap().lines, []);
        write("odd.example", Kind::Ended);
        assert_eq!(hosts(&follow.last(&any, u64::MAX, 2).unwrap()), ["odd.example"]);
        let odd = Filters { host: Some("odd.example".to_owned()), ..Filters::default() };
        let last = Follow::new(&journal, 0).last(&odd, u64::MAX, 3).unwrap();
        assert_eq!((hosts(&last).len(), last.more), (3, 1));
        assert_eq!(Follow::new(&journal, 0).last(&any, 3, 9).unwrap().lines.len(), 1);
    }
}
