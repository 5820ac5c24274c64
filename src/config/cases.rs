//! Cases of packs: tables of facts and the outcome that the law demands, as files in
//! `tests/packs`. `borderpost test` runs them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::data::Tags;
use crate::geo::{Answer, Country, Entry, Subdivision};
use crate::net::Host;
use crate::policy::{
    Declared, Exporter, Grant, Law, Outcome, Point, Policy, PolicySettings, PrincipalSet, Slice,
    State, Validity,
};

use super::entities::{declared, find};
use super::load::parse;
use super::moments::today;
use super::pack::{Around, OUTCOMES, PackRoot, Packs};
use super::places::Jurisdictions;
use super::problem::{Collector, Problems, Text};
use super::rules::{Defaults, Rules, parse_tag};
use super::section::Section;
use super::sources::pack_texts;
use super::world::World;

/// One file of cases, and the packs they are about.
#[derive(Debug)]
pub struct Suite {
    /// How the user knows the file.
    pub file: String,
    /// The packs in force.
    pub policy: Policy,
    /// The cases.
    pub cases: Vec<Case>,
}

/// Facts, and what must follow from them.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// As of when it is decided.
    pub at: Timestamp,
    /// Who sends; absent if nothing is known.
    pub exporter: Option<Exporter>,
    /// The destination.
    pub host: Host,
    /// Where it is.
    pub entry: Entry,
    /// The request's method.
    pub method: String,
    /// The data.
    pub slices: Vec<Slice>,
    /// What was counted before, by `counter.class`.
    pub before: BTreeMap<String, u64>,
    /// What is declared.
    pub declared: Declared,
    /// The exemptions in use.
    pub grants: Vec<Grant>,
    /// The outcome that must follow.
    pub expect: Outcome,
    /// The rule that must decide, as `pack/rule`.
    pub rule: Option<String>,
    /// What its citation must contain.
    pub cite: Option<String>,
    /// The declarations that it must name as missing.
    pub needs: Option<Vec<String>>,
    /// The reports that must become candidates.
    pub reports: Option<Vec<String>>,
}

/// Reads one file of cases. Packs are shipped ones by name, others by path beside the file.
pub fn read_cases(name: String, text: String) -> Result<Suite, Problems> {
    let problems = Collector::default();
    let base = PathBuf::from(&name).parent().map(PathBuf::from).unwrap_or_default();
    let file = Arc::new(Text { name: name.clone(), text });
    let table = parse(&file, &problems);
    let suite = {
        let root = Section::new(&file, &problems, table.get_ref(), 0..0);
        let policy = policy(&root, &problems, &[base]);
        let sections = root.sections("case");
        if sections.is_empty() {
            root.problem(0..0, "there is no `[[case]]` in this file", None);
        }
        let cases = sections.iter().filter_map(|section| case(section, &policy)).collect();
        Suite { file: name, policy, cases }
    };
    problems.finish()?;
    Ok(suite)
}

fn policy(root: &Section<'_>, problems: &Collector, bases: &[PathBuf]) -> Policy {
    let texts = pack_texts(root, bases);
    let tables: Vec<_> = texts.iter().map(|pack| parse(&pack.text, problems)).collect();
    let mut parties = super::register::Parties::new(problems);
    parties.read_table(root);
    let register = Arc::new(parties.finish().unwrap_or_default());
    let (principals, settings) = (crate::proxy::Principals::default(), PolicySettings::default());
    let world = World::new(&principals, None, &settings);
    let outer = Jurisdictions::read(root, &Jurisdictions::default());
    let defaults = Defaults::enforcing();
    let around =
        Around { outer: &outer, defaults, world: &world, register: &register, today: today() };
    let (mut rules, mut all) = (Rules::default(), Packs::default());
    for (pack, table) in texts.iter().zip(&tables) {
        let section = Section::new(&pack.text, problems, table.get_ref(), 0..0);
        all.read(&PackRoot::of(section), &around, &mut rules);
    }
    let Packs { packs, classes, counters, .. } = all;
    let law = Law { packs, classes, counters, grants: Vec::new(), register };
    Policy::with_law(rules.finish(), PolicySettings::default(), law)
}

fn case(section: &Section<'_>, policy: &Policy) -> Option<Case> {
    let name = section.required("name");
    let to = section.section("to");
    let host = to.word("host").and_then(|word| to.parse(&word, Host::parse));
    let host = host.unwrap_or_else(|| Host::parse("destination.example").expect("a host name"));
    let word = |key| section.word(key).map(|word| word.text.to_owned());
    let texts = |key| {
        let words = section.words(key);
        section.has(key).then(|| words.iter().map(|word| word.text.to_owned()).collect())
    };
    let expect = section.choice("expect", &OUTCOMES);
    if expect.is_none() && !section.has("expect") {
        section.problem(section.span(), "`expect` is missing here", None);
    }
    Some(Case {
        name: name?.text.to_owned(),
        at: at(section)?,
        exporter: exporter(section),
        host,
        entry: Entry::supposed(answers(&to)),
        method: word("method").unwrap_or_else(|| "POST".to_owned()),
        slices: section.sections("data").iter().map(slice).collect(),
        before: before(section),
        declared: declared(&section.section("context")),
        grants: section.sections("grants").iter().filter_map(|one| grant(one, policy)).collect(),
        expect: expect?,
        rule: word("rule"),
        cite: word("cite"),
        needs: texts("needs"),
        reports: texts("reports"),
    })
}

