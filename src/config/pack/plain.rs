//! A pack in plain words, part by part: what `pack show` prints and `pack diff` compares. Every
//! key of the pack is in it, so that no change can hide; comments and layout are not.

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::geo::Country;
use crate::policy::{Condition, Counter, Rule};

use super::super::load::Origin;
use super::super::problem::Problems;
use super::super::sources::PackText;
use super::alone::Alone;

/// A pack in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainPack {
    /// Its id and version.
    pub name: String,
    /// Its head, its definitions, its rules in their order, and what lifts them.
    pub parts: Vec<PlainPart>,
}

/// One table of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainPart {
    /// `rule`, `territory`, ...
    pub kind: &'static str,
    /// Its id or name; empty for the head.
    pub name: String,
    /// What it says.
    pub facts: Vec<Fact>,
}

/// One thing that a part says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The key in the pack, or `if` and `unless` for conditions.
    pub key: String,
    /// The value, or the values of a list.
    pub values: Vec<String>,
    /// Whether it is a list.
    pub list: bool,
}

/// Tables by name, in the order in which they build on each other.
const NAMED: [&str; 5] = ["territory", "party", "class", "area", "counter"];
/// Lists of tables with an id.
const LISTED: [&str; 3] = ["exemption", "report", "record"];
/// What comes first in a part; the rest follows by the alphabet.
const FIRST: [&str; 11] = [
    "id",
    "title",
    "version",
    "authority",
    "outcome",
    "mode",
    "effective_from",
    "until",
    "cite",
    "reason",
    "countries",
];
/// Keys whose words are countries where they can be.
const PLACES: [&str; 7] =
    ["all_except", "code", "countries", "except", "exporters", "include", "subjects"];

impl PlainPack {
    /// Reads a pack by itself. Jurisdictions that it names and does not define are those of
    /// `origin`.
    pub fn read(pack: &PackText, origin: &Origin) -> Result<Self, Problems> {
        // Nothing in plain words depends on the day.
        let alone = Alone::read(pack, origin, Date::ZERO)?;
        let table = alone.table.get_ref();
        let infos = alone.packs.infos.first();
        let name = infos.map_or(String::new(), |info| format!("{} {}", info.id, info.version));
        let head = table.get("pack").and_then(|value| value.get_ref().as_table());
        let mut parts: Vec<_> = head.map(|head| part("pack", "", head)).into_iter().collect();
        for kind in NAMED {
            parts.extend(named(table, kind));
        }
        let rules = tables(table, "rule").zip(&alone.rules);
        parts.extend(rules.map(|(written, rule)| of_rule(written, rule, &alone.packs.counters)));
        for kind in LISTED {
            let listed = tables(table, kind);
            parts.extend(listed.map(|one| part(kind, id(one), one)));
        }
        Ok(Self { name, parts })
    }

    /// The part of this kind and name.
    pub fn part(&self, kind: &str, name: &str) -> Option<&PlainPart> {
        self.parts.iter().find(|part| part.kind == kind && part.name == name)
    }
}

impl PlainPart {
    /// What it says under a key.
    pub fn fact(&self, key: &str) -> Option<&Fact> {
        self.facts.iter().find(|fact| fact.key == key)
    }
}

fn named<'t>(root: &'t DeTable<'t>, kind: &'static str) -> impl Iterator<Item = PlainPart> {
    let tables = root.get(kind).and_then(|value| value.get_ref().as_table());
    let tables = tables.into_iter().flat_map(|tables| tables.iter());
    tables.filter_map(move |(name, value)| {
        Some(part(kind, name.get_ref(), value.get_ref().as_table()?))
    })
}

fn tables<'t>(root: &'t DeTable<'t>, kind: &str) -> impl Iterator<Item = &'t DeTable<'t>> {
    let list = root.get(kind).and_then(|value| value.get_ref().as_array());
    list.into_iter().flat_map(|list| list.iter()).filter_map(|one| one.get_ref().as_table())
}

fn id<'t>(table: &'t DeTable<'_>) -> &'t str {
    table.get("id").and_then(|value| value.get_ref().as_str()).unwrap_or_default()
}

fn part(kind: &'static str, name: &str, table: &DeTable<'_>) -> PlainPart {
    // The id of the head is no name of a part, and may change.
    let without: &[&str] = if name.is_empty() { &[] } else { &["id", "when", "unless"] };
    PlainPart { kind, name: name.to_owned(), facts: facts(table, without) }
}

fn of_rule(written: &DeTable<'_>, rule: &Rule, counters: &[Counter]) -> PlainPart {
    let mut part = part("rule", &rule.id, written);
    for (key, conditions) in [("if", &rule.conditions), ("unless", &rule.unless)] {
        if !conditions.is_empty() {
            let values = conditions.iter().map(|one| words(one, counters)).collect();
            part.facts.push(Fact { key: key.to_owned(), values, list: true });
        }
    }
    part
}

