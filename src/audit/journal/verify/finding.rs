//! What verifying finds: where, and what it means.

use std::fmt;
use std::path::PathBuf;

use super::super::kind::Kind;
use super::super::note::NoteFault;

/// Something that was found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// Where in it; in a sealed segment, where in what it unpacks to.
    pub offset: u64,
    /// The entry it is about, or the first of them.
    pub sequence: u64,
    /// What it is.
    pub what: What,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// Kind, time, payload or number of the entry were changed.
    Altered,
    /// Only the number was.
    Number(u64),
    /// Only the kind was; this is the one that was written.
    WasKind(Kind),
    /// Only the length was.
    Length,
    /// Only the chain value was.
    Chain,
    /// Octets that are no entry.
    Unreadable(u64),
    /// Entries up to this one are missing.
    Missing(u64),
    /// An entry stands where a later one should.
    Repeated,
    /// The last entry is not whole.
    Torn(u64),
    /// A segment does not follow from what is before it.
    Unlinked,
    /// A segment cannot be read.
    Segment(String),
    /// An index says something else than its segment.
    Index,
    /// There is no index.
    NoIndex,
    /// A root in the file `tree` is not that of its entries.
    Tree,
    /// A checkpoint was signed for other entries.
    Root(u64),
    /// A checkpoint was signed for so many entries, which are not there.
    Short(u64),
    /// A checkpoint stands elsewhere than after what it is of.
    Place(u64),
    /// A checkpoint is not signed as it should be.
    Unsigned(NoteFault),
    /// A checkpoint is of another journal.
    Origin(String),
    /// A key was not introduced by the one before it.
    Key,
    /// The key that was given has signed nothing here.
    Stranger,
    /// No checkpoint covers the entries up to this one, and a crash does not leave so many.
    Uncovered(u64),
    /// Checkpoints were signed, and the file of the last one is not there.
    NoCheckpoint,
    /// A pruned entry in a segment that was never sealed.
    PrunedOpen,
    /// So many entries from this one on are pruned, and no note of retention accounts for them.
    Unaccounted(u64),
    /// At a start entries between two numbers were found without the signatures that they should
    /// have had.
    Adopted(u64, u64),
    /// Entries were lost, and the journal says so.
    Gap(String),
    /// The time is before that of the entry before, by so many milliseconds.
    Backwards(i64),
}

impl What {
    /// Whether it speaks against the journal. A crash, a gap that is told and a clock that was set
    /// back do not: the journal is what was written.
    pub const fn is_fault(&self) -> bool {
        !matches!(self, Self::Torn(_) | Self::Gap(_) | Self::Backwards(_) | Self::NoIndex)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, sequence, what } = self;
        write!(f, "{}: octet {offset}, entry {sequence}: {what}", file.display())
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered => f.write_str("its time, payload or more than one field was changed after it was written"),
            Self::Number(found) => write!(f, "its number was changed to {found}; the rest is what was written"),
            Self::WasKind(kind) => write!(f, "its kind was changed; `{kind}` was written"),
            Self::Length => f.write_str("its length was changed; the rest is what was written"),
            Self::Chain => f.write_str("its chain value was changed; the entry is what was written"),
            Self::Unreadable(octets) => write!(f, "{octets} octets are no entries: damaged, or torn by a crash if they are the last"),
            Self::Missing(until) => write!(f, "entries up to {until} are missing: removed, or not readable"),
            Self::Repeated => f.write_str("it stands after a later one: moved, or written a second time"),
            Self::Torn(octets) => write!(f, "the last {octets} octets are a part of an entry: it is being written, or a crash tore it"),
            Self::Unlinked => f.write_str("the segment does not follow from what is before it: replaced, or what is before it was changed"),
            Self::Segment(why) => write!(f, "the segment cannot be read: {why}"),
            Self::Index => f.write_str("the index says something else than the segment; remove it, it is made anew"),
            Self::NoIndex => f.write_str("there is no index of this state of the segment; reading is slower"),
            Self::Tree => f.write_str("the file `tree` has another root for this entry and the 255 after it; remove it, it is made anew"),
            Self::Root(size) => write!(f, "the first {size} entries are not those this checkpoint was signed for"),
            Self::Short(size) => write!(f, "a checkpoint was signed for {size} entries: the end of the journal was cut off, or an older copy put in its place"),
            Self::Place(size) => write!(f, "the checkpoint is of {size} entries and should stand right after them"),
            Self::Unsigned(why) => write!(f, "a checkpoint cannot be believed: {why}"),
            Self::Origin(origin) => write!(f, "a checkpoint is of another journal, `{origin}`"),
            Self::Key => f.write_str("a key that the one before it did not introduce"),
            Self::Stranger => f.write_str("the key that was given has signed nothing in this journal"),
            Self::Uncovered(until) => write!(f, "no checkpoint covers the entries up to {until}, and the program signs every ten seconds or 1,000 entries: written by somebody else, or what was signed was replaced"),
            Self::NoCheckpoint => f.write_str("the file is missing, and checkpoints were signed: it was removed, and what followed the last one may have been, too"),
            Self::PrunedOpen => f.write_str("it has lost its payload in a segment that is not sealed: retention drops only what is sealed, so somebody else did"),
            Self::Unaccounted(count) => write!(f, "{count} entries from this one on have lost their payload, and no signed note of retention says so: somebody else dropped it"),
            Self::Adopted(from, until) => write!(f, "entries {from} to {until} had no signature over them when the program started: what signs them since proves nothing of them"),
            Self::Gap(why) => write!(f, "entries were lost when it was written: {why}"),
            Self::Backwards(by) => write!(f, "its time is {by} ms before that of an earlier one: the clock was set back"),
        }
    }
}
