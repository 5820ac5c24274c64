//! A rule: conditions that must all hold, and what follows when they do.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::declared::Word;
use super::pack::Validity;
use super::slice::Weighed;
use super::truth::Truth;
use super::view::View;
use super::volume::better;

/// What a rule demands, weakest first; the strongest that holds wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The request goes out.
    Allow,
    /// The request goes out and is marked in the record.
    Log,
    /// The request waits for a person.
    Hold,
    /// The request does not go out until something that is missing is declared.
    Require,
    /// The request does not go out.
    Block,
}

impl Outcome {
    /// Whether nothing leaves.
    pub fn refuses(self) -> bool {
        self >= Self::Hold
    }

    /// The word in configuration and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Log => "log",
            Self::Hold => "hold",
            Self::Require => "require",
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// One rule.
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the pack language")]
#[derive(Clone, Debug)]
pub struct Rule {
    /// Unique in its pack.
    pub id: String,
    /// The id of the pack it comes from.
    pub pack: String,
    /// That pack's place in the policy.
    pub pack_index: usize,
    /// When it is in force.
    pub validity: Validity,
    /// What follows when it holds.
    pub outcome: Outcome,
    /// Whether it acts.
    pub mode: Mode,
    /// Why, in words for the person who is refused.
    pub reason: String,
    /// The source, if there is one.
    pub cite: Option<String>,
    /// Whether the source is law, which makes a refusal a 451 (RFC 7725).
    pub legal: bool,
    /// The declarations whose absence it complains of.
    pub needs: Vec<Word>,
    /// The reports of its pack that it makes candidates of.
    pub reports: Vec<String>,
    /// Whether somebody is to be told at once.
    pub alert: bool,
    /// Whether what it bars may go without the values that it was found by.
    pub redact: bool,
    /// Whether its law demands the transfer.
    pub duty: bool,
    /// All must hold; after [`super::Policy`] has taken the rule, those on the whole request.
    pub conditions: Vec<Condition>,
    /// Those of them that are about one slice.
    pub of_slice: Vec<Condition>,
    /// None may hold.
    pub unless: Vec<Condition>,
    /// Whether a request goes out because of it; the policy knows.
    pub permits: bool,
}

/// How a rule stands to the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) truth: Truth,
    /// Whether it holds only because what is not known is presumed.
    pub(super) presumed: bool,
    /// The slice for which it holds, if it asks for one.
    pub(super) slice: Option<u8>,
}

impl Rule {
    /// A rule without dates, declarations or exceptions, as the main configuration has them.
    pub fn plain(id: impl Into<String>, outcome: Outcome, conditions: Vec<Condition>) -> Self {
        Self {
            id: id.into(),
            pack: "local".to_owned(),
            pack_index: 0,
            validity: Validity::default(),
            outcome,
            mode: Mode::Enforce,
            reason: String::new(),
            cite: None,
            legal: false,
            needs: Vec::new(),
            reports: Vec::new(),
            alert: false,
            redact: false,
            duty: false,
            conditions,
            of_slice: Vec::new(),
            unless: Vec::new(),
            permits: outcome == Outcome::Allow,
        }
    }

    /// Parts the conditions, cheap ones first.
    pub(super) fn part(&mut self) {
        let all = self.conditions.drain(..).chain(self.of_slice.drain(..));
        let (of_slice, whole) = all.partition(Condition::is_of_slice);
        (self.of_slice, self.conditions) = (of_slice, whole);
        self.of_slice.sort_by_key(Condition::cost);
        self.conditions.sort_by_key(Condition::cost);
    }

    /// The kinds of transaction that it names.
    pub(super) fn transactions(&self) -> impl Iterator<Item = &String> {
        self.all_conditions().chain(&self.unless).flat_map(Condition::transactions)
    }

    /// Whether it asks whose certificate the destination shows.
    pub(super) fn asks_peer(&self) -> bool {
        self.all_conditions().chain(&self.unless).any(Condition::asks_peer)
    }

    /// Every condition.
    pub fn all_conditions(&self) -> impl Iterator<Item = &Condition> {
        self.of_slice.iter().chain(&self.conditions)
    }

