//! Reading text at places that may lie outside it.

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

/// Whether it belongs to a word: a letter, a digit, an underscore, or part of a character
/// outside ASCII.
#[inline]
pub(in crate::data) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
