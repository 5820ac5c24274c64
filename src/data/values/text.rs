//! Reading text at places that may lie outside it.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, i8x16};

/// The octet at a place; 0 outside.
#[inline]
pub(in crate::data) fn at(text: &[u8], place: usize) -> u8 {
    text.get(place).copied().unwrap_or(0)
}

/// The octet before a place; 0 at the beginning.
#[inline]
pub(in crate::data) fn before(text: &[u8], place: usize) -> u8 {
    place.checked_sub(1).map_or(0, |place| at(text, place))
}

/// The text of a span; empty where it lies outside.
#[inline]
pub(in crate::data) fn span(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end).unwrap_or_default()
}

/// Where a run of such octets ends, from a place on and at most so many octets further.
#[inline]
pub(in crate::data) fn run_end(
    text: &[u8],
    from: usize,
    most: usize,
    is: impl Fn(u8) -> bool,
) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().take(most).take_while(|byte| is(**byte)).count()
}

/// Where a run of such octets begins that ends before a place, at most so many octets earlier.
#[inline]
pub(in crate::data) fn run_start(
    text: &[u8],
    to: usize,
    most: usize,
    is: impl Fn(u8) -> bool,
) -> usize {
    let rest = text.get(..to).unwrap_or_default();
    to - rest.iter().rev().take(most).take_while(|byte| is(**byte)).count()
}

/// A bit for every octet that passes: the compiler makes vectors of the test, and one instruction
/// gathers the bits. By multiplication, which is what there is without it, it takes three times
/// as long.
#[inline]
fn mask(part: &[u8; 16], test: impl Fn(u8) -> bool) -> u32 {
    let passed = part.map(|byte| -i8::from(test(byte)));
    // What every processor of the kind has: asking for more costs more than sixteen octets take.
    let bits = dispatch!(Level::baseline(), simd => {
        i8x16::from_slice(simd, &passed).simd_lt(0).to_bitmask()
    });
    u32::try_from(bits).unwrap_or(0)
}

/// As [`run_end`], sixteen octets at a time: for tests that need no table.
#[inline]
fn vector_end(text: &[u8], from: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
    let mut end = from;
    while end < from + most {
        let rest = text.get(end..).unwrap_or_default();
        let Some(part) = rest.first_chunk() else {
            return run_end(text, end, from + most - end, is);
        };
        let ones = mask(part, &is).trailing_ones();
        end += usize::try_from(ones).unwrap_or(0);
        if ones < 16 {
            break;
        }
    }
    end.min(from + most)
}

/// As [`run_start`], sixteen octets at a time: for tests that need no table.
#[inline]
fn vector_start(text: &[u8], to: usize, most: usize, is: impl Fn(u8) -> bool) -> usize {
    let first = to.saturating_sub(most);
    let mut start = to;
    while start > first {
        let rest = text.get(..start).unwrap_or_default();
        let Some(part) = rest.last_chunk() else {
            return run_start(text, start, start - first, is);
        };
        let ones = (mask(part, &is) << 16).leading_ones();
        start -= usize::try_from(ones).unwrap_or(0);
        if ones < 16 {
            break;
        }
    }
    start.max(first)
}

/// Where a run of digits ends; see [`run_end`].
#[inline]
pub(super) fn digits_end(text: &[u8], from: usize, most: usize) -> usize {
    vector_end(text, from, most, |byte| byte.is_ascii_digit())
}

/// Where a run of digits begins; see [`run_start`].
#[inline]
pub(super) fn digits_start(text: &[u8], to: usize, most: usize) -> usize {
    vector_start(text, to, most, |byte| byte.is_ascii_digit())
}

/// Where a run of letters and digits ends; see [`run_end`].
#[inline]
pub(super) fn letters_end(text: &[u8], from: usize, most: usize) -> usize {
    vector_end(text, from, most, is_letter)
}

/// Where a run of letters and digits begins; see [`run_start`].
#[inline]
pub(super) fn letters_start(text: &[u8], to: usize, most: usize) -> usize {
    vector_start(text, to, most, is_letter)
}

/// A letter or a digit, without a branch.
const fn is_letter(byte: u8) -> bool {
    (byte.wrapping_sub(b'0') < 10) | ((byte | 0x20).wrapping_sub(b'a') < 26)
}

/// Whether it belongs to a word: a letter, a digit, an underscore, or part of a character
/// outside ASCII.
#[inline]
pub(in crate::data) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn vectors_read_as_octets_do(text in "([0-9]{0,20}|[A-Za-z0-9]{0,40}|[ é@`/:{\\[-]){0,9}", place in 0_usize..99, most in 0_usize..70) {
            let text = text.as_bytes();
            let place = place.min(text.len());
            let (digit, letter) = (|byte: u8| byte.is_ascii_digit(), |byte: u8| byte.is_ascii_alphanumeric());
            proptest::prop_assert_eq!(digits_end(text, place, most), run_end(text, place, most, digit));
            proptest::prop_assert_eq!(letters_end(text, place, most), run_end(text, place, most, letter));
            proptest::prop_assert_eq!(digits_start(text, place, most), run_start(text, place, most, digit));
            proptest::prop_assert_eq!(letters_start(text, place, most), run_start(text, place, most, letter));
        }
    }
}
