//! The decision taken apart: every rule's truth, and what would change the answer.

use serde::Serialize;

use crate::data::Tags;

use super::condition::Condition;
use super::decide::Policy;
use super::decision::{Basis, Decision};
use super::facts::{Content, Facts};
use super::rule::{Mode, Outcome, Rule};
use super::slice::Slice;
use super::truth::Truth;
use super::view::{Recognised, View};
use super::volume::better;

/// A decision with its reasons.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What [`Policy::decide`] answers to the same facts.
    pub decision: Decision,
    /// The party behind the destination, if the register knows it, and by what.
    pub recipient: Option<(String, String)>,
    /// Every rule that binds, in the order of the configuration.
    pub rules: Vec<RuleView>,
    /// Single changes after which the answer would be another.
    pub changes: Vec<String>,
}

/// One rule, asked about one request.
#[derive(Clone, Debug, Serialize)]
pub struct RuleView {
    /// The rule's id.
    pub rule: String,
    /// Its pack.
    pub pack: String,
    /// What it demands.
    pub outcome: Outcome,
    /// Whether it acts.
    pub mode: Mode,
    /// Whether it holds.
    pub truth: Truth,
    /// Whether it holds only because what is not known is presumed.
    pub presumed: bool,
    /// Why, in words.
    pub reason: String,
    /// The legal source.
    pub cite: Option<String>,
    /// Each condition.
    pub conditions: Vec<ConditionView>,
    /// Each exception.
    pub unless: Vec<ConditionView>,
}

/// One condition, asked about one request.
#[derive(Clone, Debug, Serialize)]
pub struct ConditionView {
    /// The condition in words.
    pub condition: String,
    /// Whether it holds, for the request or one of its slices.
    pub truth: Truth,
}

impl Policy {
    /// Explains what [`Policy::decide`] answers.
    pub fn explain(&self, facts: &Facts<'_>) -> Explanation {
        let decision = self.decide(facts);
        let view = View::of(self, facts);
        let recipient = self.recipient(facts);
        let rules = self.rules().iter().filter(|rule| self.is_in_force(rule, facts));
        let rules = rules.map(|rule| view_of(rule, &view)).collect();
        let changes = self.changes(facts, &decision);
        Explanation { decision, recipient, rules, changes }
    }

    /// The party behind the destination, if the register knows it, and by what.
    pub fn recipient(&self, facts: &Facts<'_>) -> Option<(String, String)> {
        match self.recognise(facts) {
            Recognised::Party(found) => {
                Some((self.register().get(found.party).id.clone(), found.by.to_string()))
            }
            Recognised::Nobody | Recognised::NotYet => None,
        }
    }

    /// Whether the rule's pack binds the exporter and the rule is in force.
    pub(super) fn is_in_force(&self, rule: &Rule, facts: &Facts<'_>) -> bool {
        let exporter = facts.circumstances.exporter;
        let pack = self.packs().get(rule.pack_index);
        pack.is_none_or(|pack| pack.binds.holds(exporter).0)
            && rule.validity.holds(facts.circumstances.at)
    }

    /// Tries single changes and keeps those that turn the answer.
    fn changes(&self, facts: &Facts<'_>, decision: &Decision) -> Vec<String> {
        let Decision::Refuse(refusal) = decision else { return Vec::new() };
        let mut found = Vec::new();
        match refusal.basis {
            Basis::Special(kind) => {
                found.push(format!("`destinations.open` naming `{kind}` or the address's network"));
            }
            Basis::Default => found.push("a rule that allows this request".to_owned()),
            Basis::Rule(_) | Basis::Conflict { .. } => {}
        }
        self.other_data(facts, &mut found);
        let blocking = || refusal.held.iter().filter_map(|held| self.rule(held));
        let enforced = |rule: &&Rule| rule.outcome.refuses() && rule.mode == Mode::Enforce;
        let blocking: Vec<_> = blocking().filter(enforced).collect();
        for rule in &blocking {
            let free = rule.all_conditions().filter(|c| !matches!(c, Condition::Tags(_)));
            let also =
                if blocking.len() > 1 { " (together with the other rules here)" } else { "" };
            found.extend(free.map(|c| format!("not `{c}`, rule `{}`{also}", rule.id)));
            found.extend(
                self.less(rule, facts).map(|less| format!("{less}, rule `{}`{also}", rule.id)),
            );
            found.extend(rule.unless.iter().map(|c| format!("`{c}`, rule `{}`{also}", rule.id)));
            found.push(format!("`mode = \"observe\"` on rule `{}`{also}", rule.id));
        }
        found
    }

