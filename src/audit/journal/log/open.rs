//! Opening: the end of the last segment is found, what a crash tore off is cut, and the tree is
//! built again from what its file and the segments have.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::entry::Entry;
use super::super::fault::Fault;
use super::super::files::{Disk, Real, make_folder};
use super::super::frames::{Frames, wide};
use super::super::hash::Hash;
use super::super::kind::Kind;
use super::super::note::{Checkpoint, NoteFault, VerifierKey};
use super::super::onward::Unread;
use super::super::reader::Reader;
use super::super::segment::{Form, Segment, is_empty, list};
use super::super::settings::Settings;
use super::super::signer::Signer;
use super::super::tree::{Compact, TILE, Tiles, read_tiles};
use super::super::uncovered::Uncovered;
use super::buffer::Buffer;
use super::completed::{Completed, Earlier};
use super::due::CHECKPOINT;
use super::tail::{Tail, tail};
use super::unsaved::Unsaved;
use super::{Head, Log, Open, edge};

/// What was found when a journal was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Entries that are there.
    pub entries: u64,
    /// Octets cut off the end: what a crash tore. Nothing of it was acknowledged by a sync.
    pub cut: u64,
    /// The file that was cut.
    pub file: Option<PathBuf>,
    /// The last entry that was kept.
    pub after: Option<u64>,
    /// The first and the last entry of those that should have been signed and are not: more than a
    /// crash leaves, or what was signed is missing.
    pub unsigned: Option<(u64, u64)>,
    /// Entries of closed segments that were wanted and cannot be read.
    pub unread: Vec<Unread>,
}

impl Log {
    /// Opens the journal in a folder, or begins one.
    pub fn open(
        folder: &Path,
        settings: Settings,
        signer: Signer,
        now: Timestamp,
    ) -> Result<(Self, Recovered), Fault> {
        Self::open_on(Box::new(Real), folder, settings, signer, now)
    }

    pub(in super::super) fn open_on(
        mut disk: Box<dyn Disk>,
        folder: &Path,
        settings: Settings,
        signer: Signer,
        now: Timestamp,
    ) -> Result<(Self, Recovered), Fault> {
        make_folder(folder)?;
        let path = folder.join("lock");
        let lock = disk.open(&path).map_err(Fault::file(&path))?;
        lock.try_lock().map_err(|_| Fault::InUse { path })?;
        let end = end(&mut *disk, folder)?;
        let next = signer.read_next()?.filter(|next| end.key.as_ref() == Some(next.verifier()));
        let keys = [Some(&signer), next.as_ref()].map(|key| key.map(Signer::verifier));
        let path = folder.join(CHECKPOINT);
        let signed = signed(&path, keys)?;
        let newest = next.as_ref().unwrap_or(&signer).verifier();
        if end.key.as_ref().is_some_and(|key| key != newest) {
            return Err(Fault::OtherKey { path: signer.paths().1 });
        }
        let size = signed.as_ref().map_or(0, |(signed, _)| signed.size);
        if size > end.next {
            return Err(Fault::Short { path, signed: size, found: end.next });
        }
        let (open, mut recovered) = end.open(&mut *disk, folder, now)?;
        let Planted { head, tiles, seen, without } =
            plant(&mut *disk, folder, &end, (signed.as_ref().map(|(one, _)| one), keys))?;
        recovered.unread = end.without.iter().chain(&without).cloned().collect();
        recovered.unsigned = seen.unsigned(signed.is_some(), end.next);
        // What the last run could not sign any more is signed with what comes first.
        let rest = end.next > signed.as_ref().map_or(0, |(signed, _)| signed.size + 1);
        let (unsaved, inherited) = Unsaved::open(folder)?;
        let mut log = Self {
            disk,
            folder: folder.to_owned(),
            settings,
            signer,
            segment: open,
            buffer: Buffer::new(settings.buffer_octets),
            head,
            tiles,
            why: None,
            // The checkpoint's own entry follows what it is of.
            signed: if signed.is_some() { size + 1 } else { 0 },
            signed_at: if rest { Timestamp::MIN } else { now },
            unsettled: has_signed(next.as_ref(), signed.as_ref()),
            note: signed.map(|(_, note)| note),
            unpublished: None,
            newest: Timestamp::from_millisecond(end.latest).ok().filter(|_| end.latest > i64::MIN),
            litter: None,
            unsaved,
            earlier: Earlier::read(folder, end.next, end.chain),
            completed: Completed::new(folder),
            _lock: lock,
        };
        if let Some(next) = next {
            // It has its place with the next checkpoint.
            log.signer = next;
        }
        if log.head.next == 0 {
            log.introduce(now)?;
        }
        if let Some(lost) = inherited {
            log.buffer.inherit(lost);
        }
        if let Some((from, until)) = recovered.unsigned {
            log.adopt(from, until, now);
        }
        recovered.unread.iter().for_each(|place| log.miss(place, now));
        Ok((log, recovered))
    }

