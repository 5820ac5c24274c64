//! Goes through all segments, entry by entry.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::super::entry::{AROUND, Entry, LONGEST, Parsed, parse};
use super::super::fault::Fault;
use super::super::frames::{Frames, Step, wide};
use super::super::hash::Hash;
use super::super::kind::Kind;
use super::super::ranges::Ranges;
use super::super::seal::{index_path, rebuild};
use super::super::segment::{Form, Segment, is_empty};
use super::super::tree::Compact;
use super::super::uncovered::Uncovered;
use super::finding::{Finding, What};
use super::notes::{Dropped, Outsides};
use super::retry::retry;
use super::{Report, Watch};

/// Entries of one time may be a little out of order: they come from many requests.
const TOLERANCE: i64 = 1_000;

/// Entries after which progress is told.
const PROGRESS: u64 = 16_384;

/// What is known of the journal so far.
pub(super) struct Walk<'a> {
    pub(super) report: Report,
    pub(super) tree: Compact,
    pub(super) tiles: Vec<Hash>,
    /// Whether the tree has every entry so far.
    pub(super) whole: bool,
    pub(super) root_told: bool,
    pub(super) next: u64,
    /// The entry after the last checkpoint that holds.
    pub(super) signed: u64,
    pub(super) uncovered: Uncovered,
    /// Pruned entries, and what notes of retention say of them.
    pub(super) pruned: Ranges,
    pub(super) dropped: Vec<Dropped>,
    /// The first pruned entry in a segment that is not sealed.
    pruned_open: Option<u64>,
    pub(super) outside: Outsides,
    /// Entries that are neither keys nor starts, with which a journal begins.
    pub(super) others: u64,
    chain: Option<Hash>,
    /// The last entry was wrong: its finding, and the chain value it should have.
    suspect: Option<(usize, Hash)>,
    latest: i64,
    /// The earliest time since the clock was set back, until it has caught up.
    behind: Option<i64>,
    /// An entry that stands where a later one should was told just now.
    repeated: bool,
    watch: &'a mut dyn Watch,
}

