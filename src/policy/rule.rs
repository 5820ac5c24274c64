//! A rule: conditions that must all hold, and what follows when they do.

use std::fmt;

use serde::Serialize;

use super::condition::Condition;
use super::facts::Facts;
use super::truth::Truth;

/// What a rule demands, weakest first; the strongest that holds wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The request goes out.
    Allow,
    /// The request goes out and is marked in the record.
    Log,
    /// The request does not go out.
    Block,
}

impl Outcome {
    /// Whether nothing leaves.
    pub fn refuses(self) -> bool {
        self == Self::Block
    }

    /// The word in configuration and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Log => "log",
            Self::Block => "block",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a rule acts or only tells what it would have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The rule's outcome counts.
    #[default]
    Enforce,
    /// The rule's outcome is recorded and nothing else.
    Observe,
}

impl Mode {
    /// The word in configuration and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

/// The pack that a rule comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackInfo {
    /// Its id; `local` for rules of the main configuration.
    pub id: String,
    /// Its version, as the pack says.
    pub version: String,
    /// How many rules it brings.
    pub rules: usize,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Unique over all packs.
    pub id: String,
    /// The pack it comes from.
    pub pack: String,
    /// What follows when it holds.
    pub outcome: Outcome,
    /// Whether it acts.
    pub mode: Mode,
    /// Why, in words for the person who is refused.
    pub reason: String,
    /// The legal source, if there is one; its presence makes a refusal a 451.
    pub cite: Option<String>,
    /// All must hold.
    pub conditions: Vec<Condition>,
}

impl Rule {
    /// Whether the rule holds, and whether only because an unknown location counts as
    /// restricted.
    pub(super) fn test(&self, facts: &Facts<'_>) -> (Truth, bool) {
        let mut all = (Truth::Yes, false);
        for condition in &self.conditions {
            let (truth, presumed) = condition.test(facts);
            if truth == Truth::No {
                return (Truth::No, false);
            }
            all = (all.0.and(truth), all.1 || presumed);
        }
        all
    }
}