    /// Tells of closed entries that cannot be read, in the log and in the journal itself: what they
    /// were is still proved by what is signed, and by no other.
    fn miss(&mut self, place: &Unread, now: Timestamp) {
        let folder = self.folder.display();
        tracing::error!(%folder, %place, "the journal goes on, without some of what was closed");
        let note = serde_json::json!({ "unread": place });
        self.append(Kind::Note, now, note.to_string().as_bytes());
    }

    /// Tells of entries that nobody signed, before they get a signature with all others.
    fn adopt(&mut self, from: u64, until: u64, now: Timestamp) {
        let folder = self.folder.display();
        tracing::error!(
            %folder, from, until,
            "entries of the journal are not signed, and more than a crash leaves: they may not be \
             what was written; compare them with a checkpoint kept elsewhere"
        );
        let note = serde_json::json!({ "unsigned": { "from": from, "until": until } });
        self.append(Kind::Note, now, note.to_string().as_bytes());
    }
}

/// The end of a journal.
struct End {
    /// The last segment, where one is written on.
    segment: Option<(Segment, Tail)>,
    next: u64,
    chain: Hash,
    latest: i64,
    key: Option<VerifierKey>,
    /// What the segment before the last cannot tell.
    without: Option<Unread>,
}

/// Finds the end. A last segment without entries was begun just before a crash; it is removed.
fn end(disk: &mut dyn Disk, folder: &Path) -> Result<End, Fault> {
    let mut segments = list(folder)?;
    while let Some(last) = segments.last()
        && is_empty(last)?
    {
        disk.remove(&last.path).map_err(Fault::file(&last.path))?;
        segments.pop();
    }
    let (last, before) = match segments.as_slice() {
        [] => {
            let (next, chain, latest) = (0, Hash::ZERO, i64::MIN);
            return Ok(End { segment: None, next, chain, latest, key: None, without: None });
        }
        [last] => (last, None),
        [.., before, last] => (last, Some(before)),
    };
    let (found, segment) = ending(last)?;
    let begins = *Frames::open_at_any(last)?.header();
    let mut without = None;
    let linked = match before.map(ending).transpose() {
        Ok(linked) => linked.map(|(before, _)| (before.next, before.chain)),
        // What is closed need not be read where what is signed proves the tree over it.
        Err(fault @ Fault::Damaged { .. }) => {
            without = Unread::of(folder, &fault);
            Some((begins.first, begins.chain))
        }
        Err(fault) => return Err(fault),
    };
    let (mut next, mut chain) = linked.unwrap_or((0, Hash::ZERO));
    if next < begins.first {
        let (from, until) = (next, begins.first - 1);
        without = Unread::of(folder, &Fault::Missing { folder: folder.to_owned(), from, until });
        (next, chain) = (begins.first, begins.chain);
    }
    if (next, chain) != (begins.first, begins.chain) {
        let (path, sequence) = (last.path.clone(), begins.first);
        let what = "it does not follow from the segment before it";
        return Err(Fault::Damaged { path, offset: 0, sequence, what });
    }
    let Tail { next, chain, latest, ref key, .. } = found;
    let key = key.clone();
    let segment = segment.map(|segment| (segment, found));
    Ok(End { segment, next, chain, latest, key, without })
}

