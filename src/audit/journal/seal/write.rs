//! Writes a sealed segment and its index under other names, and gives them their own at the end.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::entry::{Entry, Parsed, parse};
use super::super::fault::Fault;
use super::super::files::{Disk, create, write_all};
use super::super::frames::wide;
use super::super::segment::Header;
use super::index::{Block, Index, index_path};
use super::pack::Packer;

/// Octets after which a block ends.
const BLOCK: usize = 1 << 20;

/// A sealed segment in the making.
#[derive(Debug)]
pub(in super::super) struct Writer {
    path: PathBuf,
    part: PathBuf,
    file: File,
    packer: Packer,
    frames: Vec<u8>,
    block: Block,
    index: Index,
}

impl Writer {
    /// Begins the sealed form of the segment at a path.
    pub(in super::super) fn begin(
        disk: &mut dyn Disk,
        path: &Path,
        header: &Header,
    ) -> Result<Self, Fault> {
        let path = path.with_extension("zst");
        let part = path.with_extension("zst.part");
        let mut file = disk.open(&part).map_err(Fault::file(&part))?;
        // Two at once would write into each other; and who was faster has renamed the file.
        let own = file.try_lock().is_ok() && is_same(&file, &part).map_err(Fault::file(&part))?;
        if !own {
            return Err(Fault::InUse { path: part });
        }
        disk.truncate(&part, &mut file, 0).map_err(Fault::file(&part))?;
        let index = Index::new(header.first, header.chain);
        let block = Block::new(0, header.first);
        let (packer, frames) = (Packer::new(), header.octets());
        Ok(Self { path, part, file, packer, frames, block, index })
    }

    /// Adds an entry in the form of the frame.
    pub(in super::super) fn add(
        &mut self,
        disk: &mut dyn Disk,
        entry: &Entry<'_>,
        frame: &[u8],
    ) -> Result<(), Fault> {
        self.frames.extend_from_slice(frame);
        self.index.add(entry);
        self.block.add(entry);
        if self.frames.len() >= BLOCK { self.pack(disk) } else { Ok(()) }
    }

    /// Counts an entry that is pruned from now on.
    pub(in super::super) fn add_pruned(
        &mut self,
        disk: &mut dyn Disk,
        entry: &Entry<'_>,
    ) -> Result<(), Fault> {
        let begin = self.frames.len();
        entry.prune(&mut self.frames);
        let frame = self.frames.split_off(begin);
        let Parsed::Entry(pruned) = parse(&frame) else { return Ok(()) };
        self.add(disk, &pruned, &frame)
    }

    fn pack(&mut self, disk: &mut dyn Disk) -> Result<(), Fault> {
        let packed = self.packer.pack(&mut self.frames);
        write_all(disk, &self.part, &mut self.file, &packed).map_err(Fault::file(&self.part))?;
        let small = |length: usize| u32::try_from(length).expect("a block has at most 4 MiB");
        self.block.packed = small(packed.len());
        self.block.plain = small(self.frames.len());
        self.index.blocks.push(self.block);
        self.index.packed += wide(packed.len());
        self.index.plain += wide(self.frames.len());
        self.frames.clear();
        self.block = Block::new(self.index.packed, self.index.first + self.index.count);
        Ok(())
    }

    /// Leaves everything as it is.
    pub(in super::super) fn leave(self, disk: &mut dyn Disk) -> Result<(), Fault> {
        disk.remove(&self.part).map_err(Fault::file(&self.part))
    }

    /// Ends it: on the disk and under its name, in place of what had it, when this returns.
    pub(in super::super) fn end(mut self, disk: &mut dyn Disk) -> Result<Index, Fault> {
        if !self.frames.is_empty() {
            self.pack(disk)?;
        }
        disk.sync(&self.part, &mut self.file).map_err(Fault::file(&self.part))?;
        let index = index_path(&self.path);
        let part = index.with_extension("idx.part");
        let mut file = create(disk, &part).map_err(Fault::file(&part))?;
        write_all(disk, &part, &mut file, &self.index.octets()).map_err(Fault::file(&part))?;
        disk.sync(&part, &mut file).map_err(Fault::file(&part))?;
        // An index of before must not be taken for one of what comes: without one it is made anew.
        let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
        if index.exists() {
            disk.remove(&index).map_err(Fault::file(&index))?;
            disk.sync_folder(folder).map_err(Fault::file(folder))?;
        }
        disk.rename(&self.part, &self.path).map_err(Fault::file(&self.path))?;
        disk.rename(&part, &index).map_err(Fault::file(&index))?;
        disk.sync_folder(folder).map_err(Fault::file(folder))?;
        Ok(self.index)
    }
}

/// Whether an open file still has its name.
fn is_same(file: &File, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(named) => Ok(named.ino() == file.metadata()?.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
