//! Retention: payloads are dropped, leaf hashes stay, and so chain and tree still verify.

use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::fault::Fault;
use super::files::{Disk, Real};
use super::frames::{Frames, Step};
use super::kind::Kind;
use super::seal::Writer;
use super::segment::{Form, Segment, list};

/// What pruning has done to a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Entries that have lost their payload now.
    pub dropped: u64,
    /// Entries that have one.
    pub kept: u64,
    /// Octets of the segment before.
    pub before: u64,
    /// Octets now.
    pub after: u64,
}

/// Rewrites a sealed segment without the payloads that `keep` does not want. Checkpoints, keys and
/// gaps always stay: without them nobody could verify the rest. That it was done, and why, belongs
/// into the journal as a [`Note`](super::Kind::Note). A crash leaves the segment as it was or as
/// it shall be; a segment that is damaged is left as it is.
pub fn prune(path: &Path, keep: impl FnMut(&Entry<'_>) -> bool) -> Result<Pruned, Fault> {
    prune_on(&mut Real, path, keep)
}

/// The sealed segments of a journal, in order: what can be pruned.
pub fn sealed_segments(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let sealed = list(folder)?.into_iter().filter(|one| one.form == Form::Sealed);
    Ok(sealed.map(|segment| segment.path).collect())
}

/// Shows every entry of a sealed segment, as it is; whether it is what was written, pruning and
/// verifying tell.
pub fn scan(path: &Path, mut tell: impl FnMut(&Entry<'_>)) -> Result<(), Fault> {
    let unfit = || Fault::Unfit { path: path.to_owned(), what: "it is no sealed segment" };
    let segment = Segment::of(path).filter(|segment| segment.form == Form::Sealed);
    let segment = segment.ok_or_else(unfit)?;
    let mut frames = Frames::open(&segment)?;
    let mut sequence = segment.first;
    loop {
        let offset = frames.offset();
        let wrong = |what| Err(Fault::Damaged { path: path.to_owned(), offset, sequence, what });
        match frames.next()? {
            Step::Entry(entry) => {
                sequence = entry.sequence() + 1;
                tell(&entry);
            }
            Step::End => return Ok(()),
            Step::Torn => return wrong("a closed segment ends within an entry"),
            Step::Bad(what) => return wrong(what),
        }
    }
}

pub(super) fn prune_on(
    disk: &mut dyn Disk,
    path: &Path,
    mut keep: impl FnMut(&Entry<'_>) -> bool,
) -> Result<Pruned, Fault> {
    let unfit =
        || Fault::Unfit { path: path.to_owned(), what: "only a sealed segment can be pruned" };
    let segment = Segment::of(path).filter(|segment| segment.form == Form::Sealed);
    let segment = segment.ok_or_else(unfit)?;
    let mut frames = Frames::open(&segment)?;
    let mut writer = Writer::begin(disk, path, frames.header())?;
    let before = frames.index().map_or(0, |(index, _)| index.packed);
    let mut pruned = Pruned { before, ..Pruned::default() };
    let (mut next, mut chain) = (segment.first, frames.header().chain);
    loop {
        let offset = frames.offset();
        let wrong =
            |what| Err(Fault::Damaged { path: path.to_owned(), offset, sequence: next, what });
        let entry = match frames.next()? {
            Step::Entry(entry) => entry,
            Step::End => break,
            Step::Torn => return wrong("a closed segment ends within an entry"),
            Step::Bad(what) => return wrong(what),
        };
        chain = chain.chain(&entry.leaf());
        if entry.sequence() != next || *entry.chain() != chain {
            return wrong("not what was written");
        }
        next += 1;
        let prunable = entry.kind().is_some_and(Kind::is_prunable);
        if prunable && !keep(&entry) {
            writer.add_pruned(disk, &entry)?;
            pruned.dropped += 1;
        } else {
            writer.add(disk, &entry, entry.frame())?;
            pruned.kept += u64::from(entry.kind().is_some());
        }
    }
    if pruned.dropped > 0 {
        pruned.after = writer.end(disk)?.packed;
    } else {
        pruned.after = pruned.before;
        writer.leave(disk)?;
    }
    Ok(pruned)
}
