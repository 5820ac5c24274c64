//! Sealing: a closed segment becomes a `.zst` of independent blocks, each a zstd frame of about
//! 1 MiB, with an `.idx` beside; `zstd -d` gives the plain segment again. Both are written under
//! other names and synced first, so that a crash at any point leaves one of the two forms whole.

mod index;
mod matcher;
mod pack;
mod write;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::entry::{Parsed, parse};
use super::fault::Fault;
use super::files::{Disk, Real};
use super::frames::{Frames, Step, wide};
use super::segment::{Form, HEADER, Header, Segment, list};

pub(super) use index::{Block, Index, index_path};
pub(super) use pack::Unpacker;
pub(super) use write::Writer;

/// What sealing has made of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The sealed segment.
    pub path: PathBuf,
    /// Its entries.
    pub entries: u64,
    /// Octets before.
    pub plain: u64,
    /// Octets now.
    pub packed: u64,
}

/// Seals a closed segment. Another thread than the one that writes may call it. A segment that is
/// damaged is left as it is.
pub fn seal(path: &Path) -> Result<Sealed, Fault> {
    seal_on(&mut Real, path)
}

pub(super) fn seal_on(disk: &mut dyn Disk, path: &Path) -> Result<Sealed, Fault> {
    let unfit = |what| Fault::Unfit { path: path.to_owned(), what };
    let segment = Segment::of(path).filter(|segment| segment.form == Form::Plain);
    let segment = segment.ok_or_else(|| unfit("only a plain segment can be sealed"))?;
    let folder = path.parent().ok_or_else(|| unfit("it is in no folder"))?;
    let last = list(folder)?.last().is_none_or(|last| last.first <= segment.first);
    if last {
        return Err(unfit("the last segment is still written; it can be sealed once closed"));
    }
    let mut frames = Frames::open(&segment)?;
    let mut writer = Writer::begin(disk, path, frames.header())?;
    let (mut next, mut chain) = (segment.first, frames.header().chain);
    loop {
        let offset = frames.offset();
        let wrong =
            |what| Err(Fault::Damaged { path: path.to_owned(), offset, sequence: next, what });
        match frames.next()? {
            Step::Entry(entry) => {
                chain = chain.chain(&entry.leaf());
                if entry.sequence() != next || *entry.chain() != chain {
                    return wrong("not what was written");
                }
                next += 1;
                writer.add(disk, &entry, entry.frame())?;
            }
            Step::End => break,
            Step::Torn => return wrong("a closed segment ends within an entry"),
            Step::Bad(what) => return wrong(what),
        }
    }
    let index = writer.end(disk)?;
    // The sealed form has its name: the plain one is not needed any more.
    disk.remove(path).map_err(Fault::file(path))?;
    disk.sync_folder(folder).map_err(Fault::file(folder))?;
    let (plain, packed) = (index.plain, index.packed);
    Ok(Sealed { path: path.with_extension("zst"), entries: index.count, plain, packed })
}

/// Makes the index of a sealed segment anew, from the file that is open at its beginning.
pub(super) fn rebuild(path: &Path, file: &File) -> Result<Index, Fault> {
    let length = file.metadata().map_err(Fault::file(path))?.len();
    let mut source = Counted(BufReader::with_capacity(1 << 18, file), 0);
    let (mut unpacker, mut block) = (Unpacker::new(), Vec::new());
    let mut index: Option<Index> = None;
    let mut plain = 0;
    while source.1 < length {
        let (offset, sequence) =
            (source.1, index.as_ref().map_or(0, |index| index.first + index.count));
        let fault = |what| Fault::Damaged { path: path.to_owned(), offset: plain, sequence, what };
        block.clear();
        unpacker.unpack(&mut source, &mut block).map_err(fault)?;
        let mut rest = &block[..];
        if index.is_none() {
            let header =
                Header::parse(rest).ok_or_else(|| fault("it has no header of this version"))?;
            index = Some(Index::new(header.first, header.chain));
            rest = rest.split_at(HEADER).1;
        }
        let Some(index) = &mut index else { break };
        let mut found = Block::new(offset, index.first + index.count);
        // What is no frame is told by who reads the block.
        while let Parsed::Entry(entry) = parse(rest) {
            index.add(&entry);
            found.add(&entry);
            rest = rest.split_at(entry.frame().len()).1;
        }
        let most = |_| fault("a block is larger than any is made");
        found.packed = u32::try_from(source.1 - offset).map_err(most)?;
        found.plain = u32::try_from(block.len()).map_err(most)?;
        plain += wide(block.len());
        index.blocks.push(found);
    }
    let empty =
        || Fault::Damaged { path: path.to_owned(), offset: 0, sequence: 0, what: "it is empty" };
    let mut index = index.ok_or_else(empty)?;
    (index.plain, index.packed) = (plain, length);
    Ok(index)
}

/// Counts what is read.
struct Counted<R>(R, u64);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1 += wide(count);
        Ok(count)
    }
}
