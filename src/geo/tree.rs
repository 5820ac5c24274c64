//! The binary search tree of an MMDB file, walked once in address order.
//!
//! `maxminddb::Reader::networks` takes 121 ms for a country database of 1.4 million networks, all
//! of loading it here 31 ms. And the walk proves that the tree *is* a tree: every node is reached
//! at most once, and every record points inside the file.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::steps::Steps;
use super::{TreeFault, narrow, wide};

/// What separates the tree from the data; record values count it.
const SEPARATOR: u32 = 16;

/// Prefixes at which writers repeat the IPv4 tree: IPv4-mapped, Teredo, 6to4, NAT64. They are
/// left silent, since such an address is reduced to its IPv4 address before any look-up.
const ALIASES: [(u128, u8); 4] =
    [(0xFFFF << 32, 96), (0x2001 << 112, 32), (0x2002 << 112, 16), (0x64_FF9B << 96, 96)];

/// The search tree of a file.
pub(super) struct Tree<'a> {
    /// The nodes, without the data that follows.
    pub(super) nodes: &'a [u8],
    /// How many nodes the metadata claims.
    pub(super) node_count: u32,
    /// Bits in one record: 24, 28 or 32.
    pub(super) record_bits: u16,
    /// Whether addresses have 128 bits, with IPv4 at `::/96`.
    pub(super) v6: bool,
    /// Bytes of the data section.
    pub(super) data_len: usize,
}

/// A data record that networks point at.
pub(super) struct Leaf {
    /// Where it starts in the data section.
    pub(super) offset: usize,
    /// The first address that has it.
    pub(super) first: IpAddr,
    /// How many networks have it.
    pub(super) networks: u32,
}

/// What the walk found. Numbers in the steps are 0 for no record, else one more than the
/// position in `leaves`.
pub(super) struct Walk {
    pub(super) v4: Steps<u32>,
    pub(super) v6: Steps<u128>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) networks_v4: u32,
    pub(super) networks_v6: u32,
    /// By data offset, one more than the position in `leaves`. As long as the data section, so
    /// bounded by the file, and asked once for each network: hence no hash map.
    slots: Vec<u32>,
}

/// A record of the tree that is still to be followed.
#[derive(Clone, Copy)]
struct Pending {
    value: u32,
    address: u128,
    depth: u8,
}

// === impl Tree ===

