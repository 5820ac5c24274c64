//! The window of text that is looked at, brought into one form: digits and signs of other
//! scripts become ASCII, invisible characters go, `%40`, `\u0040` and `&#64;` become `@`. Places
//! lead back.

use super::special::{self, is_special};

/// What is looked at, and how its places map to the text as it came.
#[derive(Debug, Default)]
pub(super) struct Window {
    text: Vec<u8>,
    /// Up to where it has been looked at.
    next: usize,
    /// The octet of the raw text at which the window begins; below 0 in a preface.
    base: i64,
    /// From such a place on, so many octets more of the raw text lie before.
    marks: Vec<(u16, u16)>,
    /// The beginning, until the syntax is known.
    held: Vec<u8>,
    /// A sequence that a piece has cut.
    tail: Vec<u8>,
    /// Whether `+` is a blank.
    form: bool,
}

/// What stands at a special octet.
enum Step {
    /// Too little is there to tell.
    Cut,
    /// So many octets become this one, or nothing.
    Becomes(usize, Option<u8>),
}

/// Entities of HTML that stand for one sign. Quotation marks are left: they would end strings of
/// JSON that they do not end.
const ENTITIES: [(&[u8], Option<u8>); 15] = [
    (b"amp", Some(b'&')),
    (b"lt", Some(b'<')),
    (b"gt", Some(b'>')),
    (b"nbsp", Some(b' ')),
    (b"commat", Some(b'@')),
    (b"period", Some(b'.')),
    (b"hyphen", Some(b'-')),
    (b"dash", Some(b'-')),
    (b"ndash", Some(b'-')),
    (b"colon", Some(b':')),
    (b"sol", Some(b'/')),
    (b"plus", Some(b'+')),
    (b"lowbar", Some(b'_')),
    (b"equals", Some(b'=')),
    (b"shy", None),
];

/// The longest entity, without its semicolon.
const ENTITY: usize = 10;

impl Window {
    /// The text.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Up to where it has been looked at.
    pub(super) fn next(&self) -> usize {
        self.next
    }

    /// Whether all of it has been looked at.
    pub(super) fn is_done(&self) -> bool {
        self.next >= self.text.len()
    }

