//! Runs of 64 letters and more within a text that are base64 or hexadecimal: each is a layer of
//! its own. Shorter ones stay text. Escapes of JSON and forms, and line ends, may stand in them.

use super::super::Findings;
use super::begin::{self, Said};
use super::magic::Magic;
use super::marks::Marks;
use super::stage::{Cannot, Next, Piece, Place, Shared, close, earlier};
use super::transfer::Sextets;

/// So many letters make a run.
const LETTERS: usize = 64;

/// So many octets are decoded before it is decided whether a run is looked into: most are
/// digests and keys, in which there is nothing to find.
const FIRST: usize = 192;

/// So many printable octets in a row are worth a look.
const PRINTABLE: usize = 6;

/// How much is read at once, and how many octets may be held of it.
const BITE: usize = 1 << 10;
const LAG: u64 = 32;

/// Octets that may stand in a run.
const INSIDE: [bool; 256] = inside();

#[expect(
    clippy::indexing_slicing,
    reason = "256 places for the values of an octet, at compile time"
)]
const fn inside() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte: usize = 0;
    while byte < 256 {
        let one = byte.to_le_bytes()[0];
        table[byte] =
            one.is_ascii_alphanumeric() || matches!(one, b'+' | b'-' | b'/' | b'_' | b'%' | b'\\');
        byte += 1;
    }
    table
}

/// What an octet of a run means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Letter(u8),
    /// Nothing yet, or nothing at all.
    Nothing,
    /// A line end, or a blank after one.
    Line,
    Pad,
    End,
}

/// What was read of an escape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Percent,
    High(u8),
    Back,
    /// So many digits of `\u0041`, and their value.
    Code(u8, u16),
}

/// How the letters are read.
#[derive(Clone, Copy, Debug)]
enum Alphabet {
    Base64(Sextets),
    Hex(Option<u8>),
}

/// A run that is long enough.
#[derive(Debug)]
struct Open {
    alphabet: Alphabet,
    inputs: Marks,
    output: Vec<u8>,
    next: Option<Next>,
    /// What is needed to open the layer, until it is decided whether it is.
    waits: Option<Waits>,
    padded: bool,
    line: bool,
}

/// A run that is not looked into yet.
#[derive(Debug)]
struct Waits {
    place: Place,
    name: &'static str,
    number: usize,
    readable: bool,
    since: u64,
}

/// Looks for runs.
#[derive(Debug)]
pub(super) struct Runs {
    place: Place,
    count: usize,
    escape: Escape,
    /// The letters of a run that may be too short.
    letters: Vec<u8>,
    /// Whether the last octet was of a run.
    within: bool,
    since: u64,
    open: Option<Box<Open>>,
}

/// Where so many octets in a row may be of a run, and whether they are enough.
fn candidate(octets: &[u8]) -> (usize, bool) {
    let mut start = 0;
    loop {
        let end = octets.len().min(start + LETTERS);
        let part = octets.get(start..end).unwrap_or_default();
        let outside = |byte: &u8| !INSIDE.get(usize::from(*byte)).copied().unwrap_or(false);
        // From the end backwards: most text is passed over with few looks.
        match part.iter().rposition(outside) {
            Some(place) => start += place + 1,
            None => return (start, part.len() == LETTERS),
        }
        if start >= octets.len() {
            return (octets.len(), false);
        }
    }
}

impl Escape {
    /// Reads an octet.
    fn read(&mut self, byte: u8) -> Sign {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (std::mem::take(self), byte, digit) {
            (Self::None, b'%', _) => *self = Self::Percent,
            (Self::None, b'\\', _) => *self = Self::Back,
            (Self::None, _, _) => return sign(byte),
            (Self::Percent, _, Some(high)) => *self = Self::High(high),
            (Self::High(high), _, Some(low)) => return sign(high << 4 | low),
            (Self::Back, b'/', _) => return Sign::Letter(b'/'),
            (Self::Back, b'n' | b'r', _) => return Sign::Line,
            (Self::Back, b'u', _) => *self = Self::Code(0, 0),
            (Self::Code(count, code), _, Some(digit)) => {
                let code = code << 4 | u16::from(digit);
                if count == 3 {
                    return u8::try_from(code).map_or(Sign::End, sign);
                }
                *self = Self::Code(count + 1, code);
            }
            (Self::Percent | Self::High(_) | Self::Back | Self::Code(..), _, _) => {
                return Sign::End;
            }
        }
        Sign::Nothing
    }
}

