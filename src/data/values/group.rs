//! Numbers in groups: runs of digits with single separators, as `4111 1111 1111 1111`.

use super::text::{at, before, digits_end, digits_start, span};

/// The most groups that are looked at together.
const MOST: usize = 8;

/// The most digits: 19 of a card.
pub(super) const DIGITS: usize = 20;

/// One run of digits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Some runs, one separator between each two.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    runs: [Run; MOST],
    count: usize,
}

/// A number as it is put to the rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    digits: [u8; DIGITS],
    lengths: [u8; MOST],
    count: usize,
    runs: usize,
    /// What separates the groups; 0 of a single one.
    pub(super) separator: u8,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What may stand between groups.
pub(super) fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.')
}

impl Group {
    /// The group around a run, as far as it goes.
    pub(super) fn around(text: &[u8], run: Run) -> Self {
        let mut runs = [Run::default(); MOST];
        let mut first = run;
        let mut left = 0;
        while left < MOST / 2 {
            let Some(previous) = before_run(text, first) else { break };
            first = previous;
            left += 1;
        }
        let mut count = 0;
        let mut next = Some(first);
        for place in &mut runs {
            let Some(run) = next else { break };
            *place = run;
            count += 1;
            next = after_run(text, run);
        }
        Self { runs, count }
    }

    /// The runs.
    pub(super) fn runs(&self) -> &[Run] {
        self.runs.get(..self.count).unwrap_or_default()
    }
}

fn before_run(text: &[u8], run: Run) -> Option<Run> {
    let end = run.start.checked_sub(1)?;
    let joined = is_separator(at(text, end)) && before(text, end).is_ascii_digit();
    let start = digits_start(text, end, DIGITS);
    joined.then_some(Run { start, end })
}

fn after_run(text: &[u8], run: Run) -> Option<Run> {
    let start = run.end + 1;
    let joined = is_separator(at(text, run.end)) && at(text, start).is_ascii_digit();
    let end = digits_end(text, start, DIGITS);
    joined.then_some(Run { start, end })
}

impl Number {
    /// The number of adjacent runs; `None` if it is too long, or if its separators differ.
    pub(super) fn of(text: &[u8], runs: &[Run]) -> Option<Self> {
        let (first, last) = (runs.first()?, runs.last()?);
        let mut number = Self {
            digits: [0; DIGITS],
            lengths: [0; MOST],
            count: 0,
            runs: runs.len(),
            separator: if runs.len() > 1 { at(text, first.end) } else { 0 },
            start: first.start,
            end: last.end,
        };
        for (place, run) in runs.iter().enumerate() {
            let uniform = place + 1 == runs.len() || at(text, run.end) == number.separator;
            let length = run.end - run.start;
            if !uniform || number.count + length > DIGITS {
                return None;
            }
            let room = number.digits.get_mut(number.count..number.count + length)?;
            let digits = span(text, run.start, run.end);
            room.iter_mut().zip(digits).for_each(|(to, from)| *to = from.wrapping_sub(b'0'));
            number.count += length;
            *number.lengths.get_mut(place)? = u8::try_from(length).ok()?;
        }
        Some(number)
    }

    /// The values of its digits.
    pub(super) fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    /// How long its groups are.
    pub(super) fn lengths(&self) -> &[u8] {
        self.lengths.get(..self.runs).unwrap_or_default()
    }

    /// Whether it is one run.
    pub(super) fn is_plain(&self) -> bool {
        self.runs == 1
    }

    /// Its digits from a place on, as a number.
    pub(super) fn value(&self, from: usize, to: usize) -> u64 {
        let digits = self.digits().get(from..to).unwrap_or_default();
        digits.iter().fold(0, |all, digit| all * 10 + u64::from(*digit))
    }

    /// Whether all its digits are the same.
    pub(super) fn is_monotone(&self) -> bool {
        self.digits().iter().all(|digit| Some(digit) == self.digits().first())
    }
}
