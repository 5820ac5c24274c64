//! `[territory.*]`: sets of places with dates, local to their pack. What one law calls its
//! neighbour another calls abroad; both may be in force.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::geo::{Country, CountrySet, Subdivision};
use crate::policy::{Dated, Places, Validity};

use super::super::places::{Jurisdictions, is_empty};
use super::super::section::{Entry, Section, Word};

/// A territory as written.
#[derive(Clone, Debug, Default)]
pub(super) struct Territory {
    countries: Vec<(Country, Validity)>,
    regions: Vec<(Subdivision, Validity)>,
    include: Vec<String>,
    except: Vec<String>,
    /// Everything but what is named.
    all_except: bool,
}

/// The territories of one pack.
#[derive(Clone, Debug, Default)]
pub(super) struct Territories {
    named: BTreeMap<String, Territory>,
    outer: Jurisdictions,
}

/// Places that change on dates, and regions among them.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub(super) places: Dated<Places>,
    pub(super) regions: Vec<(Subdivision, Validity)>,
}

impl Territories {
    pub(super) fn read(root: &Section<'_>, outer: &Jurisdictions, zone: &TimeZone) -> Self {
        let mut all = Self { named: BTreeMap::new(), outer: outer.clone() };
        let table = root.section("territory");
        let mut spans = Vec::new();
        for (name, section) in table.named_sections() {
            let territory = territory(&section, zone);
            let others = [&*territory.include, &*territory.except].concat();
            // A list that is empty by its own word may be filled one day.
            let waiting = section.has("countries") && territory.countries.is_empty();
            spans.push((name.clone(), others, waiting));
            all.named.insert(name.text.to_owned(), territory);
        }
        for (name, others, waiting) in &spans {
            all.check(&table, name, others, *waiting);
        }
        all
    }

    /// Each name must be a territory, a jurisdiction or a country, and none may go in circles.
    fn check(&self, table: &Section<'_>, name: &Word<'_>, others: &[String], waiting: bool) {
        for other in others {
            if !self.knows(other) {
                let message =
                    format!("`{other}`, named by territory `{}`, is nowhere defined", name.text);
                table.problem(name.span.clone(), message, None);
            }
        }
        if self.circles(name.text, &mut Vec::new()) {
            let message = format!("territory `{}` includes itself", name.text);
            return table.problem(name.span.clone(), message, None);
        }
        // A rule on no place would stand there and never hold.
        let ground = self.ground(table, std::slice::from_ref(name));
        if !waiting && ground.regions.is_empty() && ground.places.iter().all(is_empty) {
            let help = "`countries`, `regions` or `include` name places, `all_except` every \
                        country but some"
                .to_owned();
            let message = format!("territory `{}` names no place", name.text);
            table.problem(name.span.clone(), message, Some(help));
        }
    }

