//! A decision taken apart, as JSON.

use serde_json::{Value, json};

use crate::data::Tag;
use crate::policy::{Basis, Counted, Counts, Decision, Held, Policy};

use super::super::Plan;
use super::Answered;

/// A decision in one word, and what it stands on.
pub fn verdict(policy: &Policy, decision: &Decision) -> (&'static str, String) {
    let id = |held: &Held| {
        let rule = policy.rule(held);
        rule.map_or_else(|| "?".to_owned(), |rule| format!("{}/{}", rule.pack, rule.id))
    };
    match decision {
        Decision::Allow(permit) => {
            let rule = permit.held().first().map_or_else(|| "no rule holds".to_owned(), id);
            (permit.outcome().name(), rule)
        }
        Decision::Inspect => {
            ("undecided", "the destination's address is not known; give --address".to_owned())
        }
        Decision::Refuse(refusal) => {
            let why = match &refusal.basis {
                Basis::Rule(held) => id(held),
                Basis::Special(kind) => format!("the address is not public ({kind})"),
                Basis::Default => "no rule permits it and policy.default is block".to_owned(),
                Basis::Conflict { duty, bar } => {
                    format!("{} demands what {} bars; a person decides", id(duty), id(bar))
                }
            };
            (refusal.outcome.name(), why)
        }
    }
}

impl Answered<'_> {
    /// The answer as JSON.
    pub fn as_json(&self) -> Value {
        let Self { facts, policy, explanation, way, found } = *self;
        let (outcome, why) = verdict(policy, &explanation.decision);
        let location = facts.place.as_ref().map(|place| {
            json!({
                "address": place.socket.ip(),
                "judged": place.judged,
                "special": place.special.map(|kind| kind.name()),
                "state": place.entry.state().to_string(),
                "countries": place.entry.candidates().iter().map(|c| c.code()).collect::<Vec<_>>(),
            })
        });
        json!({
            "outcome": outcome,
            "why": why,
            "host": facts.host.to_string(),
            "location": location,
            "via": way.via,
            "tunnel": way.plan.map(plan_word),
            "recipient": explanation.recipient.as_ref().map(|(party, by)| json!({ "party": party, "by": by })),
            "counts": counts(policy, facts.circumstances.counts).map(|(name, counted)| {
                json!({ "meter": name, "before": counted.before, "after": counted.after })
            }).collect::<Vec<_>>(),
            "at": facts.circumstances.at.to_string(),
            "tags": facts.content.tags().iter().map(Tag::as_str).collect::<Vec<_>>(),
            "found": found.sums().iter().map(|(tag, sum)| json!({
                "tag": tag.as_str(),
                "count": sum.count,
                "distinct": sum.distinct(),
                "confidence": sum.confidence.name(),
            })).collect::<Vec<_>>(),
            "rules": explanation.rules,
            "changes": explanation.changes,
        })
    }
}

/// The words of the configuration.
const fn plan_word(plan: Plan) -> &'static str {
    match plan {
        Plan::Open => "intercept",
        Plan::Refuse => "refuse",
        Plan::Tunnel => "tunnel",
    }
}

/// What was counted, by the names of the meters.
pub fn counts<'a>(
    policy: &'a Policy,
    counts: Option<&'a Counts>,
) -> impl Iterator<Item = (String, Counted)> + 'a {
    let counts = counts.into_iter().flat_map(Counts::iter);
    counts.filter_map(|(meter, counted)| Some((policy.meter_name(meter)?, counted)))
}
