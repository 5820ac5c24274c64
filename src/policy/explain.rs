//! The decision taken apart: every rule's truth, and what would change the answer.

use serde::Serialize;

use crate::data::Tags;

use super::condition::Condition;
use super::decide::Policy;
use super::decision::{Basis, Decision};
use super::facts::{Content, Facts};
use super::rule::{Mode, Outcome, Rule};
use super::truth::Truth;

/// A decision with its reasons.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What [`Policy::decide`] answers to the same facts.
    pub decision: Decision,
    /// Every rule, in the order of the configuration.
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
    /// Whether it holds only because an unknown location counts as restricted.
    pub presumed: bool,
    /// Why, in words.
    pub reason: String,
    /// The legal source.
    pub cite: Option<String>,
    /// Each condition.
    pub conditions: Vec<ConditionView>,
}

/// One condition, asked about one request.
#[derive(Clone, Debug, Serialize)]
pub struct ConditionView {
    /// The condition in words.
    pub condition: String,
    /// Whether it holds.
    pub truth: Truth,
}

impl Policy {
    /// Explains what [`Policy::decide`] answers.
    pub fn explain(&self, facts: &Facts<'_>) -> Explanation {
        let decision = self.decide(facts);
        let rules = self.rules().iter().map(|rule| view(rule, facts)).collect();
        let changes = self.changes(facts, &decision);
        Explanation { decision, rules, changes }
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
            Basis::Rule(_) => {}
        }
        for tag in facts.content.tags.iter() {
            let rest: Tags =
                facts.content.tags.iter().filter(|other| *other != tag).cloned().collect();
            let content = self.weigh(rest, facts.content.complete);
            if !self.refuses(&Facts { content: &content, ..*facts }) {
                found.push(format!("the data not tagged `{tag}`"));
            }
        }
        if found.is_empty() && !facts.content.tags.is_empty() {
            let content: Content = self.weigh(Tags::default(), facts.content.complete);
            if !self.refuses(&Facts { content: &content, ..*facts }) {
                found.push("no tag at all on the data".to_owned());
            }
        }
        let blocking = || refusal.held.iter().filter_map(|held| self.rules().get(held.rule));
        let enforced = |rule: &&Rule| rule.outcome.refuses() && rule.mode == Mode::Enforce;
        let blocking: Vec<_> = blocking().filter(enforced).collect();
        for rule in &blocking {
            let free = rule.conditions.iter().filter(|c| !matches!(c, Condition::Tags(_)));
            let also =
                if blocking.len() > 1 { " (together with the other rules here)" } else { "" };
            found.extend(free.map(|c| format!("not `{c}`, rule `{}`{also}", rule.id)));
            found.push(format!("`mode = \"observe\"` on rule `{}`{also}", rule.id));
        }
        found
    }

    fn refuses(&self, facts: &Facts<'_>) -> bool {
        matches!(self.decide(facts), Decision::Refuse(_))
    }
}

fn view(rule: &Rule, facts: &Facts<'_>) -> RuleView {
    let (truth, presumed) = rule.test(facts);
    let conditions = rule.conditions.iter();
    let conditions = conditions
        .map(|c| ConditionView { condition: c.to_string(), truth: c.test(facts).0 })
        .collect();
    RuleView {
        rule: rule.id.clone(),
        pack: rule.pack.clone(),
        outcome: rule.outcome,
        mode: rule.mode,
        truth,
        presumed,
        reason: rule.reason.clone(),
        cite: rule.cite.clone(),
        conditions,
    }
}