impl Tree<'_> {
    /// Walks the whole tree.
    pub(super) fn walk(&self) -> Result<Walk, TreeFault> {
        let v4_root = if self.v6 { self.v4_root()? } else { 0 };
        let mut walk = Walk::new(self.data_len);
        let mut seen = vec![0_u64; wide(self.node_count) / 64 + 1];
        // An IPv4 tree is walked as if it hung at ::/96. The stack holds one record per level.
        let start = if self.v6 { 0 } else { 96 };
        let mut stack = vec![Pending { value: 0, address: 0, depth: start }];
        while let Some(at) = stack.pop() {
            if at.value >= self.node_count {
                walk.emit(at, self.data_offset(at.value)?)?;
                continue;
            }
            if at.value == v4_root && ALIASES.contains(&(at.address, at.depth)) {
                walk.emit(at, None)?;
                continue;
            }
            mark(&mut seen, at.value)?;
            if at.depth == 128 {
                return Err(TreeFault::Deep);
            }
            let [left, right] = self.children(at.value)?;
            let (depth, bit) = (at.depth + 1, 1 << (127 - at.depth));
            stack.push(Pending { value: right, address: at.address | bit, depth });
            stack.push(Pending { value: left, address: at.address, depth });
        }
        Ok(walk)
    }

    /// Finds what stands at `::/96`, or at the shorter prefix that covers it.
    fn v4_root(&self) -> Result<u32, TreeFault> {
        let (mut value, mut path) = (0, Vec::with_capacity(96));
        while path.len() < 96 && value < self.node_count {
            // Without this test a cycle on the way could pass its own root off as an alias.
            if path.contains(&value) {
                return Err(TreeFault::Shared(value));
            }
            path.push(value);
            [value, _] = self.children(value)?;
        }
        Ok(value)
    }

    /// Reads both records of a node.
    fn children(&self, node: u32) -> Result<[u32; 2], TreeFault> {
        let missing = TreeFault::Truncated(node);
        let size = usize::from(self.record_bits / 4);
        let start = wide(node).checked_mul(size).ok_or(missing)?;
        let bytes = self.nodes.get(start..).and_then(|rest| rest.get(..size)).ok_or(missing)?;
        Ok(match *bytes {
            [l0, l1, l2, r0, r1, r2] => {
                [u32::from_be_bytes([0, l0, l1, l2]), u32::from_be_bytes([0, r0, r1, r2])]
            }
            [l1, l2, l3, top, r1, r2, r3] => [
                u32::from_be_bytes([top >> 4, l1, l2, l3]),
                u32::from_be_bytes([top & 15, r1, r2, r3]),
            ],
            [l0, l1, l2, l3, r0, r1, r2, r3] => {
                [u32::from_be_bytes([l0, l1, l2, l3]), u32::from_be_bytes([r0, r1, r2, r3])]
            }
            _ => return Err(missing),
        })
    }

    /// Reads a record value that is no node: none, or an offset into the data section.
    fn data_offset(&self, value: u32) -> Result<Option<usize>, TreeFault> {
        let Some(past) = value.checked_sub(self.node_count).filter(|past| *past > 0) else {
            return Ok(None);
        };
        let offset = past.checked_sub(SEPARATOR).map(wide);
        offset.filter(|offset| *offset < self.data_len).map(Some).ok_or(TreeFault::Outside(value))
    }
}

/// Notes that a node is reached, which may happen once.
fn mark(seen: &mut [u64], node: u32) -> Result<(), TreeFault> {
    let (word, bit) = (seen.get_mut(wide(node / 64)), 1 << (node % 64));
    match word {
        Some(word) if *word & bit == 0 => {
            *word |= bit;
            Ok(())
        }
        _ => Err(TreeFault::Shared(node)),
    }
}

// === impl Walk ===

impl Walk {
    fn new(data_len: usize) -> Self {
        Self {
            v4: Steps::new(0),
            v6: Steps::new(0),
            leaves: Vec::new(),
            networks_v4: 0,
            networks_v6: 0,
            slots: vec![0; data_len],
        }
    }

    /// Takes the next network in address order.
    fn emit(&mut self, at: Pending, offset: Option<usize>) -> Result<(), TreeFault> {
        let v4 = u32::try_from(at.address).ok();
        let number = match offset {
            Some(offset) => self.leaf(at, offset, v4)?,
            None => 0,
        };
        if let Some(start) = v4 {
            self.v4.push(start, number);
        }
        // A network of ::/96 is IPv4; one that is larger than ::/96 is both.
        if v4.is_none() || at.depth < 96 {
            self.v6.push(at.address, number);
            self.networks_v6 += u32::from(number > 0);
        } else {
            self.networks_v4 += u32::from(number > 0);
        }
        Ok(())
    }

    /// Numbers a record, and counts the network.
    fn leaf(&mut self, at: Pending, offset: usize, v4: Option<u32>) -> Result<u32, TreeFault> {
        let slot = self.slots.get_mut(offset).ok_or(TreeFault::Outside(at.value))?;
        if *slot == 0 {
            let v6 = Ipv6Addr::from_bits(at.address);
            let first = v4.map_or(IpAddr::V6(v6), |v4| Ipv4Addr::from_bits(v4).into());
            self.leaves.push(Leaf { offset, first, networks: 0 });
            *slot = narrow(self.leaves.len());
        }
        if let Some(leaf) = slot.checked_sub(1).and_then(|index| self.leaves.get_mut(wide(index))) {
            leaf.networks += 1;
        }
        Ok(*slot)
    }
}
