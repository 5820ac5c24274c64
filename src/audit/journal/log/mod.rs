//! The journal as it is written. One thread drives it: `append` fills a buffer, `write` puts the
//! buffer out, `sync` waits for the disk, `tick` does what is due.

mod buffer;
mod completed;
mod due;
mod edge;
mod open;
mod tail;
mod unsaved;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::fault::Fault;
use super::files::{Disk, is_linked, write_all};
use super::frames::wide;
use super::hash::Hash;
use super::kind::Kind;
use super::segment::{Form, Segment, list};
use super::settings::Settings;
use super::signer::Signer;
use super::tree::{Compact, Tiles};

use buffer::Buffer;
use completed::Completed;
use unsaved::Unsaved;

pub use completed::Earlier;
pub use due::Done;
pub(super) use due::{CHECKPOINT, introduced};
pub use open::Recovered;
pub use unsaved::Left;

/// An open journal; one process has it at a time. What is in its folder:
///
/// - Segments, named by the sequence of their first entry as 20 digits. `.log` is a segment as it
///   was written: 56 octets of header, then frames (see [`Entry`](super::Entry)) until its end. The
///   header is `bpjrnl`, 0, 1; the sequence of the first entry (8 octets, big-endian); when the
///   segment was begun (8, milliseconds since 1970 UTC); the chain value before that entry (32).
///   `.zst` is the same sealed: `zstd -d` gives the `.log` again, but for what retention has
///   pruned. `.idx` beside it only makes reading faster.
/// - `checkpoint`: the last one, as c2sp.org/tlog-checkpoint has it. Each is an entry too: that
///   with sequence n is signed over the entries 0 to n - 1.
/// - `tree`: the roots of all full subtrees of 256 leaves, 32 octets each. It follows from the
///   segments and may lag behind or be missing.
/// - `edge`: the tree as of the last checkpoint: its size (8 octets, big-endian), and the roots of its
///   full subtrees, the largest first. Only a start that cannot read what is closed needs it.
/// - `key.pem`: what signs. The first entry introduces what verifies by it, and another key is
///   introduced by an entry that the one before signed: the lines `borderpost journal key`, the
///   origin, and the new verifier key.
/// - `lock`: locked by who writes.
/// - `unsaved`: 512 octets, JSON: what would be lost if the process ended now, `{}` if nothing. The
///   next start writes it as an entry of type [`Kind::Gap`].
/// - `completed`: 512 octets, JSON: every verdict before the entry `before` has its record, said when
///   the journal had `entries` entries of which the last had the chain value `chain`. The next start
///   makes the records that are missing after it, and goes over everything where it is missing or is
///   not of this journal.
#[derive(Debug)]
pub struct Log {
    disk: Box<dyn Disk>,
    folder: PathBuf,
    settings: Settings,
    signer: Signer,
    segment: Open,
    buffer: Buffer,
    head: Head,
    tiles: Tiles,
    /// Why the last write failed.
    why: Option<String>,
    /// The entry after the last checkpoint.
    signed: u64,
    signed_at: Timestamp,
    note: Option<String>,
    /// A checkpoint that is an entry, and the tree that it signs, but not yet the file.
    unpublished: Option<(String, Compact)>,
    /// Whether what signed the last checkpoint may not have the place of the key yet.
    unsettled: bool,
    /// When the newest entry was written that was there when it was opened.
    newest: Option<Timestamp>,
    /// A segment that could not be begun.
    litter: Option<PathBuf>,
    unsaved: Unsaved,
    earlier: Earlier,
    completed: Completed,
    /// Locked as long as it is open.
    _lock: File,
}

/// The segment that is written.
#[derive(Debug)]
struct Open {
    segment: Segment,
    file: File,
    made: Timestamp,
    /// Octets in the file that are whole frames.
    length: u64,
    /// Of them, those that are on the disk.
    synced: u64,
    /// There may be more in the file than that.
    torn: bool,
}

/// Where the journal stands after the entries that have their number.
#[derive(Clone, Debug)]
struct Head {
    next: u64,
    chain: Hash,
    tree: Compact,
    /// Subtrees that have become full.
    tiles: Vec<Hash>,
}

impl Head {
    fn push(&mut self, leaf: Hash, chain: Hash) {
        self.next += 1;
        self.chain = chain;
        self.tiles.extend(self.tree.push(leaf));
    }
}

impl Log {
    /// Puts an entry into the buffer and returns its number. Gaps, checkpoints and keys come from
    /// the journal itself. Where entries before it get lost,
    /// because the disk takes none and the buffer is full, its number becomes smaller; an entry of
    /// type [`Kind::Gap`] then stands where they would.
    pub fn append(&mut self, kind: Kind, at: Timestamp, payload: &[u8]) -> u64 {
        let why = self.why.as_deref().unwrap_or("more came than was written");
        self.head.next + self.buffer.push(kind, at.as_millisecond(), payload, why)
    }

