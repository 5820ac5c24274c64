//! What the index keeps of a record.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::policy::{Mode, Outcome};

use super::super::event::Event;
use super::filters::{REFUSED, UNKNOWN};
use super::label::Kind;

/// What stands for an outcome; the numbers are stored.
pub(super) const fn outcome(outcome: Option<Outcome>) -> i64 {
    match outcome {
        Some(Outcome::Allow) => 0,
        Some(Outcome::Log) => 1,
        Some(Outcome::Hold) => 2,
        Some(Outcome::Require) => 3,
        Some(Outcome::Block) => 4,
        None => 5,
    }
}

/// All outcomes, and that there was none.
pub(super) const OUTCOMES: [Option<Outcome>; 6] = [
    Some(Outcome::Allow),
    Some(Outcome::Log),
    Some(Outcome::Hold),
    Some(Outcome::Require),
    Some(Outcome::Block),
    None,
];

/// The outcome that a number stands for.
pub(super) fn outcome_of(number: i64) -> Option<Outcome> {
    OUTCOMES.into_iter().find(|one| outcome(*one) == number).flatten()
}

/// The number of the outcome with a name.
pub(super) fn number_of(word: &str) -> Option<i64> {
    let name = |one: &Option<Outcome>| one.map_or("failed", Outcome::name);
    OUTCOMES.into_iter().find(|one| name(one) == word).map(outcome)
}

/// The numbers of the outcomes that a filter means.
pub(super) fn numbers_of(word: &str) -> Vec<i64> {
    let refused = OUTCOMES.into_iter().filter(|one| one.is_some_and(Outcome::refuses));
    if word == REFUSED {
        refused.map(outcome).collect()
    } else {
        number_of(word).into_iter().collect()
    }
}

/// What stands for a mode.
pub(super) const fn mode(mode: Mode) -> i64 {
    match mode {
        Mode::Enforce => 0,
        Mode::Observe => 1,
    }
}

/// A decision id: sixteen octets, or what else a record has, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Id {
    Uuid([u8; 16]),
    Text(String),
}

impl Id {
    pub(super) fn of(text: &str) -> Self {
        match Uuid::try_parse(text) {
            // Other spellings of the same number are other ids.
            Ok(id) if id.to_string() == text => Self::Uuid(id.into_bytes()),
            _ => Self::Text(text.to_owned()),
        }
    }
}

impl rusqlite::ToSql for Id {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Uuid(octets) => octets.as_slice().to_sql(),
            Self::Text(text) => text.as_str().to_sql(),
        }
    }
}

impl rusqlite::types::FromSql for Id {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        match value {
            rusqlite::types::ValueRef::Blob(octets) => octets
                .try_into()
                .map(Self::Uuid)
                .map_err(|_| rusqlite::types::FromSqlError::InvalidType),
            rusqlite::types::ValueRef::Null
            | rusqlite::types::ValueRef::Integer(_)
            | rusqlite::types::ValueRef::Real(_)
            | rusqlite::types::ValueRef::Text(_) => Ok(Self::Text(value.as_str()?.to_owned())),
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uuid(octets) => Uuid::from_bytes(*octets).fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The labels of a record, each once, the first of each kind first.
pub(super) fn labels(event: &Event<'_>) -> Vec<(Kind, String)> {
    let mut labels = Vec::new();
    let mut seen = BTreeSet::new();
    let mut add = |kind, text: String| {
        if seen.insert((kind, text.clone())) {
            labels.push((kind, text));
        }
    };
    for country in event.location.iter().flat_map(|location| location.countries.iter()) {
        add(Kind::Country, country.to_ascii_uppercase());
    }
    if event.location.as_ref().is_none_or(|location| location.countries.is_empty()) {
        add(Kind::Country, UNKNOWN.to_owned());
    }
    for tag in &event.tags {
        add(Kind::Tag, tag.to_string());
        add(Kind::Family, tag.to_string());
        for (dot, _) in tag.match_indices('.') {
            add(Kind::Family, tag.get(..dot).unwrap_or_default().to_owned());
        }
    }
    for rule in &event.rules {
        add(Kind::Rule, format!("{}/{}", rule.pack, rule.rule));
        add(Kind::Pack, rule.pack.to_string());
    }
    if let Some(would) = event.would() {
        add(Kind::Would, would.name().to_owned());
        if would.refuses() {
            add(Kind::Would, REFUSED.to_owned());
        }
    }
    labels
}
