//! The file `tree`: the roots of all full subtrees of 256 leaves, 32 octets each. It follows from
//! the segments and may lag behind them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::super::fault::Fault;
use super::super::files::{Disk, write_all};
use super::super::frames::wide;
use super::super::hash::Hash;

const NAME: &str = "tree";

/// The file as the writer has it.
#[derive(Debug)]
pub(in super::super) struct Tiles {
    path: PathBuf,
    file: File,
    /// Octets that are in it for sure.
    length: u64,
    waiting: Vec<u8>,
    /// Roots before those that come are not known: none can be added in its place.
    stopped: bool,
}

/// The roots that are in the file; none where there is no file.
pub(in super::super) fn read_tiles(folder: &Path) -> Result<Vec<Hash>, Fault> {
    let path = folder.join(NAME);
    let octets = match fs::read(&path) {
        Ok(octets) => octets,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Fault::file(&path)(error)),
    };
    Ok(octets.as_chunks::<{ Hash::LEN }>().0.iter().map(|hash| (*hash).into()).collect())
}

impl Tiles {
    /// Opens the file with so many roots, and writes those that follow.
    pub(in super::super) fn open(
        disk: &mut dyn Disk,
        folder: &Path,
        kept: usize,
        more: &[Hash],
    ) -> Result<Self, Fault> {
        let path = folder.join(NAME);
        let mut file = disk.open(&path).map_err(Fault::file(&path))?;
        let length = wide(kept * Hash::LEN);
        disk.truncate(&path, &mut file, length).map_err(Fault::file(&path))?;
        let mut tiles = Self { path, file, length, waiting: Vec::new(), stopped: false };
        tiles.add(disk, more);
        Ok(tiles)
    }

    /// Leaves the file as it is from now on: proofs are made from the entries.
    pub(in super::super) const fn stop(&mut self) {
        self.stopped = true;
    }

    /// Adds roots. Where they cannot be written they wait: nothing depends on them.
    pub(in super::super) fn add(&mut self, disk: &mut dyn Disk, roots: &[Hash]) {
        if self.stopped {
            return;
        }
        roots.iter().for_each(|root| self.waiting.extend_from_slice(root.octets()));
        if self.waiting.is_empty() {
            return;
        }
        // A part of an earlier attempt may be there.
        let cut = disk.truncate(&self.path, &mut self.file, self.length);
        let written = cut.and_then(|()| write_all(disk, &self.path, &mut self.file, &self.waiting));
        if written.is_ok() {
            self.length += wide(self.waiting.len());
            self.waiting.clear();
        }
    }
}
