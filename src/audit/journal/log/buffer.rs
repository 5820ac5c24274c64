//! What is not on the disk yet. Entries in it are frames already; they get number and chain value
//! when they are written, so that the oldest can be dropped where the disk takes nothing.

use super::super::entry::{self, AROUND, Entry, LONGEST, Parsed};
use super::super::kind::Kind;
use super::Head;

/// So many octets are written with one call, if it is more than one entry: a disk with little room
/// takes what fits.
pub(super) const PIECE: usize = 64 * 1024;

/// Frames in order: those in the file but not synced, those that must be written once more, and
/// those that were never written.
#[derive(Debug)]
pub(super) struct Buffer {
    frames: Vec<u8>,
    /// Octets that are in the file.
    written: usize,
    /// Octets that are, or once were: these keep number and chain value.
    fixed: usize,
    /// Entries after them.
    loose: u64,
    /// Octets of the entry about a gap that stands before those.
    gap: usize,
    /// What is put out now: octets after those in the file, and entries of them that are loose.
    piece: (usize, u64),
    lost: Option<Lost>,
    /// How many were, since it was made.
    lost_ever: u64,
    most: usize,
}

/// Entries that are lost, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) count: u64,
    /// Of them, those that the run in which it happened has counted as lost.
    pub(super) told: u64,
    /// When the first and the last of them happened.
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) why: String,
}

