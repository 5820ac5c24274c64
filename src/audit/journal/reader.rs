//! Reading the journal, sealed and open segments alike, while another process may append. Nothing
//! is locked. Chain values are checked on the way, signatures are not: that is `verify`'s.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::fault::Fault;
use super::frames::{Frames, Step};
use super::hash::Hash;
use super::kind::Kind;
use super::log::introduced;
use super::note::VerifierKey;
use super::segment::{Form, Segment, is_empty, list};

/// Goes over the entries in order. While the writer's disk fails it may show entries that the
/// writer takes back: only what a sync acknowledged is sure to stay.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    /// The entry that comes next; before the first, what was asked for.
    next: u64,
    /// Entries before this time are left out.
    since: i64,
    /// Whether chain values are taken as they stand.
    trusts: bool,
    current: Option<Current>,
    ahead: VecDeque<Segment>,
}

#[derive(Debug)]
struct Current {
    segment: Segment,
    frames: Frames,
    /// The entry that comes next in it.
    next: u64,
    /// The chain value before it, where it is known.
    chain: Option<Hash>,
}

/// What a step in a segment gave.
enum Found {
    Entry,
    End,
}

/// Whether the end of a segment is final.
enum Over {
    Done,
    More,
    NotYet,
}

/// The key that a journal names first; later ones are signed by it.
pub fn first_key(folder: &Path) -> Result<Option<VerifierKey>, Fault> {
    let mut reader = Reader::open(folder);
    while let Some(entry) = reader.next_entry()? {
        if entry.kind() == Some(Kind::Key) {
            return Ok(entry.payload().and_then(|payload| introduced(payload, None)));
        }
    }
    Ok(None)
}

impl Reader {
    /// All entries.
    pub fn open(folder: &Path) -> Self {
        let (folder, ahead) = (folder.to_owned(), VecDeque::new());
        Self { folder, next: 0, since: i64::MIN, trusts: false, current: None, ahead }
    }

    /// Only entries from a number on.
    #[must_use]
    pub const fn from_sequence(mut self, sequence: u64) -> Self {
        self.next = sequence;
        self
    }

    /// Only entries from a time on, in milliseconds since 1970 UTC; pruned ones have none and
    /// are left out. Each is judged by its own time: those before and behind it may have any.
    #[must_use]
    pub const fn since(mut self, at: i64) -> Self {
        self.since = at;
        self
    }

    /// Takes chain values as they stand, for who shows what this very process has just written: of a
    /// busy proxy hashing every entry a second time was two thirds of what a live stream cost.
    #[must_use]
    pub const fn trusting(mut self) -> Self {
        self.trusts = true;
        self
    }

    /// From where it is on, entries of any time.
    pub const fn since_ever(&mut self) {
        self.since = i64::MIN;
    }

    /// The one entry with a number, handed to `tell`; `None` where there is none.
    pub fn one<T>(
        folder: &Path,
        sequence: u64,
        tell: impl FnOnce(Entry<'_>) -> T,
    ) -> Result<Option<T>, Fault> {
        let mut reader = Self::open(folder).from_sequence(sequence);
        let found = reader.next_entry()?.filter(|entry| entry.sequence() == sequence);
        Ok(found.map(tell))
    }

    /// Passes over everything before a number: what lies between is not checked, and in a sealed
    /// segment not unpacked. Before the entry that comes next there is no way back.
    pub fn skip_to(&mut self, sequence: u64) {
        const NEAR: u64 = 500;
        let sealed = |current: &Current| current.segment.form == Form::Sealed;
        if sequence > self.next + NEAR && self.current.as_ref().is_some_and(sealed) {
            // Found again by the segment's index.
            self.current = None;
            self.ahead.clear();
        }
        self.next = self.next.max(sequence);
    }

    /// The number of the entry that comes next.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The next entry; `None` where there is none yet. It may be asked again.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_>>, Fault> {
        if self.find()? { self.found() } else { Ok(None) }
    }

    /// Goes to the next entry; whether there is one, to be had by [`Reader::found`].
    pub(super) fn find(&mut self) -> Result<bool, Fault> {
        loop {
            let Some(current) = &mut self.current else {
                if !self.advance()? {
                    return Ok(false);
                }
                continue;
            };
            match current.step(self.next, self.since, self.trusts)? {
                Found::Entry => return Ok(true),
                Found::End => match self.over()? {
                    Over::Done => self.current = None,
                    Over::More => {}
                    Over::NotYet => return Ok(false),
                },
            }
        }
    }

