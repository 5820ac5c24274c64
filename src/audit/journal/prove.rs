//! Proofs from the files: that an entry is in the tree of a checkpoint, and that one checkpoint
//! continues another. Whoever gets a proof needs nothing but the checkpoints.

use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::hash::Hash;
use super::reader::Reader;
use super::tree::{Compact, Nodes, TILE, consistency, inclusion, read_tiles};

/// Makes proofs over the journal in a folder.
#[derive(Debug)]
pub struct Prover {
    folder: PathBuf,
    tiles: Vec<Hash>,
}

impl Prover {
    /// Reads the upper levels of the tree.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        Ok(Self { folder: folder.to_owned(), tiles: read_tiles(folder)? })
    }

    /// The root over the first `size` entries.
    pub fn root(&mut self, size: u64) -> Result<Hash, Fault> {
        if size == 0 { Ok(Compact::default().root()) } else { Nodes::root(self, 0, size) }
    }

    /// The path from an entry to the root over the first `size` entries; `None` where it is not
    /// among them.
    pub fn inclusion(&mut self, sequence: u64, size: u64) -> Result<Option<Vec<Hash>>, Fault> {
        inclusion(self, sequence, size)
    }

    /// What joins the tree over the first `old` entries to that over the first `new`.
    pub fn consistency(&mut self, old: u64, new: u64) -> Result<Option<Vec<Hash>>, Fault> {
        consistency(self, old, new)
    }
}

impl Nodes for Prover {
    type Error = Fault;

    /// Full subtrees from their file; where that lags, and for what is smaller, from the entries.
    fn root(&mut self, begin: u64, end: u64) -> Result<Hash, Fault> {
        let mut tree = Compact::default();
        if begin.is_multiple_of(TILE) {
            let number = |leaf: u64| usize::try_from(leaf / TILE).unwrap_or(usize::MAX);
            let until = number(end).min(self.tiles.len());
            let tiles = self.tiles.get(number(begin)..until).unwrap_or_default();
            tiles.iter().for_each(|root| tree.push_tile(*root));
        }
        let mut reader = Reader::open(&self.folder).from_sequence(begin + tree.size());
        while begin + tree.size() < end {
            let next = begin + tree.size();
            match reader.next()?.filter(|entry| entry.sequence() == next) {
                Some(entry) => drop(tree.push(entry.leaf())),
                None => {
                    let folder = self.folder.clone();
                    return Err(Fault::Missing { folder, from: next, until: end - 1 });
                }
            }
        }
        debug_assert_eq!(begin + tree.size(), end, "a subtree has the leaves that were asked for");
        Ok(tree.root())
    }
}
