//! When a meter gets less by itself, and when it comes to its threshold if nothing changes.

use jiff::ToSpan;
use jiff::civil::Date;

use super::Gauge;
use super::day::Window;

/// The days that tell how many come.
const LOOKED_AT: i64 = 30;

/// A threshold that is further ahead than this many days is not foretold.
const AHEAD: i64 = 366;

impl Gauge {
    /// The first day on which the oldest no longer counts.
    pub fn leaves(&self) -> Option<Date> {
        let oldest = self.oldest?;
        let next = match &self.window {
            Window::RollingMonths(months) => {
                let last = oldest.saturating_add(i64::from(*months).months());
                // The last of a month may be the same day as the one after it, months later.
                let mut day = last;
                while self.window.since_day(day) <= oldest {
                    day = day.tomorrow().ok()?;
                }
                day
            }
            Window::CalendarYear(_) => oldest.last_of_year().tomorrow().ok()?,
        };
        Some(next)
    }

    /// Subjects that were last seen within the last thirty days, by the day.
    pub fn per_day(&self) -> f64 {
        let since = self.today.saturating_sub((LOOKED_AT - 1).days());
        let recent: u64 =
            self.seen.iter().filter(|(day, _)| *day >= since).map(|(_, count)| *count).sum();
        // A meter that is younger than that has had fewer days.
        let first = self.seen.first().map_or(self.today, |(day, _)| *day).max(since);
        let days = days_between(first, self.today).saturating_add(1);
        float(recent) / float(u64::try_from(days.max(1)).unwrap_or(1))
    }

    /// The first day on which so many count, where as many come each day as of late and all of them
    /// are new: the earliest that is likely. None where that is not within a year.
    pub fn crosses(&self, limit: u64) -> Option<Date> {
        if self.count >= limit {
            return Some(self.today);
        }
        let per_day = self.per_day();
        (1..=AHEAD).find_map(|ahead| {
            let day = self.today.saturating_add(ahead.days());
            let since = self.window.since_day(day);
            let kept: u64 =
                self.seen.iter().filter(|(one, _)| *one >= since).map(|(_, count)| *count).sum();
            let coming = ahead.min(days_between(since, day) + 1);
            let new = per_day * float(u64::try_from(coming).unwrap_or(0));
            (float(kept) + new >= float(limit)).then_some(day)
        })
    }
}

impl Window {
    /// The first day that counts on a day of the meter's zone.
    fn since_day(&self, day: Date) -> Date {
        match self {
            Self::RollingMonths(months) => day.saturating_sub(i64::from(*months).months()),
            Self::CalendarYear(_) => day.first_of_year(),
        }
    }
}

fn days_between(from: Date, until: Date) -> i64 {
    until.duration_since(from).as_hours() / 24
}

/// Counts of people are far below where this is not exact.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "an estimate")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::super::Meter;
    use super::*;

    fn gauge(window: Window, seen: &[(Date, u64)]) -> Gauge {
        Gauge {
            meter: Meter { name: "p/c/k".to_owned(), holder: "a".to_owned() },
            window,
            count: seen.iter().map(|(_, count)| *count).sum(),
            oldest: seen.first().map(|(day, _)| *day),
            today: date(2026, 11, 26),
            seen: seen.to_vec(),
        }
    }

    #[test]
    fn the_oldest_leaves_when_its_window_is_over() {
        let rolling = gauge(Window::RollingMonths(12), &[(date(2026, 3, 10), 1)]);
        assert_eq!(rolling.leaves(), Some(date(2027, 3, 11)));
        // 28 February 2027 reaches back to 28 February; a leap day before it is gone by then.
        let leap = gauge(Window::RollingMonths(12), &[(date(2024, 2, 29), 1)]);
        assert_eq!(leap.leaves(), Some(date(2025, 3, 1)));
        let year = gauge(Window::CalendarYear(TimeZone::UTC), &[(date(2026, 3, 10), 1)]);
        assert_eq!(year.leaves(), Some(date(2027, 1, 1)));
        assert_eq!(gauge(Window::RollingMonths(12), &[]).leaves(), None);
    }

    #[test]
    fn a_threshold_is_foretold_by_the_last_thirty_days() {
        let old = [(date(2026, 1, 10), 50), (date(2026, 11, 20), 30)];
        let one = gauge(Window::RollingMonths(12), &old);
        assert!((one.per_day() - 1.0).abs() < 1e-9, "{}", one.per_day());
        assert_eq!(one.crosses(80), Some(date(2026, 11, 26)), "it is there already");
        assert_eq!(one.crosses(100), Some(date(2026, 12, 16)));
        assert_eq!(one.crosses(100_000), None);
        assert_eq!(gauge(Window::RollingMonths(12), &[]).crosses(1), None);
        let young = gauge(Window::RollingMonths(12), &[(date(2026, 11, 25), 8)]);
        assert!((young.per_day() - 4.0).abs() < 1e-9, "two days are all it has had");
        // At the turn of the year all leave.
        let year = gauge(Window::CalendarYear(TimeZone::UTC), &old);
        assert_eq!(year.crosses(120), Some(date(2027, 4, 30)));
    }
}
