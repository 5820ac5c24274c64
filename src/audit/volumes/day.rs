//! Days, and the windows over them. Whatever happens on the same day of a meter's zone is
//! seen at the same time.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::VolumeError;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// By how much the dates of one instant can differ between two zones: they lie up to 26 hours
/// apart.
const BETWEEN_ZONES: u16 = 2;

/// A day since 1970; two octets reach to the year 2149. What lies outside is moved to the end,
/// where it counts for longer, never for shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Day(pub(super) u16);

impl Day {
    pub(super) const FIRST: Self = Self(0);
    pub(super) const LAST: Self = Self(u16::MAX);

    pub(super) fn of(date: Date) -> Self {
        let days = date.duration_since(EPOCH).as_hours() / 24;
        Self(u16::try_from(days.max(0)).unwrap_or(u16::MAX))
    }

    pub(super) fn at(instant: Timestamp, zone: &TimeZone) -> Self {
        Self::of(zone.to_datetime(instant).date())
    }

    pub(super) fn date(self) -> Date {
        EPOCH.saturating_add(i64::from(self.0).days())
    }

    /// The first day that lies at most so many calendar months back.
    pub(super) fn months_before(self, months: u16) -> Self {
        Self::of(self.date().saturating_sub(i64::from(months).months()))
    }
}

/// How long a subject counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// A subject counts while its last transfer lies at most so many calendar months back: one
    /// of 10 March still counts on the 10 March after, with twelve months.
    RollingMonths(u16),
    /// A subject counts where its last transfer lies on or after 1 January in the zone, which
    /// must have an IANA name.
    CalendarYear(TimeZone),
}

impl Window {
    /// The zone whose days a meter keeps that is first seen with this window.
    pub(super) fn zone(&self) -> TimeZone {
        match self {
            Self::RollingMonths(_) => TimeZone::UTC,
            Self::CalendarYear(zone) => zone.clone(),
        }
    }

    /// The first day that counts, as a day of the zone that the meter keeps. Where that is not
    /// the zone asked for, two days more count: too many rather than too few.
    pub(super) fn since(&self, at: Timestamp, kept: &TimeZone) -> Day {
        match self {
            Self::RollingMonths(months) => Day::at(at, kept).months_before(*months),
            Self::CalendarYear(zone) => {
                let first = Day::of(zone.to_datetime(at).date().first_of_year());
                let same = zone.iana_name() == kept.iana_name();
                if same { first } else { Day(first.0.saturating_sub(BETWEEN_ZONES)) }
            }
        }
    }

    /// How many months back it reaches at most.
    pub(super) fn reach(&self) -> u16 {
        match self {
            Self::RollingMonths(months) => *months,
            Self::CalendarYear(_) => 12,
        }
    }

    /// As the file writes it.
    pub(super) fn to_text(&self) -> Result<String, VolumeError> {
        match self {
            Self::RollingMonths(months) => Ok(format!("rolling {months}")),
            Self::CalendarYear(zone) => {
                let name = zone.iana_name().ok_or(VolumeError::UnnamedZone)?;
                Ok(format!("year {name}"))
            }
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ')? {
            ("rolling", months) => months.parse().ok().map(Self::RollingMonths),
            ("year", zone) => TimeZone::get(zone).ok().map(Self::CalendarYear),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_as_written() {
        for window in [
            Window::RollingMonths(12),
            Window::CalendarYear(TimeZone::get("Asia/Shanghai").unwrap()),
        ] {
            assert_eq!(Window::parse(&window.to_text().unwrap()), Some(window));
        }
        let unnamed = Window::CalendarYear(TimeZone::fixed(jiff::tz::offset(8)));
        assert!(matches!(unnamed.to_text(), Err(VolumeError::UnnamedZone)));
    }
}
