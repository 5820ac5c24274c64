//! Judges a chunked body as it passes (RFC 9112 section 7.1) without keeping
//! its data: sizes, extensions, the CR LF after each chunk, trailers.

use super::{Fault, FaultKind, Limits, field};

/// Sizes of at most 15 digits stay below 2^60, clear of every parser's overflow.
const MAX_DIGITS: u8 = 15;

/// How far one [`Decoder::feed`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that belong to the body.
    pub consumed: usize,
    /// Whether the body ends after them.
    pub done: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size { digits: u8 },
    SpaceBeforeExtension,
    Extension,
    SizeLf,
    Data { left: u64 },
    DataCr,
    DataLf,
    Trailer,
    Done,
}

/// Follows one chunked body from its first size to its last CR LF.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    size: u64,
    seen: u64,
    extensions: usize,
    trailers: usize,
    fields: usize,
    line: Vec<u8>,
    limits: Limits,
}

impl Decoder {
    /// Makes a decoder that stands before the first chunk size.
    pub fn new(limits: Limits) -> Self {
        Self {
            state: State::Size { digits: 0 },
            size: 0,
            seen: 0,
            extensions: 0,
            trailers: 0,
            fields: 0,
            line: Vec::new(),
            limits,
        }
    }

    /// Judges `bytes`, which follow those of the last call, up to the end of the body.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Fault> {
        let mut consumed = 0;
        while let Some(byte) = bytes.get(consumed)
            && self.state != State::Done
        {
            let taken = if let State::Data { left } = self.state {
                let here = bytes.len() - consumed;
                // Either the chunk's rest fits in what is here, or all that is here is data.
                let taken = usize::try_from(left).map_or(here, |left| left.min(here));
                let left = left.saturating_sub(widen(taken));
                self.state = if left == 0 { State::DataCr } else { State::Data { left } };
                taken
            } else {
                self.state = self.next(*byte).map_err(|kind| Fault::deep(kind, self.seen))?;
                1
            };
            consumed += taken;
            self.seen = self.seen.saturating_add(widen(taken));
        }
        Ok(Progress { consumed, done: self.state == State::Done })
    }

    fn next(&mut self, byte: u8) -> Result<State, FaultKind> {
        match self.state {
            State::Size { digits } => self.size_byte(byte, digits),
            State::SpaceBeforeExtension | State::Extension => self.extension_byte(byte),
            State::SizeLf => {
                expect(byte, b'\n', FaultKind::ChunkLineEnd)?;
                let size = std::mem::take(&mut self.size);
                Ok(if size == 0 { State::Trailer } else { State::Data { left: size } })
            }
            State::DataCr => expect(byte, b'\r', FaultKind::ChunkDataEnd).map(|()| State::DataLf),
            State::DataLf => {
                expect(byte, b'\n', FaultKind::ChunkDataEnd).map(|()| State::Size { digits: 0 })
            }
            State::Trailer => self.trailer_byte(byte),
            State::Data { .. } | State::Done => Ok(self.state),
        }
    }

    fn size_byte(&mut self, byte: u8, digits: u8) -> Result<State, FaultKind> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\r' if digits > 0 => return Ok(State::SizeLf),
            b'\n' if digits > 0 => return Err(FaultKind::ChunkLineEnd),
            b';' if digits > 0 => return Ok(State::Extension),
            b' ' | b'\t' if digits > 0 => return Ok(State::SpaceBeforeExtension),
            _ => return Err(FaultKind::ChunkSizeInvalid),
        };
        if digits == MAX_DIGITS {
            return Err(FaultKind::ChunkSizeTooLarge);
        }
        self.size = (self.size << 4) | u64::from(digit);
        Ok(State::Size { digits: digits + 1 })
    }

    fn extension_byte(&mut self, byte: u8) -> Result<State, FaultKind> {
        self.extensions += 1;
        if self.extensions > self.limits.chunk_extensions {
            return Err(FaultKind::ChunkExtensionsTooLarge);
        }
        match (self.state, byte) {
            // Whitespace is grammatical before a semicolon only (RFC 9112 section 7.1.1).
            (State::SpaceBeforeExtension, b' ' | b'\t') => Ok(State::SpaceBeforeExtension),
            (State::SpaceBeforeExtension, b';') => Ok(State::Extension),
            (State::SpaceBeforeExtension, _) => Err(FaultKind::ChunkSizeInvalid),
            (_, b'\r') => Ok(State::SizeLf),
            (_, b'\n') => Err(FaultKind::ChunkLineEnd),
            (_, byte) if field::is_control(byte) => Err(FaultKind::ChunkExtensionInvalid),
            _ => Ok(State::Extension),
        }
    }

    fn trailer_byte(&mut self, byte: u8) -> Result<State, FaultKind> {
        self.trailers += 1;
        if self.trailers > self.limits.trailers {
            return Err(FaultKind::TrailersTooLarge);
        }
        if byte != b'\n' {
            // The bytes before have gone on already; this one must not.
            if self.line.last() == Some(&b'\r') {
                return Err(FaultKind::BareCr);
            }
            self.line.push(byte);
            return Ok(State::Trailer);
        }
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").ok_or(FaultKind::BareLf)?;
        if line.is_empty() {
            return Ok(State::Done);
        }
        self.fields += 1;
        if self.fields > self.limits.headers {
            return Err(FaultKind::TrailersTooLarge);
        }
        let (name, _) = field::split(line)?;
        if field::is_forbidden_trailer(name) {
            return Err(FaultKind::TrailerForbidden);
        }
        Ok(State::Trailer)
    }
}

