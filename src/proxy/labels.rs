//! A finished request as the labels of the decision metric: bounded, whatever clients send.

use std::borrow::Cow;

use crate::audit::Record;
use crate::geo::State;
use crate::policy::{Mode, Outcome};
use crate::telemetry::Verdict;

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
