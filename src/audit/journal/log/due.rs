//! What is due by time or count: checkpoints, and new segments. And new keys.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::super::fault::Fault;
use super::super::files::{Disk, create, write_all};
use super::super::frames::wide;
use super::super::kind::Kind;
use super::super::note::{Checkpoint, VerifierKey};
use super::super::segment::{HEADER, Header, Segment};
use super::super::signer::Signer;
use super::{Head, Log, Open, edge};

/// The file with the last checkpoint.
pub(in super::super) const CHECKPOINT: &str = "checkpoint";

/// The first line of what a key signs when another follows it.
const KEY: &str = "borderpost journal key";

/// What was due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// A checkpoint was signed: the note, to be kept elsewhere too.
    pub checkpoint: Option<String>,
    /// A segment was closed and can be sealed.
    pub closed: Option<PathBuf>,
}

impl Log {
    /// Signs a checkpoint and begins a new segment where either is due.
    pub fn tick(&mut self, now: Timestamp) -> Result<Done, Fault> {
        let mut done = Done::default();
        if self.publish()? {
            done.checkpoint.clone_from(&self.note);
        }
        let Due { checkpoint, roll } = self.due(now);
        if checkpoint || (roll && self.entries() > self.signed) {
            self.sign(now)?;
            done.checkpoint.clone_from(&self.note);
        }
        if roll {
            done.closed = Some(self.roll(now)?);
        }
        Ok(done)
    }

    /// Puts everything on the disk and signs it: nothing more comes.
    pub fn close(&mut self, now: Timestamp) -> Result<(), Fault> {
        if self.entries() > self.signed {
            return self.sign(now);
        }
        self.sync()?;
        self.publish().map(drop)
    }

    fn due(&self, now: Timestamp) -> Due {
        let (settings, entries) = (&self.settings, self.entries());
        let unsigned = entries.saturating_sub(self.signed);
        let checkpoint = unsigned >= settings.checkpoint_entries
            || (unsigned > 0 && has_passed(self.signed_at, now, settings.checkpoint_time));
        let large = self.segment.length >= settings.segment_octets;
        let roll = self.segment.length > wide(HEADER)
            && (large || has_passed(self.segment.made, now, settings.segment_time));
        Due { checkpoint, roll }
    }

    /// Signs what is on the disk, and only that: what a crash takes back must not be signed.
    pub(super) fn sign(&mut self, at: Timestamp) -> Result<(), Fault> {
        self.sync()?;
        let origin = self.signer.verifier().name().to_owned();
        let (size, root) = (self.head.next, self.head.tree.root());
        let edge = self.head.tree.clone();
        let note = self.signer.sign(&Checkpoint { origin, size, root }.to_string());
        self.put(Kind::Checkpoint, at, note.as_bytes())?;
        (self.signed, self.signed_at) = (self.head.next, at);
        self.unpublished = Some((note, edge));
        self.publish().map(drop)
    }

    /// Puts the last checkpoint where all look for it, and the key that signed it in its place;
    /// whether there was one to put. Until that is done no segment is begun: a start looks for the
    /// last key in the one that is open.
    fn publish(&mut self) -> Result<bool, Fault> {
        let is_new = self.unpublished.is_some();
        if let Some((note, edge)) = &self.unpublished {
            let path = self.folder.join(CHECKPOINT);
            let part = self.folder.join("checkpoint.part");
            replace(&mut *self.disk, &path, &part, note.as_bytes())?;
            edge::keep(&self.folder, edge);
            if self.note.is_none() {
                // From now on it is missed where it is not there.
                self.disk.sync_folder(&self.folder).map_err(Fault::file(&self.folder))?;
            }
            self.note = self.unpublished.take().map(|(note, _)| note);
            self.unsettled = true;
        }
        if self.unsettled {
            self.settle()?;
            self.unsettled = false;
        }
        Ok(is_new)
    }

    /// Appends an entry of our own that must directly follow what is on the disk.
    fn put(&mut self, kind: Kind, at: Timestamp, payload: &[u8]) -> Result<(), Fault> {
        self.append(kind, at, payload);
        let done = self.sync();
        if done.is_err() {
            // Written once, it keeps its place; else there may be others before it next time.
            self.buffer.forget();
        }
        done
    }

    /// Closes the segment and begins the next. Returns the closed one.
    fn roll(&mut self, at: Timestamp) -> Result<PathBuf, Fault> {
        self.sync()?;
        self.clear()?;
        let next = Open::begin(&mut *self.disk, &self.folder, &self.head, at);
        if next.is_err() {
            self.litter = Some(Segment::plain(&self.folder, self.head.next).path);
            // Where this fails too, the next attempt begins with it.
            drop(self.clear());
        }
        let next = next?;
        let closed = std::mem::replace(&mut self.segment, next);
        Ok(closed.segment.path)
    }

