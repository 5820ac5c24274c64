//! What was found in a request, as its record keeps it: no value, only what tells how it looked,
//! where it stood and which values were equal.

use crate::data::{Finding, Findings, Inspector};

/// What was found, a line for each tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// By tag.
    pub kinds: Vec<Kind>,
    /// Which key the digests are made with.
    pub key_id: String,
}

/// All findings of one tag, and the surest of those that were kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// How many values.
    pub count: u64,
    /// How many distinct ones.
    pub distinct: u64,
    /// The finding that stands for them.
    pub one: Finding,
}

impl Found {
    /// What a record keeps of findings.
    pub fn of(findings: &Findings, inspector: &Inspector) -> Self {
        let one = |(tag, sum): (&_, &crate::data::Summary)| {
            let same = findings.kept().iter().filter(|one| one.tag == *tag);
            // The first of the surest: where people look first.
            let one = same.rev().max_by_key(|one| one.confidence)?.clone();
            Some(Kind { count: sum.count, distinct: sum.distinct(), one })
        };
        let kinds = findings.sums().iter().filter_map(one).collect();
        let key_id = inspector.detectors().digester().key_id().to_owned();
        Self { kinds, key_id }
    }
}
