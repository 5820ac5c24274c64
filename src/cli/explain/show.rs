//! A decision taken apart, as text.

use crate::policy::{RuleView, Truth};
use crate::proxy::{Answered, Plan, counts, verdict};

use super::super::output::{count, line};

/// Prints an answer for people.
pub(super) fn print(answered: &Answered<'_>) {
    let Answered { facts, policy, explanation, way, found } = *answered;
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

const fn plan_text(plan: Plan) -> &'static str {
    match plan {
        Plan::Open => "would be opened, with an authority",
        Plan::Refuse => "would be refused",
        Plan::Tunnel => "would pass unread",
    }
}
