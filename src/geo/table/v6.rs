//! IPv6: networks up to /64 in rows of one machine word, those longer than /64 (17,713 of
//! 774,000 networks measured) in an exception list that the row points at. Sixteen rows are a
//! leaf below a tree. A bucket for each /24 and a search in it (up to 50,000 rows) took as long
//! where look-ups overlap, and 2.5 times as long where each waits for the one before.

use super::super::steps::Steps;
use super::super::{halves, narrow, wide};
use super::MAX_IDS;
use super::index::{Index, Line, WIDTH};

/// Global unicast, of which rows are made.
const GLOBAL: std::ops::Range<u128> = 0x2000 << 112..0x4000 << 112;

/// A row: the 40 bits of its start below the /24, then 24 bits of number; numbers from
/// `MAX_IDS` on are positions in `groups`. The rows of a leaf share their /24.
const ID_BITS: u32 = 24;
const ID_MASK: u64 = (1 << ID_BITS) - 1;

/// Numbers by IPv6 address.
#[derive(Debug)]
pub(in super::super) struct TableV6 {
    /// The upper half of each leaf's first start.
    index: Index,
    /// Rows by sixteen.
    leaves: Vec<Line>,
    /// Where in `tails` the steps inside one /64 lie.
    groups: Vec<(u32, u32)>,
    /// Steps inside a /64: the lower 64 bits of the start, and the number.
    tails: Vec<(u64, u32)>,
    /// All that is not global unicast; almost always one step.
    outside: Steps<u128>,
}

/// A table being filled in address order.
#[derive(Default)]
struct Build {
    /// Upper 64 bits of the start, and number or group.
    rows: Vec<(u64, u32)>,
    groups: Vec<(u32, u32)>,
    tails: Vec<(u64, u32)>,
    /// The /64 whose group is being filled.
    open: Option<u64>,
    /// The number that holds at the present address.
    id: u32,
}

impl TableV6 {
    /// Compiles steps; none if more /64s are divided than a row can number. The largest known
    /// database is far from that (2^23), and it would need a file of over 50 MB.
    pub(in super::super) fn new(steps: &Steps<u128>) -> Option<Self> {
        let mut build = Build { rows: Vec::with_capacity(steps.len()), ..Build::default() };
        build.add(GLOBAL.start, steps.get(GLOBAL.start));
        steps
            .iter()
            .filter(|step| GLOBAL.contains(&step.0))
            .for_each(|step| build.add(step.0, step.1));
        build.close(halves(GLOBAL.end));
        let mut outside = Steps::new(0);
        steps
            .iter()
            .filter(|step| step.0 < GLOBAL.start)
            .for_each(|step| outside.push(step.0, step.1));
        outside.push(GLOBAL.end, steps.get(GLOBAL.end));
        steps
            .iter()
            .filter(|step| step.0 >= GLOBAL.end)
            .for_each(|step| outside.push(step.0, step.1));
        let Build { rows, groups, tails, .. } = build;
        if groups.len() >= wide(MAX_IDS) {
            return None;
        }
        let (firsts, leaves) = leaves(&rows);
        Some(Self { index: Index::new(&firsts), leaves, groups, tails, outside })
    }

    /// Returns the number of an address.
    #[inline]
    pub(in super::super) fn get(&self, address: u128) -> u32 {
        let (upper, lower) = halves(address);
        if upper >> 61 != 1 {
            return self.outside.get(address);
        }
        let (leaf, first) = self.index.find(upper);
        // Beyond the /24 of the leaf its last row still holds.
        let most = if same_24(first, upper) { upper << ID_BITS | ID_MASK } else { u64::MAX };
        let row = self.leaves.get(leaf).map_or(0, |leaf| leaf.last_up_to(most));
        let id = u32::try_from(row & ID_MASK).unwrap_or(0);
        if id < MAX_IDS { id } else { self.tail(id - MAX_IDS, lower) }
    }

    /// Finds the step inside a /64.
    #[cold]
    fn tail(&self, group: u32, lower: u64) -> u32 {
        let (from, to) = self.groups.get(wide(group)).copied().unwrap_or_default();
        let steps = self.tails.get(wide(from)..wide(to)).unwrap_or_default();
        let after = steps.partition_point(|step| step.0 <= lower);
        steps.get(after.wrapping_sub(1)).map_or(0, |step| step.1)
    }
}

/// Cuts rows into leaves, none of which reaches over the end of a /24. Returns where each starts.
fn leaves(rows: &[(u64, u32)]) -> (Vec<u64>, Vec<Line>) {
    let pack = |(upper, id): &(u64, u32)| upper << ID_BITS | u64::from(*id);
    let of_24 = rows.chunk_by(|one, next| same_24(one.0, next.0));
    let leaf = |rows: &[(u64, u32)]| {
        let (first, last) = (rows.first()?, rows.last()?);
        // A place left over repeats the last row, which changes no answer.
        let mut leaf = Line([pack(last); WIDTH]);
        leaf.0.iter_mut().zip(rows).for_each(|(place, row)| *place = pack(row));
        Some((first.0, leaf))
    };
    of_24.flat_map(|rows| rows.chunks(WIDTH).filter_map(leaf)).unzip()
}

/// Whether the upper halves of two addresses lie in one /24.
#[inline]
const fn same_24(one: u64, other: u64) -> bool {
    one >> 40 == other >> 40
}

// === impl Build ===

impl Build {
    fn add(&mut self, start: u128, id: u32) {
        let (upper, lower) = halves(start);
        if self.open != Some(upper) {
            self.close((upper, lower));
        }
        if lower == 0 {
            self.row(upper, id);
        } else {
            self.open(upper);
            self.tails.push((lower, id));
            if let Some(group) = self.groups.last_mut() {
                group.1 = narrow(self.tails.len());
            }
        }
        self.id = id;
    }

    fn row(&mut self, upper: u64, id: u32) {
        if self.rows.last().is_none_or(|row| row.1 != id) {
            self.rows.push((upper, id));
        }
    }

    /// Makes the row of a /64 point at a group, which begins with what held so far.
    fn open(&mut self, upper: u64) {
        if self.open.replace(upper) == Some(upper) {
            return;
        }
        self.rows.pop_if(|row| row.0 == upper);
        self.rows.push((upper, MAX_IDS + narrow(self.groups.len())));
        let from = narrow(self.tails.len());
        self.tails.push((0, self.id));
        self.groups.push((from, from + 1));
    }

    /// Behind the open group, lets its last number go on, unless a step begins just there.
    fn close(&mut self, next: (u64, u64)) {
        if let Some(after) = self.open.take().map(|upper| upper + 1)
            && next != (after, 0)
        {
            self.row(after, self.id);
        }
    }
}