/// A day, at its noon in UTC, or a moment in quotes.
fn at(section: &Section<'_>) -> Option<Timestamp> {
    let is_text = section.value("at").is_some_and(|value| value.get_ref().is_str());
    if is_text {
        let word = section.word("at")?;
        return section.parse(&word, |text| {
            text.parse()
                .map_err(|_| format!("`{text}` is no moment such as 2026-01-01T00:00:00+08:00"))
        });
    }
    let noon = section.date("at")?.at(12, 0, 0, 0);
    noon.to_zoned_datetime(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn exporter(section: &Section<'_>) -> Option<Exporter> {
    if !section.has("exporter") {
        return None;
    }
    let table = section.section("exporter");
    let word = table.required("jurisdiction")?;
    let attributes = table.words("attributes");
    let attributes = attributes.iter().map(|word| word.text.to_owned()).collect();
    Some(Exporter { id: "exporter".to_owned(), jurisdiction: country(&table, &word)?, attributes })
}

fn country(section: &Section<'_>, word: &super::section::Word<'_>) -> Option<Country> {
    let wrong = |text: &str| format!("`{text}` is no ISO 3166-1 country code");
    section.parse(word, |text| Country::parse(text).ok_or_else(|| wrong(text)))
}

/// What databases would say of the destination; one of them says nothing if it is unknown.
fn answers(to: &Section<'_>) -> Vec<Answer> {
    let hidden = to.flag("hidden").unwrap_or(false);
    let asn = to.number("asn", 0..=u64::from(u32::MAX)).and_then(|asn| u32::try_from(asn).ok());
    let region = to.word("region").and_then(|word| {
        let wrong = |text: &str| format!("`{text}` is no ISO 3166-2 code");
        to.parse(&word, |text| Subdivision::parse(text).ok_or_else(|| wrong(text)))
    });
    to.flag("unknown");
    let mut words = to.words("countries");
    words.extend(to.word("country"));
    let one = |country| Answer { country, subdivision: region, asn, hidden };
    let answers: Vec<_> = words.iter().map(|word| one(country(to, word))).collect();
    if answers.is_empty() { vec![one(None)] } else { answers }
}

fn slice(section: &Section<'_>) -> Slice {
    let words = section.words("tags");
    let tags: Tags = section.parsed(&words, parse_tag).into_iter().collect();
    let number = |key| section.number(key, 0..=u64::MAX >> 1);
    let state = section.choice("state", &State::WORDS);
    let ids = section.words("ids");
    Slice {
        tags,
        of: section.word("of").and_then(|word| country(section, &word)),
        subjects: number("count"),
        devices: number("devices"),
        records: number("records"),
        ids: ids.iter().map(|word| word.text.to_owned()).collect(),
        linked: section.flag("linked").unwrap_or(false),
        state,
        point: point(section),
    }
}

fn point(section: &Section<'_>) -> Option<Point> {
    let value = section.value("at_location")?;
    let pair = value.get_ref().as_array().into_iter().flat_map(|list| list.iter());
    let pair: Vec<_> = pair.filter_map(super::moments::to_decimal).collect();
    let point = match pair.as_slice() {
        [latitude, longitude] => Point::new(*latitude, *longitude),
        _ => None,
    };
    if point.is_none() {
        section.problem(value.span(), "a place is [latitude, longitude]", None);
    }
    point
}

fn before(section: &Section<'_>) -> BTreeMap<String, u64> {
    let table = section.section("before");
    table
        .named_numbers(u64::MAX >> 1)
        .into_iter()
        .map(|(word, number)| (word.text.to_owned(), number))
        .collect()
}

fn grant(section: &Section<'_>, policy: &Policy) -> Option<Grant> {
    let word = section.required("exemption")?;
    let found = find(policy.packs(), word.text);
    if found.is_none() {
        section.problem(word.span.clone(), format!("`{}` is no exemption", word.text), None);
    }
    let (pack, exemption) = found?;
    Some(Grant {
        name: word.text.to_owned(),
        pack,
        exemption,
        validity: Validity {
            from: section.moment("approved", &TimeZone::UTC),
            until: section.moment("expires", &TimeZone::UTC),
        },
        principals: PrincipalSet::default(),
        hosts: Vec::new(),
        purposes: Vec::new(),
    })
}
