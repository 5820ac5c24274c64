//! Whether the index has what the journal has: whoever deletes its rows hides requests from all
//! who ask it. While the journal is verified its records are tallied, a few octets for thousands;
//! then the rows are, and only where the two differ both are read again, one by one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::super::event::{Event, begun};
use super::super::index_folder;
use super::super::journal::{Entry, Kind, Reader, Watch};
use super::super::retention::is_forgetting;
use super::super::search::Journal;
use super::fault::Fault;
use super::label::{Kind as Label, read};
use super::list::entry;
use super::lock::is_asked;
use super::look::Index;
use super::tail::of_this;
use super::writer::{HOUR, MINUTE, number};

/// Entries that are tallied together: 24 octets for each so many.
const BLOCK: u64 = 4_096;

/// So many that differ are read again, some seconds; of more, only the number is told.
const AGAIN: usize = 64;

/// What a journal has, in the order in which it is read.
#[derive(Debug, Default)]
pub struct Tally {
    blocks: BTreeMap<u64, Block>,
    /// Another for each run, so that nobody can choose rows that look like others.
    hasher: RandomState,
    next: u64,
}

/// Some entries side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Block {
    records: u64,
    /// Of numbers and times, in whatever order they come.
    hash: u64,
    /// The latest time of a request.
    latest: i64,
}

/// What the index has of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Records that both should have.
    pub records: u64,
    /// Of them, those that the index has not, or has at another time.
    pub missing: u64,
    /// Rows of the index that are of no record.
    pub strange: u64,
    /// The first entry that differs, where that is known.
    pub first: Option<u64>,
    /// Rows by which tags, countries and rules are sought that are missing, or too many.
    pub labels: u64,
    /// Rows that are passed over by who asks from a time on.
    pub passed: u64,
    /// Hours of which the counts are not those of their rows.
    pub hours: u64,
}

/// How the index beside a journal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// There is none.
    Absent,
    /// It is about to be built anew.
    Awaited,
    /// It cannot be read, or is of another journal: why.
    Unusable(String),
    /// It was compared.
    Compared(Compared),
}

/// When a request began.
#[derive(Deserialize)]
struct Line {
    time: Timestamp,
}

/// Entry and time.
type Row = (u64, i64);

// === impl Tally ===

impl Watch for Tally {
    fn entry(&mut self, entry: &Entry<'_>) {
        self.next = self.next.max(entry.sequence() + 1);
        let line = entry.payload().filter(|_| entry.kind() == Some(Kind::Ended));
        let Some(line) = line else { return };
        let parsed = || serde_json::from_slice::<Line>(line).ok().map(|line| line.time);
        let Some(time) = begun(line).or_else(parsed) else { return };
        self.add((entry.sequence(), time.as_millisecond()));
    }
}

impl Tally {
    fn add(&mut self, (sequence, time): Row) {
        let hash = self.hasher.hash_one((sequence, time));
        let new = Block { latest: i64::MIN, ..Block::default() };
        let block = self.blocks.entry(sequence / BLOCK).or_insert(new);
        block.records += 1;
        block.hash = block.hash.wrapping_add(hash);
        block.latest = block.latest.max(time);
    }

    /// Compares with the index of the journal that was tallied, as far as both go. What was dropped
    /// by retention since is in neither.
    pub fn compare(&self, index: &Index, journal: &Journal) -> Result<Compared, Fault> {
        of_this(index.state(), &journal.folder)?;
        let mut compared = Compared::default();
        let rows = self.rows(index, &mut compared)?;
        let mut again = 0;
        let end = self.next.min(index.state().next);
        for number in 0..end.div_ceil(BLOCK) {
            let (own, other) = (self.blocks.get(&number), rows.blocks.get(&number));
            if self.same(index, number, own, other) {
                compared.records += own.map_or(0, |own| own.records);
                continue;
            }
            again += 1;
            if again <= AGAIN {
                compared.read_again(index, journal, number, self.next)?;
                continue;
            }
            let count = |block: Option<&Block>| block.map_or(0, |block| block.records);
            compared.records += count(own);
            compared.missing += count(own).saturating_sub(count(other));
            compared.strange += count(other).saturating_sub(count(own));
        }
        Ok(compared)
    }