    /// The entry that was found.
    pub(super) fn found(&mut self) -> Result<Option<Entry<'_>>, Fault> {
        let Some(current) = &mut self.current else { return Ok(None) };
        self.next = current.next;
        current.frames.back();
        match current.frames.next()? {
            Step::Entry(entry) => Ok(Some(entry)),
            Step::End | Step::Torn | Step::Bad(_) => Ok(None),
        }
    }

    /// Whether the segment that is read has come to its end for good: there is a later one, and
    /// nothing was added before that was begun.
    fn over(&mut self) -> Result<Over, Fault> {
        let Some(current) = &mut self.current else { return Ok(Over::Done) };
        let first = current.segment.first;
        let later = list(&self.folder)?.into_iter().filter(|segment| segment.first > first);
        self.ahead = later.collect();
        if self.ahead.is_empty() {
            // Begun just before a crash, and removed when the journal was opened again.
            let removed = current.next == first && !current.segment.path.exists();
            return Ok(if removed { Over::Done } else { Over::NotYet });
        }
        match current.frames.next()? {
            Step::End => {
                self.next = self.next.max(current.next);
                Ok(Over::Done)
            }
            Step::Entry(_) => {
                current.frames.back();
                Ok(Over::More)
            }
            Step::Torn => Err(current.damaged("a closed segment ends within an entry")),
            Step::Bad(what) => Err(current.damaged(what)),
        }
    }

    /// Opens the segment with what comes next; `false` where there is none.
    fn advance(&mut self) -> Result<bool, Fault> {
        let begun = !self.ahead.is_empty();
        if !begun {
            self.ahead = list(&self.folder)?.into();
            while self.ahead.get(1).is_some_and(|second| second.first <= self.next) {
                self.ahead.pop_front();
            }
        }
        let Some(segment) = self.ahead.pop_front() else { return Ok(false) };
        if begun && segment.first > self.next {
            let (folder, from) = (self.folder.clone(), self.next);
            return Err(Fault::Missing { folder, from, until: segment.first - 1 });
        }
        self.current = self.enter(segment)?;
        Ok(self.current.is_some())
    }

    fn enter(&self, segment: Segment) -> Result<Option<Current>, Fault> {
        let segment = match Frames::open_at_any(&segment) {
            // Sealed since it was listed.
            Err(Fault::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let path = segment.path.with_extension("zst");
                Segment { form: Form::Sealed, path, ..segment }
            }
            // Begun just now: its header is not there yet.
            Err(Fault::Damaged { offset: 0, .. }) if is_empty(&segment).unwrap_or(false) => {
                return Ok(None);
            }
            Err(fault) => return Err(fault),
            Ok(frames) => return Ok(Some(self.place(segment, frames))),
        };
        let frames = Frames::open_at_any(&segment)?;
        Ok(Some(self.place(segment, frames)))
    }

    fn place(&self, segment: Segment, mut frames: Frames) -> Current {
        let mut next = segment.first;
        let mut chain = Some(frames.header().chain);
        let of = |frames: &Frames, from: u64| {
            frames.index().map_or(from, |(index, _)| {
                let block = index.blocks.get(index.block_of(from));
                block.map_or(from, |block| block.first)
            })
        };
        if self.next > segment.first && segment.form == Form::Sealed {
            chain = frames.seek(self.next);
            next = of(&frames, self.next);
        } else if self.since > i64::MIN && segment.form == Form::Sealed {
            chain = frames.seek_time(self.since);
            let block = frames.index().map(|(index, _)| {
                let found = index.blocks.iter().find(|block| block.latest >= self.since);
                found.map_or(index.first + index.count, |block| block.first)
            });
            next = block.unwrap_or(next);
        }
        Current { segment, frames, next, chain }
    }
}

impl Current {
    /// Goes to the next entry that is wanted.
    fn step(&mut self, from: u64, since: i64, trusts: bool) -> Result<Found, Fault> {
        loop {
            let wrong = match self.frames.next()? {
                Step::Entry(entry) => {
                    let chain = *entry.chain();
                    let skipped = entry.sequence() < from;
                    // What is passed over is not worth a hash.
                    let follows = skipped
                        || trusts
                        || self.chain.is_none_or(|before| before.chain(&entry.leaf()) == chain);
                    if entry.sequence() == self.next && follows {
                        self.next += 1;
                        self.chain = Some(chain);
                        let old = since > i64::MIN && entry.at().is_none_or(|at| at < since);
                        if skipped || old {
                            continue;
                        }
                        return Ok(Found::Entry);
                    }
                    "not what was written"
                }
                // Of what is torn the writer may be about to write the rest.
                Step::End | Step::Torn => return Ok(Found::End),
                Step::Bad(what) => what,
            };
            self.frames.back();
            return Err(self.damaged(wrong));
        }
    }

    fn damaged(&self, what: &'static str) -> Fault {
        let (path, offset) = (self.segment.path.clone(), self.frames.offset());
        Fault::Damaged { path, offset, sequence: self.next, what }
    }
}
