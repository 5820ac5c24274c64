//! What rules say of people, for roles that may not see who asks: who is named in a rule is not
//! shown, and its traffic is not sought by it.

use serde_json::Value;

use crate::audit::index::Filters;
use crate::policy::{Policy, Rule};

use super::reply::Wrong;
use super::role::Who;
use super::state::Admin;

impl Admin {
    /// A filter by a person is a look at them, and so is one by a rule that is about some.
    pub(super) fn may_filter(&self, who: &Who, filters: &Filters) -> Result<(), Wrong> {
        if filters.client.is_some() {
            who.may_ask_for_people("`client`")?;
        }
        let Some(wanted) = filters.rule.as_deref() else { return Ok(()) };
        let active = self.proxy.active();
        let mut meant = active.policy.rules().iter().filter(|rule| is_meant(rule, wanted));
        if meant.any(names_people) {
            who.may_ask_for_people("a filter by a rule that names clients")?;
        }
        Ok(())
    }
}

/// As the filter has it: `pack/rule`, `rule`, or `pack/` for any of a pack.
fn is_meant(rule: &Rule, wanted: &str) -> bool {
    match wanted.split_once('/') {
        Some((pack, "")) => rule.pack == pack,
        Some((pack, id)) => rule.pack == pack && rule.id == id,
        None => rule.id == wanted,
    }
}

fn names_people(rule: &Rule) -> bool {
    rule.all_conditions().chain(&rule.unless).any(|one| one.without_names().is_some())
}

/// Takes the names out of every text that quotes a condition.
pub(super) fn mask(policy: &Policy, view: &mut Value) {
    let rules = policy.rules().iter();
    let conditions = rules.flat_map(|rule| rule.all_conditions().chain(&rule.unless));
    let mut quoted: Vec<_> =
        conditions.filter_map(|one| Some((one.to_string(), one.without_names()?))).collect();
    // One may begin with another: `client is ann`, `client is ann or bob`.
    quoted.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    replace(&quoted, view);
}

fn replace(quoted: &[(String, String)], view: &mut Value) {
    match view {
        Value::String(text) => {
            for (plain, masked) in quoted {
                if text.contains(plain) {
                    *text = text.replace(plain, masked);
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| replace(quoted, one)),
        Value::Object(all) => all.values_mut().for_each(|one| replace(quoted, one)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Outcome;

    #[test]
    fn a_filter_by_a_pack_means_every_rule_of_it() {
        let rule = Rule::plain("jane-only", Outcome::Log, Vec::new());
        let pack = format!("{}/", rule.pack);
        for wanted in ["jane-only", &*pack, &format!("{pack}jane-only")] {
            assert!(is_meant(&rule, wanted), "{wanted}");
        }
        for other in ["", "other/", "other/jane-only", &format!("{pack}other")] {
            assert!(!is_meant(&rule, other), "{other}");
        }
    }
}
