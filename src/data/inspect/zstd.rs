//! Zstandard (RFC 8878), one block at a time: a block gives at most 128 KiB, so no input makes
//! more than that at once. Windows are at most 8 MiB, as RFC 9659 has it for bodies.

use std::collections::VecDeque;

use ruzstd::decoding::FrameDecoder;

use super::coding::{Step, Turn};
use super::stage::Cannot;

/// The largest window.
const WINDOW: u64 = 8 << 20;

/// So many blocks are remembered; more count as one.
const BLOCKS: usize = 256;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Header,
    BlockHeader,
    /// A block of so many octets with its header; whether it is the last.
    Block(usize, bool),
    CheckSum,
    /// The last block was read; what is left comes out.
    Last,
    /// Another frame may follow.
    Between,
    /// So many octets of a frame that holds no data (RFC 8878 section 3.1.2).
    Skip(u64),
}

/// Decodes one stream.
pub(super) struct Unzstd {
    decoder: FrameDecoder,
    next: Next,
    held: Vec<u8>,
    checked: bool,
    /// Octets taken.
    taken: u64,
    window: u64,
    /// Decoded octets that were given.
    given: u64,
    /// Where the first block began of which nobody knows how much it gave.
    since: Option<u64>,
    /// What stands in frames that hold no data.
    pub(super) beside: Vec<u8>,
    /// Up to which decoded octet all comes from an octet of the input on.
    blocks: VecDeque<(u64, u64)>,
}

