//! A value that changes on known dates, so that a decision can be taken again as of the past.

use jiff::Timestamp;

/// What holds at each moment: the first value until the first change, then the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated<T> {
    first: T,
    later: Box<[(Timestamp, T)]>,
}

impl<T: Clone + PartialEq> Dated<T> {
    /// One value for all time.
    pub fn always(value: T) -> Self {
        Self { first: value, later: Box::default() }
    }

    /// Asks `value` at the beginning of time and at each of the moments at which it may change.
    pub fn new(
        changes: impl IntoIterator<Item = Timestamp>,
        value: impl Fn(Timestamp) -> T,
    ) -> Self {
        let mut moments: Vec<_> = changes.into_iter().collect();
        moments.sort_unstable();
        moments.dedup();
        let first = value(Timestamp::MIN);
        let mut later: Vec<(Timestamp, T)> = Vec::new();
        for moment in moments {
            let next = value(moment);
            if later.last().map_or(&first, |(_, last)| last) != &next {
                later.push((moment, next));
            }
        }
        Self { first, later: later.into() }
    }

    /// What holds at a moment.
    pub fn at(&self, moment: Timestamp) -> &T {
        // Almost always there is no change at all.
        if self.later.is_empty() {
            return &self.first;
        }
        let after = self.later.partition_point(|(from, _)| *from <= moment);
        after
            .checked_sub(1)
            .and_then(|at| self.later.get(at))
            .map_or(&self.first, |(_, value)| value)
    }

    /// The moments at which it changes.
    pub fn changes(&self) -> impl Iterator<Item = Timestamp> {
        self.later.iter().map(|(from, _)| *from)
    }

    /// Another value at each moment.
    pub fn map<U: Clone + PartialEq>(&self, to: impl Fn(&T) -> U) -> Dated<U> {
        Dated::new(self.changes(), |at| to(self.at(at)))
    }

    /// Every value, with the moment from which it holds.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(self.later.iter().map(|(_, value)| value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_holds_from_its_moment_on() {
        let [a, b] = [100, 200].map(|second| Timestamp::from_second(second).unwrap());
        let dated = Dated::new([b, a, a], |at| i32::from(at >= a) + i32::from(at >= b) * 10);
        let at = |second| *dated.at(Timestamp::from_second(second).unwrap());
        assert_eq!([99, 100, 199, 200, 201].map(at), [0, 1, 1, 11, 11]);
        assert_eq!(dated.iter().count(), 3);
    }
}
