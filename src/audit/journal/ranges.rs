//! Sequences of entries as ranges: those of a segment that retention drops are often one after the
//! other.

use serde::{Deserialize, Serialize};

/// Ranges of sequences, the last of each included; in JSON `[[4,9],[12,12]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// One more, which is after all others.
    pub fn push(&mut self, sequence: u64) {
        match self.0.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(sequence) => *last = sequence,
            _ => self.0.push((sequence, sequence)),
        }
    }

    /// Those of another, which are after all others.
    pub fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Whether one is among them.
    pub fn has(&self, sequence: u64) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= sequence);
        let range = after.checked_sub(1).and_then(|at| self.0.get(at));
        range.is_some_and(|(_, last)| sequence <= *last)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The last one.
    pub fn last(&self) -> Option<u64> {
        self.0.last().map(|(_, last)| *last)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        let lengths = self.0.iter().map(|(first, last)| last.saturating_sub(*first) + 1);
        lengths.fold(0, u64::saturating_add)
    }

    /// The same in parts of so many ranges.
    pub fn parts(&self, most: usize) -> impl Iterator<Item = Self> + '_ {
        self.0.chunks(most).map(|part| Self(part.to_vec()))
    }

    /// In order, each once: what others say may be in any.
    pub(super) fn sort(&mut self) {
        self.0.retain(|(first, last)| first <= last);
        self.0.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(self.0.len());
        for (first, last) in self.0.drain(..) {
            match merged.last_mut() {
                Some((_, until)) if first <= until.saturating_add(1) => *until = last.max(*until),
                _ => merged.push((first, last)),
            }
        }
        self.0 = merged;
    }

    /// How many are not among others, which are in order, and the first of them.
    pub(super) fn without(&self, others: &Self) -> Option<(u64, u64)> {
        let (mut count, mut begin) = (0_u64, None);
        let mut others = others.0.iter().copied().peekable();
        for (first, last) in &self.0 {
            let mut next = *first;
            while next <= *last {
                while others.next_if(|(_, until)| *until < next).is_some() {}
                let until = match others.peek() {
                    Some((from, until)) if *from <= next => {
                        next = until.saturating_add(1);
                        continue;
                    }
                    Some((from, _)) => (*last).min(from - 1),
                    None => *last,
                };
                begin = begin.or(Some(next));
                count += until - next + 1;
                next = until + 1;
            }
        }
        begin.map(|begin| (begin, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_what_was_pushed() {
        let mut ranges = Ranges::default();
        [1, 2, 3, 7, 9, 10].into_iter().for_each(|one| ranges.push(one));
        assert_eq!(serde_json::to_string(&ranges).unwrap(), "[[1,3],[7,7],[9,10]]");
        assert_eq!((ranges.count(), ranges.last()), (6, Some(10)));
        let has: Vec<_> = (0..12).filter(|one| ranges.has(*one)).collect();
        assert_eq!(has, [1, 2, 3, 7, 9, 10]);
        let parts: Vec<_> = ranges.parts(2).map(|part| part.count()).collect();
        assert_eq!(parts, [4, 2]);
    }

    #[test]
    fn what_others_have_is_left_out() {
        let of = |text: &str| -> Ranges { serde_json::from_str(text).unwrap() };
        let mut others = of("[[9,12],[2,3],[3,5],[8,7],[20,30]]");
        others.sort();
        assert_eq!(others, of("[[2,5],[9,12],[20,30]]"));
        assert_eq!(of("[[2,4],[10,12],[25,30]]").without(&others), None);
        assert_eq!(of("[[1,6]]").without(&others), Some((1, 2)));
        assert_eq!(of("[[3,9],[13,14],[30,31]]").without(&others), Some((6, 6)));
        assert_eq!(of("[[3,9]]").without(&Ranges::default()), Some((3, 7)));
    }
}
