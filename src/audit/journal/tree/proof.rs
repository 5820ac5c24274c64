//! Proofs: that a leaf is in a tree (RFC 9162, 2.1.3), and that a tree is the beginning of a
//! larger one (2.1.4).

use super::super::hash::Hash;

/// Where hashes of subtrees come from.
pub(in super::super) trait Nodes {
    /// What can go wrong on the way.
    type Error;

    /// The root over the leaves from `begin` until before `end`, of which there is one at least;
    /// `begin` is a multiple of the least power of two that is not below their number.
    fn root(&mut self, begin: u64, end: u64) -> Result<Hash, Self::Error>;
}

/// How many leaves are on the left side of a tree of `size` leaves, 2 at least: the largest power
/// of two below.
pub(super) const fn left(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The path from leaf `index` to the root of the first `size` leaves, from below; `None` where
/// there is no such leaf.
pub(in super::super) fn inclusion<N: Nodes>(
    nodes: &mut N,
    index: u64,
    size: u64,
) -> Result<Option<Vec<Hash>>, N::Error> {
    if index >= size {
        return Ok(None);
    }
    let (mut begin, mut end) = (0, size);
    let mut path = Vec::new();
    while end - begin > 1 {
        let middle = begin + left(end - begin);
        if index < middle {
            path.push(nodes.root(middle, end)?);
            end = middle;
        } else {
            path.push(nodes.root(begin, middle)?);
            begin = middle;
        }
    }
    path.reverse();
    Ok(Some(path))
}

/// What joins the tree of the first `old` leaves to that of the first `new`; `None` where `old` is
/// 0 or more than `new`.
pub(in super::super) fn consistency<N: Nodes>(
    nodes: &mut N,
    old: u64,
    new: u64,
) -> Result<Option<Vec<Hash>>, N::Error> {
    if old == 0 || old > new {
        return Ok(None);
    }
    let (mut begin, mut end) = (0, new);
    let mut path = Vec::new();
    while old != end {
        let middle = begin + left(end - begin);
        if old <= middle {
            path.push(nodes.root(middle, end)?);
            end = middle;
        } else {
            path.push(nodes.root(begin, middle)?);
            begin = middle;
        }
    }
    // The old root itself is known to who asks.
    if begin != 0 {
        path.push(nodes.root(begin, end)?);
    }
    path.reverse();
    Ok(Some(path))
}

/// Whether the path proves that the leaf is at `index` of the tree (RFC 9162, 2.1.3.2).
pub fn includes(root: &Hash, size: u64, index: u64, leaf: Hash, path: &[Hash]) -> bool {
    if index >= size {
        return false;
    }
    let (mut index, mut last) = (index, size - 1);
    let mut node = leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if index & 1 == 1 || index == last {
            node = Hash::node(sibling, &node);
            while index & 1 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            node = Hash::node(&node, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && node == *root
}

/// Whether the path proves that the new tree begins with the old one (RFC 9162, 2.1.4.2).
pub fn follows(old: (u64, &Hash), new: (u64, &Hash), path: &[Hash]) -> bool {
    let ((old, old_root), (new, new_root)) = (old, new);
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    if old == 0 || old > new {
        return false;
    }
    let mut path = path.iter();
    let seed = if old.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(seed) = seed else { return false };
    let trailing = (old - 1).trailing_ones();
    let (mut index, mut last) = ((old - 1) >> trailing, (new - 1) >> trailing);
    let (mut first, mut second) = (*seed, *seed);
    for node in path {
        if last == 0 {
            return false;
        }
        if index & 1 == 1 || index == last {
            first = Hash::node(node, &first);
            second = Hash::node(node, &second);
            while index & 1 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            second = Hash::node(&second, node);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && first == *old_root && second == *new_root
}
