//! Deflate, bare (RFC 1951), within zlib (RFC 1950) or within gzip (RFC 1952). Its window is
//! 32 KiB. Check sums are not compared: what a wrong one covers has been looked at all the same.

use flate2::{Decompress, FlushDecompress, Status};

use super::coding::{Step, Turn};
use super::stage::Cannot;

/// A decoder of bare deflate that can be fed one message after the other: the window is kept
/// between them, as permessage-deflate (RFC 7692) needs it.
#[derive(Debug)]
pub struct Inflate {
    inner: Decompress,
}

/// What does not decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not decode as deflate")]
pub struct Malformed;

/// How deflate is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrap {
    /// Not at all.
    Bare,
    /// By a header of two octets, or not at all: both are sent as `deflate`.
    Zlib,
    /// By a header with names.
    Gzip,
}

/// What comes next of the wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// So many octets of a fixed header, with the flags that were read.
    Fixed(u8),
    /// Two octets of the length of extra fields, or so many of them.
    ExtraLength(u8),
    Extra(u16),
    /// Up to a zero octet.
    Name,
    Comment,
    /// So many octets of a check sum over the header.
    HeaderCheck(u8),
    Data,
    /// So many octets of a trailer.
    Trailer(u8),
    /// Another member may follow, or zeros that fill up.
    Between,
    Ended,
}

/// Decodes one stream.
#[derive(Debug)]
pub(super) struct Unwrap {
    wrap: Wrap,
    next: Next,
    flags: u8,
    length: u16,
    first: u8,
    inflate: Inflate,
    /// Octets taken.
    taken: u64,
    /// What its header says beside: names, comments and what else was put there.
    pub(super) beside: Vec<u8>,
}

// === impl Inflate ===

impl Default for Inflate {
    fn default() -> Self {
        Self { inner: Decompress::new(false) }
    }
}

impl Inflate {
    /// Decodes what it can of the input into the output: how many octets were read, how many
    /// written, and whether the stream is at its end. Where nothing is read or written it needs
    /// more of either.
    pub fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(usize, usize, bool), Malformed> {
        let before = (self.inner.total_in(), self.inner.total_out());
        let status = self.inner.decompress(input, output, FlushDecompress::Sync);
        let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(0);
        let read = count(self.inner.total_in(), before.0);
        let written = count(self.inner.total_out(), before.1);
        match status {
            Ok(status) => Ok((read, written, status == Status::StreamEnd)),
            // What was written before the fault counts; the fault is met again.
            Err(_) if written > 0 => Ok((read, written, false)),
            Err(_) => Err(Malformed),
        }
    }
}

// === impl Unwrap ===

impl Unwrap {
    /// Octets that the decoder may have taken without having given all that is in them.
    const LAG: u64 = 16;

    pub(super) fn new(wrap: Wrap) -> Self {
        let next = match wrap {
            Wrap::Bare => Next::Data,
            Wrap::Zlib | Wrap::Gzip => Next::Fixed(0),
        };
        let inflate = Inflate::default();
        Self { wrap, next, flags: 0, length: 0, first: 0, inflate, taken: 0, beside: Vec::new() }
    }

    /// From which octet of the input on something may still come.
    pub(super) fn position(&self) -> Option<u64> {
        let open = !matches!(self.next, Next::Between | Next::Ended);
        open.then(|| self.taken.saturating_sub(Self::LAG))
    }

