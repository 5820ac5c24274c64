//! Seeds, one after the other, put to what they may be.

use super::super::keys::Key;
use super::address;
use super::alnum::{self, Token};
use super::hit::{Hit, Strength};
use super::place::Decimal;
use super::seed::Seeds;
use super::text::at;
use super::{Kind, numbers};

/// A latitude and a longitude in two fields stand no further apart.
const APART: usize = 160;

/// Goes from seed to seed.
#[derive(Debug, Default)]
pub(in crate::data) struct Seeker {
    /// Up to where numbers were read.
    done: usize,
    /// The coordinate that was last seen in a field of its own.
    half: Option<(Kind, usize, usize)>,
}

impl Seeker {
    /// The window goes on by so many octets.
    pub(in crate::data) fn moved(&mut self, by: usize) {
        self.done = self.done.saturating_sub(by);
        self.half = self.half.and_then(|(kind, start, end)| {
            Some((kind, start.checked_sub(by)?, end.checked_sub(by)?))
        });
    }

    /// Looks at the seeds of 64 octets that begin at a place.
    pub(in crate::data) fn seek(
        &mut self,
        text: &[u8],
        place: usize,
        seeds: Seeds,
        hits: &mut Vec<Hit>,
        key: impl Fn(usize) -> Key + Copy,
    ) {
        let Seeds { digits, capitals, decimals, dots, colons, dashes } = seeds;
        for bit in bits(digits | capitals | decimals) {
            let seed = place + bit;
            if seed < self.done {
                continue;
            }
            if decimals >> bit & 1 == 1 {
                self.decimal(text, seed, hits, key);
            } else if digits >> bit & 1 == 1 {
                self.digits(text, seed, hits, key);
            } else {
                let token = Token::around(text, seed);
                hits.extend(token.hit(text, key));
                self.done = token.end;
            }
        }
        for bit in bits(dots) {
            let seed = place + bit;
            hits.extend(
                address::v4(text, seed, key).or_else(|| address::mac_dotted(text, seed, key)),
            );
        }
        for bit in bits(colons) {
            let seed = place + bit;
            hits.extend(address::mac(text, seed, key).or_else(|| address::v6(text, seed, key)));
        }
        for bit in bits(dashes) {
            let seed = place + bit;
            let one = address::uuid(text, seed, key)
                .or_else(|| address::mac(text, seed, key))
                .or_else(|| alnum::beneficiary(text, seed, key));
            hits.extend(one);
        }
    }

    fn digits(
        &mut self,
        text: &[u8],
        seed: usize,
        hits: &mut Vec<Hit>,
        key: impl Fn(usize) -> Key + Copy,
    ) {
        // The seed is the fourth digit.
        self.done = numbers::around(text, seed.saturating_sub(3), hits, key);
    }

    fn decimal(
        &mut self,
        text: &[u8],
        seed: usize,
        hits: &mut Vec<Hit>,
        key: impl Fn(usize) -> Key + Copy,
    ) {
        // The seed is the third digit after the point.
        let Some(number) = Decimal::from_point(text, seed.saturating_sub(3)) else {
            // Groups that dots divide: `415.555.0123`.
            if matches!(at(text, seed + 1), b'0'..=b'9' | b'.') {
                let start = seed.saturating_sub(2);
                self.done = numbers::around(text, start, hits, key).max(seed + 1);
            }
            return;
        };
        let (hit, end) = number.pair(text, key);
        self.done = end;
        if hit.is_some() {
            hits.extend(hit);
        } else if end == number.end {
            self.field(number, hits, key(number.start));
        }
    }

    /// A coordinate in a field of its own.
    fn field(&mut self, number: Decimal, hits: &mut Vec<Hit>, key: Key) {
        let kinds = [Kind::Latitude, Kind::Longitude];
        let Some(kind) = kinds.into_iter().find(|kind| key.kinds.contains(*kind)) else { return };
        match self.half.take() {
            Some((other, start, end))
                if other != kind && number.start.saturating_sub(end) < APART =>
            {
                hits.extend(Hit::new(kind, (start, number.end), Strength::Plain, key));
            }
            _ => self.half = Some((kind, number.start, number.end)),
        }
    }
}

impl Seeds {
    /// Where runs of four digits are.
    pub(in crate::data) fn numbers(self) -> impl Iterator<Item = usize> {
        bits(self.digits)
    }
}

/// The set bits, lowest first.
fn bits(mask: u64) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(mask).filter(|mask| *mask != 0), |mask| {
        Some(mask & (mask - 1)).filter(|mask| *mask != 0)
    })
    .map(|mask| usize::try_from(mask.trailing_zeros()).unwrap_or(0))
}