    /// How much less would stay below the thresholds that a rule asks for.
    fn less(&self, rule: &Rule, facts: &Facts<'_>) -> impl Iterator<Item = String> {
        let counts = facts.circumstances.counts;
        let bulk = rule.all_conditions().filter_map(Condition::bulk);
        bulk.flat_map(move |bulk| {
            let counted = counts.into_iter().flat_map(super::volume::Counts::iter);
            counted.filter_map(move |(meter, counted)| {
                let named = meter.counter == bulk.counter && bulk.classes.contains(meter.class);
                let class = self.classes().get(meter.class).filter(|_| named)?;
                let most = class.threshold?.least().checked_sub(1)?;
                let room = most.checked_sub(counted.before)?;
                let name = self.meter_name(meter)?;
                (counted.after > most).then(|| format!("at most {room} more of `{name}`"))
            })
        })
    }

    /// Less, or less sensitive, data after which the request would pass.
    fn other_data(&self, facts: &Facts<'_>, found: &mut Vec<String>) {
        let passes = |slices: Vec<Slice>| {
            let content: Content = self.weigh_slices(slices, facts.content.complete);
            !matches!(self.decide(&Facts { content: &content, ..*facts }), Decision::Refuse(_))
        };
        let without = |tag: Option<&crate::data::Tag>| -> Vec<Slice> {
            let one = |slice: &Slice| {
                let rest: Tags = slice
                    .tags
                    .iter()
                    .filter(|other| tag.is_some_and(|tag| tag != *other))
                    .cloned()
                    .collect();
                (!rest.is_empty()).then(|| Slice { tags: rest, ..slice.clone() })
            };
            facts.content.slices().filter_map(one).collect()
        };
        let tags = facts.content.tags();
        for tag in tags.iter().filter(|tag| passes(without(Some(tag)))) {
            found.push(format!("the data not tagged `{tag}`"));
        }
        if found.is_empty() && !tags.is_empty() && passes(without(None)) {
            found.push("no tag at all on the data".to_owned());
        }
    }
}

fn view_of(rule: &Rule, view: &View<'_>) -> RuleView {
    let standing = rule.test(view);
    let each = |conditions: &[Condition]| -> Vec<ConditionView> {
        let one = |c: &Condition| ConditionView { condition: c.to_string(), truth: c.truth(view) };
        conditions.iter().map(one).collect()
    };
    RuleView {
        rule: rule.id.clone(),
        pack: rule.pack.clone(),
        outcome: rule.outcome,
        mode: rule.mode,
        truth: standing.truth,
        presumed: standing.presumed,
        reason: rule.reason.clone(),
        cite: rule.cite.clone(),
        conditions: each(&rule.of_slice).into_iter().chain(each(&rule.conditions)).collect(),
        unless: each(&rule.unless),
    }
}

impl Condition {
    /// Whether the condition holds, for the request or for one of its slices.
    fn truth(&self, view: &View<'_>) -> Truth {
        if !self.is_of_slice() {
            return self.test(view).0;
        }
        let content = view.facts.content;
        let more = (Truth::pending(!content.complete), false);
        content.slices.iter().map(|slice| self.test_slice(view, slice)).fold(more, better).0
    }
}
