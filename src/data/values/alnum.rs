//! Tokens of letters and digits: vehicles, resident numbers that end with X, beneficiaries, and
//! weak forms that a name must announce.

use super::super::checksum;
use super::super::keys::Key;
use super::digits::is_resident;
use super::hit::{Hit, Strength};
use super::text::{at, before, is_word, letters_end, letters_start, span};
use super::{Kind, iban};

/// The longest token that is looked at.
const LONGEST: usize = 40;

/// A token of letters and digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    /// The token around a place.
    pub(super) fn around(text: &[u8], place: usize) -> Self {
        let (start, end) = (letters_start(text, place, LONGEST), letters_end(text, place, LONGEST));
        Self { start, end }
    }

    /// What it is.
    pub(super) fn hit(self, text: &[u8], key: impl Fn(usize) -> Key) -> Option<Hit> {
        let token = span(text, self.start, self.end);
        let joined = |byte: u8| is_word(byte) || matches!(byte, b'-' | b'+' | b'/' | b'\\');
        let free = !joined(before(text, self.start)) && !joined(at(text, self.end));
        let grouped = token.len() == 4
            && (matches!(before(text, self.start), b' ' | b'-')
                || matches!(at(text, self.end), b' ' | b'-'));
        let account = match token.len() {
            15..LONGEST => iban::whole(text, self.start, &key),
            _ if grouped => iban::around(text, self.end - 1, &key),
            _ => None,
        };
        if account.is_some() {
            return account;
        }
        if !free || !(5..=18).contains(&token.len()) {
            return None;
        }
        let at = self.start;
        match token.len() {
            17 => self.vehicle(token, || key(at)),
            18 => self.resident(token, || key(at)),
            11 if is_beneficiary(token.iter().copied()) => {
                self.is(Kind::Mbi, Strength::Named, key(at))
            }
            _ => None,
        }
        .or_else(|| self.named(token, key(at)))
    }

    fn is(self, kind: Kind, strength: Strength, key: Key) -> Option<Hit> {
        Hit::new(kind, (self.start, self.end), strength, key)
    }

    fn vehicle(self, token: &[u8], key: impl Fn() -> Key) -> Option<Hit> {
        let upper: [u8; 17] = token.to_ascii_uppercase().try_into().ok()?;
        let letters = upper.iter().filter(|byte| byte.is_ascii_uppercase()).count();
        let no = upper.iter().any(|byte| matches!(byte, b'I' | b'O' | b'Q'));
        if no || letters < 2 || letters == upper.len() {
            return None;
        }
        // The check digit is a duty in North America and China only; elsewhere a name must help.
        let capital = token == upper;
        let checked = checksum::vin(&upper) && capital && letters <= 14;
        let strength = if checked { Strength::Distinct } else { Strength::Named };
        self.is(Kind::Vin, strength, key())
    }

    fn resident(self, token: &[u8], key: impl Fn() -> Key) -> Option<Hit> {
        let mut values = [10; 18];
        let (last, digits) = token.split_last()?;
        let form = matches!(last, b'X' | b'x') && digits.iter().all(u8::is_ascii_digit);
        values.iter_mut().zip(digits).for_each(|(to, from)| *to = from.wrapping_sub(b'0'));
        (form && is_resident(&values))
            .then(|| self.is(Kind::ResidentId, Strength::Strong, key()))
            .flatten()
    }

    /// Forms that say nothing by themselves.
    fn named(self, token: &[u8], key: Key) -> Option<Hit> {
        let digits = token.iter().filter(|byte| byte.is_ascii_digit()).count();
        let letters = token.len() - digits;
        let forms = [
            (Kind::Passport, (6..=9).contains(&token.len()) && letters <= 3),
            (Kind::Licence, (5..=16).contains(&token.len()) && digits >= 4),
            (Kind::Mrn, (5..=14).contains(&token.len()) && digits >= 4 && letters <= 4),
        ];
        let fits = |(kind, form): &(Kind, bool)| *form && digits >= 4 && key.kinds.contains(*kind);
        let (kind, _) = forms.into_iter().find(fits)?;
        self.is(kind, Strength::Named, key)
    }
}

/// A Medicare beneficiary identifier, by its form (CMS, "Understanding the MBI").
fn is_beneficiary(token: impl Iterator<Item = u8>) -> bool {
    let letter = |byte: u8| {
        byte.is_ascii_uppercase() && !matches!(byte, b'S' | b'L' | b'O' | b'I' | b'B' | b'Z')
    };
    token.zip(b"1axdaxdaadd").all(|(byte, class)| match class {
        b'1' => matches!(byte, b'1'..=b'9'),
        b'a' => letter(byte),
        b'd' => byte.is_ascii_digit(),
        _ => letter(byte) || byte.is_ascii_digit(),
    })
}

/// A beneficiary identifier `1EG4-TE5-MK73` of which this place is the second dash.
pub(super) fn beneficiary(text: &[u8], second: usize, key: impl Fn(usize) -> Key) -> Option<Hit> {
    let (start, end) = (second.checked_sub(8)?, second + 5);
    let written = text.get(start..end)?;
    let free = !is_word(before(text, start)) && !is_word(at(text, end));
    let letters = written.iter().copied().filter(|byte| *byte != b'-');
    (free && letters.clone().count() == 11 && is_beneficiary(letters))
        .then(|| Hit::new(Kind::Mbi, (start, end), Strength::Distinct, key(start)))
        .flatten()
}
