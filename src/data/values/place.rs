//! Places: a latitude and a longitude, as a pair or in two fields. Pairs of decimals are common
//! in vectors and drawings, so that they count only where they stand alone.

use super::super::keys::Key;
use super::Kind;
use super::hit::{Hit, Strength};
use super::text::{at, before, digits_end, is_word, run_end, run_start, span};

/// A decimal number of at most three digits before the point and three or more after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    pub(super) start: usize,
    pub(super) end: usize,
    decimals: usize,
}

impl Decimal {
    /// The number whose point stands here.
    pub(super) fn from_point(text: &[u8], point: usize) -> Option<Self> {
        let whole = run_start(text, point, 4, |byte| byte.is_ascii_digit());
        let sign = usize::from(matches!(before(text, whole), b'-' | b'+'));
        let end = digits_end(text, point + 1, 20);
        let digits = point - whole;
        let decimals = end - point - 1;
        let right = at(text, end);
        let goes_on = right == b'.' && at(text, end + 1).is_ascii_digit() || is_word(right);
        let form = at(text, point) == b'.' && (1..=3).contains(&digits) && decimals >= 3;
        if !form || goes_on || is_word(before(text, whole)) || before(text, whole) == b'.' {
            return None;
        }
        let start = whole - sign;
        Some(Self { start, end, decimals })
    }

    /// The number that begins here.
    fn at(text: &[u8], start: usize) -> Option<Self> {
        let whole = start + usize::from(matches!(at(text, start), b'-' | b'+'));
        let point = run_end(text, whole, 4, |byte| byte.is_ascii_digit());
        Self::from_point(text, point).filter(|number| number.start == start)
    }

    /// Its whole degrees, without sign: up to 999.
    fn degrees(&self, text: &[u8]) -> u32 {
        let digits = span(text, self.start, self.end).iter();
        let whole = digits.skip_while(|b| !b.is_ascii_digit()).take_while(|b| b.is_ascii_digit());
        whole.fold(0, |all, digit| all * 10 + u32::from(digit - b'0'))
    }

    /// In degrees a place is told by so many decimals that they name a house: 5 are a metre.
    fn is_precise(&self, text: &[u8]) -> bool {
        self.decimals >= 5 && self.degrees(text) >= 1
    }

    /// The pair that begins with this number, and where the numbers end that begin here.
    pub(super) fn pair(self, text: &[u8], key: impl Fn(usize) -> Key) -> (Option<Hit>, usize) {
        let next = run_end(text, self.end, 3, is_separator);
        let second = if next > self.end { Self::at(text, next) } else { None };
        let Some(second) = second else { return (None, self.end) };
        // A third after the same separator: a vector. All of it is passed over.
        let separator = span(text, self.end, next);
        if let Some(third) = next_number(text, second.end, separator) {
            return (None, vector_end(text, third, separator));
        }
        let degrees = [self.degrees(text), second.degrees(text)];
        // Either order is in use: GeoJSON has the longitude first.
        if degrees.iter().any(|one| *one >= 180) || degrees.iter().all(|one| *one >= 90) {
            return (None, second.end);
        }
        let key = key(self.start);
        let precise = self.is_precise(text) && second.is_precise(text);
        let alone = precise && stands_alone(text, self.start, second.end);
        let strength = if alone { Strength::Distinct } else { Strength::Named };
        (Hit::new(Kind::Place, (self.start, second.end), strength, key), second.end)
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b',' | b';' | b' ' | b'/' | b'|')
}

/// Where the number begins that stands behind such a separator.
fn next_number(text: &[u8], end: usize, separator: &[u8]) -> Option<usize> {
    let start = end + separator.len();
    let begins = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    (span(text, end, start) == separator && begins(at(text, start))).then_some(start)
}

/// Where the numbers end that such separators divide.
fn vector_end(text: &[u8], third: usize, separator: &[u8]) -> usize {
    let number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e');
    let mut end = run_end(text, third, 32, number);
    // No further than where the window goes on in any case.
    for _ in 0..16 {
        let Some(start) = next_number(text, end, separator) else { break };
        end = run_end(text, start, 32, number);
    }
    end
}

/// Whether a pair is all of a field: neither an array of JSON nor more numbers are around it.
fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let space = usize::from(before(text, start) == b' ');
    let left = before(text, start - space);
    // A comma before a pair that a blank divides is that of a table.
    let vector = left == b',' && span(text, start, end).contains(&b',');
    let number = left.is_ascii_digit() || matches!(left, b'[' | b'-') || vector;
    let right = at(text, end);
    !number && !is_word(right) && !matches!(right, b']' | b'-' | b'%')
}
