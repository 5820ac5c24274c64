//! A verdict that is reached after the first: on what a body, or a message, told while it left. It
//! stands in the journal before that leaves; the record of the request has all of it at its end.

use serde::Serialize;

use crate::policy::{HeldRules, Mode, Outcome, Policy};

use super::Deed;
use super::record::{Tolled, retain_years};

/// A verdict on a request under way, in the words of its record.
#[derive(Debug, Serialize)]
pub struct Late<'a> {
    time: String,
    id: String,
    client: &'a str,
    host: String,
    tags: Vec<&'a str>,
    rules: Vec<Rule<'a>>,
    outcome: Outcome,
    /// As its record has it, which a crash may keep from being written.
    retain_years: Option<u16>,
}

#[derive(Debug, Serialize)]
struct Rule<'a> {
    #[serde(rename = "rule")]
    id: &'a str,
    pack: &'a str,
    outcome: Outcome,
    mode: Mode,
    cite: Option<&'a str>,
}

impl<'a> Late<'a> {
    /// The verdict on a request, of which these rules hold, and for which this was counted.
    pub fn new(
        (deed, policy): (&'a Deed, &'a Policy),
        (held, outcome): (&HeldRules, Outcome),
        counts: &[Tolled],
    ) -> Self {
        let rules = held.iter().filter_map(|held| {
            let rule = policy.rule(held)?;
            let (pack, cite) = (&*rule.pack, rule.cite.as_deref());
            Some(Rule { id: &rule.id, pack, outcome: held.outcome, mode: rule.mode, cite })
        });
        Self {
            time: format!("{:.3}", deed.at),
            id: deed.decision.to_string(),
            client: &deed.client,
            host: deed.host.to_string(),
            tags: deed.tags.iter().map(crate::data::Tag::as_str).collect(),
            rules: rules.collect(),
            outcome,
            retain_years: retain_years(policy, held, counts),
        }
    }

    /// One line of JSON without its end.
    pub fn line(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("there are only string keys")
    }
}