    /// Whether it may end here.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.next, Next::Between | Next::Ended)
    }

    /// Decodes a little.
    pub(super) fn step(&mut self, input: &mut &[u8], output: &mut [u8]) -> Result<Step, Cannot> {
        loop {
            match self.next {
                Next::Data => {
                    let from = self.taken.saturating_sub(Self::LAG);
                    let decoded = self.inflate.decode(input, output);
                    let (read, written, ended) = decoded.map_err(|_| Cannot::Broken)?;
                    self.taken += u64::try_from(read).unwrap_or(0);
                    *input = input.get(read..).unwrap_or_default();
                    if ended {
                        self.next = match self.wrap {
                            Wrap::Bare => Next::Ended,
                            Wrap::Zlib => Next::Trailer(4),
                            Wrap::Gzip => Next::Trailer(8),
                        };
                    }
                    let more = ended || written == output.len() || read > 0 && !input.is_empty();
                    let turn = if more { Turn::Again } else { Turn::Fed };
                    return Ok(Step { written, from, turn });
                }
                Next::Ended => return Ok(Step::of(Turn::Ended)),
                Next::Between if input.first().is_some_and(|byte| !matches!(byte, 0 | 0x1F)) => {
                    return Ok(Step::of(Turn::Ended));
                }
                Next::Fixed(_)
                | Next::ExtraLength(_)
                | Next::Extra(_)
                | Next::Name
                | Next::Comment
                | Next::HeaderCheck(_)
                | Next::Trailer(_)
                | Next::Between => {}
            }
            let Some((byte, rest)) = input.split_first() else { return Ok(Step::of(Turn::Fed)) };
            if self.wrap == Wrap::Zlib && self.next == Next::Fixed(1) && !self.is_zlib(*byte) {
                // No header at all: the octet that was taken for one is data.
                (self.next, self.wrap) = (Next::Data, Wrap::Bare);
                let first = [self.first];
                let (_, written, _) =
                    self.inflate.decode(&first, output).map_err(|_| Cannot::Broken)?;
                return Ok(Step { written, from: 0, turn: Turn::Again });
            }
            *input = rest;
            self.taken += 1;
            self.wrapping(*byte)?;
        }
    }

    /// Whether the second octet of a stream goes with the first as those of zlib do.
    fn is_zlib(&self, second: u8) -> bool {
        super::magic::is_zlib(&[self.first, second])
    }

    /// Reads an octet of what is around the data.
    fn wrapping(&mut self, byte: u8) -> Result<(), Cannot> {
        let past = |left: u8, then: Next, next: fn(u8) -> Next| match left {
            1 => then,
            _ => next(left - 1),
        };
        if matches!(self.next, Next::Extra(_) | Next::Name | Next::Comment) {
            self.beside.push(byte);
        }
        self.next = match self.next {
            Next::Fixed(place) => self.fixed(place, byte)?,
            Next::ExtraLength(0) => {
                self.length = u16::from(byte);
                Next::ExtraLength(1)
            }
            Next::ExtraLength(_) => {
                self.length |= u16::from(byte) << 8;
                let field = self.field(2);
                if self.length == 0 { field } else { Next::Extra(self.length) }
            }
            Next::Extra(1) => self.field(2),
            Next::Extra(left) => Next::Extra(left - 1),
            Next::Name if byte == 0 => self.field(3),
            Next::Comment if byte == 0 => self.field(4),
            Next::HeaderCheck(left) => past(left, Next::Data, Next::HeaderCheck),
            Next::Trailer(left) => {
                let then = if self.wrap == Wrap::Gzip { Next::Between } else { Next::Ended };
                past(left, then, Next::Trailer)
            }
            Next::Between if byte != 0 => {
                self.inflate = Inflate::default();
                self.first = byte;
                Next::Fixed(1)
            }
            same @ (Next::Name | Next::Comment | Next::Between | Next::Data | Next::Ended) => same,
        };
        Ok(())
    }

    fn fixed(&mut self, place: u8, byte: u8) -> Result<Next, Cannot> {
        let gzip = self.wrap == Wrap::Gzip;
        match place {
            0 => self.first = byte,
            // A dictionary that was agreed on elsewhere.
            1 if !gzip && byte & 0x20 != 0 => return Err(Cannot::Encoding),
            1 if !gzip => return Ok(Next::Data),
            3 => self.flags = byte,
            _ => {}
        }
        let expected = [0x1F, 0x8B, 8].get(usize::from(place));
        match place {
            _ if gzip && expected.is_some_and(|expected| *expected != byte) => Err(Cannot::Broken),
            9 => Ok(self.field(1)),
            _ => Ok(Next::Fixed(place + 1)),
        }
    }

    /// The next field of the header, of which the first so many are over.
    fn field(&self, over: u8) -> Next {
        match self.flags {
            flags if flags & 4 != 0 && over < 2 => Next::ExtraLength(0),
            flags if flags & 8 != 0 && over < 3 => Next::Name,
            flags if flags & 16 != 0 && over < 4 => Next::Comment,
            flags if flags & 2 != 0 => Next::HeaderCheck(2),
            _ => Next::Data,
        }
    }
}