    /// Whether the rule holds for the request, or for one of its slices. A rule that permits
    /// presumes nothing.
    pub(super) fn test(&self, view: &View<'_>) -> Standing {
        let standing = self.stand(view);
        if standing.presumed && self.permits { Standing::NO } else { standing }
    }

    fn stand(&self, view: &View<'_>) -> Standing {
        let content = view.facts.content;
        if !self.of_slice.is_empty() && content.slices.is_empty() && content.complete {
            return Standing::NO;
        }
        let mut all = (Truth::Yes, false);
        for condition in &self.conditions {
            let (truth, presumed) = condition.test(view);
            if truth == Truth::No {
                return Standing::NO;
            }
            all = (all.0.and(truth), all.1 || presumed);
        }
        if self.of_slice.is_empty() {
            return self.excepted(view, None, Standing::whole(all));
        }
        let each = content.slices.iter().zip(0_u8..).map(|(slice, at)| {
            let standing = self.test_slice(view, slice, all);
            self.excepted(view, Some(slice), Standing { slice: Some(at), ..standing })
        });
        if self.permits {
            // What goes out because of a rule goes out whole: each slice must be within it, and
            // what is not whole yet may still come to be, or cease to be.
            if !content.complete {
                return Standing::whole((all.0.and(Truth::Unknown), false));
            }
            return each.fold(Standing::whole((Truth::Yes, false)), Standing::both);
        }
        let more = Standing::whole((all.0.and(Truth::pending(!content.complete)), false));
        each.fold(more, Standing::better)
    }

    fn test_slice(&self, view: &View<'_>, slice: &Weighed, whole: (Truth, bool)) -> Standing {
        let mut all = whole;
        for condition in &self.of_slice {
            let (truth, presumed) = condition.test_slice(view, slice);
            if truth == Truth::No {
                return Standing::NO;
            }
            all = (all.0.and(truth), all.1 || presumed);
        }
        Standing::whole(all)
    }

    /// Takes back what an exception excepts. Exceptions presume nothing.
    fn excepted(&self, view: &View<'_>, slice: Option<&Weighed>, standing: Standing) -> Standing {
        let mut left = standing;
        for condition in self.unless.iter().filter(|_| standing.truth != Truth::No) {
            let found = match slice {
                Some(slice) => condition.test_slice(view, slice),
                None if condition.is_of_slice() => self.excepting_slices(view, condition),
                None => condition.test(view),
            };
            match found {
                (Truth::Yes, false) => return Standing::NO,
                (Truth::Unknown, _) => left.truth = left.truth.and(Truth::Unknown),
                // A slice may still come to be excepted.
                (Truth::Yes, true) | (Truth::No, _)
                    if condition.is_of_slice() && !view.facts.content.complete =>
                {
                    left.truth = left.truth.and(Truth::Unknown);
                }
                (Truth::Yes, true) | (Truth::No, _) => {}
            }
        }
        left
    }
}

impl Rule {
    /// An exception that looks at data, of a rule that does not: one slice of it takes a
    /// permission back, and only all of them together take a refusal back.
    fn excepting_slices(&self, view: &View<'_>, condition: &Condition) -> (Truth, bool) {
        let content = view.facts.content;
        let more = Truth::pending(!content.complete);
        let each = content.slices.iter().map(|slice| condition.test_slice(view, slice));
        if self.permits {
            return each.fold((more, false), better);
        }
        let whole = if content.slices.is_empty() { Truth::No } else { Truth::Yes };
        let whole = if content.complete { whole } else { whole.and(Truth::Unknown) };
        each.fold((whole, false), |all, one| (all.0.and(one.0), all.1 || one.1))
    }
}

impl Standing {
    const NO: Self = Self { truth: Truth::No, presumed: false, slice: None };

    fn whole((truth, presumed): (Truth, bool)) -> Self {
        Self { truth, presumed, slice: None }
    }

    fn both(self, other: Self) -> Self {
        let slice = self.slice.or(other.slice);
        let presumed = self.presumed || other.presumed;
        Self { truth: self.truth.and(other.truth), presumed, slice }
    }

    fn better(self, other: Self) -> Self {
        let pair = |one: Self| (one.truth, one.presumed);
        if better(pair(self), pair(other)) == pair(self) { self } else { other }
    }
}