    /// Removes the segment that could not be begun: it must not stand between others.
    fn clear(&mut self) -> Result<(), Fault> {
        if let Some(path) = &self.litter {
            match self.disk.remove(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Fault::file(path)(error));
                }
                Ok(()) | Err(_) => self.litter = None,
            }
        }
        Ok(())
    }

    /// Lets a new key sign from now on. That it does is an entry, signed by the old one. Returns
    /// what verifies the new one.
    pub fn rotate(&mut self, at: Timestamp) -> Result<VerifierKey, Fault> {
        self.sign(at)?;
        let next = self.signer.make_next()?;
        let payload = introduce(&self.signer, &next);
        let before = self.head.next;
        let done = self.put(Kind::Key, at, payload.as_bytes());
        // Once it has its number it will be in the journal, even where the disk failed after it.
        if self.head.next > before {
            self.signer = next;
        }
        done?;
        self.sign(at)?;
        Ok(self.signer.verifier().clone())
    }

    /// Appends the first key of a new journal.
    pub(super) fn introduce(&mut self, at: Timestamp) -> Result<(), Fault> {
        let payload = introduce(&self.signer, &self.signer);
        self.put(Kind::Key, at, payload.as_bytes())
    }

    /// Gives a new key the place of the old one, once the last checkpoint is signed by it: whoever
    /// opens the journal then finds the key that signed last, or both.
    fn settle(&mut self) -> Result<(), Fault> {
        let (from, to) = self.signer.paths();
        if *from == to {
            return Ok(());
        }
        self.disk.rename(from, &to).map_err(Fault::file(&to))?;
        self.signer.moved();
        let folder = to.parent().unwrap_or_else(|| Path::new("."));
        self.disk.sync_folder(folder).map_err(Fault::file(folder))
    }
}

struct Due {
    checkpoint: bool,
    roll: bool,
}

/// Whether so much time has passed; or the clock was set back, so that nobody knows.
fn has_passed(since: Timestamp, now: Timestamp, time: Duration) -> bool {
    now < since || now.duration_since(since).unsigned_abs() >= time
}

fn introduce(old: &Signer, new: &Signer) -> String {
    let text = format!("{KEY}\n{}\n{}\n", old.verifier().name(), new.verifier());
    let lines = if old.verifier() == new.verifier() { String::new() } else { new.line(&text) };
    format!("{}{lines}", old.sign(&text))
}

/// The key that an entry introduces, where `old` has signed it.
pub(in super::super) fn introduced(
    payload: &[u8],
    old: Option<&VerifierKey>,
) -> Option<VerifierKey> {
    let note = std::str::from_utf8(payload).ok()?;
    let (text, _) = note.rsplit_once("\n\n")?;
    let mut lines = text.lines();
    let (kind, _origin, key) = (lines.next()?, lines.next()?, lines.next()?);
    let key: VerifierKey = key.parse().ok()?;
    // A key that nobody signed, but that signed itself, is the first one.
    let signed = old.unwrap_or(&key).open(note).is_ok() && key.open(note).is_ok();
    (kind == KEY && signed).then_some(key)
}

fn replace(disk: &mut dyn Disk, path: &Path, part: &Path, octets: &[u8]) -> Result<(), Fault> {
    let mut write = || {
        let mut file = create(disk, part)?;
        write_all(disk, part, &mut file, octets)?;
        disk.sync(part, &mut file)?;
        disk.rename(part, path)
    };
    write().map_err(Fault::file(path))
}

impl Open {
    /// Begins the segment after a head. It has its name on the disk when this returns.
    pub(super) fn begin(
        disk: &mut dyn Disk,
        folder: &Path,
        head: &Head,
        at: Timestamp,
    ) -> Result<Self, Fault> {
        let segment = Segment::plain(folder, head.next);
        let path = segment.path.clone();
        let header = Header { first: head.next, made: at.as_millisecond(), chain: head.chain };
        let mut begin = || {
            let mut file = create(disk, &path)?;
            write_all(disk, &path, &mut file, &header.octets())?;
            disk.sync(&path, &mut file)?;
            disk.sync_folder(folder)?;
            Ok(file)
        };
        let file = begin().map_err(Fault::file(&path))?;
        let length = wide(HEADER);
        Ok(Self { segment, file, made: at, length, synced: length, torn: false })
    }
}