impl std::fmt::Debug for Unzstd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unzstd").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Unzstd {
    pub(super) fn new() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self {
            decoder,
            next: Next::Header,
            held: Vec::new(),
            checked: false,
            taken: 0,
            window: 0,
            given: 0,
            since: None,
            beside: Vec::new(),
            blocks: VecDeque::new(),
        }
    }

    /// From which octet of the input on something may still come.
    pub(super) fn position(&self) -> Option<u64> {
        let held = self.taken - u64::try_from(self.held.len()).unwrap_or(0);
        let first = self.blocks.front().map(|(_, from)| *from).or(self.since);
        first.or_else(|| (self.next != Next::Between).then_some(held))
    }

    /// Whether it may end here.
    pub(super) fn is_done(&self) -> bool {
        self.next == Next::Between
    }

    /// Decodes a little.
    pub(super) fn step(&mut self, input: &mut &[u8], output: &mut [u8]) -> Result<Step, Cannot> {
        loop {
            let want = match self.next {
                Next::Header => self.header_length(),
                Next::BlockHeader => 3,
                Next::Block(size, _) => size,
                Next::CheckSum => 4,
                Next::Last => 0,
                Next::Between => match input.first() {
                    Some(0x28 | 0x50..=0x5F) => {
                        self.next = Next::Header;
                        continue;
                    }
                    Some(_) => return Ok(Step::of(Turn::Ended)),
                    None => return Ok(Step::of(Turn::Fed)),
                },
                Next::Skip(left) => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    self.take(input, count);
                    self.beside.append(&mut self.held);
                    let left = left - u64::try_from(count).unwrap_or(0);
                    self.next = if left == 0 { Next::Between } else { Next::Skip(left) };
                    if input.is_empty() {
                        return Ok(Step::of(Turn::Fed));
                    }
                    continue;
                }
            };
            let missing = want.saturating_sub(self.held.len()).min(input.len());
            self.take(input, missing);
            if self.held.len() < want {
                return Ok(Step::of(Turn::Fed));
            }
            // A header of which more is known now may be longer.
            if self.next == Next::Header && self.held.len() < self.header_length() {
                continue;
            }
            if let Some(step) = self.whole(output)? {
                return Ok(step);
            }
        }
    }

    fn take(&mut self, input: &mut &[u8], count: usize) {
        let (part, rest) = input.split_at(count.min(input.len()));
        self.held.extend_from_slice(part);
        self.taken += u64::try_from(part.len()).unwrap_or(0);
        *input = rest;
    }

    /// What is needed is held.
    fn whole(&mut self, output: &mut [u8]) -> Result<Option<Step>, Cannot> {
        let held = std::mem::take(&mut self.held);
        match self.next {
            Next::Header => self.header(&held)?,
            Next::BlockHeader => {
                let [a, b, c] = *held.as_array().ok_or(Cannot::Broken)?;
                let word = u32::from_le_bytes([a, b, c, 0]);
                let size = usize::try_from(word >> 3).map_err(|_| Cannot::Broken)?;
                let size = if word >> 1 & 3 == 1 { 1 } else { size };
                if size > 128 << 10 {
                    return Err(Cannot::Broken);
                }
                self.next = Next::Block(size + 3, word & 1 == 1);
                self.held = held;
            }
            Next::Block(_, last) => {
                let from = self.taken - u64::try_from(held.len()).unwrap_or(0);
                self.next = match last {
                    true if self.checked => Next::CheckSum,
                    true => Next::Last,
                    false => Next::BlockHeader,
                };
                return self.decode(&held, from, output).map(Some);
            }
            Next::CheckSum => {
                self.next = Next::Last;
                let from = self.taken - 4;
                return self.decode(&held, from, output).map(Some);
            }
            Next::Last => {
                let step = self.decode(&[], self.taken, output)?;
                if step.written == 0 {
                    self.next = Next::Between;
                    self.since = None;
                    self.blocks.clear();
                }
                return Ok(Some(Step { turn: Turn::Again, ..step }));
            }
            Next::Between | Next::Skip(_) => {}
        }
        Ok(None)
    }

    /// Gives a block to the decoder, or nothing, and takes what it has.
    fn decode(&mut self, block: &[u8], from: u64, output: &mut [u8]) -> Result<Step, Cannot> {
        let decoded = self.decoder.decode_from_to(block, output);
        let (_, written) = decoded.map_err(|_| Cannot::Broken)?;
        if !block.is_empty() {
            self.since.get_or_insert(from);
        }
        let first = self.given;
        self.given += u64::try_from(written).unwrap_or(0);
        let more = u64::try_from(self.decoder.can_collect()).unwrap_or(0);
        // The decoder keeps its window until the last block; before it is full, nobody knows how
        // much it holds.
        let all = if self.next == Next::Last {
            Some(self.given + more)
        } else {
            (more > 0 || written > 0).then_some(self.given + self.window + more)
        };
        if let (Some(all), Some(since)) = (all, self.since.take_if(|_| all.is_some())) {
            let full = self.blocks.len() >= BLOCKS;
            match self.blocks.back_mut() {
                Some((end, _)) if full => *end = all,
                _ => self.blocks.push_back((all, since)),
            }
        }
        let from = self.origin(first).unwrap_or(from);
        Ok(Step { written, from, turn: Turn::Again })
    }

    /// From which octet of the input on a decoded octet comes.
    fn origin(&mut self, decoded: u64) -> Option<u64> {
        while self.blocks.front().is_some_and(|(end, _)| *end <= decoded) {
            self.blocks.pop_front();
        }
        self.blocks.front().map(|(_, from)| *from).or(self.since)
    }

    fn header_length(&self) -> usize {
        match self.held.as_slice() {
            [0x28, 0xB5, 0x2F, 0xFD, descriptor, ..] => {
                let single = descriptor & 0x20 != 0;
                let id = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or(0);
                let size = match descriptor >> 6 {
                    0 => usize::from(single),
                    size => 1 << size,
                };
                5 + usize::from(!single) + id + size
            }
            [0x50..=0x5F, ..] => 8,
            _ => 5,
        }
    }

    fn header(&mut self, held: &[u8]) -> Result<(), Cannot> {
        match held {
            [0x50..=0x5F, 0x2A, 0x4D, 0x18, a, b, c, d] => {
                self.next = Next::Skip(u64::from(u32::from_le_bytes([*a, *b, *c, *d])));
                return Ok(());
            }
            [0x28, 0xB5, 0x2F, 0xFD, descriptor, ..] => {
                self.checked = descriptor & 4 != 0;
                if descriptor & 3 != 0 {
                    return Err(Cannot::Encoding);
                }
            }
            _ => return Err(Cannot::Broken),
        }
        self.window = window(held);
        if self.window > WINDOW {
            return Err(Cannot::Encoding);
        }
        self.decoder.init(held).map_err(|_| Cannot::Broken)?;
        self.next = Next::BlockHeader;
        Ok(())
    }
}

/// The size of the window that a header asks for.
fn window(header: &[u8]) -> u64 {
    let Some((descriptor, rest)) = header.get(4..).and_then(|rest| rest.split_first()) else {
        return 0;
    };
    if descriptor & 0x20 == 0 {
        let byte = rest.first().copied().unwrap_or(0);
        let base = 1_u64 << (10 + (byte >> 3));
        return base + base / 8 * u64::from(byte & 7);
    }
    let size = rest.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
    if rest.len() == 2 { size + 256 } else { size }
}
