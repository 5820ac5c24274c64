//! The file `.idx` beside a sealed segment, all numbers big-endian: `bpindx`, 0, 1; first
//! sequence (8), entries (8), pruned ones (8), entries of each kind (7 x 8), chain value before and
//! after (2 x 32), octets plain and packed (2 x 8), blocks (4); for each block where it is (8),
//! octets packed and plain (2 x 4), first sequence (8), earliest and latest time (2 x 8); SHA-256.

use std::path::{Path, PathBuf};

use super::super::entry::Entry;
use super::super::hash::Hash;
use super::super::kind::Kind;
use super::pack::MOST;

const MAGIC: &[u8; 8] = b"bpindx\0\x01";

const BLOCK: usize = 40;

/// What is known of a sealed segment without unpacking it. It is all in the segment too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Index {
    pub(in super::super) first: u64,
    pub(in super::super) count: u64,
    pub(in super::super) pruned: u64,
    /// In the order of [`Kind::ALL`].
    pub(in super::super) kinds: [u64; Kind::ALL.len()],
    pub(in super::super) before: Hash,
    pub(in super::super) after: Hash,
    pub(in super::super) plain: u64,
    pub(in super::super) packed: u64,
    pub(in super::super) blocks: Vec<Block>,
}

/// A block of a sealed segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Block {
    pub(in super::super) offset: u64,
    pub(in super::super) packed: u32,
    pub(in super::super) plain: u32,
    pub(in super::super) first: u64,
    /// Of what is not pruned; where nothing is left, later than any.
    pub(in super::super) earliest: i64,
    /// Where nothing is left, earlier than any.
    pub(in super::super) latest: i64,
}

/// Where the index of a segment is.
pub(in super::super) fn index_path(segment: &Path) -> PathBuf {
    segment.with_extension("idx")
}

impl Block {
    /// A block that begins with an entry.
    pub(super) const fn new(offset: u64, first: u64) -> Self {
        Self { offset, packed: 0, plain: 0, first, earliest: i64::MAX, latest: i64::MIN }
    }

    /// Counts one more entry.
    pub(super) fn add(&mut self, entry: &Entry<'_>) {
        if let Some(at) = entry.at() {
            self.earliest = self.earliest.min(at);
            self.latest = self.latest.max(at);
        }
    }

    fn parse(octets: &[u8; BLOCK]) -> Option<Self> {
        let mut rest = &octets[..];
        let block = Self {
            offset: number(&mut rest)?,
            packed: u32::from_be_bytes(take(&mut rest)?),
            plain: u32::from_be_bytes(take(&mut rest)?),
            first: number(&mut rest)?,
            earliest: i64::from_be_bytes(take(&mut rest)?),
            latest: i64::from_be_bytes(take(&mut rest)?),
        };
        let most = u32::try_from(MOST).unwrap_or(u32::MAX);
        (block.plain <= most && block.packed <= 2 * most).then_some(block)
    }
}

impl Index {
    /// Of a segment without entries.
    pub(super) const fn new(first: u64, before: Hash) -> Self {
        Self {
            first,
            count: 0,
            pruned: 0,
            kinds: [0; Kind::ALL.len()],
            before,
            after: before,
            plain: 0,
            packed: 0,
            blocks: Vec::new(),
        }
    }

    /// Counts one more entry.
    pub(super) fn add(&mut self, entry: &Entry<'_>) {
        self.count += 1;
        self.after = *entry.chain();
        match entry.kind() {
            None => self.pruned += 1,
            Some(kind) => {
                let counts = self.kinds.iter_mut().zip(Kind::ALL);
                counts.filter(|(_, of)| *of == kind).for_each(|(count, _)| *count += 1);
            }
        }
    }

    pub(super) fn octets(&self) -> Vec<u8> {
        let mut octets = MAGIC.to_vec();
        for number in [self.first, self.count, self.pruned].iter().chain(&self.kinds) {
            octets.extend_from_slice(&number.to_be_bytes());
        }
        octets.extend_from_slice(self.before.octets());
        octets.extend_from_slice(self.after.octets());
        octets.extend_from_slice(&self.plain.to_be_bytes());
        octets.extend_from_slice(&self.packed.to_be_bytes());
        let blocks = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
        octets.extend_from_slice(&blocks.to_be_bytes());
        for block in &self.blocks {
            octets.extend_from_slice(&block.offset.to_be_bytes());
            octets.extend_from_slice(&block.packed.to_be_bytes());
            octets.extend_from_slice(&block.plain.to_be_bytes());
            octets.extend_from_slice(&block.first.to_be_bytes());
            octets.extend_from_slice(&block.earliest.to_be_bytes());
            octets.extend_from_slice(&block.latest.to_be_bytes());
        }
        octets.extend_from_slice(Hash::of(&octets).octets());
        octets
    }

    /// Reads an index; `None` where it is not whole.
    pub(in super::super) fn parse(octets: &[u8]) -> Option<Self> {
        let (octets, digest) = octets.split_last_chunk::<{ Hash::LEN }>()?;
        let mut rest = octets;
        if Hash::of(octets).octets() != digest || take(&mut rest)? != *MAGIC {
            return None;
        }
        let (first, count, pruned) = (number(&mut rest)?, number(&mut rest)?, number(&mut rest)?);
        let mut kinds = [0; Kind::ALL.len()];
        for kind in &mut kinds {
            *kind = number(&mut rest)?;
        }
        let (before, after) = (take(&mut rest)?.into(), take(&mut rest)?.into());
        let (plain, packed) = (number(&mut rest)?, number(&mut rest)?);
        let number = u32::from_be_bytes(take(&mut rest)?);
        let (blocks, more) = rest.as_chunks::<BLOCK>();
        let blocks: Option<Vec<_>> = blocks.iter().map(Block::parse).collect();
        let blocks = blocks.filter(|blocks| u32::try_from(blocks.len()) == Ok(number))?;
        let index = Self { first, count, pruned, kinds, before, after, plain, packed, blocks };
        more.is_empty().then_some(index)
    }

    /// The number of the block in which an entry is, or would be.
    pub(in super::super) fn block_of(&self, sequence: u64) -> usize {
        self.blocks.partition_point(|block| block.first <= sequence).saturating_sub(1)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_as_written_and_no_octet_may_change() {
        let mut index = Index::new(7, Hash::of(b"before"));
        index.kinds = [1, 2, 3, 4, 5, 6, 7];
        (index.count, index.pruned, index.plain, index.packed) = (30, 2, 9_999, 1_234);
        index.blocks = vec![Block::new(0, 7), Block::new(700, 20)];
        let octets = index.octets();
        assert_eq!(Index::parse(&octets), Some(index.clone()));
        assert_eq!([0, 7, 19, 20, 99].map(|sequence| index.block_of(sequence)), [0, 0, 0, 1, 1]);
        for at in 0..octets.len() {
            let mut wrong = octets.clone();
            wrong[at] ^= 1;
            assert_eq!(Index::parse(&wrong), None);
            assert_eq!(Index::parse(&octets[..at]), None);
        }
    }
}
