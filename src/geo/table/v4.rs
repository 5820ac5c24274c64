//! IPv4: the upper 16 bits choose a bucket, a search in the bucket finds the row. A row keeps
//! only the lower 16 bits of its start, beside its number: one cache line serves both.

use super::super::steps::Steps;
use super::super::wide;
use super::search::find;

const BUCKETS: usize = 1 << 16;

/// Numbers by IPv4 address.
#[derive(Debug)]
pub(in super::super) struct TableV4 {
    buckets: Box<[u32; BUCKETS + 1]>,
    rows: Rows,
}

/// Start and number packed: 16 + 16 bits while the numbers fit (2.1 MiB for two country
/// databases), else 32 + 32 (4.2 MiB).
#[derive(Debug)]
enum Rows {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl TableV4 {
    /// Compiles steps.
    pub(in super::super) fn new(steps: &Steps<u32>) -> Self {
        let counts = super::count_before(BUCKETS, steps.iter().map(|(start, _)| wide(start >> 16)));
        let buckets = counts.into_boxed_slice().try_into().expect("one count more than buckets");
        let small = steps.iter().all(|(_, id)| id <= 0xFFFF);
        let rows = if small {
            Rows::Narrow(steps.iter().map(|(start, id)| start << 16 | id).collect())
        } else {
            let row = |(start, id)| u64::from(start & 0xFFFF) << 32 | u64::from(id);
            Rows::Wide(steps.iter().map(row).collect())
        };
        Self { buckets, rows }
    }

    /// Returns the number of an address.
    #[inline]
    pub(in super::super) fn get(&self, address: u32) -> u32 {
        let bucket = wide(address >> 16);
        let from = self.buckets.get(bucket).map_or(0, |at| wide(*at));
        let to = self.buckets.get(bucket + 1).map_or(0, |at| wide(*at));
        match &self.rows {
            Rows::Narrow(rows) => find(rows, from, to, address << 16 | 0xFFFF) & 0xFFFF,
            Rows::Wide(rows) => {
                let row = find(rows, from, to, u64::from(address & 0xFFFF) << 32 | 0xFFFF_FFFF);
                u32::try_from(row & 0xFFFF_FFFF).unwrap_or(0)
            }
        }
    }
}