    /// How much memory is held, in octets.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        let marks = self.marks.capacity() * size_of::<(u16, u16)>();
        self.text.capacity() + marks + self.held.capacity() + self.tail.capacity()
    }

    /// Whether so much has not been looked at.
    pub(super) fn is_full(&self, want: usize) -> bool {
        self.text.len() - self.next >= want
    }

    /// The octet of the raw text at a place; none in a preface.
    pub(super) fn raw(&self, place: usize) -> Option<u64> {
        u64::try_from(self.signed(place)).ok()
    }

    fn signed(&self, place: usize) -> i64 {
        let before = self.marks.iter().take_while(|(mark, _)| usize::from(*mark) <= place);
        let more: i64 = before.map(|(_, more)| i64::from(*more)).sum();
        self.base + more + i64::try_from(place).unwrap_or(i64::MAX)
    }

    /// Up to which raw octet nothing can change any more.
    pub(super) fn decided(&self) -> u64 {
        self.raw(self.next.saturating_sub(super::OVERLAP / 2)).unwrap_or(0)
    }

    /// Holds a piece back, up to so much; returns the rest.
    pub(super) fn hold<'p>(&mut self, piece: &'p [u8], most: usize) -> &'p [u8] {
        let (part, rest) = piece.split_at(piece.len().min(most - self.held.len()));
        self.held.extend_from_slice(part);
        rest
    }

    /// Whether so much is held.
    pub(super) fn is_held(&self, most: usize) -> bool {
        self.held.len() >= most
    }

    /// What is held.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Lets what was held into the window, after a preface.
    pub(super) fn release(&mut self, form: bool, preface: &[u8]) {
        self.form = form;
        self.text.extend_from_slice(preface);
        self.base = i64::try_from(preface.len()).map_or(0, |length| -length);
        let held = std::mem::take(&mut self.held);
        let rest = self.fill(&held, usize::MAX);
        debug_assert!(rest.is_empty(), "there is no limit");
    }

    /// Takes of a piece until so much has not been looked at; returns the rest.
    pub(super) fn fill<'p>(&mut self, piece: &'p [u8], want: usize) -> &'p [u8] {
        let mut rest = piece;
        while !rest.is_empty() && !self.is_full(want) {
            rest = if self.tail.is_empty() {
                let room = want.saturating_sub(self.text.len() - self.next);
                let plain = self.special(rest.get(..room).unwrap_or(rest));
                let (plain, after) = rest.split_at(plain);
                self.text.extend_from_slice(plain);
                let (cut, after) =
                    after.split_at(usize::from(plain.len() < room && !after.is_empty()));
                self.tail.extend_from_slice(cut);
                after
            } else {
                let (cut, after) = rest.split_at(1);
                self.tail.extend_from_slice(cut);
                after
            };
            self.digest();
        }
        rest
    }

    /// The text is at its end.
    pub(super) fn end(&mut self) {
        let tail = std::mem::take(&mut self.tail);
        self.text.extend_from_slice(&tail);
    }

    /// All up to `to` has been looked at; what lies before `kept` is not needed any more.
    pub(super) fn advance(&mut self, to: usize, kept: usize) {
        self.base = self.signed(kept);
        let gone = u16::try_from(kept).unwrap_or(u16::MAX);
        self.marks.retain(|(place, _)| *place > gone);
        self.marks.iter_mut().for_each(|(place, _)| *place -= gone);
        self.text.drain(..kept);
        self.next = to - kept;
    }

    /// Where the first special octet stands.
    fn special(&self, part: &[u8]) -> usize {
        let begins = |at: usize| part.get(at..).is_some_and(|tail| !is_idle(tail));
        special::first(part, self.form, begins).unwrap_or(part.len())
    }

    /// Takes in the sequence in `tail`, as far as it can be told.
    fn digest(&mut self) {
        while let Some(first) = self.tail.first().copied() {
            if !(is_special(first) || self.form && first == b'+') {
                self.text.push(first);
                self.tail.remove(0);
                continue;
            }
            if first == 0xA0 {
                // In Latin-1 a blank that does not break; in UTF-8 never after a digit.
                let blank = self.text.last().is_some_and(u8::is_ascii_digit);
                self.text.push(if blank { b' ' } else { first });
                self.tail.remove(0);
                continue;
            }
            let Step::Becomes(count, byte) = step(&self.tail) else { return };
            self.text.extend(byte);
            self.tail.drain(..count);
            let more = count - usize::from(byte.is_some());
            if more > 0 {
                self.mark(more);
            }
        }
    }

    fn mark(&mut self, more: usize) {
        let place = u16::try_from(self.text.len()).unwrap_or(u16::MAX);
        let more = u16::try_from(more).unwrap_or(u16::MAX);
        match self.marks.last_mut() {
            Some((last, sum)) if *last == place && *sum < u16::MAX - more => *sum += more,
            _ => self.marks.push((place, more)),
        }
    }
}

/// Whether a special octet is told to be none by the next: `\"` in JSON, `&name=` in a form.
fn is_idle(tail: &[u8]) -> bool {
    match tail {
        [b'\\', next, ..] => !matches!(next, b'u' | b'/'),
        [b'&', next, ..] => *next != b'#' && !next.is_ascii_lowercase(),
        [b'%', next, ..] => !next.is_ascii_hexdigit(),
        _ => false,
    }
}

