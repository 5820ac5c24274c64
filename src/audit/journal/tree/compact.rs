//! What must be kept of a tree to let it grow: the roots of its full subtrees.

use super::super::hash::Hash;
use super::TILE;

/// A tree of any size as the roots of its full subtrees, the largest first: as many as the size
/// has bits set.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Compact {
    size: u64,
    roots: Vec<Hash>,
}

impl Compact {
    /// How many leaves it has.
    pub(in super::super) const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf. Returns the root of the subtree of [`TILE`] leaves that it completes.
    pub(in super::super) fn push(&mut self, leaf: Hash) -> Option<Hash> {
        let mut tile = None;
        let (mut node, mut pairs) = (leaf, self.size);
        let mut leaves = 1;
        while pairs & 1 == 1 {
            let left = self.roots.pop().expect("a root for each bit of the size");
            node = Hash::node(&left, &node);
            pairs >>= 1;
            leaves *= 2;
            if leaves == TILE {
                tile = Some(node);
            }
        }
        self.roots.push(node);
        self.size += 1;
        tile
    }

    /// Adds a subtree of [`TILE`] leaves by its root, to a tree of such subtrees alone.
    pub(in super::super) fn push_tile(&mut self, root: Hash) {
        let (mut node, mut pairs) = (root, self.size / TILE);
        while pairs & 1 == 1 {
            let left = self.roots.pop().expect("a root for each bit of the size");
            node = Hash::node(&left, &node);
            pairs >>= 1;
        }
        self.roots.push(node);
        self.size += TILE;
    }

    /// As octets: the size (8), and the roots, the largest first.
    pub(in super::super) fn octets(&self) -> Vec<u8> {
        let mut octets = self.size.to_be_bytes().to_vec();
        self.roots.iter().for_each(|root| octets.extend_from_slice(root.octets()));
        octets
    }

    /// The same read again; `None` where it is none.
    pub(in super::super) fn parse(octets: &[u8]) -> Option<Self> {
        let (size, rest) = octets.split_first_chunk::<8>()?;
        let (roots, more) = rest.as_chunks::<{ Hash::LEN }>();
        let size = u64::from_be_bytes(*size);
        let fits = more.is_empty() && u32::try_from(roots.len()) == Ok(size.count_ones());
        let roots = roots.iter().map(|root| (*root).into()).collect();
        fits.then_some(Self { size, roots })
    }

    /// The root of it all; that of no leaves is the hash of nothing.
    pub(in super::super) fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return Hash::of(&[]) };
        roots.fold(*last, |right, left| Hash::node(left, &right))
    }
}