    /// Puts the buffer out, in pieces of whole entries. What is written survives the end of the
    /// process, not that of the machine. After a failure the file ends with the last piece that it
    /// took, and the buffer keeps the others.
    pub fn write(&mut self) -> Result<(), Fault> {
        while !self.buffer.is_written() {
            if let Err(fault) = self.write_piece() {
                // What fitted makes room in the buffer. Where this fails too, it is written again.
                drop(self.flush());
                return Err(fault);
            }
        }
        // What is not synced is kept, so that it can be written again.
        if self.buffer.is_half_full() { self.flush() } else { Ok(()) }
    }

    fn write_piece(&mut self) -> Result<(), Fault> {
        self.mend()?;
        let mut head = self.head.clone();
        let octets = self.buffer.piece(&mut head);
        let open = &mut self.segment;
        let written = write_all(&mut *self.disk, &open.segment.path, &mut open.file, octets);
        if let Err(error) = written {
            self.buffer.failed();
            return Err(self.tear(error));
        }
        open.length += wide(octets.len());
        self.buffer.wrote();
        self.why = None;
        self.tiles.add(&mut *self.disk, &std::mem::take(&mut head.tiles));
        self.head = head;
        Ok(())
    }

    /// Puts the buffer out and waits until it is on the disk. Everything that was appended before
    /// survives the end of the machine when this returns.
    pub fn sync(&mut self) -> Result<(), Fault> {
        self.linked()?;
        self.write()?;
        self.flush()
    }

    /// Waits until what is in the file is on the disk.
    fn flush(&mut self) -> Result<(), Fault> {
        let open = &mut self.segment;
        if open.synced == open.length {
            return Ok(());
        }
        if let Err(error) = self.disk.sync(&open.segment.path, &mut open.file) {
            // What the system could not put on the disk it may have dropped.
            open.length = open.synced;
            self.buffer.again();
            return Err(self.tear(error));
        }
        open.synced = open.length;
        self.buffer.synced();
        self.saved();
        Ok(())
    }

    /// Whether the open segment still stands where it can be found. A new one in its place would
    /// follow entries that nobody has: until it is back, nothing is taken for kept.
    pub fn linked(&mut self) -> Result<(), Fault> {
        let Open { segment, file, .. } = &self.segment;
        if is_linked(&segment.path, file).map_err(Fault::file(&segment.path))? {
            return Ok(());
        }
        self.why = Some("its file was removed or moved".to_owned());
        Err(Fault::Gone { path: segment.path.clone() })
    }

    /// Whether entries had to be dropped that no gap in the file tells of yet.
    pub const fn loses(&self) -> bool {
        self.buffer.loses()
    }

    /// How many entries were dropped since it was opened.
    pub const fn lost(&self) -> u64 {
        self.buffer.lost_ever()
    }

    /// How many entries there are, with those in the buffer.
    pub const fn entries(&self) -> u64 {
        self.head.next + self.buffer.more()
    }

    /// How many entries stand in its files, and how many wait in the buffer.
    pub const fn standing(&self) -> (u64, u64) {
        (self.head.next, self.buffer.waiting())
    }

    /// The last checkpoint, as a signed note: whoever keeps it elsewhere can later prove that
    /// nothing before it was changed or cut off.
    pub fn checkpoint(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// When the newest entry was written that was there when it was opened, as far as the last
    /// segment tells.
    pub const fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// What signs.
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Closed segments that are not sealed yet.
    pub fn unsealed(&self) -> Result<Vec<PathBuf>, Fault> {
        let all = list(&self.folder)?.into_iter();
        let closed = all.filter(|one| one.form == Form::Plain && one.first < self.first());
        Ok(closed.map(|segment| segment.path).collect())
    }

    const fn first(&self) -> u64 {
        self.segment.segment.first
    }

    /// Notes that a write failed, and cuts off what it left.
    fn tear(&mut self, error: io::Error) -> Fault {
        self.why = Some(error.to_string());
        self.segment.torn = true;
        // Where this fails too, the next write begins with it.
        drop(self.mend());
        Fault::file(&self.segment.segment.path)(error)
    }

    fn mend(&mut self) -> Result<(), Fault> {
        let open = &mut self.segment;
        if open.torn {
            let path = &open.segment.path;
            let cut = self.disk.truncate(path, &mut open.file, open.length);
            cut.map_err(Fault::file(path))?;
            open.torn = false;
        }
        Ok(())
    }
}