    fn circles<'t>(&'t self, name: &'t str, path: &mut Vec<&'t str>) -> bool {
        if path.contains(&name) {
            return true;
        }
        let Some(territory) = self.named.get(name) else { return false };
        path.push(name);
        let found =
            territory.include.iter().chain(&territory.except).any(|one| self.circles(one, path));
        path.pop();
        found
    }

    fn knows(&self, name: &str) -> bool {
        self.named.contains_key(name) || self.outer.place(name).is_some()
    }

    /// What a list of names means together.
    pub(super) fn ground(&self, section: &Section<'_>, words: &[Word<'_>]) -> Ground {
        for word in words.iter().filter(|word| !self.knows(word.text)) {
            let near =
                super::super::words::nearest(word.text, self.named.keys().map(String::as_str));
            let help = near.map(|name| format!("did you mean `{name}`?"));
            let message = format!("`{}` is no territory of this pack, country or state", word.text);
            section.problem(word.span.clone(), message, help);
        }
        let names: Vec<_> =
            words.iter().map(|word| word.text).filter(|name| self.knows(name)).collect();
        let mut moments = Vec::new();
        let mut regions = Vec::new();
        for name in &names {
            self.moments(name, &mut moments, 0);
            self.regions(name, &mut regions, 0);
        }
        let places = Dated::new(moments, |at| {
            let union = |all: Places, name: &&str| {
                let one = self.places(name, at, 0);
                Places {
                    countries: all.countries.union(&one.countries),
                    states: all.states.union(one.states),
                }
            };
            names.iter().fold(Places::default(), union)
        });
        Ground { places, regions }
    }

    /// The countries of one territory over time.
    pub(super) fn countries(
        &self,
        section: &Section<'_>,
        key: &'static str,
    ) -> Option<Dated<CountrySet>> {
        let words = section.words(key);
        if words.is_empty() {
            return None;
        }
        let ground = self.ground(section, &words);
        Some(ground.places.map(|places| places.countries))
    }

    fn places(&self, name: &str, at: Timestamp, depth: usize) -> Places {
        let Some(territory) = self.named.get(name).filter(|_| depth < 16) else {
            return self.outer.place(name).unwrap_or_default();
        };
        let holds =
            |(country, validity): &(Country, Validity)| validity.holds(at).then_some(*country);
        let mut found = Places {
            countries: territory.countries.iter().filter_map(holds).collect(),
            ..Places::default()
        };
        for name in &territory.include {
            let one = self.places(name, at, depth + 1);
            found.countries = found.countries.union(&one.countries);
            found.states = found.states.union(one.states);
        }
        if territory.all_except {
            let all: CountrySet = Country::all().collect();
            found.countries = all.difference(&found.countries);
        }
        for name in &territory.except {
            let one = self.places(name, at, depth + 1);
            found.countries = found.countries.difference(&one.countries);
            found.states = found.states.difference(one.states);
        }
        found
    }

    fn moments(&self, name: &str, into: &mut Vec<Timestamp>, depth: usize) {
        let Some(territory) = self.named.get(name).filter(|_| depth < 16) else { return };
        let dated = territory.countries.iter().map(|(_, validity)| validity);
        into.extend(dated.flat_map(|validity| [validity.from, validity.until]).flatten());
        for name in territory.include.iter().chain(&territory.except) {
            self.moments(name, into, depth + 1);
        }
    }

    fn regions(&self, name: &str, into: &mut Vec<(Subdivision, Validity)>, depth: usize) {
        let Some(territory) = self.named.get(name).filter(|_| depth < 16) else { return };
        into.extend(territory.regions.iter().copied());
        for name in &territory.include {
            self.regions(name, into, depth + 1);
        }
    }
}

fn territory(section: &Section<'_>, zone: &TimeZone) -> Territory {
    let mut found = Territory::default();
    let all_except = section.has("all_except");
    let key = if all_except { "all_except" } else { "countries" };
    if all_except && section.has("countries") {
        let message = "a territory has either `countries` or `all_except`";
        section.problem(section.span(), message, None);
    }
    found.all_except = all_except;
    for entry in section.entries_of(key) {
        let Some((code, validity, span)) = place(section, &entry, "code", zone) else { continue };
        match Country::parse(&code) {
            Some(country) => found.countries.push((country, validity)),
            None if all_except => found.include.push(code),
            None => {
                let near = Country::suggest(&code);
                let help =
                    near.map(|near| format!("did you mean `{}` ({})?", near.code(), near.name()));
                section.problem(span, format!("`{code}` is no ISO 3166-1 country code"), help);
            }
        }
    }
    for entry in section.entries_of("regions") {
        let Some((code, validity, span)) = place(section, &entry, "region", zone) else { continue };
        match Subdivision::parse(&code) {
            Some(region) => found.regions.push((region, validity)),
            None => section.problem(
                span,
                format!("`{code}` is no ISO 3166-2 code such as `UA-43`"),
                None,
            ),
        }
    }
    let names =
        |key| section.words(key).iter().map(|word| word.text.to_owned()).collect::<Vec<_>>();
    found.include.extend(names("include"));
    found.except = names("except");
    for key in ["cite", "note"] {
        section.word(key);
    }
    section.flag("verify");
    found
}

/// A code, as a word or as a table with dates.
fn place(
    section: &Section<'_>,
    entry: &Entry<'_>,
    key: &'static str,
    zone: &TimeZone,
) -> Option<(String, Validity, std::ops::Range<usize>)> {
    match entry {
        Entry::Word(word) => Some((word.text.to_owned(), Validity::default(), word.span.clone())),
        Entry::Table(table) => {
            let code = table.required(key)?;
            let validity = table.validity("from", zone);
            for key in ["cite", "note"] {
                table.word(key);
            }
            table.flag("verify");
            Some((code.text.to_owned(), validity, code.span))
        }
        Entry::Other(span) => {
            section.problem(span.clone(), "expected a code in quotes, or a table", None);
            None
        }
    }
}
