//! International bank account numbers (ISO 13616): the check, and each country's structure.

use std::sync::LazyLock;

use super::super::checksum;
use super::super::keys::Key;
use super::Kind;
use super::hit::{Hit, Strength};
use super::text::{at, before};

/// A country's code, and what follows code and check: how many of which characters.
struct Structure {
    country: [u8; 2],
    parts: Vec<(usize, Class)>,
}

#[derive(Clone, Copy)]
enum Class {
    Digit,
    Letter,
    Either,
}

/// The longest IBAN.
const LONGEST: usize = 34;

/// The SWIFT registry.
static COUNTRIES: LazyLock<Vec<Structure>> =
    LazyLock::new(|| include_str!("../tables/ibans.txt").lines().filter_map(structure).collect());

/// Where in the registry each pair of letters stands: identifiers in hexadecimal begin with
/// letters too often to search.
static PLACES: LazyLock<Vec<Option<u8>>> = LazyLock::new(|| {
    let mut places = vec![None; 26 * 26];
    for (place, row) in COUNTRIES.iter().enumerate() {
        let slot = pair(row.country).and_then(|pair| places.get_mut(pair));
        slot.into_iter().for_each(|slot| *slot = u8::try_from(place).ok());
    }
    places
});

/// Two capitals as one number.
fn pair(letters: [u8; 2]) -> Option<usize> {
    let [first, second] = letters.map(|letter| usize::from(letter.wrapping_sub(b'A')));
    (first < 26 && second < 26).then_some(first * 26 + second)
}

/// One line of the table: `4a6n8n` after the country.
fn structure(line: &str) -> Option<Structure> {
    let (country, mut rest) = line.split_once(' ')?;
    let country = country.as_bytes().try_into().ok()?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let class = match rest.get(end..=end)? {
            "n" => Class::Digit,
            "a" => Class::Letter,
            "c" => Class::Either,
            _ => return None,
        };
        parts.push((rest.get(..end)?.parse().ok()?, class));
        rest = rest.get(end + 1..)?;
    }
    Some(Structure { country, parts })
}

impl Structure {
    fn of(text: &[u8], start: usize) -> Option<&'static Self> {
        let country = [at(text, start), at(text, start + 1)].map(|b| b.to_ascii_uppercase());
        // Check digits are 98 less a remainder of 97.
        let check = matches!(
            (at(text, start + 2), at(text, start + 3)),
            (b'0', b'2'..=b'9') | (b'1'..=b'8', b'0'..=b'9') | (b'9', b'0'..=b'8')
        );
        if !check {
            return None;
        }
        COUNTRIES.get(usize::from((*PLACES.get(pair(country)?)?)?))
    }

    fn length(&self) -> usize {
        4 + self.parts.iter().map(|(count, _)| count).sum::<usize>()
    }

    fn holds(&self, account: &[u8]) -> bool {
        let mut rest = account;
        self.parts.iter().all(|(count, class)| {
            let Some((part, after)) = rest.split_at_checked(*count) else { return false };
            rest = after;
            part.iter().all(|byte| match class {
                Class::Digit => byte.is_ascii_digit(),
                Class::Letter => byte.is_ascii_alphabetic(),
                Class::Either => byte.is_ascii_alphanumeric(),
            })
        })
    }
}

/// An IBAN that begins at this place, whole or in groups.
fn from(text: &[u8], start: usize, key: impl Fn() -> Key) -> Option<Hit> {
    if before(text, start).is_ascii_alphanumeric() {
        return None;
    }
    let structure = Structure::of(text, start)?;
    let mut letters = [0; LONGEST];
    let (mut count, mut end, mut gap) = (0, start, true);
    while count < structure.length() {
        let byte = at(text, end);
        if byte.is_ascii_alphanumeric() {
            *letters.get_mut(count)? = byte;
            count += 1;
            gap = false;
        } else if gap || !matches!(byte, b' ' | b'-') {
            return None;
        } else {
            gap = true;
        }
        end += 1;
    }
    let letters = letters.get(..count)?;
    let whole = !at(text, end).is_ascii_alphanumeric() && structure.holds(letters.get(4..)?);
    let sound = whole && checksum::iban(letters.iter().copied()) == Some(true);
    sound.then(|| Hit::new(Kind::Iban, (start, end), Strength::Strong, key())).flatten()
}

/// An IBAN in one piece.
pub(super) fn whole(text: &[u8], start: usize, key: impl Fn(usize) -> Key) -> Option<Hit> {
    let letters =
        at(text, start).is_ascii_alphabetic() && at(text, start + 1).is_ascii_alphabetic();
    letters.then(|| from(text, start, || key(start))).flatten()
}

/// An IBAN to which the run of digits at this place may belong: it begins the token around it,
/// or one of the groups of four before.
pub(super) fn around(text: &[u8], place: usize, key: impl Fn(usize) -> Key) -> Option<Hit> {
    let mut start = place;
    while before(text, start).is_ascii_alphanumeric() && place - start < LONGEST {
        start -= 1;
    }
    for _ in 0..LONGEST / 4 {
        if let Some(hit) = from(text, start, || key(start)) {
            return (hit.end > place).then_some(hit);
        }
        let group = start.checked_sub(5)?;
        let joined = matches!(before(text, start), b' ' | b'-')
            && text.get(group..group + 4)?.iter().all(u8::is_ascii_alphanumeric);
        if !joined {
            return None;
        }
        start = group;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(usize, usize)> {
        let place = text.find("6016").or_else(|| text.rfind("11"))?;
        around(text.as_bytes(), place, |_| Key::default()).map(|hit| (hit.start, hit.end))
    }

    #[test]
    fn ibans_are_found_in_any_writing() {
        assert!(COUNTRIES.len() > 75, "the registry was read");
        assert_eq!(found("x GB29 NWBK 6016 1331 9268 19."), Some((2, 29)));
        assert_eq!(found("gb29nwbk60161331926819"), Some((0, 22)));
        assert_eq!(found("NO93 8601 1117 947"), Some((0, 18)));
        for text in ["GB29NWBK60161331926818", "AGB29NWBK60161331926819", "GB29 NWBK 6016 1331"] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