/// Where an entry is.
pub(super) struct Place<'a> {
    file: &'a Path,
    offset: u64,
    sequence: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(outside: Outsides, watch: &'a mut dyn Watch) -> Self {
        Self {
            report: Report::default(),
            tree: Compact::default(),
            tiles: Vec::new(),
            whole: true,
            root_told: false,
            next: 0,
            signed: 0,
            uncovered: Uncovered::default(),
            pruned: Ranges::default(),
            dropped: Vec::new(),
            pruned_open: None,
            outside,
            others: 0,
            chain: Some(Hash::ZERO),
            suspect: None,
            latest: i64::MIN,
            behind: None,
            repeated: false,
            watch,
        }
    }

    pub(super) fn tell(&mut self, place: &Place<'_>, what: What) {
        self.add(place, what);
    }

    /// The same; its place among the findings, where it is kept.
    fn add(&mut self, place: &Place<'_>, what: What) -> Option<usize> {
        let Place { file, offset, sequence } = *place;
        self.report.add(Finding { file: file.to_owned(), offset, sequence, what })
    }

    /// The segments of a folder as they were listed; a journal that is written seals them meanwhile.
    pub(super) fn segments(&mut self, all: Vec<Segment>) -> Result<(), Fault> {
        let last = all.last().map(|last| last.first);
        for segment in all {
            let is_last = Some(segment.first) == last;
            // Begun just now, or just before a crash.
            if is_last && segment.first == self.next && begun(&segment)? {
                break;
            }
            self.report.segments += 1;
            self.segment(segment, is_last);
        }
        self.report.unsigned = self.next.saturating_sub(self.signed);
        self.watch.progress(self.report.entries);
        Ok(())
    }

    /// One segment; what cannot be read of it is told.
    fn segment(&mut self, segment: Segment, last: bool) {
        let (segment, frames) = enter(segment);
        let segment = &segment;
        let place = Place { file: &segment.path, offset: 0, sequence: segment.first };
        let mut frames = match frames {
            Ok(frames) => frames,
            Err(fault) => return self.tell(&place, What::Segment(fault.to_string())),
        };
        if segment.first > self.next {
            let what = What::Missing(segment.first - 1);
            self.tell(&Place { sequence: self.next, ..place }, what);
            self.skip_to(segment.first);
        } else if segment.first < self.next {
            self.tell(&place, What::Repeated);
        } else if self.chain.is_some_and(|chain| chain != frames.header().chain) {
            // Told already where the chain value of the last entry was changed.
            let expected = self.suspect.take().map(|(_, computed)| computed);
            if expected != Some(frames.header().chain) {
                self.tell(&place, What::Unlinked);
            }
            self.chain = Some(frames.header().chain);
        }
        while self.step(&mut frames, segment, last) {}
        self.index(segment, &frames);
    }

    /// One step; `false` at the end of the segment.
    fn step(&mut self, frames: &mut Frames, segment: &Segment, last: bool) -> bool {
        let place = Place { file: &segment.path, offset: frames.offset(), sequence: self.next };
        let torn = match frames.next() {
            Ok(Step::Entry(entry)) => {
                let leaf = entry.leaf();
                if self.follows(&place, &entry, &leaf) {
                    self.accept(&place, &entry, leaf);
                    return true;
                }
                let frame = entry.frame().to_vec();
                return self.wrong(frames, &place, &frame, last);
            }
            Ok(Step::End) => return false,
            Ok(Step::Torn) => true,
            Ok(Step::Bad(_)) => false,
            Err(fault) => {
                self.tell(&place, What::Segment(fault.to_string()));
                (self.chain, self.suspect) = (None, None);
                // A block that cannot be unpacked was passed.
                return segment.form == Form::Sealed && matches!(fault, Fault::Damaged { .. });
            }
        };
        self.lost(frames, &place, torn && last)
    }

    /// Whether an entry is the next one and its chain value follows from the one before.
    fn follows(&mut self, place: &Place<'_>, entry: &Entry<'_>, leaf: &Hash) -> bool {
        let Some(chain) = self.chain else {
            // Behind a gap: what is missing is what the numbers say.
            if entry.sequence() > self.next {
                self.tell(place, What::Missing(entry.sequence() - 1));
                self.skip_to(entry.sequence());
            }
            return entry.sequence() == self.next;
        };
        if entry.sequence() != self.next {
            return false;
        }
        let suspect = self.suspect.take();
        if chain.chain(leaf) == *entry.chain() {
            return true;
        }
        let was = suspect.filter(|(_, computed)| computed.chain(leaf) == *entry.chain());
        let Some((number, _)) = was else { return false };
        // The entry before is whole after all.
        if let Some(finding) = self.report.findings.get_mut(number) {
            finding.what = What::Chain;
        }
        true
    }

    /// An entry that does not follow.
    fn wrong(&mut self, frames: &mut Frames, place: &Place<'_>, frame: &[u8], last: bool) -> bool {
        let Parsed::Entry(entry) = parse(frame) else { return false };
        if self.mended(place, frame) {
            return true;
        }
        let after = match frames.next() {
            Ok(Step::Entry(entry)) => Some(entry.sequence()),
            Ok(Step::End | Step::Torn | Step::Bad(_)) | Err(_) => None,
        };
        frames.back();
        let (number, leaf) = (entry.sequence(), entry.leaf());
        let in_place = after == Some(self.next + 1) && number != self.next + 2;
        let whole = in_place || after == Some(number + 1) || frames.is_at_end();
        if !whole && number == self.next && frames.rewind(place.offset) {
            // Its length may be what is wrong.
            return self.lost(frames, place, last);
        }
        if number == self.next || (in_place && number != self.next + 1) {
            let told = self.add(place, What::Altered);
            let computed = self.chain.map(|chain| chain.chain(&leaf));
            self.suspect = told.zip(computed);
            self.accept_as(place, &entry, leaf, self.next);
        } else if number > self.next {
            self.tell(place, What::Missing(number - 1));
            self.skip_to(number);
            self.accept(place, &entry, leaf);
        } else if !std::mem::replace(&mut self.repeated, true) {
            self.tell(&Place { sequence: number, ..*place }, What::Repeated);
        }
        true
    }

    /// Whether changing one field of what stands here makes it the next entry; it is told and taken.
    fn mended(&mut self, place: &Place<'_>, frame: &[u8]) -> bool {
        let found = self.chain.and_then(|chain| retry(frame, self.next, &chain));
        let Some((what, frame)) = found else { return false };
        let Parsed::Entry(entry) = parse(&frame) else { return false };
        self.tell(place, what);
        self.suspect = None;
        self.accept(place, &entry, entry.leaf());
        true
    }

    /// What stands here is no entry.
    fn lost(&mut self, frames: &mut Frames, place: &Place<'_>, torn: bool) -> bool {
        let found = match frames.resync(self.next, self.chain) {
            Ok(found) => found,
            Err(fault) => {
                self.tell(place, What::Segment(fault.to_string()));
                return false;
            }
        };
        let octets = found.unwrap_or_else(|| frames.length().saturating_sub(place.offset));
        let one = read(place.file, place.offset, octets);
        if one.is_some_and(|frame| self.mended(place, &frame)) {
            return found.is_some();
        }
        let what = if torn && found.is_none() { What::Torn } else { What::Unreadable };
        self.tell(place, what(octets));
        (self.chain, self.suspect) = (None, None);
        found.is_some()
    }

    fn accept(&mut self, place: &Place<'_>, entry: &Entry<'_>, leaf: Hash) {
        self.accept_as(place, entry, leaf, entry.sequence());
    }

    fn accept_as(&mut self, place: &Place<'_>, entry: &Entry<'_>, leaf: Hash, number: u64) {
        let place = Place { sequence: number, ..*place };
        self.repeated = false;
        self.report.entries += 1;
        self.uncovered.see(entry);
        self.others += u64::from(!matches!(entry.kind(), Some(Kind::Key | Kind::Start)));
        self.watch.entry(entry);
        match entry.kind() {
            None => self.prune(&place),
            Some(Kind::Checkpoint) => self.checkpoint(&place, entry),
            Some(Kind::Key) => self.key(&place, entry),
            Some(Kind::Gap) => {
                let why = String::from_utf8_lossy(entry.payload().unwrap_or_default());
                self.tell(&place, What::Gap(why.into_owned()));
            }
            Some(Kind::Note) => self.note(&place, entry),
            Some(Kind::Start | Kind::Decided | Kind::Ended) => {}
        }
        if let Some(at) = entry.at() {
            self.clock(&place, at);
        }
        (self.next, self.chain) = (number + 1, Some(*entry.chain()));
        self.tiles.extend(self.tree.push(leaf));
        let Self { outside, tree, next, .. } = self;
        if self.whole {
            outside.see(*next, || tree.root());
        }
        if self.report.entries.is_multiple_of(PROGRESS) {
            self.watch.progress(self.report.entries);
        }
    }

    /// Tells of a clock that was set back, once and not for each entry until it has caught up.
    fn clock(&mut self, place: &Place<'_>, at: i64) {
        let by = self.latest.saturating_sub(at);
        self.latest = self.latest.max(at);
        if by <= TOLERANCE {
            self.behind = None;
            return;
        }
        if self.behind.is_none_or(|earliest| at < earliest.saturating_sub(TOLERANCE)) {
            self.tell(place, What::Backwards(by));
        }
        self.behind = Some(self.behind.map_or(at, |earliest| earliest.min(at)));
    }

    fn prune(&mut self, place: &Place<'_>) {
        self.report.pruned += 1;
        self.pruned.push(place.sequence);
        let sealed = Segment::of(place.file).is_some_and(|one| one.form == Form::Sealed);
        if !sealed && self.pruned_open.is_none() {
            self.pruned_open = Some(place.sequence);
            self.tell(place, What::PrunedOpen);
        }
    }

    fn skip_to(&mut self, number: u64) {
        (self.next, self.whole) = (number, false);
        (self.chain, self.suspect) = (None, None);
    }

    /// Whether the index of a sealed segment says what the segment does.
    fn index(&mut self, segment: &Segment, frames: &Frames) {
        let file = index_path(&segment.path);
        let place = Place { file: &file, offset: 0, sequence: segment.first };
        // While this was read both may have been replaced, the index last.
        let again = || Frames::open(segment).ok().and_then(|frames| unlike(segment, &frames));
        if let Some(what) = unlike(segment, frames).and_then(|_| again()) {
            self.tell(&place, what);
        }
    }
}