impl Buffer {
    /// A buffer that takes so many octets.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            frames: Vec::new(),
            written: 0,
            fixed: 0,
            loose: 0,
            gap: 0,
            piece: (0, 0),
            lost: None,
            lost_ever: 0,
            most,
        }
    }

    /// Adds an entry; returns its number among those that have none yet.
    pub(super) fn push(&mut self, kind: Kind, at: i64, payload: &[u8], why: &str) -> u64 {
        if payload.len() > LONGEST {
            self.lose(1, at, at, "an entry was longer than 1 MiB");
            return 0;
        }
        let needed = AROUND + payload.len();
        if self.frames.len() + needed > self.most {
            self.make_room(needed, why);
        }
        if self.frames.len() + needed > self.most {
            self.lose(1, at, at, why);
            return 0;
        }
        entry::push(&mut self.frames, kind, at, payload);
        self.loose += 1;
        self.more() - 1
    }

    /// Drops the oldest that were never written: a quarter at once, because the rest moves.
    fn make_room(&mut self, needed: usize, why: &str) {
        let wanted = needed.max(self.most / 4);
        let mut rest = self.frames.get(self.fixed..).unwrap_or_default();
        let (mut freed, mut count) = (0, 0);
        let (mut from, mut until) = (i64::MAX, i64::MIN);
        while freed < wanted && !rest.is_empty() {
            let (frame, more) = rest.split_at(entry::length(rest));
            (from, until) = (from.min(entry::time(frame)), until.max(entry::time(frame)));
            freed += frame.len();
            count += 1;
            rest = more;
        }
        if count > 0 {
            self.frames.drain(self.fixed..self.fixed + freed);
            self.loose -= count;
            self.lose(count, from, until, why);
        }
    }

    fn lose(&mut self, count: u64, from: i64, until: i64, why: &str) {
        self.lost.get_or_insert_with(|| Lost::new(from, until, why)).add(count, from, until);
        self.lost_ever += count;
    }

    /// Takes over what a run before this one lost.
    pub(super) fn inherit(&mut self, lost: Lost) {
        self.lost_ever += lost.count.saturating_sub(lost.told);
        self.lost = Some(lost);
    }

    /// What would be lost if the process ended now, and nothing of it be told.
    pub(super) fn unsaved(&self, why: &str) -> Option<Lost> {
        let mut all = self.lost.clone().map(|lost| Lost { told: lost.count, ..lost });
        let mut rest = self.unwritten();
        while let Parsed::Entry(entry) = entry::parse(rest) {
            let at = entry.at().unwrap_or_default();
            let count = match entry.kind() {
                Some(Kind::Gap) => told(&entry),
                Some(Kind::Checkpoint | Kind::Key) | None => 0,
                Some(Kind::Start | Kind::Decided | Kind::Ended | Kind::Note) => 1,
            };
            if count > 0 {
                all.get_or_insert_with(|| Lost::new(at, at, why)).add(count, at, at);
            }
            rest = rest.get(entry.frame().len()..).unwrap_or_default();
        }
        all
    }

    /// Whether something was dropped.
    pub(super) const fn loses(&self) -> bool {
        self.lost.is_some()
    }

    /// How many were dropped since it was made.
    pub(super) const fn lost_ever(&self) -> u64 {
        self.lost_ever
    }

    /// How many entries will get a number.
    pub(super) const fn more(&self) -> u64 {
        if self.lost.is_some() { self.loose + 1 } else { self.loose }
    }

    /// How many entries have no number.
    pub(super) const fn waiting(&self) -> u64 {
        self.loose
    }

    /// Whether nothing is to be written.
    pub(super) const fn is_written(&self) -> bool {
        self.written == self.frames.len() && self.lost.is_none()
    }

    /// Whether so much is not synced that little room is left for what could not be written.
    pub(super) const fn is_half_full(&self) -> bool {
        self.frames.len() > self.most / 2
    }

    /// Takes the next piece that is to be put out; an entry about what was lost stands before what
    /// never was. Gives number and chain value to what has none.
    pub(super) fn piece(&mut self, head: &mut Head) -> &[u8] {
        if self.written == self.fixed
            && let Some(Lost { count, from, until, why, .. }) = &self.lost
        {
            let payload = serde_json::json!({
                "lost": count, "from": from, "until": until, "why": why,
            });
            let mut gap = Vec::new();
            entry::push(&mut gap, Kind::Gap, *until, payload.to_string().as_bytes());
            self.gap = gap.len();
            self.frames.splice(self.fixed..self.fixed, gap);
        }
        let again = self.fixed - self.written;
        let (mut octets, mut loose) = (0, 0);
        let (_, mut rest) = self.frames.split_at_mut(self.written);
        while !rest.is_empty() && (octets == 0 || octets + entry::length(rest) <= PIECE) {
            let length = entry::length(rest);
            if octets >= again {
                // What once had its number ends a piece: a gap may follow.
                if again > 0 {
                    break;
                }
                let (_, leaf, chain) = entry::finish(rest, head.next, &head.chain);
                head.push(leaf, chain);
                loose += u64::from(octets >= self.gap);
            }
            octets += length;
            rest = rest.split_at_mut(length).1;
        }
        self.piece = (octets, loose);
        self.frames.get(self.written..self.written + octets).unwrap_or_default()
    }

    /// What is not in the file.
    fn unwritten(&self) -> &[u8] {
        self.frames.get(self.written..).unwrap_or_default()
    }

    /// The piece is in the file now.
    pub(super) fn wrote(&mut self) {
        let (octets, loose) = std::mem::take(&mut self.piece);
        self.written += octets;
        self.fixed = self.fixed.max(self.written);
        self.loose -= loose;
        if std::mem::take(&mut self.gap) > 0 {
            self.lost = None;
        }
    }

    /// It is not; more may be lost before it is.
    pub(super) fn failed(&mut self) {
        self.piece = (0, 0);
        self.frames.drain(self.fixed..self.fixed + std::mem::take(&mut self.gap));
    }

    /// Drops what was never written.
    pub(super) fn forget(&mut self) {
        self.frames.truncate(self.fixed);
        self.loose = 0;
    }

    /// What is in the file is on the disk.
    pub(super) fn synced(&mut self) {
        self.frames.drain(..self.written);
        self.fixed -= self.written;
        self.written = 0;
    }

    /// What is in the file but not on the disk must be written once more.
    pub(super) const fn again(&mut self) {
        self.written = 0;
    }
}

// === impl Lost ===

impl Lost {
    fn new(from: i64, until: i64, why: &str) -> Self {
        Self { count: 0, told: 0, from, until, why: why.to_owned() }
    }

    fn add(&mut self, count: u64, from: i64, until: i64) {
        self.count += count;
        self.from = self.from.min(from);
        self.until = self.until.max(until);
    }
}

/// How many entries a gap tells of.
fn told(gap: &Entry<'_>) -> u64 {
    let payload = serde_json::from_slice::<serde_json::Value>(gap.payload().unwrap_or_default());
    payload.ok().and_then(|payload| payload.get("lost")?.as_u64()).unwrap_or(1)
}
