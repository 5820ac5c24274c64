//! How keys are named: by the class of the records and the month in which they were written, and a
//! number, since a month in which a key was destroyed may need another.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// What kind of records a key is for. It follows from the record alone, so that other terms of
/// retention change no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Without tags.
    Untagged,
    /// With tags.
    Tagged,
    /// Not let out by a rule, with tags or without.
    Refused,
    /// A pack wants them kept for some years, whatever else they are.
    Pack,
}

/// A calendar month in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    year: i16,
    month: i8,
}

/// The name of a key: `tagged-2026-11-00c0ffee00c0ffee`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId {
    /// For which records.
    pub class: Class,
    /// Of which month.
    pub month: Month,
    pub(super) number: u64,
}

/// A text that names no key, class or month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct WrongKeyId {
    text: String,
    wanted: &'static str,
}

// === impl Class ===

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Untagged, Self::Tagged, Self::Refused, Self::Pack];

    /// Its name in keys, settings and commands.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Untagged => "untagged",
            Self::Tagged => "tagged",
            Self::Refused => "refused",
            Self::Pack => "pack",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Class {
    type Err = WrongKeyId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| wrong(text, "one of untagged, tagged, refused, pack"))
    }
}

// === impl Month ===

impl Month {
    /// The month of a moment.
    pub fn of(at: Timestamp) -> Self {
        let date = TimeZone::UTC.to_datetime(at).date();
        Self { year: date.year(), month: date.month() }
    }

    /// When it begins.
    pub fn begin(self) -> Timestamp {
        midnight(self.first()).unwrap_or(Timestamp::MIN)
    }

    /// When the next one begins.
    pub fn end(self) -> Timestamp {
        let next = self.first().and_then(|first| first.checked_add(1.month()).ok());
        midnight(next).unwrap_or(Timestamp::MAX)
    }

    fn first(self) -> Option<Date> {
        Date::new(self.year, self.month, 1).ok()
    }
}

fn midnight(date: Option<Date>) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(date?.to_datetime(Time::MIN)).ok()
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = WrongKeyId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (year, month) = text.split_once('-')?;
            let digits = |text: &str| text.bytes().all(|one| one.is_ascii_digit());
            let fits = (year.len(), month.len()) == (4, 2) && digits(year) && digits(month);
            let (year, month) = fits.then_some((year.parse().ok()?, month.parse().ok()?))?;
            let date = Date::new(year, month, 1).ok()?;
            Some(Self { year: date.year(), month: date.month() })
        };
        read().ok_or_else(|| wrong(text, "a month such as 2026-11"))
    }
}

// === impl KeyId ===

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:016x}", self.class, self.month, self.number)
    }
}

impl FromStr for KeyId {
    type Err = WrongKeyId;

    /// Files are named by what stands in lines: nothing but a name passes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (class, rest) = text.split_once('-')?;
            let (month, number) = rest.rsplit_once('-')?;
            let number = u64::from_str_radix(number, 16).ok()?;
            Some(Self { class: class.parse().ok()?, month: month.parse().ok()?, number })
        };
        let found = read().filter(|id| id.to_string() == text);
        found.ok_or_else(|| wrong(text, "the name of a key"))
    }
}

fn wrong(text: &str, wanted: &'static str) -> WrongKeyId {
    WrongKeyId { text: text.chars().take(80).collect(), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_nothing_else_is() {
        let month = Month::of("2026-12-31T23:59:59.999Z".parse().unwrap());
        assert_eq!(month.end(), "2027-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(month.begin(), "2026-12-01T00:00:00Z".parse().unwrap());
        let id = KeyId { class: Class::Pack, month, number: 0x00c0_ffee };
        assert_eq!(id.to_string(), "pack-2026-12-0000000000c0ffee");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            "",
            "pack",
            "pack-2026-12",
            "pack-2026-12-c0ffee",
            "pack-2026-12-0000000000C0FFEE",
            "pack-2026-13-0000000000c0ffee",
            "pack-+026-12-0000000000c0ffee",
            "../k-2026-12-0000000000c0ffee",
            "all-2026-12-0000000000c0ffee",
        ] {
            assert!(text.parse::<KeyId>().is_err(), "{text}");
        }
    }
}
