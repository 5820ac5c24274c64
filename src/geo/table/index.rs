//! Which rows to search for an IPv6 address: a bucket for each /24, and buckets of many rows
//! divided once more. Networks crowd (56,000 of 774,000 in one /24); without the second step a
//! search takes 11 halvings on average, weighted by network, with it 4.

use super::super::{narrow, wide};

/// Global unicast, `2000::/3`, has 2^21 /24s: 8 MiB.
const BUCKETS: usize = 1 << 21;

/// Bits of the upper half below a /24.
const BELOW: u32 = 40;

/// Buckets of more rows are divided.
const MANY: u32 = 16;

/// Marks an entry of `buckets` that is a position in `divided`.
const DIVIDED: u32 = 1 << 31;

/// Row ranges by the upper half of an address.
#[derive(Debug)]
pub(super) struct Index {
    /// The first row of each bucket, which is also the end of the bucket before.
    buckets: Vec<u32>,
    divided: Vec<Divided>,
    /// The first row of each part of a divided bucket, and its end.
    parts: Vec<u32>,
}

/// A bucket divided into a power of two of parts.
#[derive(Clone, Copy, Debug)]
struct Divided {
    /// Its first row.
    from: u32,
    /// Where its parts start.
    parts: u32,
    /// How far the upper half is shifted for the number of the part, and its mask.
    shift: u32,
    mask: u64,
}

// === impl Index ===

impl Index {
    /// Indexes rows, given by the upper halves of their starts.
    pub(super) fn new(rows: &[u64]) -> Self {
        let mut index = Self {
            buckets: super::count(BUCKETS, rows.iter().map(|upper| bucket(*upper))),
            divided: Vec::new(),
            parts: Vec::new(),
        };
        let mut from = 0;
        for bucket in rows.chunk_by(|a, b| a >> BELOW == b >> BELOW) {
            let len = narrow(bucket.len());
            if len > MANY {
                index.divide(bucket, from);
            }
            from += len;
        }
        index
    }

    /// Divides a bucket into about as many parts as it has rows.
    fn divide(&mut self, rows: &[u64], from: u32) {
        let bits = narrow(rows.len()).ilog2();
        let (shift, mask) = (BELOW - bits, (1 << bits) - 1);
        let part = |upper: &u64| u32::try_from(upper >> shift & mask).map_or(0, wide);
        let counts = super::count(1 << bits, rows.iter().map(part));
        let parts = narrow(self.parts.len());
        self.parts.extend(counts.into_iter().map(|count| from + count));
        let number = narrow(self.divided.len());
        self.divided.push(Divided { from, parts, shift, mask });
        if let Some(entry) = rows.first().and_then(|upper| self.buckets.get_mut(bucket(*upper))) {
            *entry = DIVIDED | number;
        }
    }

    /// Returns the range of rows that may hold an address of global unicast.
    #[inline]
    pub(super) fn range(&self, upper: u64) -> (usize, usize) {
        let bucket = bucket(upper);
        let entry = self.buckets.get(bucket).copied().unwrap_or(0);
        if let Some(number) = entry.checked_sub(DIVIDED)
            && let Some(divided) = self.divided.get(wide(number))
        {
            let part = u32::try_from(upper >> divided.shift & divided.mask).unwrap_or(0);
            let at = wide(divided.parts + part);
            let row = |at: usize| self.parts.get(at).map_or(0, |row| wide(*row));
            return (row(at), row(at + 1));
        }
        let next = self.buckets.get(bucket + 1).copied().unwrap_or(0);
        let divided = next.checked_sub(DIVIDED).and_then(|number| self.divided.get(wide(number)));
        (wide(entry), wide(divided.map_or(next, |divided| divided.from)))
    }
}

/// The bucket of a global unicast address, by its upper half.
#[inline]
fn bucket(upper: u64) -> usize {
    u32::try_from(upper >> BELOW & 0x1F_FFFF).map_or(0, wide)
}
