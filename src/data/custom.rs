//! Detectors of one's own: a pattern with names and a check, and lists of exact values. Both
//! look at tokens of plausible shape only.

use std::fmt;
use std::sync::Arc;

use regex_automata::meta::Regex;
use thiserror::Error;

use super::{Confidence, Tag, checksum};

/// The most memory that a compiled pattern takes, in octets.
const PATTERN_SIZE: usize = 1 << 20;

/// The longest value of a pattern, in octets: what a window certainly holds.
pub const MAX_MATCH: usize = 256;

/// A check that a value must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Luhn, of the digits in it.
    Luhn,
    /// Verhoeff, of the digits in it.
    Verhoeff,
    /// ISO 7064 MOD 97-10, the first four characters moved to the end.
    Mod97,
    /// ISO 7064 MOD 11-2; the last may be `X`.
    Mod11,
}

/// One pattern.
#[derive(Clone)]
pub struct Pattern {
    regex: Regex,
    pub(super) tag: Tag,
    pub(super) detector: Arc<str>,
    /// Names that raise its findings, in any case.
    pub(super) keys: Vec<String>,
    check: Option<Check>,
    /// With fewer findings than these in one text, they stay `Weak`.
    pub(super) at_least: u64,
}

/// Why a pattern cannot be used.
#[derive(Debug, Error)]
pub enum PatternError {
    /// It is no pattern, or too large.
    #[error("the pattern cannot be used: {0}")]
    Syntax(String),
    /// It matches nothing at all, which is everywhere.
    #[error("the pattern matches the empty text; let it ask for at least one character")]
    Empty,
}

impl Check {
    /// The words in configuration.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("luhn", Self::Luhn),
        ("verhoeff", Self::Verhoeff),
        ("mod97", Self::Mod97),
        ("mod11-2", Self::Mod11),
    ];

    fn passes(self, value: &[u8]) -> bool {
        let plain = || value.iter().copied().filter(u8::is_ascii_alphanumeric);
        let last = plain().count().saturating_sub(1);
        let digit = |(place, byte): (usize, u8)| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'X' | b'x' if place == last && self == Self::Mod11 => Some(10),
            _ => None,
        };
        let digits = || plain().enumerate().filter_map(digit).collect::<Vec<_>>();
        match self {
            Self::Luhn => digits().len() > 1 && checksum::luhn(&digits()),
            Self::Verhoeff => digits().len() > 1 && checksum::verhoeff(&digits()),
            Self::Mod97 => checksum::iban(plain()) == Some(true),
            Self::Mod11 => checksum::mod_11_2(&digits()),
        }
    }
}

impl Pattern {
    /// A pattern of a tag. `names` announce it; a value that passes `check` needs none.
    pub fn new(
        detector: &str,
        tag: Tag,
        pattern: &str,
        names: &[&str],
        check: Option<Check>,
        at_least: u64,
    ) -> Result<Self, PatternError> {
        let config = Regex::config()
            .nfa_size_limit(Some(PATTERN_SIZE))
            .onepass_size_limit(Some(PATTERN_SIZE))
            .hybrid_cache_capacity(PATTERN_SIZE)
            .utf8_empty(false);
        let syntax = regex_automata::util::syntax::Config::new().utf8(false);
        let built = Regex::builder().configure(config).syntax(syntax).build(pattern);
        let regex = built.map_err(|error| PatternError::Syntax(told(&error)))?;
        if regex.is_match("") {
            return Err(PatternError::Empty);
        }
        let keys = names.iter().map(|name| name.to_lowercase()).collect();
        Ok(Self { regex, tag, detector: detector.into(), keys, check, at_least })
    }

    /// The matches that begin between two places of a window, and how sure each is by itself.
    pub(super) fn matches<'a>(
        &'a self,
        text: &'a [u8],
        (from, to): (usize, usize),
    ) -> impl Iterator<Item = (usize, usize, Confidence)> + 'a {
        // What begins before belongs to the block before; it may hide what begins here.
        let mut place = from;
        std::iter::from_fn(move || {
            while place < to {
                let found = self.regex.find(regex_automata::Input::new(text).range(place..))?;
                if found.start() >= to {
                    return None;
                }
                place = found.end();
                let value = text.get(found.range()).unwrap_or_default();
                let passes = self.check.is_none_or(|check| check.passes(value));
                if passes && value.len() <= MAX_MATCH {
                    return Some((found.start(), found.end(), self.confidence()));
                }
            }
            None
        })
    }

    /// Whether one of its names stands in the same line, within 64 octets before.
    pub(super) fn is_named(&self, text: &[u8], start: usize) -> bool {
        let before = text.get(start.saturating_sub(64)..start).unwrap_or_default();
        let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line).to_lowercase();
        self.keys.iter().any(|key| line.contains(key))
    }

    /// How sure a match is that no name announces.
    fn confidence(&self) -> Confidence {
        let says_it = self.check.is_some() || self.keys.is_empty();
        if says_it { Confidence::Likely } else { Confidence::Weak }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pattern").field("detector", &self.detector).finish_non_exhaustive()
    }
}

fn told(error: &regex_automata::meta::BuildError) -> String {
    match error.syntax_error() {
        Some(syntax) => syntax.to_string(),
        None => format!("it needs more than {PATTERN_SIZE} octets"),
    }
}

/// A list of exact values, as keyed hashes: who reads it learns none of them.
#[derive(Clone)]
pub struct Dictionary {
    pub(super) tag: Tag,
    pub(super) detector: Arc<str>,
    pub(super) hashes: Arc<[u64]>,
    /// The shapes that its values have; other tokens are not hashed.
    pub(super) lengths: Lengths,
    pub(super) key: [u64; 2],
}

