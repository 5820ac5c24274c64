//! The frames of one segment, plain or sealed, one after the other.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::entry::{AROUND, Entry, LONGEST, Parsed, parse};
use super::fault::Fault;
use super::hash::Hash;
use super::seal::{Block, Index, Unpacker, index_path, rebuild};
use super::segment::{Form, HEADER, Header, Segment};

/// Octets read at once from a plain segment.
const CHUNK: usize = 256 << 10;

/// The longest frame.
const MOST: usize = AROUND + LONGEST;

/// What comes next in a segment.
#[derive(Debug)]
pub(super) enum Step<'a> {
    Entry(Entry<'a>),
    /// Nothing, after a whole frame.
    End,
    /// The beginning of a frame.
    Torn,
    /// No frame.
    Bad(&'static str),
}

/// Reads one segment.
#[derive(Debug)]
pub(super) struct Frames {
    path: PathBuf,
    source: Source,
    header: Header,
    buffer: Vec<u8>,
    at: usize,
    /// Where in the plain segment the buffer begins.
    base: u64,
    /// Where what was told last begins.
    last: u64,
}

#[derive(Debug)]
enum Source {
    Plain(File),
    Sealed(Box<Sealed>),
}

#[derive(Debug)]
struct Sealed {
    file: File,
    index: Index,
    /// Whether the index came from its file.
    indexed: bool,
    next: usize,
    unpacker: Unpacker,
    packed: Vec<u8>,
}

impl Frames {
    /// Opens a segment at its first frame.
    pub(super) fn open(segment: &Segment) -> Result<Self, Fault> {
        let path = segment.path.clone();
        let file = File::open(&path).map_err(Fault::file(&path))?;
        let source = match segment.form {
            Form::Plain => Source::Plain(file),
            Form::Sealed => Source::Sealed(Box::new(Sealed::open(file, &path)?)),
        };
        let header = Header { first: segment.first, made: 0, chain: Hash::ZERO };
        let mut frames = Self { path, source, header, buffer: Vec::new(), at: 0, base: 0, last: 0 };
        frames.fill(HEADER)?;
        let header = Header::parse(&frames.buffer);
        let header = header.ok_or_else(|| frames.damaged("it has no header of this version"))?;
        if header.first != segment.first {
            return Err(frames.damaged("its header is of another segment than its name"));
        }
        (frames.header, frames.at) = (header, HEADER);
        Ok(frames)
    }

    /// The same for who may want nothing of its first block: where that cannot be unpacked, the
    /// index knows what its header says, and who reads it comes upon the damage.
    pub(super) fn open_at_any(segment: &Segment) -> Result<Self, Fault> {
        let fault = match Self::open(segment) {
            Err(fault @ Fault::Damaged { .. }) if segment.form == Form::Sealed => fault,
            opened => return opened,
        };
        let path = segment.path.clone();
        let file = File::open(&path).map_err(Fault::file(&path))?;
        let sealed = Sealed::open(file, &path)?;
        if !sealed.indexed || sealed.index.first != segment.first {
            return Err(fault);
        }
        let header = Header { first: segment.first, made: 0, chain: sealed.index.before };
        let source = Source::Sealed(Box::new(sealed));
        Ok(Self { path, source, header, buffer: Vec::new(), at: 0, base: 0, last: 0 })
    }

    pub(super) const fn header(&self) -> &Header {
        &self.header
    }

    /// The index of a sealed segment, and whether it was read from its file.
    pub(super) fn index(&self) -> Option<(&Index, bool)> {
        match &self.source {
            Source::Plain(_) => None,
            Source::Sealed(sealed) => Some((&sealed.index, sealed.indexed)),
        }
    }

    /// Goes to the block of an entry, where there are blocks. Returns the chain value before what
    /// comes next, where that is known.
    pub(super) fn seek(&mut self, sequence: u64) -> Option<Hash> {
        self.go_to_block(|index| index.block_of(sequence))
    }

    /// Goes to the first block that has something of a time, or of later.
    pub(super) fn seek_time(&mut self, at: i64) -> Option<Hash> {
        let of = |index: &Index| {
            let found = index.blocks.iter().position(|block| block.latest >= at);
            found.unwrap_or(index.blocks.len())
        };
        self.go_to_block(of)
    }

    fn go_to_block(&mut self, of: impl FnOnce(&Index) -> usize) -> Option<Hash> {
        let Source::Sealed(sealed) = &mut self.source else { return Some(self.header.chain) };
        let number = of(&sealed.index);
        // The first block is open already.
        if number == 0 {
            return Some(self.header.chain);
        }
        sealed.next = number;
        let plain = sealed.index.blocks.iter().take(number).map(|block| u64::from(block.plain));
        self.base = plain.sum();
        self.buffer.clear();
        self.at = 0;
        None
    }

    /// Where what comes next begins.
    pub(super) fn offset(&self) -> u64 {
        self.base + wide(self.at)
    }

    /// The next frame. What is no frame stays where it is.
    pub(super) fn next(&mut self) -> Result<Step<'_>, Fault> {
        let length = loop {
            self.last = self.offset();
            let needed = match parse(self.rest()) {
                Parsed::Entry(entry) => break entry.frame().len(),
                Parsed::Short(needed) => needed,
                Parsed::Bad(what) => return Ok(Step::Bad(what)),
            };
            if !self.fill(needed)? {
                return Ok(if self.rest().is_empty() { Step::End } else { Step::Torn });
            }
        };
        let begin = self.at;
        self.at += length;
        match parse(self.buffer.get(begin..).unwrap_or_default()) {
            Parsed::Entry(entry) => Ok(Step::Entry(entry)),
            Parsed::Short(_) | Parsed::Bad(_) => Ok(Step::Torn),
        }
    }

    /// Goes back to what was told last, which must have been told just now.
    pub(super) fn back(&mut self) {
        self.at = usize::try_from(self.last - self.base).unwrap_or(self.at);
    }

    /// Whether nothing comes after what was told last.
    pub(super) fn is_at_end(&mut self) -> bool {
        matches!(self.fill(1), Ok(false))
    }

    /// Goes back to any place of a plain segment; `false` for a sealed one.
    pub(super) fn rewind(&mut self, offset: u64) -> bool {
        let Source::Plain(file) = &mut self.source else { return false };
        let there = file.seek(SeekFrom::Start(offset)).is_ok();
        if there {
            self.buffer.clear();
            (self.at, self.base, self.last) = (0, offset, offset);
        }
        there
    }

    /// Octets of the plain segment.
    pub(super) fn length(&self) -> u64 {
        match &self.source {
            Source::Plain(file) => file.metadata().map_or(0, |meta| meta.len()),
            Source::Sealed(sealed) => sealed.index.plain,
        }
    }

    /// Goes forward to the next frame from entry `least` on whose chain value follows from the 32
    /// octets before it, or from the one that is known before `least`. Returns how many octets lie
    /// between; `None` where there is no such frame.
    pub(super) fn resync(&mut self, least: u64, chain: Option<Hash>) -> Result<Option<u64>, Fault> {
        let begin = self.offset();
        let mut from = 1;
        loop {
            let ended = !self.fill(from + 2 * MOST)?;
            let rest = self.rest();
            let until = if ended { rest.len() } else { rest.len() - MOST };
            if let Some(place) = find(rest, from..until, least, chain) {
                self.at += place;
                return Ok(Some(self.offset() - begin));
            }
            if ended {
                return Ok(None);
            }
            self.at += until - Hash::LEN;
            from = Hash::LEN;
        }
    }

    pub(super) fn damaged(&self, what: &'static str) -> Fault {
        let (path, offset) = (self.path.clone(), self.offset());
        Fault::Damaged { path, offset, sequence: self.header.first, what }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Lets so many octets lie ahead; `false` where the segment has no more.
    fn fill(&mut self, needed: usize) -> Result<bool, Fault> {
        while self.buffer.len() - self.at < needed {
            self.base += wide(self.at);
            self.buffer.drain(..std::mem::take(&mut self.at));
            let more = match &mut self.source {
                Source::Plain(file) => {
                    read(file, &mut self.buffer).map_err(Fault::file(&self.path))?
                }
                Source::Sealed(sealed) => {
                    let base = self.base;
                    sealed.unpack(&self.path, base, &mut self.buffer)?
                }
            };
            if !more {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Appends a chunk of a file; `false` at its end.
fn read(file: &mut File, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let before = buffer.len();
    file.take(wide(CHUNK)).read_to_end(buffer)?;
    Ok(buffer.len() > before)
}

fn find(octets: &[u8], range: Range<usize>, least: u64, chain: Option<Hash>) -> Option<usize> {
    let from = range.start;
    let places = octets.get(from + 6..)?.windows(8).take(range.len());
    let most = least.saturating_add(1 << 40);
    let numbers = places.map(|octets| octets.first_chunk().copied().map_or(0, u64::from_be_bytes));
    let likely = numbers.enumerate().filter(|(_, number)| (least..most).contains(number));
    let mut likely = likely.map(|(place, _)| from + place);
    likely.find(|place| follows(octets, *place, least, chain))
}

/// Whether a frame stands at a place, and its chain value follows from what stands before, or from
/// what is known.
fn follows(octets: &[u8], place: usize, least: u64, chain: Option<Hash>) -> bool {
    let (before, rest) = octets.split_at(place);
    let Parsed::Entry(entry) = parse(rest) else { return false };
    let stands = before.last_chunk::<{ Hash::LEN }>().map(|chain| Hash::from(*chain));
    let known = chain.filter(|_| entry.sequence() == least);
    let leaf = entry.leaf();
    [stands, known].into_iter().flatten().any(|chain| chain.chain(&leaf) == *entry.chain())
}

impl Sealed {
    fn open(file: File, path: &Path) -> Result<Self, Fault> {
        let length = file.metadata().map_err(Fault::file(path))?.len();
        let kept = fs::read(index_path(path)).ok().and_then(|octets| Index::parse(&octets));
        // A segment that was pruned or sealed just before a crash may have an older one.
        let kept = kept.filter(|index| index.packed == length);
        let indexed = kept.is_some();
        let index = kept.map_or_else(|| rebuild(path, &file), Ok)?;
        let (unpacker, packed) = (Unpacker::new(), Vec::new());
        Ok(Self { file, index, indexed, next: 0, unpacker, packed })
    }

    /// Appends the next block; `false` at the end. A block that cannot be unpacked is passed.
    fn unpack(&mut self, path: &Path, base: u64, buffer: &mut Vec<u8>) -> Result<bool, Fault> {
        let Some(block) = self.index.blocks.get(self.next).copied() else { return Ok(false) };
        self.next += 1;
        let before = buffer.len();
        let fault = |what| {
            let (path, offset) = (path.to_owned(), base + wide(before));
            Fault::Damaged { path, offset, sequence: block.first, what }
        };
        self.load(block).map_err(Fault::file(path))?;
        let mut rest = &self.packed[..];
        let unpacked = self.unpacker.unpack(&mut rest, buffer);
        let whole = rest.is_empty() && u32::try_from(buffer.len() - before) == Ok(block.plain);
        let whole = if whole { Ok(true) } else { Err("a block is not as its index has it") };
        unpacked.and(whole).map_err(|what| {
            buffer.truncate(before);
            fault(what)
        })
    }

    fn load(&mut self, block: Block) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(block.offset))?;
        self.packed.clear();
        // The length was checked when the index was read.
        (&mut self.file).take(u64::from(block.packed)).read_to_end(&mut self.packed)?;
        Ok(())
    }
}

/// As a position in a file.
pub(super) fn wide(count: usize) -> u64 {
    u64::try_from(count).expect("a count of octets in memory has at most 64 bits")
}