/// What the octets at the beginning are.
fn step(tail: &[u8]) -> Step {
    let literal = |byte| Step::Becomes(1, Some(byte));
    match tail {
        [b'+', ..] => literal(b' '),
        [b'%', high, ..] if !high.is_ascii_hexdigit() => literal(b'%'),
        [b'\\', b'/', ..] => Step::Becomes(2, Some(b'/')),
        [b'\\', b'u', digits @ ..] => escape(digits),
        [b'&', entity @ ..] if !entity.is_empty() => self::entity(entity),
        []
        | [b'%' | b'\\' | b'&' | 0xC2 | 0xD9 | 0xDB | 0xE0 | 0xE2 | 0xEF | 0xF0]
        | [b'%', _]
        | [b'%', b'2', b'5']
        | [0xE0, 0xA5 | 0xA7 | 0xA9 | 0xAB | 0xAD | 0xAF | 0xB1 | 0xB3 | 0xB5 | 0xB9 | 0xBB]
        | [0xE2, 0x80..=0x82]
        | [0xF0, 0x9D]
        | [0xF0, 0x9D, 0x9F]
        | [0xEF, 0xBB..=0xBD] => Step::Cut,
        // What is encoded twice.
        [b'%', b'2', b'5', high] if high.is_ascii_hexdigit() => Step::Cut,
        [b'%', b'2', b'5', high, low, ..] => match (hex(*high), hex(*low)) {
            (Some(high), Some(low)) if high > 1 => Step::Becomes(5, Some(high << 4 | low)),
            _ => Step::Becomes(3, Some(b'%')),
        },
        [b'%', high, low, ..] => match (hex(*high), hex(*low)) {
            (Some(high), Some(low)) if high > 1 => Step::Becomes(3, Some(high << 4 | low)),
            _ => literal(b'%'),
        },
        // Arabic-Indic and Persian digits; a soft hyphen, and a blank that does not break.
        [0xD9, digit @ 0xA0..=0xA9, ..] => Step::Becomes(2, Some(digit - 0xA0 + b'0')),
        [0xDB, digit @ 0xB0..=0xB9, ..] | [0xC2, digit @ (0xB2 | 0xB3), ..] => {
            Step::Becomes(2, Some(digit - 0xB0 + b'0'))
        }
        [0xC2, 0xAD, ..] => Step::Becomes(2, None),
        [0xC2, 0xA0, ..] => Step::Becomes(2, Some(b' ')),
        [0xC2, 0xB9, ..] => Step::Becomes(2, Some(b'1')),
        // Superscript and subscript digits.
        [0xE2, 0x81, digit @ (0xB0 | 0xB4..=0xB9), ..] => {
            Step::Becomes(3, Some(digit - 0xB0 + b'0'))
        }
        [0xE2, 0x82, digit @ 0x80..=0x89, ..] => Step::Becomes(3, Some(digit - 0x80 + b'0')),
        // Mathematical digits: five alphabets of ten.
        [0xF0, 0x9D, 0x9F, digit @ 0x8E..=0xBF, ..] => {
            Step::Becomes(4, Some((digit - 0x8E) % 10 + b'0'))
        }
        // Thai and Lao digits.
        [0xE0, 0xB9 | 0xBB, digit @ 0x90..=0x99, ..] => Step::Becomes(3, Some(digit - 0x90 + b'0')),
        // Digits of the scripts of India, from Devanagari to Malayalam.
        [
            0xE0,
            0xA5 | 0xA7 | 0xA9 | 0xAB | 0xAD | 0xAF | 0xB1 | 0xB3 | 0xB5,
            digit @ 0xA6..=0xAF,
            ..,
        ] => Step::Becomes(3, Some(digit - 0xA6 + b'0')),
        // Zero-width blanks and joiners, the word joiner, the byte order mark.
        [0xE2, 0x80, 0x8B..=0x8D, ..] | [0xE2, 0x81, 0xA0, ..] | [0xEF, 0xBB, 0xBF, ..] => {
            Step::Becomes(3, None)
        }
        // Dashes, and narrow blanks.
        [0xE2, 0x80, 0x90..=0x93, ..] => Step::Becomes(3, Some(b'-')),
        [0xE2, 0x80, 0x87..=0x89 | 0xAF, ..] => Step::Becomes(3, Some(b' ')),
        // Full-width forms of ASCII.
        [0xEF, 0xBC, low @ 0x81..=0xBF, ..] => Step::Becomes(3, Some(low - 0x60)),
        [0xEF, 0xBD, low @ 0x80..=0x9E, ..] => Step::Becomes(3, Some(low - 0x20)),
        [byte, ..] => literal(*byte),
    }
}

/// `\u0040`, of which the digits are given.
fn escape(digits: &[u8]) -> Step {
    let digits = digits.get(..4).unwrap_or(digits);
    let Some(code) = number(digits, 16) else { return Step::Becomes(1, Some(b'\\')) };
    match digits.len() {
        4 => becomes(6, code, b'\\'),
        _ => Step::Cut,
    }
}

