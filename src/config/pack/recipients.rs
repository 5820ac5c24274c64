//! `[party.*]`: kinds of recipient, told by the register first and by location where it knows
//! nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::geo::CountrySet;
use crate::policy::register::{Definition, Home, PartyKind, Register};
use crate::policy::{Consensus, Dated, PartySet, Reach, Recipient};

use super::super::section::{Section, Word};
use super::super::words::nearest;
use super::territories::{Ground, Territories};

/// The kinds of recipient of one pack.
#[derive(Clone, Debug, Default)]
pub(super) struct Recipients(BTreeMap<String, Kind>);

#[derive(Clone, Debug)]
struct Kind {
    members: Dated<PartySet>,
    otherwise: Option<(Vec<String>, Ground)>,
}

/// A kind as its pack defines it.
struct Written {
    countries: Option<Dated<CountrySet>>,
    home: Option<Dated<CountrySet>>,
    kinds: Vec<PartyKind>,
    definition: Definition,
}

impl Recipients {
    pub(super) fn read(
        root: &Section<'_>,
        territories: &Territories,
        register: &Arc<Register>,
    ) -> Self {
        let table = root.section("party");
        // The register's own entries are written [[party]]; a pack has tables by name.
        let kinds = table
            .named_sections()
            .into_iter()
            .map(|(name, section)| (name.text.to_owned(), kind(&section, territories, register)));
        Self(kinds.collect())
    }

    /// The kinds that a rule names.
    pub(super) fn named(
        &self,
        section: &Section<'_>,
        words: &[Word<'_>],
        consensus: Consensus,
        unknown_counts: bool,
    ) -> Vec<Recipient> {
        let one = |word: &Word<'_>| {
            let Some(kind) = self.0.get(word.text) else {
                let near = nearest(word.text, self.0.keys().map(String::as_str));
                let help = near.map(|name| format!("did you mean `{name}`?"));
                let message = format!("`{}` is no `[party.…]` of this pack", word.text);
                section.problem(word.span.clone(), message, help);
                return None;
            };
            let otherwise = kind.otherwise.clone().map(|(names, ground)| Reach {
                names,
                places: ground.places,
                regions: ground.regions,
                consensus,
                unknown_counts,
            });
            Some(Recipient { name: word.text.to_owned(), members: kind.members.clone(), otherwise })
        };
        words.iter().filter_map(one).collect()
    }
}

fn kind(section: &Section<'_>, territories: &Territories, register: &Register) -> Kind {
    let words =
        |key| section.words(key).iter().map(|word| word.text.to_owned()).collect::<Vec<_>>();
    let kinds = [
        ("authority", PartyKind::Authority),
        ("company", PartyKind::Company),
        ("person", PartyKind::Person),
        ("state", PartyKind::State),
    ];
    let kind = |word: &Word<'_>| {
        let found = kinds.iter().find(|(name, _)| *name == word.text).map(|(_, kind)| *kind);
        if found.is_none() {
            let message = format!("`{}` is none of authority, company, person, state", word.text);
            section.problem(word.span.clone(), message, None);
        }
        found
    };
    let written = Written {
        countries: territories.countries(section, "organised_in"),
        home: territories.countries(section, "listed_only"),
        kinds: section.words("kinds").iter().filter_map(kind).collect(),
        definition: Definition {
            countries: CountrySet::default(),
            principal_place: section.flag("principal_place").unwrap_or(false),
            residents: section.flag("resident").unwrap_or(false),
            employees: section.flag("employed").unwrap_or(false),
            lists: words("lists"),
            owned_at_least: section.percent("owned_at_least"),
            home: None,
        },
    };
    let otherwise = section.words("otherwise_in");
    let otherwise = (!otherwise.is_empty()).then(|| {
        let names = otherwise.iter().map(|word| word.text.to_owned()).collect();
        (names, territories.ground(section, &otherwise))
    });
    for key in ["cite", "note"] {
        section.word(key);
    }
    section.flag("verify");
    Kind { members: written.members(register), otherwise }
}

impl Written {
    /// Whether every party of the kinds is meant.
    fn asks_for_kinds_only(&self) -> bool {
        !self.kinds.is_empty() && self.countries.is_none() && self.definition.lists.is_empty()
    }

    /// The parties of the kind, on every day on which that may change.
    fn members(&self, register: &Register) -> Dated<PartySet> {
        let moments = register.change_dates().iter().filter_map(|day| midnight(*day));
        let countries = self.countries.iter().chain(&self.home).flat_map(Dated::changes);
        Dated::new(moments.chain(countries), |at| {
            let day = at.to_zoned_datetime(TimeZone::UTC).date();
            let set = |dated: &Option<Dated<CountrySet>>| {
                dated.as_ref().map_or_else(CountrySet::default, |dated| *dated.at(at))
            };
            let home =
                self.home.as_ref().map(|home| Home { countries: *home.at(at), passes: true });
            let definition =
                Definition { countries: set(&self.countries), home, ..self.definition.clone() };
            let fits = |id: &_| {
                let kind = register.get(*id).kind;
                self.kinds.is_empty() || self.kinds.contains(&kind)
            };
            if self.asks_for_kinds_only() {
                return register.iter().map(|(id, _)| id).filter(fits).collect();
            }
            register.standing(&definition, day).covered().filter(fits).collect()
        })
    }
}

fn midnight(day: Date) -> Option<Timestamp> {
    day.to_zoned_datetime(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}