    /// Whether a block is the same in both, and all of it is compared.
    fn same(&self, index: &Index, number: u64, own: Option<&Block>, other: Option<&Block>) -> bool {
        let state = index.state();
        let (begin, end) = (number * BLOCK, (number + 1) * BLOCK);
        if end <= state.first {
            // Only what is of a time to come stays behind the others.
            return own.is_none_or(|own| own.latest < state.since) && other.is_none();
        }
        begin >= state.first && end <= state.next.min(self.next) && own == other
    }

    /// Tallies the rows, and looks at what leads to them.
    fn rows(&self, index: &Index, compared: &mut Compared) -> Result<Self, Fault> {
        let (state, connection) = (index.state(), index.connection());
        let mut rows = Self { hasher: self.hasher.clone(), ..Self::default() };
        let pace = Pace::read(index)?;
        let (mut labels, mut hours) = (0_u64, HashMap::<i64, i64>::new());
        let mut all = connection.prepare("SELECT seq, time, labels FROM request")?;
        let mut all = all.query([])?;
        while let Some(row) = all.next()? {
            let (sequence, time) = (entry(row.get(0)?), row.get::<_, i64>(1)?);
            // What is none has no labels, which the count shows.
            let own = row.get_ref(2)?.as_blob().unwrap_or_default();
            labels += u64::try_from(read(own).count()).unwrap_or_default();
            if sequence < state.first && time < state.since {
                continue;
            }
            rows.add((sequence, time));
            if time >= state.since {
                *hours.entry(time.div_euclid(HOUR) * HOUR).or_default() += 1;
                compared.passed += u64::from(pace.passes(sequence, time));
            }
        }
        let count = "SELECT count(*) FROM label";
        let count = connection.query_row(count, [], |row| row.get(0).map(entry))?;
        compared.labels = labels.abs_diff(count);
        compared.hours = differing(index, &hours)?;
        Ok(rows)
    }
}

/// Hours of which the counts, by hours or by minutes, are not those of the rows.
fn differing(index: &Index, hours: &HashMap<i64, i64>) -> Result<u64, Fault> {
    let since = index.state().since;
    let mut differ = BTreeSet::new();
    for span in [0, 1] {
        let mut left = hours.clone();
        let sums = "SELECT begin, requests FROM sums WHERE span = ? AND kind = ? AND begin >= ?";
        let mut sums = index.connection().prepare(sums)?;
        let all = i64::from(Label::All.number());
        let mut sums = sums.query([span, all, since])?;
        while let Some(row) = sums.next()? {
            let hour = row.get::<_, i64>(0)?.div_euclid(HOUR) * HOUR;
            let one = left.entry(hour).or_default();
            *one = one.saturating_sub(row.get(1)?);
        }
        differ.extend(left.into_iter().filter(|(_, left)| *left != 0).map(|(hour, _)| hour));
    }
    Ok(u64::try_from(differ.len()).unwrap_or(u64::MAX))
}

// === impl Compared ===

impl Compared {
    /// Whether the index has all that the journal has, and nothing else.
    pub fn is_same(&self) -> bool {
        let Self { records: _, missing, strange, first: _, labels, passed, hours } = self;
        [missing, strange, labels, passed, hours].iter().all(|count| **count == 0)
    }