/// `&#64;` or `&amp;`, without its first octet.
fn entity(text: &[u8]) -> Step {
    let name = text.iter().take(ENTITY).take_while(|b| b.is_ascii_alphanumeric() || **b == b'#');
    let (name, rest) = text.split_at(name.count());
    let literal = Step::Becomes(1, Some(b'&'));
    match rest.first() {
        Some(b';') => {}
        None if name.len() < ENTITY => return Step::Cut,
        Some(_) | None => return literal,
    }
    let count = name.len() + 2;
    let code = match name {
        [b'#', b'x' | b'X', digits @ ..] if !digits.is_empty() => number(digits, 16),
        [b'#', digits @ ..] if !digits.is_empty() => number(digits, 10),
        _ => {
            let found = ENTITIES.iter().find(|(entity, _)| *entity == name);
            return found.map_or(literal, |(_, byte)| Step::Becomes(count, *byte));
        }
    };
    code.map_or(literal, |code| becomes(count, code, b'&'))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    digits.iter().try_fold(0_u32, |all, digit| {
        all.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?)
    })
}

/// So many octets stand for a character: for its form in ASCII, if it has one.
fn becomes(count: usize, code: u32, first: u8) -> Step {
    let literal = Step::Becomes(1, Some(first));
    let Some(character) = char::from_u32(code) else { return literal };
    if character.is_ascii() {
        let plain =
            character.is_ascii_graphic() && !matches!(character, '"' | '\\') || character == ' ';
        let byte = u8::try_from(code).ok().filter(|_| plain);
        return byte.map_or(literal, |byte| Step::Becomes(count, Some(byte)));
    }
    let mut buffer = [0; 4];
    let encoded = character.encode_utf8(&mut buffer).as_bytes();
    match step(encoded) {
        Step::Becomes(whole, byte) if whole == encoded.len() => Step::Becomes(count, byte),
        Step::Becomes(..) | Step::Cut => literal,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(pieces: &[&[u8]], form: bool) -> (String, Window) {
        let mut window = Window { form, ..Window::default() };
        for piece in pieces {
            assert!(window.fill(piece, usize::MAX).is_empty());
        }
        window.end();
        (String::from_utf8_lossy(window.text()).into_owned(), window)
    }

    #[test]
    fn other_writings_become_one() {
        for (text, plain) in [
            ("a%40b.de 100% %zz %4", "a@b.de 100% %zz %4"),
            ("１２３－４５", "123-45"),
            ("٤١١١ ۴۱۱۱ ४१११", "4111 4111 4111"),
            ("4\u{200B}1\u{FEFF}1\u{AD}1", "4111"),
            ("৪১১১ ๔๑๑๑ ⁴¹²³ ₄₁ 𝟒𝟏𝟗 𝟘𝟿 %2534%25zz", "4111 4111 4123 41 419 09 4%zz"),
            ("123\u{2011}45\u{A0}6", "123-45 6"),
            ("é％汉字", "é%汉字"),
            ("a\\u0040b\\/c \\uFF12\\u200B\\u00e9 \\n\\\"\\u00", "a@b/c 2\\u00e9 \\n\\\"\\u00"),
            ("a&#64;b&#x2e;de &amp; &commat;&shy;&x &quot; &#xFF11; &", "a@b.de & @&x &quot; 1 &"),
        ] {
            assert_eq!(normal(&[text.as_bytes()], false).0, plain);
        }
        assert_eq!(normal(&[b"tel=%2B44+7"], true).0, "tel=+44 7");
    }

    proptest::proptest! {
        #[test]
        fn no_cut_matters_and_places_lead_back(text in "[a4%é２\u{200B}٤+ &#;u\\\\-]{0,40}", cuts in proptest::collection::vec(0_usize..200, 0..6)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let (whole, window) = normal(&[bytes], false);
            let (parts, other) = normal(&pieces, false);
            proptest::prop_assert_eq!(&whole, &parts);
            for place in 0..=window.text().len() {
                proptest::prop_assert_eq!(window.raw(place), other.raw(place));
            }
            let end = u64::try_from(bytes.len()).unwrap();
            proptest::prop_assert_eq!(window.raw(window.text().len()), Some(end));
        }
    }
}
