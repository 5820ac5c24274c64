//! Octets that may begin another writing of something: `%40`, `\u0040`, `&#64;`, and the first of
//! characters that have a form in ASCII. Most text is passed over here, 64 octets at a time.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};

use super::super::values::masks::WORD;

/// First octets outside ASCII: a blank of Latin-1, and those of digits, dashes, blanks and
/// full-width forms in UTF-8.
const HIGH: [u8; 8] = [0xA0, 0xC2, 0xD9, 0xDB, 0xE0, 0xE2, 0xEF, 0xF0];

/// Whether an octet may begin something special.
pub(super) fn is_special(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&') || HIGH.contains(&byte)
}

/// The first place where something special begins; `plus` is special in a form.
pub(super) fn first(text: &[u8], form: bool, begins: impl Fn(usize) -> bool) -> Option<usize> {
    dispatch!(Level::new(), simd => seek(simd, text, form, begins))
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "else it is compiled without wide vectors")]
fn seek<S: Simd>(
    simd: S,
    text: &[u8],
    form: bool,
    begins: impl Fn(usize) -> bool,
) -> Option<usize> {
    let (words, rest) = text.as_chunks::<WORD>();
    let mut last = [0; WORD];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    for (place, word) in words.iter().chain([&last]).enumerate() {
        let mut special = specials(simd, word, form);
        while special != 0 {
            let at = place * WORD + usize::try_from(special.trailing_zeros()).unwrap_or(0);
            if begins(at) {
                return Some(at);
            }
            special &= special - 1;
        }
    }
    None
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn specials<S: Simd>(simd: S, word: &[u8; WORD], form: bool) -> u64 {
    let text = u8x64::from_slice(simd, word);
    let plus = if form { b'+' } else { b'%' };
    let low = text.simd_eq(b'%') | text.simd_eq(b'\\') | text.simd_eq(b'&') | text.simd_eq(plus);
    let high = text.simd_ge(0x80);
    if high.to_bitmask() == 0 {
        return low.to_bitmask();
    }
    HIGH.iter().fold(low, |all, byte| all | text.simd_eq(*byte)).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn words_are_read_as_octets_are(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), form: bool) {
            let is = |at: &usize| is_special(text[*at]) || form && text[*at] == b'+';
            let places = (0..text.len()).filter(is).collect::<Vec<_>>();
            proptest::prop_assert_eq!(first(&text, form, |_| true), places.first().copied());
            proptest::prop_assert_eq!(first(&text, form, |at| at > 99), places.iter().find(|at| **at > 99).copied());
        }
    }
}
