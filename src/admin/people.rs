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
        let means = |rule: &&Rule| match wanted.split_once('/') {
            Some((pack, id)) => rule.pack == pack && rule.id == id,
            None => rule.id == wanted,
        };
        let active = self.proxy.active();
        if active.policy.rules().iter().filter(means).any(names_people) {
            who.may_ask_for_people("a filter by a rule that names clients")?;
        }
        Ok(())
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