fn sign(byte: u8) -> Sign {
    match byte {
        b'\r' | b'\n' => Sign::Line,
        b'=' => Sign::Pad,
        _ if Sextets::value(byte).is_some() => Sign::Letter(byte),
        _ => Sign::End,
    }
}

impl Alphabet {
    fn push(&mut self, letter: u8, output: &mut Vec<u8>) {
        match self {
            Self::Base64(sextets) => {
                if let Some(value) = Sextets::value(letter) {
                    sextets.push(value, output);
                }
            }
            Self::Hex(high) => {
                let digit = char::from(letter).to_digit(16).and_then(|one| u8::try_from(one).ok());
                let digit = digit.unwrap_or(0);
                match high.take() {
                    Some(high) => output.push(high << 4 | digit),
                    None => *high = Some(digit),
                }
            }
        }
    }

    /// What so many letters may be, and from which of them on they are best read: a name or a
    /// path may stand before without a border.
    fn of(letters: &[u8]) -> (Self, usize, bool) {
        let hex = letters.iter().all(u8::is_ascii_hexdigit);
        let alphabet = if hex { Self::Hex(None) } else { Self::Base64(Sextets::default()) };
        let mut best = (alphabet, 0, 0);
        for skip in 0..if hex { 2 } else { 4 } {
            let (mut reader, mut output) = (alphabet, Vec::with_capacity(LETTERS));
            let rest = letters.get(skip..).unwrap_or_default();
            rest.iter().for_each(|letter| reader.push(*letter, &mut output));
            let worth = worth(&output);
            if worth > best.2 {
                best = (alphabet, skip, worth);
            }
        }
        (best.0, best.1, best.2 > 80)
    }
}

/// How much octets look like text, or like something that is known, in percent.
fn worth(octets: &[u8]) -> usize {
    if Magic::of(octets).is_some() {
        return 100;
    }
    let printable = |byte: &&u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    let zeros = memchr::memchr_iter(0, octets).count();
    let wide = zeros * 5 > octets.len() * 2;
    let plain = octets.iter().filter(printable).count();
    (plain + if wide { zeros } else { 0 }) * 100 / octets.len().max(1)
}

impl Runs {
    pub(super) fn new(place: &Place) -> Self {
        Self {
            place: place.clone(),
            count: 0,
            escape: Escape::None,
            letters: Vec::new(),
            within: false,
            since: 0,
            open: None,
        }
    }

    /// Reads the next piece.
    pub(super) fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        while !piece.is_empty() {
            if self.open.is_some() {
                self.go_on(&mut piece, shared);
            } else if self.within {
                self.gather(&mut piece, shared);
            } else {
                let (start, _) = candidate(piece.octets);
                piece.take(start);
                self.within = !piece.is_empty();
            }
        }
    }

    /// Gathers letters until they are enough, or there are no more.
    fn gather(&mut self, piece: &mut Piece<'_>, shared: &mut Shared) {
        while !piece.is_empty() {
            let one = piece.take(1);
            let Some(byte) = one.octets.first().copied() else { return };
            if self.letters.is_empty() && self.escape == Escape::None {
                self.since = one.raw;
            }
            match self.escape.read(byte) {
                Sign::Letter(letter) => self.letters.push(letter),
                Sign::Nothing => {}
                Sign::Line | Sign::Pad | Sign::End => {
                    self.letters.clear();
                    self.within = INSIDE.get(usize::from(byte)).copied().unwrap_or(false);
                    if !self.within {
                        return;
                    }
                }
            }
            if self.letters.len() == LETTERS {
                return self.opened(shared);
            }
        }
    }

    /// There are enough.
    fn opened(&mut self, shared: &mut Shared) {
        let letters = std::mem::take(&mut self.letters);
        let (mut alphabet, skip, readable) = Alphabet::of(&letters);
        let name = match alphabet {
            Alphabet::Base64(_) => "base64",
            Alphabet::Hex(_) => "hex",
        };
        let (place, number, since) = (self.place.clone(), self.count, self.since);
        self.count += 1;
        let mut output = Vec::new();
        let mut inputs = Marks::default();
        inputs.add_made(LETTERS, since, false);
        letters.iter().skip(skip).for_each(|letter| alphabet.push(*letter, &mut output));
        let waits = Some(Waits { place, name, number, readable, since });
        let (next, padded, line) = (None, false, false);
        let mut open = Open { alphabet, inputs, output, next, waits, padded, line };
        open.hand_on(since, shared);
        self.open = Some(Box::new(open));
    }

    /// Reads on in a run that is open.
    fn go_on(&mut self, piece: &mut Piece<'_>, shared: &mut Shared) {
        let Some(open) = &mut self.open else { return };
        let (bite, _) = piece.cut(BITE);
        let raw = open.inputs.behind(LAG);
        let mut count = 0;
        let mut ended = false;
        for byte in bite.octets {
            ended = !open.read(*byte, &mut self.escape);
            if ended {
                break;
            }
            count += 1;
        }
        open.inputs.add(piece.take(count));
        open.hand_on(raw, shared);
        open.inputs.forget_behind(LAG);
        if ended {
            open.end(shared);
            self.open = None;
            self.escape = Escape::None;
        }
    }

    /// The text is at its end.
    pub(super) fn end(&mut self, shared: &mut Shared) {
        if let Some(mut open) = self.open.take() {
            open.end(shared);
        }
    }

    /// From which octet of the body on something is held.
    pub(super) fn pending(&self) -> Option<u64> {
        let open = self.open.as_ref();
        let own = open.map(|open| match &open.waits {
            Some(waits) => waits.since,
            None => open.inputs.behind(LAG),
        });
        let gathered = (!self.letters.is_empty()).then_some(self.since);
        let next = open.and_then(|open| open.next.as_ref()?.pending());
        earlier(earlier(own, gathered), next)
    }

    /// Shows what was found in texts that are open.
    pub(super) fn each(&self, see: &mut dyn FnMut(&Findings)) {
        let next = self.open.as_ref().and_then(|open| open.next.as_ref());
        next.into_iter().for_each(|next| next.each(see));
    }
}

