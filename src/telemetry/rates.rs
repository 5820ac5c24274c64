//! The last ten minutes by the second, in memory: how requests ended, and how long they were held
//! here. It works without a journal, and takes 0.2 MiB however many requests there are.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Seconds that are kept, the one that runs not counted.
const KEPT: u64 = 600;

/// The words of outcomes, in the order of the counts; the last is for requests without a decision.
pub const OUTCOMES: [&str; 6] = ["allow", "log", "hold", "require", "block", "failed"];

/// Four to each doubling, from 16 microseconds to 0.9 s: an answer in between is at most 19 % off.
const BUCKETS: usize = 64;
const PER_DOUBLING: f64 = 4.0;
const LEAST: f64 = 16.0;

/// Counts by the second.
#[derive(Debug)]
pub(super) struct Rates {
    began: Instant,
    seconds: Mutex<VecDeque<(u64, Second)>>,
}

/// What came to an end within one second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Second {
    /// Requests by their outcomes, in the order of [`OUTCOMES`].
    pub outcomes: [u64; 6],
    /// Those of which a rule that only observes would have had a say.
    pub observed: u64,
    /// Those that a rule which only observes would have refused.
    pub would_refuse: u64,
    added: [u32; BUCKETS],
}

impl Rates {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), seconds: Mutex::default() }
    }

    /// A request ended.
    pub(super) fn ended(&self, outcome: &str, observed: bool) {
        let place = OUTCOMES.iter().position(|one| *one == outcome).unwrap_or(OUTCOMES.len() - 1);
        self.now(|second| {
            if let Some(count) = second.outcomes.get_mut(place) {
                *count += 1;
            }
            second.observed += u64::from(observed);
        });
    }

    /// A request went out that a rule which only observes would have refused.
    pub(super) fn would_refuse(&self) {
        self.now(|second| second.would_refuse += 1);
    }

    /// A request was answered after it had been held here for so long.
    pub(super) fn added(&self, took: Duration) {
        self.now(|second| {
            if let Some(count) = second.added.get_mut(bucket(took)) {
                *count = count.saturating_add(1);
            }
        });
    }

    fn now(&self, count: impl FnOnce(&mut Second)) {
        let now = self.began.elapsed().as_secs();
        let mut seconds = self.seconds.lock().expect("no thread panics with the rates");
        // Two threads may come in another order than their clocks; the later second takes both.
        if seconds.back().is_none_or(|(number, _)| *number < now) {
            seconds.push_back((now, Second::default()));
            while seconds.front().is_some_and(|(number, _)| number + KEPT < now) {
                seconds.pop_front();
            }
        }
        if let Some((_, second)) = seconds.back_mut() {
            count(second);
        }
    }

    /// The whole seconds that are over, the oldest first, by their distance from now.
    pub(super) fn seconds(&self) -> Vec<(Duration, Second)> {
        let elapsed = self.began.elapsed();
        let now = elapsed.as_secs();
        let seconds = self.seconds.lock().expect("no thread panics with the rates");
        let mut all = Vec::new();
        let mut known = seconds.iter().peekable();
        for number in now.saturating_sub(KEPT)..now {
            while known.next_if(|(one, _)| *one < number).is_some() {}
            let second = known.next_if(|(one, _)| *one == number);
            let ago = elapsed.saturating_sub(Duration::from_secs(number));
            all.push((ago, second.map_or_else(Second::default, |(_, second)| second.clone())));
        }
        all
    }
}

impl Default for Second {
    fn default() -> Self {
        Self { outcomes: [0; 6], observed: 0, would_refuse: 0, added: [0; BUCKETS] }
    }
}

impl Second {
    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in self.outcomes.iter_mut().zip(other.outcomes) {
            *own += more;
        }
        self.observed += other.observed;
        self.would_refuse += other.would_refuse;
        for (own, more) in self.added.iter_mut().zip(other.added) {
            *own = own.saturating_add(more);
        }
    }

    /// What so many in a thousand were not held for longer than.
    pub fn added(&self, per_mille: u64) -> Option<Duration> {
        let total: u64 = self.added.iter().map(|count| u64::from(*count)).sum();
        let wanted = (total * per_mille).div_ceil(1_000).max(1);
        let mut seen = 0;
        let place = self.added.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        })?;
        Some(upper(place))
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the number of buckets before"
)]
fn bucket(took: Duration) -> usize {
    let micros = took.as_secs_f64() * 1e6;
    let place = (micros / LEAST).log2() * PER_DOUBLING;
    // What is not finite is no time at all.
    place.ceil().clamp(0.0, 63.0) as usize
}

fn upper(place: usize) -> Duration {
    let doublings = f64::from(u32::try_from(place).unwrap_or(0)) / PER_DOUBLING;
    Duration::from_secs_f64(LEAST * doublings.exp2() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_to_a_fifth() {
        for micros in [1, 16, 17, 100, 950, 12_345, 880_000] {
            let mut second = Second::default();
            let took = Duration::from_micros(micros);
            second.added[bucket(took)] += 1;
            let told = second.added(500).unwrap();
            let (told, took) = (told.as_secs_f64(), took.as_secs_f64().max(LEAST / 1e6));
            assert!(told >= took * 0.9999 && told < took * 1.2, "{micros}: {told}");
        }
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
        assert_eq!(Second::default().added(500), None);
    }

    #[test]
    fn one_in_a_hundred_is_what_the_rest_is_below() {
        let mut second = Second::default();
        second.added[4] = 99;
        second.added[40] = 1;
        assert_eq!(second.added(500), Some(upper(4)));
        assert_eq!(second.added(990), Some(upper(4)));
        assert_eq!(second.added(991), Some(upper(40)));
    }

    #[test]
    fn seconds_that_are_over_are_told_in_order() {
        let began = Instant::now().checked_sub(Duration::from_secs(700)).unwrap();
        let rates = Rates { began, seconds: Mutex::default() };
        rates.ended("allow", false);
        rates.ended("none", true);
        rates.would_refuse();
        let mut all = rates.seconds.lock().unwrap();
        let (_, second) = all.pop_back().unwrap();
        assert_eq!((second.outcomes, second.observed), ([1, 0, 0, 0, 0, 1], 1));
        let mut sum = Second::default();
        sum.add(&second);
        sum.add(&second);
        assert_eq!((sum.observed, sum.would_refuse), (2, 2));
        all.extend([(90, second.clone()), (500, second)]);
        drop(all);
        let told = rates.seconds();
        assert_eq!(told.len(), 600);
        let busy: Vec<_> = told.iter().filter(|(_, one)| one.observed > 0).collect();
        assert_eq!(busy.len(), 1, "what is older than ten minutes is not told");
        assert!((199..=201).contains(&busy[0].0.as_secs()), "{:?}", busy[0].0);
    }
}
