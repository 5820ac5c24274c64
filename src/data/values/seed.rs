//! Where in a text a value may stand, by the masks of 64 octets and of those before. Most text is
//! passed over here.

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

/// A mask with the one before it, so that shifts look back over the border.
#[derive(Clone, Copy)]
pub(super) struct Joined {
    pub(super) now: u64,
    pub(super) before: u64,
}

impl Seeds {
    /// Whether nothing can stand here.
    #[inline]
    pub(in crate::data) fn is_empty(&self) -> bool {
        let Self { digits, capitals, decimals, dots, colons, dashes } = self;
        digits | capitals | decimals | dots | colons | dashes == 0
    }
}

impl Joined {
    /// Every bit moved up by so many places, 1 to 63.
    #[inline]
    const fn up(self, by: u32) -> u64 {
        self.now << by | self.before >> (64 - by)
    }
}

#[inline]
pub(super) fn digits(digit: Joined) -> u64 {
    first_of_run(digit, 4)
}

#[inline]
pub(super) fn capitals(digit: Joined, capital: Joined) -> u64 {
    let now = digit.now | capital.now;
    first_of_run(Joined { now, before: digit.before | capital.before }, 11)
}

#[inline]
pub(super) fn decimals(digit: Joined, dot: Joined) -> u64 {
    digit.now & digit.up(1) & digit.up(2) & dot.up(3)
}

#[inline]
pub(super) fn dots(dot: Joined) -> u64 {
    chain(dot, &[2, 3, 4]) | spaced(dot, 5, 1)
}

#[inline]
pub(super) fn colons(colon: Joined) -> u64 {
    colon.now & colon.up(1) | chain(colon, &[2, 3, 4, 5]) | spaced(colon, 3, 4)
}

#[inline]
pub(super) fn dashes(dash: Joined) -> u64 {
    spaced(dash, 3, 4) | spaced(dash, 5, 3) | spaced(dash, 4, 1)
}

/// The bit at which every run of set bits becomes so long; 4 or 11.
#[inline]
const fn first_of_run(Joined { now, before }: Joined, length: u32) -> u64 {
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
#[inline]
fn chain(mask: Joined, gaps: &[u32]) -> u64 {
    let near = |mask: Joined| gaps.iter().fold(0, |all, gap| all | mask.up(*gap));
    let second = mask.now & near(mask);
    // Those of the block before lack what lies before it; a chain is found by its later bits.
    let old = mask.before & gaps.iter().fold(0, |all, gap| all | mask.before << gap);
    mask.now & near(Joined { now: second, before: old })
}

/// The last of so many more set bits, all at one distance.
#[inline]
const fn spaced(mask: Joined, gap: u32, more: u32) -> u64 {
    let (mut all, mut step) = (mask.now, 1);
    while step <= more {
        all &= mask.up(gap * step);
        step += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::masks::Masks;
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
        let mut masks = Masks::default();
        let mut all = Vec::new();
        for part in text.chunks(64) {
            masks.read(part);
            let seeds = masks.seeds().next().unwrap();
            for bit in 0..part.len() {
                let set = |mask: u64| mask >> bit & 1 == 1;
                let Seeds { digits, capitals, decimals, dots, colons, dashes } = seeds;
                all.push([digits, capitals, decimals, dots, colons, dashes].map(set));
            }
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
