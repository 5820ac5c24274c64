//! A decision taken apart, as text and as JSON.

use serde_json::json;

use crate::data::{Findings, Tag};
use crate::policy::{Basis, Counts, Decision, Explanation, Facts, Held, Policy, RuleView, Truth};

use crate::proxy::Plan;

use super::super::output::{count, line};
use super::Way;

/// A decision in one word, and what it stands on.
pub(super) fn verdict(policy: &Policy, decision: &Decision) -> (&'static str, String) {
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

pub(super) fn print(
    policy: &Policy,
    facts: &Facts<'_>,
    explanation: &Explanation,
    way: &Way,
    found: &Findings,
) {
    let (outcome, why) = verdict(policy, &explanation.decision);
    line(format!("{outcome}: {why}"));
    line(format!("  host       {}", facts.host));
    if let Some(place) = &facts.place {
        line(format!(
            "  address    {} -> {}: {}",
            place.socket.ip(),
            place.entry.state(),
            place.entry.candidates()
        ));
    }
    way.via.iter().for_each(|via| line(format!("  via        {via}")));
    if let Some(plan) = way.plan {
        line(format!("  tunnel     {}", plan_text(plan)));
    }
    line(format!(
        "  tags       {}",
        if facts.content.tags().is_empty() {
            "none".to_owned()
        } else {
            facts.content.tags().to_string()
        }
    ));
    for (tag, sum) in found.sums() {
        let values = count(usize::try_from(sum.count).unwrap_or(usize::MAX), "value");
        let (distinct, confidence) = (sum.distinct(), sum.confidence.name());
        line(format!("  found      {tag}: {values}, {distinct} distinct, {confidence}"));
    }
    if let Some((party, by)) = &explanation.recipient {
        line(format!("  recipient  {party}, known by {by}"));
    }
    for (name, counted) in counts(policy, facts.circumstances.counts) {
        line(format!("  counted    {name}: {} before, {} with it", counted.before, counted.after));
    }
    // What holds is read first, at three in the morning too.
    let mut rules: Vec<_> = explanation.rules.iter().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse((rule.truth, rule.outcome)));
    for rule in rules {
        let presumed = if rule.presumed { " (what is unknown counts as restricted)" } else { "" };
        let RuleView { pack, rule: id, outcome, truth, .. } = rule;
        line(format!("rule {pack}/{id} [{outcome}]: {truth}{presumed}"));
        for condition in &rule.conditions {
            line(format!("  {:<8} {}", condition.truth.to_string(), condition.condition));
        }
        for condition in &rule.unless {
            line(format!("  {:<8} unless {}", condition.truth.to_string(), condition.condition));
        }
        if rule.truth == Truth::Yes {
            line(format!(
                "  because  {}{}",
                rule.reason,
                rule.cite.as_ref().map_or(String::new(), |c| format!(" [{c}]"))
            ));
        }
    }
    if !explanation.changes.is_empty() {
        line("what would change the answer:");
        explanation.changes.iter().for_each(|change| line(format!("  - {change}")));
    }
}

pub(super) fn as_json(
    policy: &Policy,
    facts: &Facts<'_>,
    explanation: &Explanation,
    way: &Way,
    found: &Findings,
) -> serde_json::Value {
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

/// The words of the configuration.
const fn plan_word(plan: Plan) -> &'static str {
    match plan {
        Plan::Open => "intercept",
        Plan::Refuse => "refuse",
        Plan::Tunnel => "tunnel",
    }
}

const fn plan_text(plan: Plan) -> &'static str {
    match plan {
        Plan::Open => "would be opened, with an authority",
        Plan::Refuse => "would be refused",
        Plan::Tunnel => "would pass unread",
    }
}

/// What was counted, by the names of the meters.
fn counts<'a>(
    policy: &'a Policy,
    counts: Option<&'a Counts>,
) -> impl Iterator<Item = (String, crate::policy::Counted)> + 'a {
    let counts = counts.into_iter().flat_map(Counts::iter);
    counts.filter_map(|(meter, counted)| Some((policy.meter_name(meter)?, counted)))
}
