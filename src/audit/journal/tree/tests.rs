//! The tree against RFC 9162 as it is written, and against vectors of Certificate Transparency.

use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::audit::journal::hash::Hash;

/// MTH of RFC 9162, 2.1.1, word for word.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(&[]),
        [leaf] => *leaf,
        _ => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            Hash::node(&mth(&leaves[..split]), &mth(&leaves[split..]))
        }
    }
}

/// PATH of 2.1.3.1.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let mut split = 1;
    while split * 2 < leaves.len() {
        split *= 2;
    }
    let (left, right) = leaves.split_at(split);
    let (mut found, other) = if index < split {
        (path(index, left), mth(right))
    } else {
        (path(index - split, right), mth(left))
    };
    found.push(other);
    found
}

/// SUBPROOF of 2.1.4.1.
fn subproof(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known { Vec::new() } else { vec![mth(leaves)] };
    }
    let mut split = 1;
    while split * 2 < leaves.len() {
        split *= 2;
    }
    let (left, right) = leaves.split_at(split);
    let (mut found, other) = if old <= split {
        (subproof(old, left, known), mth(right))
    } else {
        (subproof(old - split, right, false), mth(left))
    };
    found.push(other);
    found
}

struct Plain<'a>(&'a [Hash]);

impl Nodes for Plain<'_> {
    type Error = Infallible;

    fn root(&mut self, begin: u64, end: u64) -> Result<Hash, Infallible> {
        Ok(mth(&self.0[usize::try_from(begin).unwrap()..usize::try_from(end).unwrap()]))
    }
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|n| Hash::of(&n.to_be_bytes())).collect()
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap()
}

#[test]
fn it_grows_as_the_plain_one_for_all_sizes() {
    let all = leaves(1_100);
    let (mut tree, mut tiles, mut by_tiles) = (Compact::default(), Vec::new(), Compact::default());
    for (size, leaf) in all.iter().enumerate() {
        assert_eq!((tree.size(), tree.root()), (wide(size), mth(&all[..size])));
        tiles.extend(tree.push(*leaf));
    }
    assert_eq!(tiles.len(), 4);
    for (n, tile) in tiles.iter().enumerate() {
        assert_eq!(*tile, mth(&all[n * 256..(n + 1) * 256]));
        by_tiles.push_tile(*tile);
    }
    all[1_024..].iter().for_each(|leaf| drop(by_tiles.push(*leaf)));
    assert_eq!(by_tiles.root(), tree.root());
}

#[test]
fn every_proof_of_small_trees_is_the_plain_one_and_holds() {
    let all = leaves(70);
    for size in 1..=all.len() {
        let part = &all[..size];
        let root = mth(part);
        for (index, leaf) in part.iter().enumerate() {
            let found = inclusion(&mut Plain(part), wide(index), wide(size)).unwrap().unwrap();
            assert_eq!(found, path(index, part));
            assert!(includes(&root, wide(size), wide(index), *leaf, &found));
            assert!(!includes(&root, wide(size), wide(index + 1), *leaf, &found) || size == 0);
        }
        for old in 1..=size {
            let found = consistency(&mut Plain(part), wide(old), wide(size)).unwrap().unwrap();
            assert_eq!(found, subproof(old, part, true));
            let before = mth(&part[..old]);
            assert!(follows((wide(old), &before), (wide(size), &root), &found));
            if old < size {
                assert!(!follows((wide(old), &root), (wide(size), &root), &found));
                assert!(!follows((wide(old), &before), (wide(size), &before), &found));
            }
        }
    }
    assert_eq!(inclusion(&mut Plain(&all), 70, 70), Ok(None));
    assert_eq!(consistency(&mut Plain(&all), 0, 70), Ok(None));
    assert_eq!(consistency(&mut Plain(&all), 71, 70), Ok(None));
}

proptest! {
    #[test]
    fn proofs_hold_and_what_is_changed_does_not(
        size in 1..900_usize,
        at in any::<prop::sample::Index>(),
        old in any::<prop::sample::Index>(),
        bit in 0..256_usize,
        place in any::<prop::sample::Index>(),
    ) {
        let all = leaves(size);
        let root = mth(&all);
        let index = at.index(size);
        let mut found = inclusion(&mut Plain(&all), wide(index), wide(size)).unwrap().unwrap();
        prop_assert_eq!(&found, &path(index, &all));
        let holds = |found: &[Hash]| includes(&root, wide(size), wide(index), all[index], found);
        prop_assert!(holds(&found));
        let longer: Vec<_> = found.iter().copied().chain([root]).collect();
        prop_assert!(!holds(&longer));
        let flip = |hash: &mut Hash| {
            let mut octets = *hash.octets();
            octets[bit / 8] ^= 1 << (bit % 8);
            *hash = octets.into();
        };
        if !found.is_empty() {
            prop_assert!(!holds(&found[1..]));
            let place = place.index(found.len());
            flip(&mut found[place]);
            prop_assert!(!holds(&found));
        }
        let old = old.index(size) + 1;
        let before = mth(&all[..old]);
        let mut found = consistency(&mut Plain(&all), wide(old), wide(size)).unwrap().unwrap();
        prop_assert_eq!(&found, &subproof(old, &all, true));
        let holds = |found: &[Hash]| follows((wide(old), &before), (wide(size), &root), found);
        prop_assert!(holds(&found));
        if !found.is_empty() {
            prop_assert!(!holds(&found[1..]));
            let place = place.index(found.len());
            flip(&mut found[place]);
            prop_assert!(!holds(&found));
        }
    }
}

/// Of the test suite of the reference implementation of Certificate Transparency.
#[test]
fn the_vectors_of_certificate_transparency_hold() {
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let leaf = |input: &&[u8]| Hash::of(&[b"\0", *input].concat());
    let all: Vec<_> = inputs.iter().map(leaf).collect();
    let mut tree = Compact::default();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(tree.root().to_string(), empty);
    for (leaf, root) in all.iter().zip(roots) {
        tree.push(*leaf);
        assert_eq!(tree.root().to_string(), root);
    }
    let shown = |path: Option<Vec<Hash>>| -> Vec<String> {
        path.unwrap().iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        shown(inclusion(&mut Plain(&all), 0, 8).unwrap()),
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]
    );
    assert_eq!(
        shown(consistency(&mut Plain(&all), 6, 8).unwrap()),
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
}
