//! Reading on behind what cannot be read: one spoilt octet must not hide what was written in the
//! years after it. What lies between is told, never passed in silence. In a sealed segment it is a
//! block, in another one all that follows in it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::fault::Fault;
use super::frames::Frames;
use super::reader::Reader;
use super::segment::{Form, Segment, list};

/// Places that are told one by one.
const TOLD: usize = 100;

/// Entries that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Unread {
    /// The first.
    pub from: u64,
    /// The last, where something follows.
    pub until: Option<u64>,
    /// What is wrong, where, and what to do.
    pub why: String,
}

/// Everything that could not be read on the way.
#[must_use = "an answer that is not whole says so"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    places: Vec<Unread>,
    more: u64,
    first: Option<First>,
}

/// The first of them, for who cannot do without.
#[derive(Clone, Debug, PartialEq, Eq)]
struct First {
    path: PathBuf,
    offset: u64,
    sequence: u64,
    what: &'static str,
    /// The last entry, where a whole segment is missing.
    missing: Option<u64>,
}

/// Goes over the entries in order, as a [`Reader`] does, and on behind what is damaged.
#[derive(Debug)]
pub struct Onward {
    folder: PathBuf,
    since: i64,
    reader: Reader,
    gaps: Gaps,
    /// The entry from which it was tried last: each attempt begins later.
    tried: Option<u64>,
    /// Where something was wrong that may have been written anew in the meantime.
    doubted: Option<u64>,
    /// Whether the end of what can be read is one.
    follows: bool,
    begun: bool,
    ended: bool,
}

impl Onward {
    /// All entries.
    pub fn open(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            since: i64::MIN,
            reader: Reader::open(folder),
            gaps: Gaps::default(),
            tried: None,
            doubted: None,
            follows: false,
            begun: false,
            ended: false,
        }
    }

    /// Only entries from a number on.
    #[must_use]
    pub fn from_sequence(mut self, sequence: u64) -> Self {
        self.reader = self.reader.from_sequence(sequence);
        self
    }

    /// Only entries from a time on, as of a [`Reader`].
    #[must_use]
    pub fn since(mut self, at: i64) -> Self {
        self.since = at;
        self.reader = self.reader.since(at);
        self
    }

    /// From where it is on, entries of any time.
    pub const fn since_ever(&mut self) {
        self.since = i64::MIN;
        self.reader.since_ever();
    }

    /// For who waits for more: damage with nothing behind it is an error, for there the writer may
    /// be about to take something back.
    #[must_use]
    pub const fn following(mut self) -> Self {
        self.follows = true;
        self
    }

    /// Passes over everything before a number.
    pub fn skip_to(&mut self, sequence: u64) {
        self.reader.skip_to(sequence);
    }

    /// Reads on from a number that may have been passed.
    pub fn go(&mut self, sequence: u64) {
        self.reader = Reader::open(&self.folder).since(self.since).from_sequence(sequence);
    }

    /// The number of the entry that comes next.
    pub const fn next(&self) -> u64 {
        self.reader.next()
    }

    /// The next entry; `None` where there is none yet.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_>>, Fault> {
        if !std::mem::replace(&mut self.begun, true) {
            self.begin()?;
        }
        while !self.ended {
            match self.reader.find() {
                Ok(true) => return self.reader.found(),
                Ok(false) => return Ok(None),
                Err(fault) => self.pass(fault)?,
            }
        }
        Ok(None)
    }

    /// What could not be read so far.
    pub const fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// The same, for who reads no more.
    pub fn into_gaps(self) -> Gaps {
        self.gaps
    }

    /// Segments that are missing before the first are missed by no reader.
    fn begin(&mut self) -> Result<(), Fault> {
        let from = self.reader.next();
        if self.since == i64::MIN
            && let Some(first) = list(&self.folder)?.first().map(|segment| segment.first)
            && first > from
        {
            let (folder, until) = (self.folder.clone(), first - 1);
            self.gaps.add(from, Some(until), &Fault::Missing { folder, from, until });
        }
        Ok(())
    }

    /// Goes on behind what is wrong, where that is known.
    fn pass(&mut self, fault: Fault) -> Result<(), Fault> {
        let (at, next) = match &fault {
            Fault::Missing { from, until, .. } => (*from, Some(until + 1)),
            Fault::Damaged { path, sequence, .. } => {
                let at = (*sequence).max(self.tried.unwrap_or_default());
                let at = at.max(self.reader.next());
                (at, behind(&self.folder, path, at)?)
            }
            Fault::File { .. }
            | Fault::Gone { .. }
            | Fault::InUse { .. }
            | Fault::Short { .. }
            | Fault::Unlike { .. }
            | Fault::OtherKey { .. }
            | Fault::Key { .. }
            | Fault::Origin(_)
            | Fault::Unfit { .. } => return Err(fault),
        };
        // Sealing and retention write segments anew, and the writer takes back what no disk has.
        if self.doubted.replace(at) != Some(at) {
            self.go(self.reader.next());
            return Ok(());
        }
        let Some(next) = next else {
            if self.follows {
                return Err(fault);
            }
            self.ended = true;
            self.gaps.add(at, None, &fault);
            return Ok(());
        };
        self.gaps.add(at, Some(next - 1), &fault);
        self.tried = Some(next);
        self.go(next);
        Ok(())
    }
}