/// The end of one segment, and the segment if it can be written on.
fn ending(segment: &Segment) -> Result<(Tail, Option<Segment>), Fault> {
    if segment.form == Form::Plain {
        return Ok((tail(segment)?, Some(segment.clone())));
    }
    let frames = Frames::open_at_any(segment)?;
    let (index, _) = frames.index().ok_or_else(|| frames.damaged("it is not sealed"))?;
    let (next, chain, length) = (index.first + index.count, index.after, index.plain);
    let latest = index.blocks.iter().map(|block| block.latest).max().unwrap_or(i64::MIN);
    Ok((Tail { made: 0, length, cut: 0, next, chain, latest, key: None }, None))
}

/// The last checkpoint, signed by one of the keys.
fn signed(
    path: &Path,
    keys: [Option<&VerifierKey>; 2],
) -> Result<Option<(Checkpoint, String)>, Fault> {
    let note = match fs::read_to_string(path) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::file(path)(error)),
    };
    let mut why = NoteFault::Unsigned;
    for key in keys.into_iter().flatten() {
        match Checkpoint::open(&note, key) {
            Ok(checkpoint) => return Ok(Some((checkpoint, note))),
            Err(fault) => why = fault,
        }
    }
    Err(match why {
        NoteFault::Unsigned => Fault::OtherKey { path: path.to_owned() },
        NoteFault::NotANote | NoteFault::Forged | NoteFault::NoCheckpoint => {
            let what = "not as it was signed; keep it as evidence and move it away";
            Fault::Key { path: path.to_owned(), what }
        }
    })
}

/// Whether the last checkpoint is already by the key that comes next.
fn has_signed(next: Option<&Signer>, last: Option<&(Checkpoint, String)>) -> bool {
    let both = next.zip(last);
    both.is_some_and(|(next, (_, note))| next.verifier().open(note).is_ok())
}

impl End {
    fn open(
        &self,
        disk: &mut dyn Disk,
        folder: &Path,
        now: Timestamp,
    ) -> Result<(Open, Recovered), Fault> {
        let entries = self.next;
        let after = entries.checked_sub(1);
        let Some((segment, tail)) = &self.segment else {
            let head = Head {
                next: entries,
                chain: self.chain,
                tree: Compact::default(),
                tiles: Vec::new(),
            };
            let open = Open::begin(disk, folder, &head, now)?;
            return Ok((open, Recovered { entries, after, ..Recovered::default() }));
        };
        let path = &segment.path;
        let mut file = disk.open(path).map_err(Fault::file(path))?;
        if tail.cut > 0 {
            disk.truncate(path, &mut file, tail.length).map_err(Fault::file(path))?;
        }
        // What an ended process has written may not be on the disk yet.
        disk.sync(path, &mut file).map_err(Fault::file(path))?;
        let made = Timestamp::from_millisecond(tail.made).unwrap_or(now);
        let (segment, length) = (segment.clone(), tail.length);
        let open = Open { segment, file, made, length, synced: length, torn: false };
        let file = (tail.cut > 0).then(|| path.clone());
        Ok((
            open,
            Recovered { entries, cut: tail.cut, file, after, unsigned: None, unread: Vec::new() },
        ))
    }
}

/// What was built.
struct Planted {
    head: Head,
    tiles: Tiles,
    seen: Seen,
    /// What could not be read for it.
    without: Option<Unread>,
}

