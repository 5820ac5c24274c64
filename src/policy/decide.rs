//! The decision itself.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;

use crate::data::{TagPattern, Tags};
use crate::net::{NetworkSet, Special};

use super::condition::{Condition, TagMask};
use super::decision::{Basis, Decision, Held, Permit, Refusal, Verdict};
use super::facts::{Content, Facts, Place, TagBits};
use super::rule::{Mode, Outcome, Rule};
use super::truth::Truth;

/// Everything that decides, compiled once and never changed.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    patterns: Vec<TagPattern>,
    settings: PolicySettings,
}

/// What holds beside the rules.
#[derive(Clone, Debug)]
pub struct PolicySettings {
    /// The outcome where no rule holds.
    pub default: Outcome,
    /// Kinds of non-public destinations that are open.
    pub open_kinds: HashSet<Special>,
    /// Non-public networks that are open.
    pub open_networks: NetworkSet,
}

impl Default for PolicySettings {
    fn default() -> Self {
        let open_networks = NetworkSet::default();
        Self { default: Outcome::Allow, open_kinds: HashSet::new(), open_networks }
    }
}

impl Policy {
    /// Compiles the rules. At most [`TagBits::CAPACITY`] distinct tag patterns fit; the
    /// configuration floor reports more as a mistake before it comes here.
    pub fn new(mut rules: Vec<Rule>, settings: PolicySettings) -> Self {
        let mut patterns = Vec::new();
        for rule in &mut rules {
            for condition in &mut rule.conditions {
                if let Condition::Tags(mask) = condition {
                    mask.compile(&mut patterns);
                }
            }
            rule.conditions.sort_by_key(Condition::cost);
        }
        Self { rules, patterns, settings }
    }

    /// Prepares what is known of the data; `complete` says that no tag can come any more.
    pub fn weigh(&self, tags: Tags, complete: bool) -> Content {
        let mut bits = TagBits::default();
        if !tags.is_empty() {
            for (bit, pattern) in self.patterns.iter().enumerate() {
                if tags.iter().any(|tag| pattern.matches(tag)) {
                    bits.insert(bit);
                }
            }
        }
        Content { tags, bits, complete }
    }

    /// Decides on what is known so far. `Allow` and `Refuse` are final: no fact learned
    /// later takes them back.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let tally = match self.tally(facts) {
            Err(refusal) => return Decision::Refuse(refusal),
            Ok(tally) => tally,
        };
        match facts.place {
            _ if tally.pending => Decision::Inspect,
            Some(place) => self.settle(place, tally).into(),
            // Where no rule could permit any more, no name server needs to hear the name.
            None if tally.strongest.is_none() && self.settings.default.refuses() => {
                let held = tally.held;
                Decision::Refuse(Refusal { basis: Basis::Default, held, socket: None })
            }
            None => Decision::Inspect,
        }
    }

    /// Decides when all is known that ever will be: what is still open counts as not
    /// there, and the type leaves no third answer.
    pub fn conclude(&self, facts: &Facts<'_>, place: Place<'_>) -> Verdict {
        match self.tally(&Facts { place: Some(place), ..*facts }) {
            Err(refusal) => Verdict::Refuse(refusal),
            Ok(tally) => self.settle(place, tally),
        }
    }

    /// Asks every rule; a refusal that nothing can take back ends it.
    fn tally(&self, facts: &Facts<'_>) -> Result<Tally, Refusal> {
        let socket = facts.place.map(|place| place.socket);
        if let Some(kind) = facts.place.as_ref().and_then(|place| self.closed(place)) {
            return Err(Refusal { basis: Basis::Special(kind), held: Vec::new(), socket });
        }
        let mut tally = Tally::default();
        for (index, rule) in self.rules.iter().enumerate() {
            tally.count(rule, index, rule.test(facts));
        }
        tally.order(&self.rules);
        match tally.strongest {
            Some((outcome, held)) if outcome.refuses() => {
                Err(Refusal { basis: Basis::Rule(held), held: tally.held, socket })
            }
            Some(_) | None => Ok(tally),
        }
    }

    /// The answer when no rule refuses: the strongest that holds, else the default.
    fn settle(&self, place: Place<'_>, tally: Tally) -> Verdict {
        let outcome = tally.strongest.map_or(self.settings.default, |(outcome, _)| outcome);
        let (socket, held) = (place.socket, tally.held);
        if outcome.refuses() {
            return Verdict::Refuse(Refusal { basis: Basis::Default, held, socket: Some(socket) });
        }
        Verdict::Allow(Permit { socket, outcome, held })
    }

    /// The name under which the tags are counted: the first pattern of a rule that one of
    /// them matches, so that what clients write cannot multiply the metric's series.
    pub fn class_of(&self, tags: &Tags) -> Cow<'static, str> {
        if tags.is_empty() {
            return Cow::Borrowed("none");
        }
        let named = self.patterns.iter().filter(|pattern| **pattern != TagPattern::Any);
        let found = named.into_iter().find(|pattern| tags.iter().any(|tag| pattern.matches(tag)));
        found.map_or(Cow::Borrowed("other"), |pattern| Cow::Owned(pattern.to_string()))
    }

    /// The rules in the order of the configuration.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What holds beside the rules.
    pub fn settings(&self) -> &PolicySettings {
        &self.settings
    }

    /// The kind of a destination that is not public and not opened.
    fn closed(&self, place: &Place<'_>) -> Option<Special> {
        let kind = place.special?;
        let open = self.settings.open_kinds.contains(&kind) || self.is_open(place.judged);
        (!open).then_some(kind)
    }

    fn is_open(&self, address: IpAddr) -> bool {
        self.settings.open_networks.contains(address)
    }
}

impl TagMask {
    /// A mask that a policy will compile.
    pub fn new(patterns: Vec<TagPattern>) -> Self {
        Self { patterns, bits: TagBits::default() }
    }

    fn compile(&mut self, known: &mut Vec<TagPattern>) {
        self.bits = TagBits::default();
        for pattern in &self.patterns {
            let place = known.iter().position(|other| other == pattern).unwrap_or_else(|| {
                known.push(pattern.clone());
                known.len() - 1
            });
            self.bits.insert(place);
        }
    }
}

/// What the rules say, added up.
#[derive(Default)]
struct Tally {
    held: Vec<Held>,
    strongest: Option<(Outcome, Held)>,
    pending: bool,
}

impl Tally {
    fn count(&mut self, rule: &Rule, index: usize, (truth, presumed): (Truth, bool)) {
        match truth {
            Truth::No => return,
            Truth::Unknown => return self.pending = true,
            Truth::Yes => {}
        }
        let held = Held { rule: index, presumed };
        self.held.push(held);
        if rule.mode == Mode::Observe {
            return;
        }
        // Evidence comes before presumption, then the order of the configuration: the
        // reason that is told is the best one there is.
        let better = |(outcome, best): (Outcome, Held)| {
            (rule.outcome, !presumed) > (outcome, !best.presumed)
        };
        if self.strongest.is_none_or(better) {
            self.strongest = Some((rule.outcome, held));
        }
    }

    /// Puts the rule that decides first, then by strength.
    fn order(&mut self, rules: &[Rule]) {
        let strongest = self.strongest.map(|(_, held)| held);
        let rank = |held: &Held| {
            let rule = rules.get(held.rule);
            let outcome = rule.map(|rule| (rule.mode == Mode::Enforce, rule.outcome));
            (Some(*held) != strongest, std::cmp::Reverse(outcome))
        };
        if self.held.len() > 1 {
            self.held.sort_by_key(rank);
        }
    }
}
