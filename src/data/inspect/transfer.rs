//! Base64 and quoted-printable, as parts are written in them (RFC 2045 section 6).

use super::super::Findings;
use super::begin::{self, Said};
use super::leaf::{Leaf, Named};
use super::marks::Marks;
use super::said::Transfer;
use super::stage::{Cannot, Next, Passed, Piece, Place, Shared, Stage, close, earlier};

/// How much is read at once, and how many octets may be held of it.
const BITE: usize = 1 << 10;
const LAG: u64 = 4;

/// Six bits a character, either alphabet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sextets {
    bits: u32,
    count: u8,
}

/// Reads one octet after the other.
#[derive(Debug)]
enum Reader {
    Base64(Sextets),
    Quoted(Quoted),
}

/// What was read of an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoted {
    Plain,
    Sign,
    High(u8),
    /// A line end that is none.
    Soft,
}

/// A part that is written in letters.
#[derive(Debug)]
pub(super) struct Recoded {
    place: Place,
    reader: Reader,
    inputs: Marks,
    output: Vec<u8>,
    next: Option<Next>,
    /// The octets as they came, where the encoding may not be meant.
    plain: Option<Leaf>,
}

// === impl Sextets ===

impl Sextets {
    /// The value of a letter.
    pub(super) fn value(letter: u8) -> Option<u8> {
        match letter {
            b'A'..=b'Z' => Some(letter - b'A'),
            b'a'..=b'z' => Some(letter - b'a' + 26),
            b'0'..=b'9' => Some(letter - b'0' + 52),
            b'+' | b'-' => Some(62),
            b'/' | b'_' => Some(63),
            _ => None,
        }
    }

    /// Takes the next value.
    pub(super) fn push(&mut self, value: u8, output: &mut Vec<u8>) {
        self.bits = self.bits << 6 | u32::from(value);
        self.count += 6;
        if self.count >= 8 {
            self.count -= 8;
            output.push(u8::try_from(self.bits >> self.count & 0xFF).unwrap_or(0));
        }
    }
}

// === impl Recoded ===

impl Recoded {
    /// Opens what is in a part. In the field of a form nobody may read the encoding: the octets
    /// are looked at as they are, too.
    pub(super) fn open(
        transfer: Transfer,
        form: bool,
        place: &Place,
        said: Said,
        shared: &mut Shared,
    ) -> Next {
        let (name, reader) = match transfer {
            Transfer::Base64 => ("base64", Reader::Base64(Sextets::default())),
            Transfer::Quoted => ("quoted-printable", Reader::Quoted(Quoted::Plain)),
        };
        let Some(inner) = shared.enter(place, name) else { return Box::new(Passed) };
        let named = Named { preface: said.named.preface.clone(), ..Named::default() };
        let plain = form.then(|| Leaf::new(place, named, None, shared).without_runs());
        let next = Some(begin::open(&inner, said));
        let (inputs, output) = (Marks::default(), Vec::new());
        Box::new(Self { place: inner, reader, inputs, output, next, plain })
    }

    /// Reads a bite; whether it is what it is said to be.
    fn read(&mut self, octets: &[u8]) -> bool {
        let output = &mut self.output;
        match &mut self.reader {
            Reader::Base64(sextets) => {
                for byte in octets {
                    match Sextets::value(*byte) {
                        Some(value) => sextets.push(value, output),
                        None if *byte == b'=' => *sextets = Sextets::default(),
                        None if byte.is_ascii_whitespace() => {}
                        None => return false,
                    }
                }
            }
            Reader::Quoted(quoted) => {
                octets.iter().for_each(|byte| *quoted = quoted.read(*byte, output));
            }
        }
        true
    }
}

impl Quoted {
    fn read(self, byte: u8, output: &mut Vec<u8>) -> Self {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (self, byte) {
            (Self::Plain, b'=') => return Self::Sign,
            (Self::Plain, _) => output.push(byte),
            (Self::Sign | Self::Soft, b' ' | b'\t' | b'\r') => {
                return Self::Soft;
            }
            (Self::Sign | Self::Soft, b'\n') => {}
            (Self::Sign, _) if digit(byte).is_some() => return Self::High(byte),
            (Self::Sign, _) => {
                output.push(b'=');
                return Self::Plain.read(byte, output);
            }
            (Self::Soft, _) => return Self::Plain.read(byte, output),
            (Self::High(high), _) => {
                let (Some(one), Some(other)) = (digit(high), digit(byte)) else {
                    output.extend([b'=', high]);
                    return Self::Plain.read(byte, output);
                };
                output.push(one << 4 | other);
            }
        }
        Self::Plain
    }
}

impl Stage for Recoded {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        if let Some(plain) = &mut self.plain {
            plain.push(piece, shared);
        }
        while !piece.is_empty() {
            let bite = piece.take(BITE);
            let raw = self.inputs.add_behind(bite, LAG);
            let fine = self.read(bite.octets);
            let output = std::mem::take(&mut self.output);
            if let Some(next) = self.next.as_mut().filter(|_| !output.is_empty()) {
                next.push(Piece::made(&output, raw), shared);
            }
            if !fine {
                close(&mut self.next, shared);
                self.next = Some(Box::new(Passed));
                if self.plain.is_none() {
                    shared.cannot(Cannot::Broken, &self.place);
                }
                return;
            }
            self.inputs.forget_behind(LAG);
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        close(&mut self.next, shared);
        self.plain.take().into_iter().for_each(|mut plain| plain.end(shared));
    }

    fn pending(&self) -> Option<u64> {
        let next = self.next.as_ref()?;
        let held = (self.inputs.length() > 0).then(|| self.inputs.behind(LAG));
        let plain = self.plain.as_ref().and_then(Stage::pending);
        earlier(earlier(held, plain), next.pending())
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.next.iter().for_each(|next| next.each(see));
        self.plain.iter().for_each(|plain| plain.each(see));
    }
}
