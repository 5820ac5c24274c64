//! The candidate pass: octets become bit masks, 64 at a time, and few shifts over these find where
//! a value may stand. All by the widest vectors that the processor has, 4 KiB in one go.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, mask8x64, u8x64};

use super::seed::{self, Joined, Seeds};

/// How many octets a word tells of. Bit n is octet n.
pub(in crate::data) const WORD: usize = 64;

/// How many words are read in one go.
const WORDS: usize = 64;

/// A mask for each word.
type Column = [u64; WORDS];

/// The masks of words with that of the word before them, into which shifts look back.
type Long = [u64; WORDS + 1];

/// What stands where in a block of text.
#[derive(Debug)]
pub(in crate::data) struct Masks {
    count: usize,
    /// Digits, capitals, dots, colons, dashes.
    signs: [Long; 5],
    /// What [`Seeds`] are found, in their order.
    seeds: [Column; 6],
    /// What [`Marks`] there are, in their order.
    marks: [Column; 3],
}

/// What divides a text of JSON, in one word.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::data) struct Marks {
    pub(in crate::data) quote: u64,
    pub(in crate::data) backslash: u64,
    /// Brackets and braces; `Y`, `_` and few others, too.
    pub(in crate::data) bracket: u64,
}

impl Default for Masks {
    fn default() -> Self {
        let (signs, seeds, marks) = ([[0; WORDS + 1]; 5], [[0; WORDS]; 6], [[0; WORDS]; 3]);
        Self { count: 0, signs, seeds, marks }
    }
}

impl Masks {
    /// Reads the next block, at most 4 KiB; what is beyond its end is nothing.
    pub(in crate::data) fn read(&mut self, block: &[u8]) {
        self.read_by(Level::new(), block);
    }

    fn read_by(&mut self, level: Level, block: &[u8]) {
        for [first, rest @ ..] in &mut self.signs {
            *first =
                self.count.checked_sub(1).and_then(|last| rest.get(last)).map_or(0, |last| *last);
        }
        self.count = WORDS.min(block.len().div_ceil(WORD));
        dispatch!(level, simd => self.find(simd, block));
    }

    /// Where values may stand, word by word.
    pub(in crate::data) fn seeds(&self) -> impl Iterator<Item = Seeds> {
        let [digits, capitals, decimals, dots, colons, dashes] = &self.seeds;
        let numbers = digits.iter().zip(capitals).zip(decimals);
        let chains = dots.iter().zip(colons).zip(dashes);
        numbers.zip(chains).take(self.count).map(
            |((numbers, decimals), ((dots, colons), dashes))| {
                let (digits, capitals) = numbers;
                Seeds {
                    digits: *digits,
                    capitals: *capitals,
                    decimals: *decimals,
                    dots: *dots,
                    colons: *colons,
                    dashes: *dashes,
                }
            },
        )
    }

    /// What divides a text of JSON, word by word.
    pub(in crate::data) fn marks(&self) -> impl Iterator<Item = Marks> {
        let [quote, backslash, bracket] = &self.marks;
        let columns = quote.iter().zip(backslash).zip(bracket).take(self.count);
        columns.map(|((quote, backslash), bracket)| Marks {
            quote: *quote,
            backslash: *backslash,
            bracket: *bracket,
        })
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "else it is compiled without wide vectors")]
    fn find<S: Simd>(&mut self, simd: S, block: &[u8]) {
        let is = |byte: u8| move |text: u8x64<S>| text.simd_eq(byte);
        let [digit, capital, dot, colon, dash] = &mut self.signs;
        mark(simd, block, after(digit), |text| (text - b'0').simd_lt(10));
        mark(simd, block, after(capital), |text| (text - b'A').simd_lt(26));
        mark(simd, block, after(dot), is(b'.'));
        mark(simd, block, after(colon), is(b':'));
        mark(simd, block, after(dash), is(b'-'));
        let [quote, backslash, bracket] = &mut self.marks;
        mark(simd, block, quote, is(b'"'));
        mark(simd, block, backslash, is(b'\\'));
        // One test for all four.
        mark(simd, block, bracket, |text| (text & 0xD9).simd_eq(b'Y'));
        let [digits, capitals, decimals, dots, colons, dashes] = &mut self.seeds;
        seek(digit, digit, digits, |digit, _| seed::digits(digit));
        seek(digit, capital, capitals, seed::capitals);
        seek(digit, dot, decimals, seed::decimals);
        seek(dot, dot, dots, |dot, _| seed::dots(dot));
        seek(colon, colon, colons, |colon, _| seed::colons(colon));
        seek(dash, dash, dashes, |dash, _| seed::dashes(dash));
    }
}

/// All but the mask of the word before.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn after([_, rest @ ..]: &mut Long) -> &mut Column {
    rest
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn mark<S: Simd>(simd: S, block: &[u8], into: &mut Column, test: impl Fn(u8x64<S>) -> mask8x64<S>) {
    let (words, rest) = block.as_chunks::<WORD>();
    for (word, mask) in words.iter().zip(&mut *into) {
        *mask = test(u8x64::from_slice(simd, word)).to_bitmask();
    }
    if let Some(mask) = into.get_mut(words.len())
        && !rest.is_empty()
    {
        let mut word = [0; WORD];
        word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        *mask = test(u8x64::from_slice(simd, &word)).to_bitmask();
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn seek(a: &Long, b: &Long, into: &mut Column, find: impl Fn(Joined, Joined) -> u64) {
    for ((a, b), mask) in joined(a).zip(joined(b)).zip(into) {
        *mask = find(a, b);
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn joined(column: &Long) -> impl Iterator<Item = Joined> {
    let [_, now @ ..] = column;
    now.iter().zip(column).map(|(now, before)| Joined { now: *now, before: *before })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plainly(part: &[u8]) -> [u64; 3] {
        let mask = |test: fn(u8) -> bool| {
            part.iter().enumerate().fold(0, |all, (at, byte)| all | u64::from(test(*byte)) << at)
        };
        [mask(|byte| byte == b'"'), mask(|byte| byte == b'\\'), mask(|byte| byte & 0xD9 == b'Y')]
    }

    proptest::proptest! {
        #[test]
        fn every_processor_reads_the_same(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let marks = text.chunks(WORD).map(plainly).collect::<Vec<_>>();
            let all = [Level::baseline(), Level::new()].map(|level| {
                let mut masks = Masks::default();
                masks.read_by(level, &text);
                let marks = masks.marks().map(|Marks { quote, backslash, bracket }| [quote, backslash, bracket]);
                (marks.collect::<Vec<_>>(), masks.seeds().collect::<Vec<_>>())
            });
            proptest::prop_assert_eq!(&all[0].0, &marks);
            proptest::prop_assert_eq!(&all[0], &all[1]);
        }
    }
}
