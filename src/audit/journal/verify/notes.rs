//! Signatures: checkpoints in the journal and outside of it, and keys.

use std::fs;
use std::io;
use std::mem::{Discriminant, discriminant};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::entry::Entry;
use super::super::fault::Fault;
use super::super::hash::Hash;
use super::super::log::{CHECKPOINT, introduced};
use super::super::note::{Checkpoint, NoteFault, VerifierKey};
use super::super::ranges::Ranges;
use super::finding::{Finding, What};
use super::kept::Kept;
use super::walk::{Place, Walk};

/// Entries that a journal may have before anything was signed, for who knows the key: its key, and a
/// start for each run that was killed before it could sign.
const HANDFUL: u64 = 5;

/// Of so many checkpoints that were kept elsewhere each signature is checked; of more, those that
/// speak against the journal, and the last: the rest hold by their roots.
const CHECKED: usize = 1_000;

/// What a note of the journal itself says.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    unsigned: Option<Adopted>,
    #[serde(default)]
    retention: Option<Retained>,
}

/// What a note of retention says.
#[derive(Deserialize)]
struct Retained {
    /// Notes of before it was said what is to be dropped have none.
    #[serde(default)]
    stage: Option<String>,
    #[serde(default)]
    sequences: Ranges,
    #[serde(default)]
    dropped: Vec<Class>,
}

#[derive(Deserialize)]
struct Class {
    #[serde(default)]
    entries: u64,
}

/// What a note accounts for.
#[derive(Debug)]
pub(super) struct Dropped {
    /// The note's own.
    sequence: u64,
    sequences: Ranges,
    /// Entries of which it does not say which they are.
    count: u64,
}

impl Retained {
    fn dropped(self, sequence: u64) -> Dropped {
        let Self { stage, sequences, dropped } = self;
        let entries = dropped.iter().map(|class| class.entries).fold(0, u64::saturating_add);
        let count = if stage.is_none() { entries } else { 0 };
        Dropped { sequence, sequences, count }
    }
}

/// Entries that were found without signatures.
#[derive(Deserialize)]
struct Adopted {
    from: u64,
    until: u64,
}

/// Checkpoints that are not entries.
#[derive(Debug, Default)]
pub(super) struct Outsides {
    /// The smallest first.
    all: Vec<Outside>,
    /// Those of which the size was reached.
    seen: usize,
}

/// A checkpoint that is not an entry.
#[derive(Debug)]
struct Outside {
    file: PathBuf,
    offset: u64,
    note: String,
    says: Result<Checkpoint, NoteFault>,
    /// The root at its size, once so many entries were read.
    found: Option<Hash>,
    /// Whether it was kept elsewhere.
    elsewhere: bool,
}

impl Outsides {
    /// The file `checkpoint`, and what was kept elsewhere.
    pub(super) fn gather(folder: &Path, elsewhere: Vec<Kept>) -> Result<Self, Fault> {
        let file = folder.join(CHECKPOINT);
        let own = match fs::read(&file) {
            Ok(note) => Some(String::from_utf8_lossy(&note).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Fault::file(&file)(error)),
        };
        let own = own.map(|note| (Kept { file, offset: 0, note }, false));
        let kept = elsewhere.into_iter().map(|kept| (kept, true));
        let all =
            own.into_iter().chain(kept).map(|(kept, elsewhere)| Outside::new(kept, elsewhere));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(Outside::size);
        Ok(Self { all, seen: 0 })
    }

    /// Told after each entry.
    pub(super) fn see(&mut self, size: u64, root: impl FnOnce() -> Hash) {
        let rest = self.all.get_mut(self.seen..).unwrap_or_default();
        let reached = rest.partition_point(|one| one.size() <= size);
        if reached == 0 {
            return;
        }
        let rest = rest.iter_mut().take(reached).filter(|one| one.size() == size);
        let root = root();
        rest.for_each(|one| one.found = Some(root));
        self.seen += reached;
    }
}

impl Outside {
    fn new(kept: Kept, elsewhere: bool) -> Self {
        let Kept { file, offset, note } = kept;
        let text = note.rsplit_once("\n\n").and_then(|(text, _)| note.get(..=text.len()));
        let says = text.ok_or(NoteFault::NotANote).and_then(Checkpoint::parse);
        Self { file, offset, note, says, found: None, elsewhere }
    }

    fn size(&self) -> u64 {
        self.says.as_ref().map_or(0, |says| says.size)
    }

    /// What is wrong with it, as far as it can be told by a journal that ends with an entry.
    fn wrong(&self, next: u64, keys: &[VerifierKey], check: bool) -> Option<(u64, What)> {
        let says = match &self.says {
            Ok(says) => says,
            Err(why) => return Some((0, What::Unsigned(*why))),
        };
        let last = says.size.saturating_sub(1);
        let against = match self.found {
            Some(root) if root != says.root => Some((last, What::Root(says.size))),
            None if says.size > next => Some((next, What::Short(says.size))),
            Some(_) | None => None,
        };
        if !check && against.is_none() {
            return None;
        }
        match signed_by(keys, &self.note) {
            Some(why) => Some((last, What::Unsigned(why))),
            None => against,
        }
    }
}

