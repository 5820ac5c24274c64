//! What no checkpoint covers, and whether an honest crash can have left so much of it.

use super::entry::Entry;
use super::kind::Kind;

/// A journal signs after 1,000 entries, and a group that is written at once adds some; what a crash
/// leaves unsigned is well below.
const MOST: u64 = 2_000;

/// It signs after ten seconds, too: unsigned entries of one run are of less than this many
/// milliseconds.
const LONGEST: i64 = 60_000;

/// Entries after the last checkpoint that holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Uncovered {
    first: Option<u64>,
    count: u64,
    /// The times of the first and of the last of them in the run of the program that wrote the
    /// last. Between them a record may be of later than it was written, where the clock was set
    /// back meanwhile.
    run: Option<(i64, i64)>,
    /// Whether a run before that was long.
    long: bool,
}

impl Uncovered {
    /// One more.
    pub(super) fn see(&mut self, entry: &Entry<'_>) {
        self.first.get_or_insert_with(|| entry.sequence());
        self.count += 1;
        if entry.kind() == Some(Kind::Start) {
            // Between two runs there may be years.
            self.long |= self.is_long();
            self.run = None;
        }
        if let Some(at) = entry.at() {
            self.run = Some((self.run.map_or(at, |(begin, _)| begin), at));
        }
    }

    fn is_long(&self) -> bool {
        self.run.is_some_and(|(begin, last)| last.saturating_sub(begin) > LONGEST)
    }

    /// A checkpoint covers all of them.
    pub(super) fn covered(&mut self) {
        *self = Self::default();
    }

    /// The first of them.
    pub(super) const fn first(&self) -> Option<u64> {
        self.first
    }

    /// Whether they are more than an honest crash leaves.
    pub(super) fn is_much(&self) -> bool {
        self.count > MOST || self.long || self.is_long()
    }
}
