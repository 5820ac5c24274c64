//! The candidate pass: 64 octets at a time become bit masks, and few shifts over them find where
//! a value may stand. Most text is passed over here.

use super::text;

/// Which of 64 octets are what. Bit n is octet n.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::data) struct Masks {
    /// Whether only the digits, of which there are none, were asked for.
    pub(in crate::data) passed: bool,
    pub(in crate::data) digit: u64,
    pub(in crate::data) capital: u64,
    pub(in crate::data) dot: u64,
    pub(in crate::data) colon: u64,
    pub(in crate::data) dash: u64,
}

/// Where values may stand in 64 octets: each bit is an octet of a candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::data) struct Seeds {
    /// The fourth digit of a run.
    pub(super) digits: u64,
    /// The eleventh capital or digit of a run.
    pub(super) capitals: u64,
    /// The third digit after a dot.
    pub(super) decimals: u64,
    /// The third of three dots that stand as in an IPv4 address, or the second as in a MAC
    /// address (`1234.5678.9abc`).
    pub(super) dots: u64,
    /// The second of two adjacent colons, the third of a chain as in an IPv6 address, or the
    /// fifth of a MAC address.
    pub(super) colons: u64,
    /// Dashes as in a MAC address, a UUID (`8-4-4-4-12`) or `4-3-4`.
    pub(super) dashes: u64,
}

/// The masks of 64 octets. Without a digit in them or before them nothing is a value: then the
/// rest is not asked.
#[inline]
pub(in crate::data) fn block(text: &[u8; 64], before: &Masks) -> Masks {
    let digit = mask(text, |byte| byte.wrapping_sub(b'0') < 10);
    if digit | before.digit == 0 {
        return Masks { passed: true, ..Masks::default() };
    }
    whole(text, digit)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "masks that go through memory cost a tenth more")]
fn whole(text: &[u8; 64], digit: u64) -> Masks {
    Masks {
        passed: false,
        digit,
        capital: mask(text, |byte| byte.wrapping_sub(b'A') < 26),
        dot: mask(text, |byte| byte == b'.'),
        colon: mask(text, |byte| byte == b':'),
        dash: mask(text, |byte| byte == b'-'),
    }
}

/// The masks of octets that were passed, after all.
#[cold]
fn late(text: &[u8; 64]) -> Masks {
    whole(text, 0)
}

/// A bit for every octet that passes.
#[inline]
pub(in crate::data) fn mask(text: &[u8; 64], test: impl Fn(u8) -> bool) -> u64 {
    let (parts, _) = text.as_chunks();
    parts.iter().rev().fold(0, |all, part| all << 16 | u64::from(text::mask(part, &test)))
}

/// The masks of fewer octets, at the end of a text.
pub(in crate::data) fn last_block(text: &[u8], before: &Masks) -> Masks {
    let mut padded = [0; 64];
    padded.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
    block(&padded, before)
}

impl Masks {
    /// The masks of the octets before a block that has digits.
    pub(in crate::data) fn completed(self, text: &[u8]) -> Self {
        match text.as_array() {
            Some(text) if self.passed => late(text),
            Some(_) | None => self,
        }
    }

    /// Whether nothing can stand here.
    pub(in crate::data) fn is_passed(&self) -> bool {
        self.passed
    }
}

/// A mask with the one before it, so that shifts look back over the border.
#[derive(Clone, Copy)]
struct Joined {
    now: u64,
    before: u64,
}

impl Joined {
    /// Every bit moved up by so many places, 1 to 63.
    const fn up(self, by: u32) -> u64 {
        self.now << by | self.before >> (64 - by)
    }
}

impl Masks {
    /// The seeds, with the 64 octets before.
    #[inline]
    pub(in crate::data) fn seeds(&self, before: &Self) -> Seeds {
        Seeds {
            digits: first_of_run(self.digit, before.digit, 4),
            capitals: first_of_run(self.digit | self.capital, before.digit | before.capital, 11),
            decimals: self.digit
                & Joined { now: self.digit, before: before.digit }.up(1)
                & Joined { now: self.digit, before: before.digit }.up(2)
                & Joined { now: self.dot, before: before.dot }.up(3),
            dots: chain(self.dot, before.dot, &[2, 3, 4]) | spaced(self.dot, before.dot, 5, 1),
            colons: self.colon & Joined { now: self.colon, before: before.colon }.up(1)
                | chain(self.colon, before.colon, &[2, 3, 4, 5])
                | spaced(self.colon, before.colon, 3, 4),
            dashes: spaced(self.dash, before.dash, 3, 4)
                | spaced(self.dash, before.dash, 5, 3)
                | spaced(self.dash, before.dash, 4, 1),
        }
    }
}