impl Walk<'_> {
    /// A checkpoint that is an entry.
    pub(super) fn checkpoint(&mut self, place: &Place<'_>, entry: &Entry<'_>) {
        let note = entry.payload().and_then(|note| std::str::from_utf8(note).ok());
        let key = self.report.keys.last();
        let opened = match (note, key) {
            (Some(note), Some(key)) => Checkpoint::open(note, key),
            (None, _) => Err(NoteFault::NotANote),
            (_, None) => Err(NoteFault::Unsigned),
        };
        let checkpoint = match opened {
            Ok(checkpoint) => checkpoint,
            Err(why) => return self.tell(place, What::Unsigned(why)),
        };
        let Checkpoint { origin, size, root } = checkpoint;
        if key.is_some_and(|key| key.name() != origin) {
            return self.tell(place, What::Origin(origin));
        }
        if size != entry.sequence() {
            return self.tell(place, What::Place(size));
        }
        if !self.whole {
            return;
        }
        if root != self.tree.root() {
            // All that follow differ for the same reason.
            if !std::mem::replace(&mut self.root_told, true) {
                self.tell(place, What::Root(size));
            }
            return;
        }
        self.report.checkpoints += 1;
        (self.report.signed, self.signed) = (size, entry.sequence() + 1);
        self.uncovered.covered();
        if let Some(key) = self.report.keys.last() {
            self.report.signers.retain(|known| known != key);
            self.report.signers.push(key.clone());
        }
    }

    /// A key that is an entry.
    pub(super) fn key(&mut self, place: &Place<'_>, entry: &Entry<'_>) {
        let key = introduced(entry.payload().unwrap_or_default(), self.report.keys.last());
        match key {
            Some(key) => self.report.keys.push(key),
            None => self.tell(place, What::Key),
        }
    }

    /// What checkpoints outside of the journal say. Of those kept elsewhere in one file only the first
    /// of each kind is told: where one is wrong, so are mostly all behind it.
    pub(super) fn compare_outside(&mut self) {
        let Outsides { all, .. } = std::mem::take(&mut self.outside);
        let few = all.len() <= CHECKED;
        let most = all.len().saturating_sub(1);
        let mut told: Vec<(PathBuf, Discriminant<What>)> = Vec::new();
        for (number, outside) in all.into_iter().enumerate() {
            let kind = |what: &What| (outside.file.clone(), discriminant(what));
            let check = few || number == most || !outside.elsewhere;
            let wrong = outside.wrong(self.next, &self.report.keys, check);
            let Some((sequence, what)) = wrong else {
                let holds = outside.elsewhere && outside.found.is_some();
                self.report.kept += u64::from(holds);
                continue;
            };
            if outside.elsewhere {
                let kind = kind(&what);
                if told.contains(&kind) {
                    continue;
                }
                told.push(kind);
            }
            let Outside { file, offset, .. } = outside;
            self.report.add(Finding { file, offset, sequence, what });
        }
    }

    /// Whether signatures cover as much as the program signs, and the last one is kept.
    pub(super) fn coverage(&mut self, folder: &Path) {
        // Where entries are missing or other ones no checkpoint can be checked, which is told.
        let first = self.uncovered.first().filter(|_| self.uncovered.is_much());
        if let Some(sequence) = first.filter(|_| self.whole && !self.root_told) {
            let what = What::Uncovered(self.next.saturating_sub(1));
            self.report.add(Finding { file: folder.to_owned(), offset: 0, sequence, what });
        }
        let file = folder.join(CHECKPOINT);
        // A crash may have left the first as an entry alone.
        if self.report.checkpoints > 1 && !file.exists() {
            let (sequence, what) = (self.report.signed, What::NoCheckpoint);
            self.report.add(Finding { file, offset: 0, sequence, what });
        }
    }

    /// A note of the journal itself.
    pub(super) fn note(&mut self, place: &Place<'_>, entry: &Entry<'_>) {
        let Some(payload) = entry.payload() else { return };
        let Ok(Said { unsigned, retention }) = serde_json::from_slice(payload) else { return };
        if let Some(Adopted { from, until }) = unsigned {
            self.tell(place, What::Adopted(from, until));
        }
        let dropped = retention.map(|said| said.dropped(entry.sequence()));
        self.dropped.extend(dropped);
    }

    /// Whether signed notes of retention account for what is pruned: by its sequences, and those of
    /// before there were any by their number.
    pub(super) fn account(&mut self, folder: &Path) {
        let (mut noted, mut counted) = (Ranges::default(), 0_u64);
        for Dropped { sequence, sequences, count } in std::mem::take(&mut self.dropped) {
            if sequence < self.signed {
                noted.append(&sequences);
                counted = counted.saturating_add(count);
            }
        }
        noted.sort();
        let left = self.pruned.without(&noted).filter(|(_, count)| *count > counted);
        if let Some((sequence, count)) = left {
            let what = What::Unaccounted(count - counted);
            self.report.add(Finding { file: folder.to_owned(), offset: 0, sequence, what });
        }
    }

    /// The key that was given must have signed a checkpoint, but in a journal that names it and has
    /// nothing else yet: the first one is signed before anything comes.
    pub(super) fn require(&mut self, folder: &Path, key: &VerifierKey) {
        let named = self.report.keys.first() == Some(key);
        let new = named && self.others == 0 && self.report.entries <= HANDFUL;
        if !new && !self.report.signers.contains(key) {
            let (file, what) = (folder.to_owned(), What::Stranger);
            self.report.add(Finding { file, offset: 0, sequence: 0, what });
        }
    }
}

/// Why none of the keys has signed a note; `None` where one has.
fn signed_by(keys: &[VerifierKey], note: &str) -> Option<NoteFault> {
    let mut fault = Some(NoteFault::Unsigned);
    for key in keys {
        match key.open(note) {
            Ok(_) => return None,
            Err(NoteFault::Unsigned) => {}
            Err(why) => fault = Some(why),
        }
    }
    fault
}