/// The first entry behind the damage at an entry, where there is one.
fn behind(folder: &Path, path: &Path, sequence: u64) -> Result<Option<u64>, Fault> {
    let Some(named) = Segment::of(path) else { return Ok(None) };
    let all = list(folder)?;
    let block = all.iter().find(|one| one.first == named.first && one.form == Form::Sealed);
    let block = block.and_then(|segment| {
        let frames = Frames::open_at_any(segment).ok()?;
        let (index, _) = frames.index()?;
        index.blocks.iter().map(|block| block.first).find(|first| *first > sequence)
    });
    let later = all.iter().map(|one| one.first).find(|first| *first > named.first.max(sequence));
    Ok(block.or(later))
}

// === impl Gaps ===

impl Gaps {
    /// Whether everything could be read.
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What could not be read, in order.
    pub fn places(&self) -> &[Unread] {
        &self.places
    }

    /// How many places there are beside those.
    pub const fn more(&self) -> u64 {
        self.more
    }

    /// Takes in those of another reading; what is known already is told once.
    pub fn extend(&mut self, other: Self) {
        for place in other.places {
            if self.places.contains(&place) {
                continue;
            }
            if self.places.len() < TOLD { self.places.push(place) } else { self.more += 1 }
        }
        self.more += other.more;
        self.first = self.first.take().or(other.first);
    }

    /// An error where something could not be read, for who cannot tell it otherwise.
    pub fn whole(self) -> Result<(), Fault> {
        let Some(First { path, offset, sequence, what, missing }) = self.first else {
            return Ok(());
        };
        Err(match missing {
            Some(until) => Fault::Missing { folder: path, from: sequence, until },
            None => Fault::Damaged { path, offset, sequence, what },
        })
    }

    fn add(&mut self, from: u64, until: Option<u64>, fault: &Fault) {
        self.first = self.first.take().or_else(|| First::of(fault));
        if let Some(last) = self.places.last_mut()
            && self.more == 0
            && last.until.is_some_and(|end| end.checked_add(1) == Some(from))
        {
            last.until = until;
        } else if self.places.len() < TOLD {
            self.places.push(Unread { from, until, why: remedy(fault) });
        } else {
            self.more += 1;
        }
    }
}

impl First {
    fn of(fault: &Fault) -> Option<Self> {
        if let Fault::Missing { folder, from, until } = fault {
            let (path, missing) = (folder.clone(), Some(*until));
            return Some(Self { path, offset: 0, sequence: *from, what: "", missing });
        }
        let Fault::Damaged { path, offset, sequence, what } = fault else { return None };
        let (path, offset, sequence) = (path.clone(), *offset, *sequence);
        Some(Self { path, offset, sequence, what, missing: None })
    }
}

/// What is wrong, for who reads: it is the copy that helps, not a new journal.
fn remedy(fault: &Fault) -> String {
    let Fault::Damaged { path, offset, what, .. } = fault else { return fault.to_string() };
    format!(
        "{}: damaged at octet {offset}: {what}; keep it as evidence, put a whole copy of the file \
         in its place, and see `borderpost audit verify`",
        path.display()
    )
}

// === impl Unread ===

impl Unread {
    /// What an error says of entries; none where it is about something else.
    pub(super) fn of(folder: &Path, fault: &Fault) -> Option<Self> {
        let why = remedy(fault);
        if let Fault::Missing { from, until, .. } = fault {
            return Some(Self { from: *from, until: Some(*until), why });
        }
        let Fault::Damaged { path, sequence, .. } = fault else { return None };
        let next = behind(folder, path, *sequence).ok().flatten();
        Some(Self { from: *sequence, until: next.map(|next| next - 1), why })
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Some(until) => write!(f, "entries {} to {until} cannot be read: ", self.from)?,
            None => write!(f, "entries from {} on cannot be read: ", self.from)?,
        }
        f.write_str(&self.why)
    }
}
