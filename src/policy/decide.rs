//! The decision itself.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::data::{Tag, TagPattern, Tags};
use crate::net::{NetworkSet, Special};

use super::class::{Class, Made};
use super::condition::{Condition, TagMask};
use super::decision::{Basis, Decision, Held, HeldRules, Permit, Refusal, Stake, Verdict, place};
use super::facts::{Circumstances, Content, Facts, Place, TagBits};
use super::index::{Index, RuleSet};
use super::nearby::Nearby;
use super::pack::{Exporter, Grant, Pack};
use super::peer::Peer;
use super::register::{Register, Sighting};
use super::rule::{Mode, Outcome, Rule};
use super::slice::{ClassBits, Slice, Weighed};
use super::tally::Tally;
use super::truth::Truth;
use super::view::{Recognised, View};
use super::volume::{Counter, Counts};

/// Everything that decides, compiled once and never changed.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    patterns: Vec<TagPattern>,
    settings: PolicySettings,
    law: Law,
    index: Index,
    nearby: Nearby,
    /// The kinds of transaction that some rule knows.
    transactions: BTreeSet<String>,
    /// Whether some rule asks whose certificate the destination shows, or the register would know.
    asks_peer: bool,
}

/// What packs bring beside their rules.
#[derive(Clone, Debug, Default)]
pub struct Law {
    /// The packs; rules name them by place. Without any, rules are the configuration's own.
    pub packs: Vec<Pack>,
    /// The classes of all packs.
    pub classes: Vec<Class>,
    /// The counters of all packs.
    pub counters: Vec<Counter>,
    /// The exemptions in use.
    pub grants: Vec<Grant>,
    /// Who recipients are.
    pub register: Arc<Register>,
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

/// A pack, and whether it binds the exporter: found once for rules of one pack, which follow one
/// another.
#[derive(Clone, Copy)]
struct Bound<'p> {
    index: usize,
    pack: Option<&'p Pack>,
    binds: (bool, bool),
}

impl Policy {
    /// Compiles rules that come from no pack.
    pub fn new(rules: Vec<Rule>, settings: PolicySettings) -> Self {
        Self::with_law(rules, settings, Law::default())
    }

    /// Compiles rules and the packs they come from. At most [`TagBits::CAPACITY`] distinct tag
    /// patterns and [`ClassBits::CAPACITY`] classes fit; the configuration floor reports more
    /// as a mistake before it comes here.
    pub fn with_law(mut rules: Vec<Rule>, settings: PolicySettings, mut law: Law) -> Self {
        let mut patterns = Vec::new();
        for rule in &mut rules {
            for condition in rule.conditions.iter_mut().chain(&mut rule.unless) {
                if let Condition::Tags(mask) = condition {
                    mask.compile(&mut patterns);
                }
            }
            rule.part();
            rule.permits = rule.outcome == Outcome::Allow
                || (rule.outcome == Outcome::Log && settings.default.refuses());
        }
        for class in &mut law.classes {
            if let Made::Of(mask) = &mut class.data {
                mask.compile(&mut patterns);
            }
        }
        let index = Index::new(&rules, patterns.len(), law.classes.len());
        let nearby = Nearby::new(&rules);
        let transactions = rules.iter().flat_map(Rule::transactions).cloned().collect();
        let asks_peer = law.register.knows_keys() || rules.iter().any(Rule::asks_peer);
        Self { rules, patterns, settings, law, index, nearby, transactions, asks_peer }
    }

    /// Prepares plain tags of unknown people; `complete` says that no tag can come any more.
    pub fn weigh(&self, tags: Tags, complete: bool) -> Content {
        let slices = if tags.is_empty() { Vec::new() } else { vec![Slice::of_tags(tags)] };
        self.weigh_slices(slices, complete)
    }

    /// Prepares what is known of the data.
    pub fn weigh_slices(&self, slices: Vec<Slice>, complete: bool) -> Content {
        let mut content = Content {
            tags: Tags::default(),
            slices: Vec::with_capacity(slices.len()),
            linked: ClassBits::default(),
            candidates: RuleSet::default(),
            complete,
        };
        for slice in slices {
            slice.tags.iter().for_each(|tag| content.tags.insert(tag.clone()));
            let weighed = self.weigh_one(slice);
            if weighed.slice.linked {
                content.linked = content.linked.union(&weighed.classes);
            }
            content.slices.push(weighed);
        }
        content.candidates = self.index.candidates(&content.slices, complete);
        content
    }

    fn weigh_one(&self, slice: Slice) -> Weighed {
        let mut bits = TagBits::default();
        for (bit, pattern) in self.patterns.iter().enumerate() {
            if slice.tags.iter().any(|tag| pattern.matches(tag)) {
                bits.insert(bit);
            }
        }
        let (mut classes, mut presumed) = (ClassBits::default(), ClassBits::default());
        for (at, class) in self.law.classes.iter().enumerate() {
            let (holds, by_presumption) = class.holds(&slice, &bits);
            if holds {
                classes.insert(at);
            }
            if by_presumption {
                presumed.insert(at);
            }
        }
        Weighed { slice, bits, classes, presumed }
    }