/// Builds the tree. Of its file, what the last checkpoint covers is believed if it has the root
/// that was signed; the rest, or everything, comes from the segments, and where these cannot be
/// read any more from the edge that was kept with the checkpoint.
fn plant(
    disk: &mut dyn Disk,
    folder: &Path,
    end: &End,
    (signed, keys): (Option<&Checkpoint>, [Option<&VerifierKey>; 2]),
) -> Result<Planted, Fault> {
    let mut kept = read_tiles(folder)?;
    kept.truncate(usize::try_from(signed.map_or(0, |signed| signed.size) / TILE).unwrap_or(0));
    let grown = match of_tiles(&kept, |tree| grow(folder, end.next, tree, signed, keys)) {
        Ok(None) if !kept.is_empty() => {
            kept.clear();
            grow(folder, end.next, Compact::default(), signed, keys)
        }
        grown => grown,
    };
    let unlike = || Fault::Unlike { path: folder.join(CHECKPOINT) };
    let (grown, without, begun) = match grown {
        Ok(grown) => (grown.ok_or_else(unlike)?, None, wide(kept.len()) * TILE),
        Err(fault) => {
            let without = Unread::of(folder, &fault);
            let edge = edge::read(folder).filter(|edge| {
                without.is_some() && signed.is_some_and(|signed| edge.size() <= signed.size)
            });
            let Some(edge) = edge else {
                let place = without.map(|place| place.to_string()).unwrap_or_default();
                tracing::error!(place, "neither `tree` nor `edge` proves what cannot be read");
                return Err(fault);
            };
            let begun = edge.size();
            // An edge that proves nothing does not make the damage any smaller.
            let grown = grow(folder, end.next, edge, signed, keys)?;
            (grown.ok_or(fault)?, without, begun)
        }
    };
    let (tree, more, seen) = grown;
    let fits = wide(kept.len()) == begun / TILE;
    let mut tiles = Tiles::open(disk, folder, kept.len(), if fits { &more } else { &[] })?;
    if !fits {
        tiles.stop();
    }
    let head = Head { next: end.next, chain: end.chain, tree, tiles: Vec::new() };
    Ok(Planted { head, tiles, seen, without })
}

/// A tree of the roots that the file has.
fn of_tiles<T>(kept: &[Hash], then: impl FnOnce(Compact) -> T) -> T {
    let mut tree = Compact::default();
    kept.iter().for_each(|root| tree.push_tile(*root));
    then(tree)
}

/// A tree with all entries up to so many, and the roots of the subtrees that become full by them;
/// `None` where it is not the one that was signed.
fn grow(
    folder: &Path,
    size: u64,
    mut tree: Compact,
    signed: Option<&Checkpoint>,
    keys: [Option<&VerifierKey>; 2],
) -> Result<Option<(Compact, Vec<Hash>, Seen)>, Fault> {
    let (mut more, mut seen) = (Vec::new(), Seen::default());
    let is_signed = |tree: &Compact| {
        signed.is_none_or(|signed| signed.size != tree.size() || signed.root == tree.root())
    };
    let mut reader = Reader::open(folder).from_sequence(tree.size());
    let mut right = is_signed(&tree);
    while right && tree.size() < size {
        let entry = reader.next_entry()?.filter(|entry| entry.sequence() == tree.size());
        let Some(entry) = entry else {
            let (folder, from) = (folder.to_owned(), tree.size());
            return Err(Fault::Missing { folder, from, until: size - 1 });
        };
        seen.see(&entry, &tree, keys);
        more.extend(tree.push(entry.leaf()));
        right = is_signed(&tree);
        if signed.is_some_and(|signed| signed.size == tree.size()) {
            seen.uncovered.covered();
        }
    }
    Ok(right.then_some((tree, more, seen)))
}

/// What signatures cover of what was read.
#[derive(Default)]
struct Seen {
    uncovered: Uncovered,
    /// How many checkpoints that are entries hold.
    hold: u64,
}

impl Seen {
    /// The first and the last entry of those that should have been signed, of so many; `kept` says
    /// whether the file of the last checkpoint is there.
    fn unsigned(&self, kept: bool, entries: u64) -> Option<(u64, u64)> {
        let last = entries.saturating_sub(1);
        // A crash may have left the first checkpoint as an entry alone.
        if !kept && self.hold > 1 {
            return Some((self.uncovered.first().unwrap_or(last), last));
        }
        let first = self.uncovered.first().filter(|_| self.uncovered.is_much());
        first.map(|first| (first, last))
    }

    /// An entry after those of a tree.
    fn see(&mut self, entry: &Entry<'_>, tree: &Compact, keys: [Option<&VerifierKey>; 2]) {
        let note = entry.payload().filter(|_| entry.kind() == Some(Kind::Checkpoint));
        let note = note.and_then(|note| std::str::from_utf8(note).ok());
        let opened = note.and_then(|note| {
            keys.into_iter().flatten().find_map(|key| Checkpoint::open(note, key).ok())
        });
        if opened.is_some_and(|one| one.size == tree.size() && one.root == tree.root()) {
            self.hold += 1;
            self.uncovered.covered();
        } else {
            self.uncovered.see(entry);
        }
    }
}
