//! IPv4: the upper 16 bits choose a slot. Most slots (44,742 of 57,088 public ones, over both
//! shipped databases) have one number and answer at once. The others are divided by the third
//! octet, and where that does not do, by the fourth.

use super::super::steps::Steps;
use super::super::{narrow, wide};
use super::MAX_IDS;
use super::search::find;

const SLOTS: usize = 1 << 16;

/// Marks what is no number but the position of what it is divided into.
const DIVIDED: u32 = 1 << 31;

/// Numbers by IPv4 address: 3.3 MiB for two country databases.
#[derive(Debug)]
pub(in super::super) struct TableV4 {
    /// By /16: a number, or a node.
    slots: Box<[u32; SLOTS]>,
    nodes: Vec<Node>,
    /// What holds from one /24 to the next that a node marks: a number, or a group.
    runs: Vec<u32>,
    /// Where the rows of each group end.
    ends: Vec<u32>,
    /// Within one /24: the fourth octet of a start, then 24 bits of number.
    rows: Vec<u32>,
}

/// The 256 networks of a /16.
#[derive(Debug, Default)]
struct Node {
    /// Which of them begins a run. The first always does.
    begins: [u64; 4],
    /// How many runs of the table lie before each word.
    before: [u32; 4],
}

const ID_MASK: u32 = (1 << 24) - 1;
const _: () = assert!(MAX_IDS - 1 <= ID_MASK);

impl TableV4 {
    /// Compiles steps.
    pub(in super::super) fn new(steps: &Steps<u32>) -> Self {
        let (mut rows, mut ends) = (Vec::new(), vec![0]);
        let of_24 = coarser(steps.iter(), |octets| {
            rows.extend(octets.iter().map(|(octet, id)| octet << 24 | id));
            ends.push(narrow(rows.len()));
            ends.len() - 2
        });
        let (mut nodes, mut runs) = (Vec::new(), Vec::new());
        let of_16 = coarser(of_24.into_iter(), |octets| {
            nodes.push(Node::new(octets, &mut runs));
            nodes.len() - 1
        });
        let mut slots: Box<[u32; SLOTS]> =
            vec![0; SLOTS].into_boxed_slice().try_into().expect("so many were made");
        let (mut next, mut held) = (of_16.into_iter().peekable(), 0);
        for (slot, at) in slots.iter_mut().zip(0..) {
            while let Some((_, what)) = next.next_if(|(from, _)| *from <= at) {
                held = what;
            }
            *slot = held;
        }
        Self { slots, nodes, runs, ends, rows }
    }

    /// Returns the number of an address.
    #[inline]
    pub(in super::super) fn get(&self, address: u32) -> u32 {
        let slot = self.slots.get(wide(address >> 16)).map_or(0, |slot| *slot);
        if slot < DIVIDED {
            return slot;
        }
        let run = self.nodes.get(wide(slot - DIVIDED)).map_or(0, |node| node.run(address >> 8));
        let run = self.runs.get(run).map_or(0, |run| *run);
        if run < DIVIDED { run } else { self.row(run - DIVIDED, address) }
    }

    /// Finds the row inside a /24.
    fn row(&self, group: u32, address: u32) -> u32 {
        let end = |group| self.ends.get(group).map_or(0, |end| wide(*end));
        let (from, to) = (end(wide(group)), end(wide(group) + 1));
        find(&self.rows, from, to, address << 24 | ID_MASK) & ID_MASK
    }
}

impl Node {
    fn new(octets: &[(u32, u32)], runs: &mut Vec<u32>) -> Self {
        let mut node = Self { before: [narrow(runs.len()); 4], ..Self::default() };
        for (octet, what) in octets {
            let word = wide(octet / 64);
            if let Some(begins) = node.begins.get_mut(word) {
                *begins |= 1 << (octet % 64);
            }
            node.before.iter_mut().skip(word + 1).for_each(|before| *before += 1);
            runs.push(*what);
        }
        node
    }

    /// The run that holds at an octet, the lowest of `octets`.
    #[inline]
    fn run(&self, octets: u32) -> usize {
        let word = wide(octets / 64 % 4);
        let begins = self.begins.get(word).map_or(0, |word| *word);
        let before = self.before.get(word).map_or(0, |before| *before);
        let up_to = begins << (63 - octets % 64);
        wide((before + up_to.count_ones()).wrapping_sub(1))
    }
}

/// Steps over blocks of 256: a block is one step where one number holds in all of it. Else
/// `divide` keeps it, from its first octet on, and says where.
fn coarser(
    steps: impl Iterator<Item = (u32, u32)>,
    mut divide: impl FnMut(&[(u32, u32)]) -> usize,
) -> Vec<(u32, u32)> {
    let mut coarse = Vec::with_capacity(steps.size_hint().0);
    let mut inner = Vec::new();
    let mut held = 0;
    // The block behind a divided one, from which on the last number holds.
    let mut behind: Option<u32> = None;
    let mut steps = steps.peekable();
    while let Some((start, first)) = steps.next() {
        let block = start >> 8;
        coarse.extend(behind.take().filter(|behind| *behind < block).map(|from| (from, held)));
        inner.clear();
        if start & 0xFF != 0 {
            inner.push((0, held));
        }
        inner.push((start & 0xFF, first));
        while let Some((start, what)) = steps.next_if(|next| next.0 >> 8 == block) {
            inner.push((start & 0xFF, what));
        }
        held = inner.last().map_or(held, |last| last.1);
        if inner.len() == 1 {
            coarse.push((block, first));
        } else {
            coarse.push((block, DIVIDED | narrow(divide(&inner))));
            behind = Some(block + 1);
        }
    }
    coarse.extend(behind.map(|behind| (behind, held)));
    coarse
}