fn expect(byte: u8, wanted: u8, kind: FaultKind) -> Result<(), FaultKind> {
    if byte == wanted { Ok(()) } else { Err(kind) }
}

fn widen(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(text: &str) -> Result<Progress, FaultKind> {
        Decoder::new(Limits::default()).feed(text.as_bytes()).map_err(|fault| fault.kind())
    }

    #[test]
    fn stops_at_the_end_of_the_body() {
        let text = "5\r\nhello\r\n0\r\n\r\nGET /";
        assert_eq!(feed(text), Ok(Progress { consumed: 15, done: true }));
        assert_eq!(feed("A;x=\"y\"\r\n12345"), Ok(Progress { consumed: 14, done: false }));
        let trailers = "0\r\nChecksum: 1\r\nB:\r\n\r\n";
        assert_eq!(feed(trailers), Ok(Progress { consumed: trailers.len(), done: true }));
    }

    #[test]
    fn refuses_what_parsers_read_differently() {
        for (text, kind) in [
            ("\r\n", FaultKind::ChunkSizeInvalid),
            ("+5\r\n", FaultKind::ChunkSizeInvalid),
            ("0x5\r\n", FaultKind::ChunkSizeInvalid),
            (" 5\r\n", FaultKind::ChunkSizeInvalid),
            ("5 \r\n", FaultKind::ChunkSizeInvalid),
            ("5\n", FaultKind::ChunkLineEnd),
            ("5\rh", FaultKind::ChunkLineEnd),
            ("5;a\nhello", FaultKind::ChunkLineEnd),
            ("5;a\rhello", FaultKind::ChunkLineEnd),
            ("5;a\0", FaultKind::ChunkExtensionInvalid),
            ("0000000000000005\r\n", FaultKind::ChunkSizeTooLarge),
            ("5\r\nhello\n", FaultKind::ChunkDataEnd),
            ("5\r\nhelloX", FaultKind::ChunkDataEnd),
            ("5\r\nhello\rX", FaultKind::ChunkDataEnd),
            ("0\r\n\n", FaultKind::BareLf),
            ("0\r\na\rb: c\r\n", FaultKind::BareCr),
            ("0\r\nContent-Length: 5\r\n", FaultKind::TrailerForbidden),
            ("0\r\nHost: a\r\n", FaultKind::TrailerForbidden),
            ("0\r\nGET / HTTP/1.1\r\n", FaultKind::ColonMissing),
        ] {
            assert_eq!(feed(text), Err(kind), "{text:?}");
        }
    }

    #[test]
    fn limits_extensions_and_trailers() {
        let limits = Limits { chunk_extensions: 8, trailers: 16, headers: 1, ..Limits::default() };
        let kind = |text: &str| Decoder::new(limits).feed(text.as_bytes()).unwrap_err().kind();
        assert_eq!(kind("1;abcd\r\nx\r\n1;abcd\r\n"), FaultKind::ChunkExtensionsTooLarge);
        assert_eq!(kind("0\r\nA: 0123456789abcdef\r\n"), FaultKind::TrailersTooLarge);
        assert_eq!(kind("0\r\nA: 0\r\nB: 1\r\n\r\n"), FaultKind::TrailersTooLarge);
    }
}
