//! From the journal into the index.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::super::event::Event;
use super::super::journal::{Fault as Broken, Gaps, Hash, Kind, Onward, Reader};
use super::super::personal::KeyRing;
use super::fault::Fault;
use super::keeper::Keeping;
use super::lock::Lock;
use super::schema;
use super::state::State;
use super::writer::{Batch, HOUR, MINUTE, Texts, Writer};

/// Entries in one transaction.
const BATCH: usize = 4_000;

/// The same, as counted in entries.
pub(super) const FULL: u64 = 4_000;

/// And so many octets at most, but for the last.
const OCTETS: usize = 8 << 20;

/// And what comes within this time.
const GATHER: Duration = Duration::from_secs(1);

/// Old rows dropped in one step: some 20 ms.
const STEP: u32 = 1_000;

/// Follows a journal.
#[derive(Debug)]
pub(super) struct Tail {
    lock: Lock,
    journal: PathBuf,
    keys: KeyRing,
    /// For how long records are kept.
    keep: Duration,
    writer: Writer,
    reader: Onward,
    state: State,
    /// What was read and is not in the index yet.
    taken: Vec<Taken>,
    /// The file that was opened.
    file: u64,
    /// Texts that may be of no use any more are gone through from here.
    unused: Option<(Texts, i64)>,
    /// Up to this minute nothing is left to be dropped.
    dropped: Option<i64>,
}

/// An entry of the journal.
#[derive(Debug)]
struct Taken {
    sequence: u64,
    at: Option<i64>,
    chain: Hash,
    /// The record, where it is one.
    line: Option<Vec<u8>>,
}

impl Taken {
    fn enter(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        if let Some(at) = self.at {
            batch.pass(self.sequence, at)?;
        }
        let Some(line) = &self.line else { return Ok(()) };
        match serde_json::from_slice::<Event<'_>>(line) {
            Ok(event) => batch.add(self.sequence, &event),
            Err(error) => {
                let sequence = self.sequence;
                tracing::warn!(sequence, %error, "an entry of the journal is no record");
                Ok(())
            }
        }
    }
}

impl Tail {
    /// Opens the index, and checks that it is of this journal.
    pub(super) fn open(lock: Lock, keeping: &Keeping) -> Opened {
        let Keeping { folder, journal, keys, keep } = keeping;
        let keep = *keep;
        let opened = Writer::open(folder).and_then(|writer| {
            let state = writer.state()?;
            of_this(&state, journal)?;
            not_of_the_future(&state)?;
            let reader = reader(&state, journal, keep);
            let file = schema::identity(folder).ok_or(Fault::Foreign("its file"))?;
            Ok((writer, reader, state, file))
        });
        match opened {
            Ok((writer, reader, state, file)) => {
                let (journal, keys) = (journal.clone(), keys.clone());
                let (taken, unused, dropped) = (Vec::new(), None, None);
                Ok(Self {
                    lock,
                    journal,
                    keys,
                    keep,
                    writer,
                    reader,
                    state,
                    taken,
                    file,
                    unused,
                    dropped,
                })
            }
            Err(fault) => Err((lock, fault)),
        }
    }

    /// Gives the lock back, to begin anew.
    pub(super) fn close(self) -> Lock {
        self.lock
    }

    /// What could not be read in the journal.
    pub(super) fn into_gaps(self) -> Gaps {
        self.reader.into_gaps()
    }

    /// The first entry that is not in the index.
    pub(super) const fn next(&self) -> u64 {
        self.state.next
    }

    /// Whether somebody has asked to begin anew.
    pub(super) fn asked(&self) -> bool {
        self.lock.asked()
    }

    /// Whether the file is not any more what was opened: lost, replaced or overwritten.
    pub(super) fn is_lost(&self) -> bool {
        schema::identity(self.lock.folder()) != Some(self.file)
    }