/// What is wrong with an index.
fn unlike(segment: &Segment, frames: &Frames) -> Option<What> {
    let (index, indexed) = frames.index()?;
    if !indexed {
        let there = index_path(&segment.path).exists();
        return Some(if there { What::Index } else { What::NoIndex });
    }
    let own = File::open(&segment.path).ok().and_then(|own| rebuild(&segment.path, &own).ok());
    own.is_some_and(|own| own != *index).then_some(What::Index)
}

/// Opens a segment, also one that was sealed since it was listed.
fn enter(segment: Segment) -> (Segment, Result<Frames, Fault>) {
    match Frames::open(&segment) {
        Err(fault) if segment.form == Form::Plain && is_absent(&fault) => {
            let path = segment.path.with_extension("zst");
            let sealed = Segment { form: Form::Sealed, path, ..segment.clone() };
            match Frames::open(&sealed) {
                Err(absent) if is_absent(&absent) => (segment, Err(fault)),
                found => (sealed, found),
            }
        }
        found => (segment, found),
    }
}

/// Whether a segment has no entry yet; one that was sealed since has.
fn begun(segment: &Segment) -> Result<bool, Fault> {
    match is_empty(segment) {
        Err(fault) if is_absent(&fault) => Ok(false),
        found => found,
    }
}

fn is_absent(fault: &Fault) -> bool {
    matches!(fault, Fault::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

/// So many octets of a plain segment, if they can be one frame.
fn read(path: &Path, offset: u64, octets: u64) -> Option<Vec<u8>> {
    let plain = Segment::of(path).is_some_and(|segment| segment.form == Form::Plain);
    if !plain || octets > wide(AROUND + LONGEST) {
        return None;
    }
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(offset)).ok()?;
    let mut frame = Vec::new();
    file.take(octets).read_to_end(&mut frame).ok()?;
    Some(frame)
}