    /// Decides on what is known so far. `Allow` and `Refuse` are final: no fact learned
    /// later takes them back.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        if let Some(refusal) = self.refuse_special(facts) {
            return Decision::Refuse(refusal);
        }
        let mut tally = self.tally(facts);
        match facts.place {
            // What is held or barred by evidence stays so, whatever else is learned.
            _ if tally.is_final() => Decision::Refuse(tally.refuse(facts)),
            _ if tally.is_pending() => Decision::Inspect,
            Some(place) => self.settle(place, facts, &mut tally).into(),
            None if tally.refuses() => Decision::Inspect,
            // Where no rule could permit any more, no name server needs to hear the name.
            None if tally.is_silent() && self.settings.default.refuses() => {
                Decision::Refuse(tally.refuse_by_default(self.settings.default, None))
            }
            None => Decision::Inspect,
        }
    }

    /// Whether a rule may still hold that obliges to more than its outcome: of such a request all is
    /// found out that a law wants on record, also where its answer is final.
    pub fn may_oblige(&self, facts: &Facts<'_>) -> bool {
        self.tally(facts).may_oblige()
    }

    /// What depends on what is not known yet of a request to one place.
    pub fn stake(&self, facts: &Facts<'_>) -> Stake {
        if self.refuse_special(facts).is_some() {
            return Stake::Nothing;
        }
        let tally = self.tally(facts);
        if tally.is_final() || !tally.is_pending() {
            return Stake::Nothing;
        }
        let bars = tally.may_bar() || self.settings.default.refuses();
        // An approval was for what was known then; more of it waits for a person again.
        let approved = !facts.circumstances.approvals.is_empty();
        if bars || approved { Stake::Answer } else { Stake::Record }
    }

    /// Decides when all is known that ever will be: what is still open counts as not
    /// there, a count that nobody knows is presumed, and the type leaves no third answer.
    pub fn conclude(&self, facts: &Facts<'_>, place: Place<'_>) -> Verdict {
        let unknown = Counts::default();
        let counts = facts.circumstances.counts.or(Some(&unknown));
        let circumstances = Circumstances { counts, ..facts.circumstances };
        // What has not been shown by now never will be.
        let peer = if facts.peer == Peer::Awaited { Peer::Hidden } else { facts.peer };
        let facts = Facts { place: Some(place), peer, circumstances, ..*facts };
        match self.refuse_special(&facts) {
            Some(refusal) => Verdict::Refuse(refusal),
            None => self.settle(place, &facts, &mut self.tally(&facts)),
        }
    }

    /// The ticket to connect to a place and see whose certificate is shown there. Nothing of the
    /// request may go out on it: [`Self::conclude`] gives the ticket for that.
    pub fn introduce(&self, facts: &Facts<'_>, place: Place<'_>) -> Verdict {
        let facts = Facts { place: Some(place), ..*facts };
        match self.decide(&facts) {
            Decision::Allow(permit) => Verdict::Allow(permit),
            Decision::Refuse(refusal) => Verdict::Refuse(refusal),
            Decision::Inspect => {
                let (outcome, held) = (Outcome::Allow, HeldRules::new());
                Verdict::Allow(Permit { socket: place.socket, outcome, held })
            }
        }
    }

    /// The rules that refuse, and act.
    pub fn barring<'p>(&'p self, refusal: &'p Refusal) -> impl Iterator<Item = &'p Rule> {
        let bars = |held: &&Held| held.outcome.refuses() && self.enforces(held);
        refusal.held.iter().filter(bars).filter_map(|held| self.rule(held))
    }

    /// Whether every rule that bars lets out what it bars without the values.
    pub fn redacts(&self, refusal: &Refusal) -> bool {
        matches!(refusal.basis, Basis::Rule(_)) && self.barring(refusal).all(|rule| rule.redact)
    }

    /// Whether one of the rules that bar asks for this tag, or for more than tags.
    pub fn bars(&self, refusal: &Refusal, tag: &Tag) -> bool {
        self.barring(refusal).any(|rule| {
            let (mut by_tags, mut asked) = (false, false);
            for condition in rule.all_conditions() {
                if let Condition::Tags(mask) = condition {
                    by_tags = true;
                    asked |= mask.patterns.iter().any(|one| one.matches(tag));
                }
            }
            asked || !by_tags
        })
    }

    /// Whether some answer depends on the certificate that the destination shows.
    pub fn asks_peer(&self) -> bool {
        self.asks_peer
    }

    fn refuse_special(&self, facts: &Facts<'_>) -> Option<Refusal> {
        let place = facts.place.as_ref()?;
        let basis = Basis::Special(self.closed(place)?);
        let socket = Some(place.socket);
        Some(Refusal { outcome: Outcome::Block, basis, held: Vec::new().into(), socket })
    }

    /// Asks every rule of every pack that binds.
    fn tally(&self, facts: &Facts<'_>) -> Tally<'_> {
        let view = View::of(self, facts);
        let mut tally = Tally::new(self);
        let exporter = facts.circumstances.exporter;
        let around = self.nearby.around(facts.place.as_ref().map(|place| place.entry));
        let candidates = facts.content.candidates.within(around);
        let mut last: Option<Bound<'_>> = None;
        for (index, rule) in candidates.filter_map(|at| Some((at, self.rules.get(place(at))?))) {
            let known = last.filter(|bound| bound.index == rule.pack_index);
            let bound = known.unwrap_or_else(|| self.bound(rule.pack_index, exporter));
            last = Some(bound);
            let Bound { pack, binds: (binds, presumed), .. } = bound;
            if binds && rule.validity.holds(facts.circumstances.at) {
                let mut standing = rule.test(&view);
                standing.presumed |= presumed;
                if standing.truth == Truth::No || (standing.presumed && rule.permits) {
                    continue;
                }
                tally.count(rule, pack, index, standing, facts);
            }
        }
        tally.order();
        tally
    }

    fn bound(&self, index: usize, exporter: Option<&Exporter>) -> Bound<'_> {
        let pack = self.law.packs.get(index);
        Bound { index, pack, binds: pack.map_or((true, false), |pack| pack.binds.holds(exporter)) }
    }

    /// The answer when all is known: the strongest that holds, else the default.
    fn settle(&self, place: Place<'_>, facts: &Facts<'_>, tally: &mut Tally<'_>) -> Verdict {
        tally.lift_conflict(facts);
        if tally.refuses() {
            return Verdict::Refuse(tally.refuse(facts));
        }
        // Only a rule that permits opens what is closed by default: not one that was softened or
        // lifted.
        let default = self.settings.default;
        if default.refuses() && !tally.permits() {
            return Verdict::Refuse(tally.refuse_by_default(default, Some(place.socket)));
        }
        let outcome = tally.outcome().unwrap_or(default);
        Verdict::Allow(Permit { socket: place.socket, outcome, held: tally.take_held() })
    }

    pub(super) fn recognise<'a>(&'a self, facts: &Facts<'_>) -> Recognised<'a> {
        let register = &self.law.register;
        if register.is_empty() {
            return Recognised::Nobody;
        }
        let key = match facts.peer {
            Peer::Shown(certificate) => Some(&certificate.key),
            Peer::Awaited | Peer::Hidden => None,
        };
        // A key speaks before an address does, so that only a host is certain before it.
        if facts.peer == Peer::Awaited && register.knows_keys() {
            let found = register.by_host(facts.host);
            return found.map_or(Recognised::NotYet, Recognised::Party);
        }
        let found = match &facts.place {
            Some(place) => register.recognise(&Sighting {
                host: Some(facts.host),
                key,
                address: Some(place.judged),
                asns: place.entry.asns(),
            }),
            None => register.by_host(facts.host),
        };
        match found {
            Some(found) => Recognised::Party(found),
            None if facts.place.is_none() => Recognised::NotYet,
            None => Recognised::Nobody,
        }
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

    /// The same policy with other exemptions in use.
    #[must_use]
    pub fn with_grants(&self, grants: Vec<Grant>) -> Self {
        Self { law: Law { grants, ..self.law.clone() }, ..self.clone() }
    }

    /// The rules in the order of the configuration.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What holds beside the rules.
    pub fn settings(&self) -> &PolicySettings {
        &self.settings
    }

    /// The packs.
    pub fn packs(&self) -> &[Pack] {
        &self.law.packs
    }

    /// The classes of all packs.
    pub fn classes(&self) -> &[Class] {
        &self.law.classes
    }

    /// The counters of all packs.
    pub fn counters(&self) -> &[Counter] {
        &self.law.counters
    }

    /// The exemptions in use.
    pub fn grants(&self) -> &[Grant] {
        &self.law.grants
    }

    /// Who recipients are.
    pub fn register(&self) -> &Register {
        &self.law.register
    }

    /// Whether some rule knows this kind of transaction. A word that none knows is a slip, or
    /// says nothing.
    pub(super) fn knows_transaction(&self, word: &str) -> bool {
        self.transactions.contains(word)
    }

    pub(super) fn counter(&self, counter: usize) -> Option<&Counter> {
        self.law.counters.get(counter)
    }

    /// The rule behind a held one.
    pub fn rule(&self, held: &Held) -> Option<&Rule> {
        self.rules.get(held.place())
    }

    /// Whether a held rule counts.
    pub(super) fn enforces(&self, held: &Held) -> bool {
        self.rule(held).is_some_and(|rule| rule.mode == Mode::Enforce)
    }

    /// The kind of a destination that is not public and not opened.
    fn closed(&self, place: &Place<'_>) -> Option<Special> {
        let kind = place.special?;
        let open = self.settings.open_kinds.contains(&kind)
            || self.settings.open_networks.contains(place.judged);
        (!open).then_some(kind)
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
