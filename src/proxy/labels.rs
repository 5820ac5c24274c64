//! A finished request as the labels of the decision metric: bounded, whatever clients send.

use std::borrow::Cow;

use crate::audit::Record;
use crate::geo::State;
use crate::policy::{Mode, Outcome};
use crate::telemetry::{Inspected, Verdict};

/// What came of looking into a request, if somebody did.
pub(super) fn inspected(record: &Record) -> Option<Inspected> {
    let found = record.found.as_ref()?;
    let unread = |kind: &crate::audit::Kind| kind.one.tag.as_str().starts_with("uninspectable.");
    let result = match found.kinds.as_slice() {
        [] => "clean",
        kinds if kinds.iter().any(unread) => "unreadable",
        _ => "found",
    };
    Some(Inspected { result })
}

/// The labels of the decision metric.
pub(super) fn of(record: &Record) -> Verdict {
    let first = record.held.first().and_then(|held| record.policy.rule(held));
    let country = record.location.as_ref().map_or("none", |location| {
        let entry = location.atlas.entry(location.entry);
        match (entry.state(), entry.candidates().iter().next()) {
            (State::NotPublic, _) => "special",
            (State::Disputed, _) => "disputed",
            (State::Unknown | State::Overridden, None) => "unknown",
            (State::Agreed | State::Overridden | State::Unknown, country) => {
                country.map_or("unknown", |country| country.code())
            }
        }
    });
    Verdict {
        verdict: record.outcome.map_or("none", Outcome::name),
        mode: first.map_or(Mode::Enforce, |rule| rule.mode).name(),
        pack: first.map_or(Cow::Borrowed("none"), |rule| Cow::Owned(rule.pack.clone())),
        country,
        data_class: record.policy.class_of(&record.tags),
    }
}
