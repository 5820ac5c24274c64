//! How long an entry is kept: by what its record says, and by its class.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use crate::policy::Outcome;

/// A number of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(pub u32);

/// How long entries are kept, by class; what a pack wants comes before it where it is longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Without tags.
    pub untagged: Days,
    /// With tags.
    pub tagged: Days,
    /// Not let out by a rule.
    pub refused: Days,
}

/// What decided how long an entry is kept, the shortest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// It has no tags.
    Untagged,
    /// It has tags.
    Tagged,
    /// A rule did not let it out.
    Refused,
    /// A pack wants it kept for longer.
    Pack,
}

/// What retention must know of a line; records and verdicts have it.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'l> {
    pub(super) time: Timestamp,
    #[serde(default)]
    pub(super) ended: Option<Timestamp>,
    #[serde(default, borrow)]
    pub(super) client: Cow<'l, str>,
    #[serde(default, borrow)]
    pub(super) principal: Option<Cow<'l, str>>,
    #[serde(default, borrow)]
    pub(super) host: Option<Cow<'l, str>>,
    #[serde(default, borrow)]
    pub(super) tags: Vec<Cow<'l, str>>,
    #[serde(default, borrow)]
    pub(super) rules: Vec<Rule<'l>>,
    #[serde(default)]
    pub(super) outcome: Option<Outcome>,
    #[serde(default)]
    pub(super) retain_years: Option<u16>,
}

/// A rule that holds.
#[derive(Debug, Deserialize)]
pub(super) struct Rule<'l> {
    #[serde(borrow)]
    pub(super) rule: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) pack: Cow<'l, str>,
}

// === impl Terms ===

impl Default for Terms {
    fn default() -> Self {
        Self { untagged: Days(90), tagged: Days(365), refused: Days(365) }
    }
}

impl Terms {
    /// Until when a line is kept, and by what.
    pub(super) fn until(&self, line: &Line<'_>) -> (Timestamp, Basis) {
        let ended = line.ended.unwrap_or(line.time).max(line.time);
        let refused = line.outcome.is_some_and(|outcome| outcome > Outcome::Log);
        let classes = [
            (!line.tags.is_empty(), self.tagged, Basis::Tagged),
            (refused, self.refused, Basis::Refused),
        ];
        let class =
            classes.into_iter().filter(|(is, ..)| *is).map(|(_, days, basis)| (days, basis));
        let (days, basis) = class.max().unwrap_or((self.untagged, Basis::Untagged));
        let until = (days.after(ended), basis);
        let pack = line.retain_years.map(|years| (years_after(ended, years), Basis::Pack));
        pack.map_or(until, |pack| if pack.0 > until.0 { pack } else { until })
    }

    /// The shortest time for which anything is kept.
    pub(super) fn shortest(&self) -> Days {
        self.untagged.min(self.tagged).min(self.refused)
    }
}

/// The same day so many years later, at the end of the day: never before the law's own.
fn years_after(at: Timestamp, years: u16) -> Timestamp {
    let day = TimeZone::UTC.to_datetime(at).date();
    let end = day.checked_add(i32::from(years).years()).and_then(|day| day.checked_add(2.days()));
    let end = end.and_then(|day| TimeZone::UTC.to_timestamp(day.to_datetime(Time::MIN)));
    end.unwrap_or(Timestamp::MAX)
}

// === impl Days ===

impl Days {
    pub(super) fn after(self, at: Timestamp) -> Timestamp {
        let hours = (i64::from(self.0) * 24).hours();
        at.checked_add(hours).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

// === impl Basis ===

impl Basis {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Untagged, Self::Tagged, Self::Refused, Self::Pack];

    /// Its name in notes and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Untagged => "untagged",
            Self::Tagged => "tagged",
            Self::Refused => "refused",
            Self::Pack => "pack",
        }
    }

    /// The setting that it is by.
    pub fn setting(self, terms: &Terms) -> String {
        match self {
            Self::Untagged => format!("journal.keep_untagged = \"{}\"", terms.untagged),
            Self::Tagged => format!("journal.keep_tagged = \"{}\"", terms.tagged),
            Self::Refused => format!("journal.keep_refused = \"{}\"", terms.refused),
            Self::Pack => "retain_years of the record".to_owned(),
        }
    }
}