    /// Reads a block in both, one by one.
    fn read_again(
        &mut self,
        index: &Index,
        journal: &Journal,
        block: u64,
        next: u64,
    ) -> Result<(), Fault> {
        let state = index.state();
        let (begin, end) = (block * BLOCK, ((block + 1) * BLOCK).min(state.next).min(next));
        let wanted = |(sequence, time): &Row| *sequence >= state.first || *time >= state.since;
        let (mut own, mut opener) = (BTreeSet::new(), journal.keys.opener());
        let mut reader = Reader::open(&journal.folder).from_sequence(begin);
        while let Some(entry) = reader.next_entry()?.filter(|entry| entry.sequence() < end) {
            let line = entry.payload().filter(|_| entry.kind() == Some(Kind::Ended));
            let Some(line) = line.map(|line| opener.open(line)) else { continue };
            // What is no record is not in the index either.
            if let Ok(event) = serde_json::from_slice::<Event<'_>>(&line) {
                own.insert((entry.sequence(), event.time.as_millisecond()));
            }
        }
        let rows = "SELECT seq, time FROM request WHERE seq >= ? AND seq < ?";
        let mut rows = index.connection().prepare(rows)?;
        let rows = rows.query_map([number(begin), number(end)], |row| {
            Ok((row.get(0).map(entry)?, row.get::<_, i64>(1)?))
        })?;
        let rows = rows.collect::<Result<BTreeSet<Row>, _>>()?;
        let (own, rows): (BTreeSet<_>, BTreeSet<_>) =
            (own.into_iter().filter(wanted).collect(), rows.into_iter().filter(wanted).collect());
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.records += count(own.len());
        let numbers: BTreeSet<u64> = own.iter().map(|(sequence, _)| *sequence).collect();
        let strange = rows.iter().filter(|(sequence, _)| !numbers.contains(sequence));
        self.missing += count(own.difference(&rows).count());
        self.strange += count(strange.count());
        let first = own.symmetric_difference(&rows).next().map(|(sequence, _)| *sequence);
        self.first = self.first.or(first);
        Ok(())
    }
}

// === impl Pace ===

/// From which entry on who asks from a minute on looks.
struct Pace(BTreeMap<i64, u64>);

impl Pace {
    fn read(index: &Index) -> Result<Self, Fault> {
        let mut all =
            index.connection().prepare("SELECT minute, seq FROM pace ORDER BY minute DESC")?;
        let mut least = u64::MAX;
        let from = all.query_map([], |row| Ok((row.get(0)?, entry(row.get(1)?))))?;
        let from = from.map(|row| {
            let (minute, sequence) = row?;
            least = least.min(sequence);
            Ok((minute, least))
        });
        Ok(Self(from.collect::<rusqlite::Result<_>>()?))
    }

    /// Whether a row is not found by who asks from its time on.
    fn passes(&self, sequence: u64, time: i64) -> bool {
        let from = self.0.range(time.div_euclid(MINUTE)..).next();
        from.is_none_or(|(_, from)| *from > sequence)
    }
}

// === impl Check ===

impl Check {
    /// Compares the index beside a journal with what was tallied of that.
    pub fn of(tally: &Tally, journal: &Journal) -> Self {
        let folder = index_folder(&journal.folder);
        if is_asked(&folder) || is_forgetting(&journal.folder) {
            return Self::Awaited;
        }
        let index = Index::open_read_only(&folder, Duration::MAX);
        match index.and_then(|index| tally.compare(&index, journal)) {
            Ok(compared) => Self::Compared(compared),
            Err(Fault::Absent(_)) => Self::Absent,
            Err(fault) => Self::Unusable(fault.to_string()),
        }
    }

    /// Whether who asks the index is not told all, or too much. What cannot be used hides nothing:
    /// the journal is read without it.
    pub fn is_wrong(&self) -> bool {
        matches!(self, Self::Compared(compared) if !compared.is_same())
    }

    /// Its name in the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Absent => "none",
            Self::Awaited => "awaited",
            Self::Unusable(_) => "unusable",
            Self::Compared(compared) if compared.is_same() => "same",
            Self::Compared(_) => "differs",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is none beside this journal, and none was compared"),
            Self::Awaited => f.write_str("it is about to be built anew, and was not compared"),
            Self::Unusable(why) => write!(f, "not compared, and nobody can use it: {why}"),
            Self::Compared(compared) => compared.fmt(f),
        }
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, missing, strange, first, labels, passed, hours } = self;
        if self.is_same() {
            return write!(f, "it has {records} records, each as the journal has it");
        }
        let first =
            first.map_or_else(String::new, |first| format!(" (entry {first} is the first)"));
        let parts = [
            (*missing, format!("{missing} of {records} records are missing")),
            (*strange, format!("{strange} rows are of no record")),
            (
                *labels,
                format!("{labels} rows of tags, countries and rules are missing or too many"),
            ),
            (*passed, format!("{passed} records are passed over by `--since`")),
            (*hours, format!("the counts of {hours} hours are wrong")),
        ];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text);
        let parts: Vec<_> = parts.collect();
        write!(
            f,
            "NOT what the journal says: {}{first}; `borderpost audit reindex` builds it anew",
            parts.join(", ")
        )
    }
}
