//! How long a sink rests before it tries again.

use std::time::Duration;

/// The first rest is at most this long.
const FIRST: Duration = Duration::from_millis(250);

/// No rest is longer.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// How long a destination may ask for: beyond that it is looked for again.
const ASKED: Duration = Duration::from_hours(1);

/// What kind of rest a failure calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// The destination says for how long, at least.
    Asked(Duration),
    /// Only a person can mend it.
    Long,
    /// It may pass.
    Usual,
}

/// Rests that double, with a random part so that proxies which lost the same collector do not come
/// back at the same moment.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next rest: after what only a person can mend the longest.
    pub(super) fn next(&mut self, rest: Rest) -> Duration {
        let most = if rest == Rest::Long {
            LONGEST
        } else {
            FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST)
        };
        self.failures = self.failures.saturating_add(1);
        let random = getrandom::u32().unwrap_or(u32::MAX);
        let usual = most / 2 + (most / 2).mul_f64(f64::from(random) / f64::from(u32::MAX));
        match rest {
            // The random part comes on top: nobody shall be back before.
            Rest::Asked(asked) => asked.min(ASKED).saturating_add(usual),
            Rest::Long | Rest::Usual => usual,
        }
    }

    /// Whether nothing has failed since the last success.
    pub(super) const fn is_fresh(&self) -> bool {
        self.failures == 0
    }

    /// It went well; whether that is news.
    pub(super) const fn mended(&mut self) -> bool {
        let news = !self.is_fresh();
        self.failures = 0;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_and_end_at_half_a_minute() {
        let mut backoff = Backoff::default();
        let mut most = FIRST;
        for _ in 0..40 {
            let rest = backoff.next(Rest::Usual);
            assert!(most / 2 <= rest && rest <= most, "{rest:?} {most:?}");
            most = (most * 2).min(LONGEST);
        }
        assert!(backoff.mended() && !backoff.mended());
        assert!(backoff.next(Rest::Usual) <= FIRST);
        assert!(backoff.next(Rest::Long) >= LONGEST / 2);
        let asked = Duration::from_mins(2);
        assert!(backoff.next(Rest::Asked(asked)) >= asked);
        assert!(backoff.next(Rest::Asked(Duration::MAX)) <= ASKED + LONGEST);
    }
}