    /// Enters what comes next; how many entries that were.
    pub(super) fn step(&mut self) -> Result<u64, Fault> {
        if let Err(fault) = self.gather() {
            self.rewind();
            return Err(fault);
        }
        let Some(first) = self.taken.first() else { return Ok(0) };
        let mut state = self.state;
        if state.next == 0 {
            begin(&mut state, first.sequence, self.keep);
        }
        let taken = &self.taken;
        self.writer.enter(&mut state, |batch, state| {
            for one in taken {
                one.enter(batch)?;
                (state.next, state.chain) = (one.sequence + 1, one.chain);
            }
            Ok(())
        })?;
        self.state = state;
        let count = self.taken.len();
        self.taken.clear();
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Reads a batch. It is in memory before the transaction begins, so that a reader that must
    /// wait for a disk keeps no lock.
    fn gather(&mut self) -> Result<(), Fault> {
        let begun = Instant::now();
        let mut octets = 0;
        // One for each batch: a key that was destroyed is of no use from then on.
        let mut opener = self.keys.opener();
        let known = self.reader.gaps().places().len();
        while self.taken.len() < BATCH && octets < OCTETS && begun.elapsed() < GATHER {
            let Some(entry) = self.reader.next_entry()? else { break };
            let ended = entry.kind() == Some(Kind::Ended);
            let line = entry.payload().filter(|_| ended);
            let line = line.map(|line| opener.open(line).into_owned());
            octets += line.as_ref().map_or(0, Vec::len);
            let (sequence, at, chain) = (entry.sequence(), entry.at(), *entry.chain());
            self.taken.push(Taken { sequence, at, chain, line });
            // Behind the first that is new enough stands nothing that may be left out: times need
            // not grow, and the clock may be set back while this runs.
            self.reader.since_ever();
        }
        for place in self.reader.gaps().places().iter().skip(known) {
            tracing::error!(%place, "the index goes on without what the journal cannot tell");
        }
        Ok(())
    }

    /// Reads on from what is in the index.
    fn rewind(&mut self) {
        self.taken.clear();
        self.reader = reader(&self.state, &self.journal, self.keep);
    }

    /// Drops some of what is too old; whether there may be more.
    pub(super) fn drop_old(&mut self) -> Result<bool, Fault> {
        not_of_the_future(&self.state)?;
        let (at, now) = (oldest(self.keep), Timestamp::now().as_millisecond());
        let minute = at.div_euclid(MINUTE);
        let more = self.dropped != Some(minute) && self.writer.drop_before(at, now, STEP)?;
        self.dropped = (!more).then_some(minute);
        let state = self.writer.state()?;
        if state.first > self.state.first && self.unused.is_none() {
            self.unused = Some((Texts::Hosts, 0));
        }
        self.state = state;
        if more {
            return Ok(true);
        }
        let Some((texts, from)) = self.unused else { return Ok(false) };
        let next = self.writer.drop_texts(texts, from, STEP)?;
        self.unused = match (next, texts) {
            (Some(from), texts) => Some((texts, from)),
            (None, Texts::Hosts) => Some((Texts::Clients, 0)),
            (None, Texts::Clients) => None,
        };
        Ok(self.unused.is_some())
    }
}

/// A follower, or why there is none and the lock again.
pub(super) type Opened = Result<Tail, (Lock, Fault)>;

/// Whether the index is of this journal: the last entry that it knows is there and the same.
pub fn of_this(state: &State, journal: &Path) -> Result<(), Fault> {
    let Some(last) = state.next.checked_sub(1) else { return Ok(()) };
    match Reader::one(journal, last, |entry| *entry.chain()) {
        Ok(Some(chain)) if chain == state.chain => Ok(()),
        // A new index could not know more of what is damaged.
        Err(Broken::Damaged { .. } | Broken::Missing { .. }) => Ok(()),
        Ok(Some(_) | None) => Err(Fault::Foreign("its last entry is not in the journal")),
        Err(fault) => Err(fault.into()),
    }
}

fn reader(state: &State, journal: &Path, keep: Duration) -> Onward {
    let reader = Onward::open(journal).following();
    match state.next {
        0 => reader.since(oldest(keep)),
        next => reader.from_sequence(next),
    }
}

/// A clock that was far ahead has let the index drop what is not old: only a new one has it all.
fn not_of_the_future(state: &State) -> Result<(), Fault> {
    if state.since <= Timestamp::now().as_millisecond().saturating_add(HOUR) {
        return Ok(());
    }
    Err(Fault::Foreign("it begins at a time to come: the clock was ahead, and was set back"))
}

/// A new index begins here.
fn begin(state: &mut State, sequence: u64, keep: Duration) {
    state.first = sequence;
    // Where the whole journal is in it, nothing is missing from any time.
    let oldest = oldest(keep).div_euclid(HOUR) * HOUR + HOUR;
    state.since = if sequence == 0 { 0 } else { oldest };
    state.chain = Hash::ZERO;
}

/// What was entered before this is too old.
fn oldest(keep: Duration) -> i64 {
    let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
    Timestamp::now().as_millisecond().saturating_sub(keep)
}
