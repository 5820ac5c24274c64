//! What the last reload did.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::policy::{Condition, Policy, Rule};

/// What is told of mistakes to who may not see people: they quote the lines of the configuration.
const MASKED: &str = "what is wrong quotes the configuration, which may name people: it is shown from \
                      the role auditor on";

/// What the last reload did, as the interface tells it: to who may see people, and to others.
#[derive(Debug, Default)]
pub struct History(Mutex<Option<[Value; 2]>>);

impl History {
    /// A configuration has taken the place of another.
    pub fn reloaded(&self, digest: &str, before: &Policy, now: &Policy) {
        let at = Timestamp::now().to_string();
        let view = |named| {
            json!({
                "at": at,
                "ok": true,
                "digest": digest,
                "problems": null,
                "difference": difference(before, now, named),
            })
        };
        self.set([view(true), view(false)]);
    }

    /// A configuration was not taken.
    pub fn failed(&self, problems: &str) {
        let at = Timestamp::now().to_string();
        let view = |problems| {
            json!({
                "at": at,
                "ok": false,
                "digest": null,
                "problems": problems,
                "difference": null,
            })
        };
        self.set([view(problems), view(MASKED)]);
    }

    /// Where it was refused, what is in force is still of the one before.
    fn set(&self, mut views: [Value; 2]) {
        let mut last = self.0.lock().expect("no thread panics with the history");
        let earlier = last.take().unwrap_or_default();
        for (view, earlier) in views.iter_mut().zip(earlier) {
            let taken = |view: &Value| view.get("ok").and_then(Value::as_bool) == Some(true);
            view["in_force"] = match (taken(view), taken(&earlier)) {
                (true, _) => Value::Null,
                (false, true) => earlier,
                (false, false) => earlier.get("in_force").cloned().unwrap_or_default(),
            };
        }
        *last = Some(views);
    }

    /// With the names of people, or without.
    pub(super) fn last(&self, named: bool) -> Option<Value> {
        let views = self.0.lock().expect("no thread panics with the history").clone();
        views.map(|[full, masked]| if named { full } else { masked })
    }
}

/// What became of packs and rules.
fn difference(before: &Policy, now: &Policy, named: bool) -> Value {
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
    // Other names are a change also for who does not see them.
    let rules = |policy: &Policy| -> BTreeMap<(String, String), [String; 2]> {
        let words = |rule: &Rule| [in_words(rule, true), in_words(rule, false)];
        let rules = policy.rules().iter();
        rules.map(|rule| ((rule.pack.clone(), rule.id.clone()), words(rule))).collect()
    };
    let shown =
        |words: Option<[String; 2]>| words.map(|[full, masked]| if named { full } else { masked });
    let changed = changes(&rules(before), &rules(now));
    let rules: Vec<_> = changed
        .into_iter()
        .map(|((pack, rule), change, before, now)| {
            let (before, now) = (shown(before), shown(now));
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
fn in_words(rule: &Rule, named: bool) -> String {
    let words = |condition: &Condition| {
        let masked = condition.without_names().filter(|_| !named);
        masked.unwrap_or_else(|| condition.to_string())
    };
    let mut text = rule.outcome.name().to_owned();
    if rule.mode == crate::policy::Mode::Observe {
        text.push_str(" (observed)");
    }
    for (at, condition) in rule.all_conditions().enumerate() {
        text.push_str(if at == 0 { " if " } else { " and " });
        text.push_str(&words(condition));
    }
    for condition in &rule.unless {
        text.push_str(&format!(" unless {}", words(condition)));
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
    fn who_sees_nobody_is_told_a_change_without_names() {
        let rule = |network: &str| {
            let networks = [network.parse().unwrap()].into_iter().collect();
            Rule::plain("a", Outcome::Log, vec![Condition::Clients(networks)])
        };
        let history = History::default();
        history.reloaded("", &policy(vec![rule("192.0.2.1/32")]), &policy(vec![rule("::1/128")]));
        let told = |named| history.last(named).unwrap()["difference"]["rules"][0].to_string();
        assert!(told(true).contains("192.0.2.1") && told(true).contains("::1"));
        assert!(!told(false).contains("192.0.2.1") && !told(false).contains("::1"));
        assert!(told(false).contains("client in one of 1 networks"), "{}", told(false));
    }

    #[test]
    fn a_reload_is_told_by_what_it_changed() {
        let rule = |id: &str, outcome| Rule::plain(id, outcome, Vec::new());
        let before = policy(vec![rule("a", Outcome::Log), rule("b", Outcome::Log)]);
        let now = policy(vec![rule("b", Outcome::Block), rule("c", Outcome::Log)]);
        let history = History::default();
        assert_eq!(history.last(true), None);
        history.reloaded("sha256:00", &before, &now);
        let last = history.last(true).unwrap();
        let rules = last.pointer("/difference/rules").and_then(Value::as_array).unwrap();
        let told: Vec<_> = rules
            .iter()
            .map(|one| (one["rule"].as_str().unwrap(), one["change"].as_str().unwrap()))
            .collect();
        assert_eq!(told, [("a", "removed"), ("b", "changed"), ("c", "added")]);
        assert_eq!(rules[1]["after"], "block: ");
        history.failed("error: no `Jane.Doe`");
        assert_eq!(history.last(true).unwrap()["problems"], "error: no `Jane.Doe`");
        let masked = history.last(false).unwrap();
        assert_eq!((&masked["ok"], &masked["problems"]), (&json!(false), &json!(MASKED)));
        history.failed("error: no, again");
        let last = history.last(true).unwrap();
        assert_eq!(last["in_force"]["difference"]["rules"][1]["after"], "block: ");
        history.reloaded("sha256:01", &now, &now);
        assert_eq!(history.last(true).unwrap()["in_force"], Value::Null);
    }
}
