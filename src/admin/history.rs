//! What the last reload did.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::policy::{Policy, Rule};

/// What the last reload did, as the interface tells it.
#[derive(Debug, Default)]
pub struct History(Mutex<Option<Value>>);

impl History {
    /// A configuration has taken the place of another.
    pub fn reloaded(&self, digest: &str, before: &Policy, now: &Policy) {
        self.set(json!({
            "at": Timestamp::now().to_string(),
            "ok": true,
            "digest": digest,
            "problems": null,
            "difference": difference(before, now),
        }));
    }

    /// A configuration was not taken.
    pub fn failed(&self, problems: &str) {
        self.set(json!({
            "at": Timestamp::now().to_string(),
            "ok": false,
            "digest": null,
            "problems": problems,
            "difference": null,
        }));
    }

    fn set(&self, value: Value) {
        *self.0.lock().expect("no thread panics with the history") = Some(value);
    }

    pub(super) fn last(&self) -> Option<Value> {
        self.0.lock().expect("no thread panics with the history").clone()
    }
}

/// What became of packs and rules.
fn difference(before: &Policy, now: &Policy) -> Value {
    let packs = |policy: &Policy| -> BTreeMap<String, (String, String)> {
        let packs = policy.packs().iter();
        packs.map(|one| (one.id.clone(), (one.version.clone(), one.digest.clone()))).collect()
    };
    let changed = changes(&packs(before), &packs(now));
    let packs: Vec<_> = changed
        .into_iter()
        .map(|(id, change, before, now)| {
            let version =
                |pack: Option<&(String, String)>| pack.map(|(version, _)| version.clone());
            json!({ "id": id, "change": change, "before": version(before.as_ref()),
                    "after": version(now.as_ref()) })
        })
        .collect();
    let rules = |policy: &Policy| -> BTreeMap<(String, String), String> {
        let rules = policy.rules().iter();
        rules.map(|rule| ((rule.pack.clone(), rule.id.clone()), in_words(rule))).collect()
    };
    let changed = changes(&rules(before), &rules(now));
    let rules: Vec<_> = changed
        .into_iter()
        .map(|((pack, rule), change, before, now)| {
            json!({ "pack": pack, "rule": rule, "change": change, "before": before, "after": now })
        })
        .collect();
    json!({ "packs": packs, "rules": rules })
}

type Change<K, V> = (K, &'static str, Option<V>, Option<V>);

fn changes<K: Ord + Clone, V: PartialEq + Clone>(
    before: &BTreeMap<K, V>,
    now: &BTreeMap<K, V>,
) -> Vec<Change<K, V>> {
    let gone = before.iter().filter(|(key, _)| !now.contains_key(key));
    let gone = gone.map(|(key, old)| (key.clone(), "removed", Some(old.clone()), None));
    let other = now.iter().filter_map(|(key, new)| match before.get(key) {
        None => Some((key.clone(), "added", None, Some(new.clone()))),
        Some(old) if old != new => {
            Some((key.clone(), "changed", Some(old.clone()), Some(new.clone())))
        }
        Some(_) => None,
    });
    let mut all: Vec<_> = gone.chain(other).collect();
    all.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    all
}

/// A rule in one line: whatever changes about it shows.
fn in_words(rule: &Rule) -> String {
    let mut text = rule.outcome.name().to_owned();
    if rule.mode == crate::policy::Mode::Observe {
        text.push_str(" (observed)");
    }
    for (at, condition) in rule.all_conditions().enumerate() {
        text.push_str(if at == 0 { " if " } else { " and " });
        text.push_str(&condition.to_string());
    }
    for condition in &rule.unless {
        text.push_str(&format!(" unless {condition}"));
    }
    for (word, on) in [("alert", rule.alert), ("redact", rule.redact), ("duty", rule.duty)] {
        if on {
            text.push_str(&format!(", {word}"));
        }
    }
    if let Some(from) = rule.validity.from {
        text.push_str(&format!(", from {from}"));
    }
    if let Some(until) = rule.validity.until {
        text.push_str(&format!(", until {until}"));
    }
    if !rule.reports.is_empty() {
        text.push_str(&format!(", reports {}", rule.reports.join(" and ")));
    }
    text.push_str(&format!(": {}", rule.reason));
    if let Some(cite) = &rule.cite {
        text.push_str(&format!(" [{cite}]"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Outcome, PolicySettings};

    fn policy(rules: Vec<Rule>) -> Policy {
        Policy::new(rules, PolicySettings::default())
    }

    #[test]
    fn a_reload_is_told_by_what_it_changed() {
        let rule = |id: &str, outcome| Rule::plain(id, outcome, Vec::new());
        let before = policy(vec![rule("a", Outcome::Log), rule("b", Outcome::Log)]);
        let now = policy(vec![rule("b", Outcome::Block), rule("c", Outcome::Log)]);
        let history = History::default();
        assert_eq!(history.last(), None);
        history.reloaded("sha256:00", &before, &now);
        let last = history.last().unwrap();
        let rules = last.pointer("/difference/rules").and_then(Value::as_array).unwrap();
        let told: Vec<_> = rules
            .iter()
            .map(|one| (one["rule"].as_str().unwrap(), one["change"].as_str().unwrap()))
            .collect();
        assert_eq!(told, [("a", "removed"), ("b", "changed"), ("c", "added")]);
        assert_eq!(rules[1]["after"], "block: ");
        history.failed("error: no");
        assert_eq!(history.last().unwrap()["ok"], false);
    }
}
