//! IPv6: networks up to /64 in rows of one machine word, those longer than /64 (17,713 of
//! 774,000 networks measured) in an exception list that the row points at.

use super::super::steps::Steps;
use super::super::{halves, narrow, wide};
use super::MAX_IDS;
use super::search::find;

/// Global unicast, `2000::/3`, has a bucket for each /24: 8 MiB that save 8 of
/// 19 halvings on average. Dividing crowded buckets once more gained nothing measurable.
const BUCKETS: usize = 1 << 21;
const GLOBAL: std::ops::Range<u128> = 0x2000 << 112..0x4000 << 112;

/// A row: 40 bits of its start below the bucket, then 24 bits of number; numbers from
/// `MAX_IDS` on are positions in `groups`.
const ID_BITS: u32 = 24;
const ID_MASK: u64 = (1 << ID_BITS) - 1;

/// Numbers by IPv6 address.
#[derive(Debug)]
pub(in super::super) struct TableV6 {
    buckets: Vec<u32>,
    rows: Vec<u64>,
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
        let mut build = Build::default();
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
        let buckets = super::count_before(BUCKETS, rows.iter().map(|(upper, _)| bucket(*upper)));
        let pack = |(upper, id): &(u64, u32)| upper << ID_BITS | u64::from(*id);
        Some(Self { buckets, rows: rows.iter().map(pack).collect(), groups, tails, outside })
    }

    /// Returns the number of an address.
    #[inline]
    pub(in super::super) fn get(&self, address: u128) -> u32 {
        let (upper, lower) = halves(address);
        if upper >> 61 != 1 {
            return self.outside.get(address);
        }
        let bucket = bucket(upper);
        let from = self.buckets.get(bucket).map_or(0, |at| wide(*at));
        let to = self.buckets.get(bucket + 1).map_or(0, |at| wide(*at));
        let row = find(&self.rows, from, to, upper << ID_BITS | ID_MASK);
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

/// The bucket of a global unicast address, by its upper half.
#[inline]
fn bucket(upper: u64) -> usize {
    u32::try_from(upper >> 40 & 0x1F_FFFF).map_or(0, wide)
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
