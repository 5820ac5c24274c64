//! What in a pack is not wrong, and should be looked at: rules that never decide, names that
//! nothing uses, dates that have passed, facts that nobody has verified.

mod aged;
mod overlap;
mod unused;
mod vocabulary;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::policy::Rule;

use super::super::load::Origin;
use super::super::problem::{Collector, Findings, Problems};
use super::super::section::Section;
use super::super::sources::PackText;
use super::alone::Alone;

/// Looks through one pack as of a day. Jurisdictions that it names and does not define are
/// those of `origin`.
pub fn lint_pack(pack: &PackText, origin: &Origin, at: Date) -> Result<Findings, Problems> {
    let alone = Alone::read(pack, origin, at)?;
    let found = Collector::default();
    {
        let root = Section::new(alone.text, &found, alone.table.get_ref(), 0..0).partly_read();
        let sections = root.sections("rule");
        let rules = sections.iter().zip(&alone.rules).map(|(section, rule)| Written {
            section,
            rule,
            when: section.section("when"),
            unless: section.section("unless"),
        });
        let rules: Vec<_> = rules.collect();
        let looking = Looking { root: &root, rules: &rules, alone: &alone, at };
        looking.aged();
        looking.overlaps();
        looking.unused();
        looking.vocabulary();
    }
    Ok(found.findings())
}

/// A rule as written and as read.
struct Written<'l, 'a> {
    section: &'l Section<'a>,
    rule: &'l Rule,
    when: Section<'a>,
    unless: Section<'a>,
}

/// One look through a pack.
struct Looking<'l, 'a> {
    root: &'l Section<'a>,
    rules: &'l [Written<'l, 'a>],
    alone: &'l Alone<'a>,
    at: Date,
}

impl Written<'_, '_> {
    fn note(&self, message: String, help: &str) {
        self.section.problem(self.section.span_of("id"), message, Some(help.to_owned()));
    }
}

impl Looking<'_, '_> {
    /// The midnight with which the day begins, in UTC.
    fn moment(&self) -> Timestamp {
        let midnight = self.at.at(0, 0, 0, 0).to_zoned_datetime(TimeZone::UTC);
        midnight.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }
}

#[cfg(test)]
mod tests;
