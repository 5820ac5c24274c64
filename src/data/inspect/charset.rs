//! Charsets other than UTF-8: told by a byte order mark, by zeros between letters, or by what is
//! said of the text, then brought into UTF-8.

use encoding_rs::{CoderResult, Decoder, Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};

use super::super::Findings;
use super::leaf::{Leaf, Named};
use super::marks::Marks;
use super::stage::{Cannot, Piece, Place, Shared, Stage, earlier};

/// How much is decoded at once, and the most that can come of it.
const BITE: usize = 2 << 10;
const OUTPUT: usize = 4 * BITE;

/// Octets that a decoder may hold of a character.
const LAG: u64 = 8;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Script {
    Known(&'static Encoding),
    /// UTF-32; whether the highest octet comes first.
    Wide {
        big: bool,
    },
}

/// Decodes characters.
enum Letters {
    Known(Decoder),
    Wide { big: bool, held: [u8; 4], count: usize },
}

/// A text in another charset.
pub(super) struct Charset {
    letters: Letters,
    inputs: Marks,
    output: Box<[u8]>,
    leaf: Leaf,
}

impl Script {
    /// The script of a text, if it is not UTF-8.
    pub(super) fn told(
        head: &[u8],
        said: Option<&str>,
        place: &Place,
        shared: &mut Shared,
    ) -> Option<Self> {
        match head {
            [0xFF, 0xFE, 0, 0, ..] => return Some(Self::Wide { big: false }),
            [0, 0, 0xFE, 0xFF, ..] => return Some(Self::Wide { big: true }),
            [0xEF, 0xBB, 0xBF, ..] => return None,
            _ => {}
        }
        if let Some((encoding, _)) = Encoding::for_bom(head) {
            return Some(Self::Known(encoding));
        }
        if let Some(guess) = guess(head) {
            return Some(guess);
        }
        let said = said.filter(|label| !label.is_empty())?;
        let Some(encoding) = Encoding::for_label(said.as_bytes()).filter(|one| *one != REPLACEMENT)
        else {
            // UTF-7, EBCDIC: what is text in them is none here.
            shared.cannot(Cannot::Encoding, &place.view("charset"));
            return None;
        };
        let wide = encoding == UTF_16LE || encoding == UTF_16BE;
        // Said to be UTF-16, but it would have zeros, or no UTF-8 in it.
        let plain = wide && !head.contains(&0) && is_utf8(head);
        (encoding != UTF_8 && !plain).then_some(Self::Known(encoding))
    }

    /// As what else it may be read, if its letters are wide.
    pub(super) fn others(self) -> Vec<Self> {
        let (little, big) = (Self::Known(UTF_16LE), Self::Known(UTF_16BE));
        match self {
            Self::Known(encoding) if encoding == UTF_16LE => vec![big],
            Self::Known(encoding) if encoding == UTF_16BE => vec![little],
            Self::Known(_) => Vec::new(),
            Self::Wide { big: order } => vec![Self::Wide { big: !order }, little, big],
        }
    }

    fn name(self) -> String {
        match self {
            Self::Known(encoding) => encoding.name().to_ascii_lowercase(),
            Self::Wide { .. } => "utf-32".to_owned(),
        }
    }
}

/// UTF-16 or UTF-32 without a mark: where the zeros stand.
fn guess(head: &[u8]) -> Option<Script> {
    let mut zeros = [0_usize; 4];
    for four in head.chunks_exact(4) {
        zeros.iter_mut().zip(four).for_each(|(count, byte)| *count += usize::from(*byte == 0));
    }
    let groups = head.len() / 4;
    let (many, few) = (|count: usize| count * 5 > groups * 2, |count: usize| count * 10 < groups);
    let [a, b, c, d] = zeros;
    match groups {
        0 => None,
        _ if few(a) && many(b) && many(c) && many(d) => Some(Script::Wide { big: false }),
        _ if many(a) && many(b) && many(c) && few(d) => Some(Script::Wide { big: true }),
        _ if few(a) && few(c) && many(b) && many(d) => Some(Script::Known(UTF_16LE)),
        _ if few(b) && few(d) && many(a) && many(c) => Some(Script::Known(UTF_16BE)),
        _ => None,
    }
}

/// Whether it is UTF-8, of which the last character may be cut.
pub(super) fn is_utf8(head: &[u8]) -> bool {
    str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true)
}

impl Charset {
    pub(super) fn new(script: Script, place: &Place, named: Named, shared: &Shared) -> Self {
        let letters = match script {
            Script::Known(encoding) => Letters::Known(encoding.new_decoder_with_bom_removal()),
            Script::Wide { big } => Letters::Wide { big, held: [0; 4], count: 0 },
        };
        let leaf = Leaf::new(&place.view(&script.name()), named, None, shared);
        Self { letters, inputs: Marks::default(), output: vec![0; OUTPUT].into(), leaf }
    }

    /// Decodes a bite; what comes of it comes from an octet of the body on.
    fn bite(&mut self, mut input: &[u8], raw: u64, last: bool, shared: &mut Shared) {
        loop {
            let (read, written, full) = self.letters.decode(input, &mut self.output, last);
            input = input.get(read..).unwrap_or_default();
            let octets = self.output.get(..written).unwrap_or_default();
            if !octets.is_empty() {
                self.leaf.push(Piece::made(octets, raw), shared);
            }
            if !full {
                break;
            }
        }
    }

    /// From which octet of the body on something may be held.
    fn held(&self) -> u64 {
        self.inputs.behind(LAG)
    }
}

impl Letters {
    /// How much was read and written, and whether there is more to write.
    fn decode(&mut self, input: &[u8], output: &mut [u8], last: bool) -> (usize, usize, bool) {
        match self {
            Self::Known(decoder) => {
                let (result, read, written, _) = decoder.decode_to_utf8(input, output, last);
                (read, written, result == CoderResult::OutputFull)
            }
            Self::Wide { big, held, count } => {
                let mut written = 0;
                for byte in input {
                    held.iter_mut().skip(*count).take(1).for_each(|to| *to = *byte);
                    *count += 1;
                    if *count < 4 {
                        continue;
                    }
                    *count = 0;
                    let code =
                        if *big { u32::from_be_bytes(*held) } else { u32::from_le_bytes(*held) };
                    let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                    let mut buffer = [0; 4];
                    let letter = letter.encode_utf8(&mut buffer).as_bytes();
                    let room = output.iter_mut().skip(written);
                    room.zip(letter).for_each(|(to, from)| *to = *from);
                    written += letter.len();
                }
                (input.len(), written, false)
            }
        }
    }
}

impl std::fmt::Debug for Charset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Charset").field("leaf", &self.leaf).finish_non_exhaustive()
    }
}

impl Stage for Charset {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        while !piece.is_empty() {
            let bite = piece.take(BITE);
            let raw = self.inputs.add_behind(bite, LAG);
            self.bite(bite.octets, raw, false, shared);
            self.inputs.forget_behind(LAG);
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        self.bite(&[], self.held(), true, shared);
        self.leaf.end(shared);
    }

    fn pending(&self) -> Option<u64> {
        let held = (self.inputs.length() > 0).then(|| self.held());
        earlier(held, self.leaf.pending())
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.leaf.each(see);
    }
}