impl Open {
    /// Reads an octet; whether it is still of the run.
    fn read(&mut self, byte: u8, escape: &mut Escape) -> bool {
        if matches!(byte, b' ' | b'\t') && *escape == Escape::None {
            return self.line;
        }
        match escape.read(byte) {
            Sign::Letter(_) if self.padded => return false,
            Sign::Letter(letter) => {
                self.line = false;
                self.alphabet.push(letter, &mut self.output);
            }
            Sign::Nothing => {}
            Sign::Line => self.line = true,
            Sign::Pad => self.padded = true,
            Sign::End => return false,
        }
        true
    }

    /// Hands on what was decoded; at first only when there is enough to decide.
    fn hand_on(&mut self, raw: u64, shared: &mut Shared) {
        let mut raw = raw;
        if let Some(waits) = self.waits.take_if(|_| self.output.len() >= FIRST) {
            raw = waits.since;
            self.next = waits.open(shared);
        }
        if self.waits.is_some() {
            return;
        }
        if let Some(next) = self.next.as_mut().filter(|_| !self.output.is_empty()) {
            next.push(Piece::made(&self.output, raw), shared);
        }
        self.output.clear();
    }

    /// The run is over.
    fn end(&mut self, shared: &mut Shared) {
        if let Some(waits) = self.waits.take()
            && (waits.readable || is_printable(&self.output))
        {
            let raw = waits.since;
            self.next = waits.open(shared);
            self.hand_on(raw, shared);
        }
        close(&mut self.next, shared);
    }
}

impl Waits {
    fn open(self, shared: &mut Shared) -> Option<Next> {
        if self.place.is_deepest(shared) {
            if self.readable {
                shared.cannot(Cannot::Depth, &self.place.view(self.name).nth(self.number));
            }
            return None;
        }
        let place = shared.enter(&self.place, self.name)?.nth(self.number);
        Some(begin::open(&place, Said::default()))
    }
}

/// Whether some printable octets stand in a row, in ASCII or in UTF-16.
fn is_printable(octets: &[u8]) -> bool {
    fn holds(mut octets: impl Iterator<Item = u8>) -> bool {
        let mut count = 0;
        octets.any(|byte| {
            count = if matches!(byte, b' '..=b'~') { count + 1 } else { 0 };
            count >= PRINTABLE
        })
    }
    let octets = || octets.iter().copied();
    holds(octets()) || holds(octets().step_by(2)) || holds(octets().skip(1).step_by(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_wherever_they_begin() {
        for before in 0..200 {
            let text = [vec![b' '; before], vec![b'a'; 64], vec![b'.'; 9]].concat();
            assert_eq!(candidate(&text), (before, true));
        }
        assert_eq!(candidate(b"a b cde"), (4, false));
        assert_eq!(candidate(&[b'.'; 99]), (99, false));
    }
}