/// The bit at which every run of set bits becomes so long; 4 or 11.
const fn first_of_run(now: u64, before: u64, length: u32) -> u64 {
    // Runs within the one before are found from its last bits alone.
    let (mut runs, mut old, mut have) = (now, before, 1);
    while have < length {
        let step = if have * 2 <= length { have } else { length - have };
        runs &= Joined { now: runs, before: old }.up(step);
        old &= old << step;
        have += step;
    }
    runs & !Joined { now: runs, before: old }.up(1)
}

/// The third of three set bits whose distances are among these.
fn chain(now: u64, before: u64, gaps: &[u32]) -> u64 {
    let near = |mask: Joined| gaps.iter().fold(0, |all, gap| all | mask.up(*gap));
    let second = now & near(Joined { now, before });
    // Those of the block before lack what lies before it; a chain is found by its later bits.
    let old = before & gaps.iter().fold(0, |all, gap| all | before << gap);
    now & near(Joined { now: second, before: old })
}

/// The last of so many more set bits, all at one distance.
const fn spaced(now: u64, before: u64, gap: u32, more: u32) -> u64 {
    let (mut all, mut step) = (now, 1);
    while step <= more {
        all &= Joined { now, before }.up(gap * step);
        step += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seeds by the definition, octet by octet.
    fn plainly(text: &[u8]) -> Vec<[bool; 6]> {
        let is = |place: Option<usize>, test: fn(u8) -> bool| {
            place.and_then(|place| text.get(place)).is_some_and(|byte| test(*byte))
        };
        let run = |end: usize, length: usize, test: fn(u8) -> bool| {
            (0..length).all(|back| is(end.checked_sub(back), test))
                && !(0..=length).all(|back| is(end.checked_sub(back), test))
        };
        let spaced = |end: usize, gap: usize, more: usize, test: fn(u8) -> bool| {
            (0..=more).all(|step| is(end.checked_sub(gap * step), test))
        };
        let chain = |end: usize, gaps: &[usize], test: fn(u8) -> bool| {
            is(Some(end), test)
                && gaps.iter().any(|gap| {
                    let second = end.checked_sub(*gap);
                    is(second, test)
                        && gaps.iter().any(|gap| is(second.and_then(|s| s.checked_sub(*gap)), test))
                })
        };
        let dot = |b| b == b'.';
        let colon = |b| b == b':';
        let dash = |b| b == b'-';
        let capital = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase();
        let one = |at: usize| {
            [
                run(at, 4, |b| b.is_ascii_digit()),
                run(at, 11, capital),
                spaced(at, 1, 2, |b| b.is_ascii_digit()) && at > 2 && text[at - 3] == b'.',
                chain(at, &[2, 3, 4], dot) || spaced(at, 5, 1, dot),
                spaced(at, 1, 1, colon)
                    || chain(at, &[2, 3, 4, 5], colon)
                    || spaced(at, 3, 4, colon),
                spaced(at, 3, 4, dash) || spaced(at, 5, 3, dash) || spaced(at, 4, 1, dash),
            ]
        };
        (0..text.len()).map(one).collect()
    }

    fn by_masks(text: &[u8]) -> Vec<[bool; 6]> {
        let mut before = Masks::default();
        let mut all = Vec::new();
        for part in text.chunks(64) {
            let masks = last_block(part, &Masks { digit: 1, ..Masks::default() });
            let seeds = masks.seeds(&before);
            for bit in 0..part.len() {
                let set = |mask: u64| mask >> bit & 1 == 1;
                let Seeds { digits, capitals, decimals, dots, colons, dashes } = seeds;
                all.push([digits, capitals, decimals, dots, colons, dashes].map(set));
            }
            before = masks;
        }
        all
    }

    proptest::proptest! {
        #[test]
        fn masks_find_what_the_definition_says(text in "[0-9A-Z.:a /@\\[é-]{0,300}") {
            proptest::prop_assert_eq!(by_masks(text.as_bytes()), plainly(text.as_bytes()));
        }

        #[test]
        fn dense_text_too(text in "[0A:.-]{0,300}") {
            proptest::prop_assert_eq!(by_masks(text.as_bytes()), plainly(text.as_bytes()));
        }
    }
}
