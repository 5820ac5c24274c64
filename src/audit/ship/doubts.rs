//! What was sent, and may still be lost.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::cursor::Cursor;

/// Places up to which something was sent that is told together.
const TOGETHER: Duration = Duration::from_secs(1);

/// Places up to which something was sent, and when; a bounded number of them.
#[derive(Debug, Default)]
pub(super) struct Doubts(VecDeque<Doubt>);

#[derive(Debug)]
struct Doubt {
    begun: Instant,
    last: Instant,
    after: Cursor,
}

impl Doubts {
    /// Everything before `after` has been sent.
    pub(super) fn add(&mut self, after: Cursor, now: Instant) {
        match self.0.back_mut().filter(|doubt| now.duration_since(doubt.begun) < TOGETHER) {
            Some(doubt) => (doubt.last, doubt.after) = (now, after),
            None => self.0.push_back(Doubt { begun: now, last: now, after }),
        }
    }

    /// Takes out what was sent longer ago; the place up to which that is.
    pub(super) fn older_than(&mut self, age: Duration, now: Instant) -> Option<Cursor> {
        let mut sure = None;
        while let Some(doubt) = self.0.front().filter(|one| now.duration_since(one.last) >= age) {
            sure = Some(doubt.after);
            self.0.pop_front();
        }
        sure
    }

    /// When the oldest was sent.
    pub(super) fn first(&self) -> Option<Instant> {
        self.0.front().map(|doubt| doubt.last)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_enough_is_sure() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let at = |next| Cursor { next, ..Cursor::START };
        let mut doubts = Doubts::default();
        doubts.add(at(1), start);
        doubts.add(at(2), start + second / 2);
        doubts.add(at(3), start + 2 * second);
        // What is told together is as young as the youngest of it.
        assert_eq!(doubts.older_than(second * 10, start + second * 10), None);
        assert_eq!(doubts.older_than(second * 10, start + second * 21 / 2), Some(at(2)));
        assert_eq!(doubts.first(), Some(start + 2 * second));
        assert_eq!(doubts.older_than(second * 10, start + second * 30), Some(at(3)));
        assert!(doubts.is_empty());
    }
}