/// Which lengths occur: bit n stands for n octets, bit 63 for more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lengths(pub(super) u64);

impl Lengths {
    fn bit(length: usize) -> u64 {
        1 << length.min(63)
    }
}

impl Dictionary {
    /// The shortest value: shorter ones stand everywhere.
    pub const SHORTEST: usize = 5;

    /// A list of values; case and separators within them do not matter. Values that are too
    /// short are left out; how many is returned.
    pub fn new(
        detector: &str,
        tag: Tag,
        key: [u64; 2],
        values: impl IntoIterator<Item: AsRef<[u8]>>,
    ) -> (Self, usize) {
        let (mut hashes, mut lengths, mut short) = (Vec::new(), Lengths::default(), 0);
        for value in values {
            let plain = normal(value.as_ref());
            if plain.len() < Self::SHORTEST {
                short += 1;
                continue;
            }
            lengths.0 |= Lengths::bit(plain.len());
            hashes.push(hash(key, &plain));
        }
        hashes.sort_unstable();
        hashes.dedup();
        let all = Self { tag, detector: detector.into(), hashes: hashes.into(), lengths, key };
        (all, short)
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether a value is in it.
    pub fn contains(&self, value: &[u8]) -> bool {
        let length =
            value.iter().filter(|byte| byte.is_ascii_alphanumeric() || **byte >= 0x80).count();
        if self.lengths.0 & Lengths::bit(length) == 0 {
            return false;
        }
        let wanted = hash(self.key, &normal(value));
        // Hashes are spread evenly: the place is known but for a few entries (interpolation).
        let count = u128::try_from(self.hashes.len()).unwrap_or(0);
        let guess = usize::try_from((u128::from(wanted) * count) >> 64).unwrap_or(0);
        let near = guess.saturating_sub(NEAR)..(guess + NEAR).min(self.hashes.len());
        let Some(part) = self.hashes.get(near.clone()) else { return false };
        let within = part.first().is_none_or(|first| *first <= wanted || near.start == 0)
            && part.last().is_none_or(|last| wanted <= *last || near.end == self.hashes.len());
        if within {
            part.binary_search(&wanted).is_ok()
        } else {
            self.hashes.binary_search(&wanted).is_ok()
        }
    }
}

/// How far from its place by proportion an entry is looked for at first.
const NEAR: usize = 512;

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Dictionary");
        shown.field("detector", &self.detector).field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A value as lists compare it.
pub(super) fn normal(value: &[u8]) -> Vec<u8> {
    let said = value.iter().filter(|byte| byte.is_ascii_alphanumeric() || **byte >= 0x80);
    said.map(u8::to_ascii_lowercase).collect()
}

/// SipHash-2-4 (Aumasson and Bernstein, 2012) of a text.
fn hash(key: [u64; 2], text: &[u8]) -> u64 {
    let [k0, k1] = key;
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let length = u64::try_from(text.len()).unwrap_or(0) << 56;
    let whole = words.iter().map(|word| u64::from_le_bytes(*word));
    for word in whole.chain([u64::from_le_bytes(last) | length]) {
        v[3] ^= word;
        round(&mut v);
        round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    (0..4).for_each(|_| round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn round([a, b, c, d]: &mut [u64; 4]) {
    *a = a.wrapping_add(*b);
    *b = b.rotate_left(13) ^ *a;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*d);
    *d = d.rotate_left(16) ^ *c;
    *a = a.wrapping_add(*d);
    *d = d.rotate_left(21) ^ *a;
    *c = c.wrapping_add(*b);
    *b = b.rotate_left(17) ^ *c;
    *c = c.rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag() -> Tag {
        Tag::parse("pi.employee").unwrap()
    }

    #[test]
    fn the_hash_is_that_of_its_paper() {
        // Appendix A: key 00..0f, text 00..0e.
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let text: Vec<u8> = (0..15).collect();
        assert_eq!(hash(key, &text), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn a_list_holds_its_values_and_no_others() {
        let values: Vec<_> = (0..100_000).map(|n: u32| format!("C-{:07}", n * 7)).collect();
        let short = [&b"a-1"[..]];
        let all = values.iter().map(|value| value.as_bytes()).chain(short);
        let (list, left_out) = Dictionary::new("customers", tag(), [1, 2], all);
        assert_eq!((list.len(), left_out), (100_000, 1));
        assert!(values.iter().all(|value| list.contains(value.as_bytes())));
        assert!(
            list.contains(b"c0000007") && !list.contains(b"C-0000008") && !list.contains(b"C-7")
        );
        assert!(!format!("{list:?}").contains(&list.hashes[0].to_string()));
    }

    #[test]
    fn patterns_check_and_are_bounded() {
        let made = |pattern, check| Pattern::new("x", tag(), pattern, &[], check, 0);
        let pattern = made(r"\bEMP-\d{6}\b", None).unwrap();
        let text = b"EMP-123456, EMP-12345, EMP-654321";
        let found: Vec<_> = pattern.matches(text, (0, 30)).map(|(start, ..)| start).collect();
        assert_eq!(found, [0, 23]);
        let luhn = made(r"\d{8}", Some(Check::Luhn)).unwrap();
        assert_eq!(luhn.matches(b"12345674 12345675", (0, 17)).count(), 1);
        assert!(matches!(made("a*", None), Err(PatternError::Empty)));
        assert!(matches!(made("(", None), Err(PatternError::Syntax(_))));
        assert!(matches!(made(r"(\pL{1000}){1000}", None), Err(PatternError::Syntax(_))));
    }
}