/// A condition in words, with the counter that its numbers come from.
fn words(condition: &Condition, counters: &[Counter]) -> String {
    let name = |at: usize| counters.get(at).map_or("", |counter| counter.name.as_str());
    if let Condition::Bulk(bulk) = condition {
        return format!("{condition} (counter {})", name(bulk.counter));
    }
    if let Condition::Bands(bands, _) = condition {
        let mut names: Vec<_> = bands.iter().map(|band| name(band.meter.counter)).collect();
        names.dedup();
        return format!("{condition} (counter {})", names.join(", "));
    }
    condition.to_string()
}

fn facts(table: &DeTable<'_>, without: &[&str]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (key, value) in table.iter().filter(|(key, _)| !without.contains(&&**key.get_ref())) {
        collect(key.get_ref(), value.get_ref(), &mut facts);
    }
    let place = |fact: &Fact| FIRST.iter().position(|first| *first == fact.key);
    facts.sort_by_key(|fact| (place(fact).unwrap_or(FIRST.len()), fact.key.clone()));
    facts
}

/// A table below a part (`binds`, `window`, `together`) says each of its keys.
fn collect(key: &str, value: &DeValue<'_>, facts: &mut Vec<Fact>) {
    let last = key.rsplit('.').next().unwrap_or(key);
    if let Some(table) = value.as_table() {
        for (below, value) in table {
            collect(&format!("{key}.{}", below.get_ref()), value.get_ref(), facts);
        }
        return;
    }
    let values = match value.as_array() {
        Some(list) => list.iter().map(|one| text(last, one.get_ref())).collect(),
        None => vec![text(last, value)],
    };
    facts.push(Fact { key: key.to_owned(), values, list: value.is_array() });
}

/// A value, or each value of a list, in words: equal words are equal values.
pub(super) fn words_of(value: &Spanned<DeValue<'_>>) -> Vec<String> {
    let value = value.get_ref();
    match value.as_array() {
        Some(list) => list.iter().map(|one| text("", one.get_ref())).collect(),
        None => vec![text("", value)],
    }
}

/// One value in words.
fn text(key: &str, value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => place(key, text),
        DeValue::Integer(number) => match number.radix() {
            10 => number.as_str().to_owned(),
            radix => format!("{} (base {radix})", number.as_str()),
        },
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(true) => "yes".to_owned(),
        DeValue::Boolean(false) => "no".to_owned(),
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::Array(list) => format!("[{}]", joined(key, list)),
        DeValue::Table(table) => entry(table),
    }
}

fn joined(key: &str, list: &DeArray<'_>) -> String {
    let items: Vec<_> = list.iter().map(|one| text(key, one.get_ref())).collect();
    items.join(", ")
}

/// `SY Syria (cite Order 7, from 2020-01-01, verify)`
fn entry(table: &DeTable<'_>) -> String {
    let is_name = |key: &str| ["code", "region"].contains(&key);
    let (names, others): (Vec<_>, Vec<_>) =
        table.iter().partition(|(key, _)| is_name(key.get_ref()));
    let word = |(key, value): &(&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        let words = text(key.get_ref(), value.get_ref());
        let flag = value.get_ref().as_bool() == Some(true);
        if flag {
            key.get_ref().to_string()
        } else if is_name(key.get_ref()) {
            words
        } else {
            format!("{} {words}", key.get_ref())
        }
    };
    let [names, others] = [names, others].map(|some| some.iter().map(word).collect::<Vec<_>>());
    match (names.is_empty(), others.is_empty()) {
        (false, false) => format!("{} ({})", names.join(", "), others.join(", ")),
        (_, true) => names.join(", "),
        (true, false) => others.join(", "),
    }
}

fn place(key: &str, text: &str) -> String {
    let country = PLACES.contains(&key).then(|| Country::parse(text)).flatten();
    country.map_or_else(|| text.to_owned(), |country| format!("{text} {}", country.name()))
}

#[cfg(test)]
mod tests {
    use super::super::super::problem::Text;
    use super::*;

    fn read(text: String) -> Option<PlainPack> {
        let text = std::sync::Arc::new(Text { name: "pack.toml".to_owned(), text });
        PlainPack::read(&PackText { text, file: None, span: 0..0 }, &Origin::BuiltIn).ok()
    }

    #[test]
    fn no_line_of_a_pack_can_go_unseen() {
        let mut tried = 0;
        for shipped in PackText::shipped() {
            let text = std::str::from_utf8(shipped.bytes()).unwrap();
            let lines: Vec<_> = text.lines().collect();
            if lines.len() > 150 {
                continue;
            }
            let whole = read(text.to_owned()).unwrap();
            for (at, line) in lines.iter().enumerate() {
                let nothing = line.trim().is_empty() || line.trim().starts_with('#');
                let mut others = lines.clone();
                others.remove(at);
                // Without some lines it is no pack any more, which is told elsewhere.
                let Some(without) = read(others.join("\n")) else { continue };
                assert_eq!(without == whole, nothing, "{}:{}: {line}", shipped.name(), at + 1);
                tried += usize::from(!nothing);
            }
        }
        assert!(tried > 100, "{tried}");
    }
}
