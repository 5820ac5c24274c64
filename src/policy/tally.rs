//! What the rules say, added up: the strongest outcome that holds wins, evidence before
//! presumption, and a conflict of duties waits for a person.

use super::decide::Policy;
use super::decision::{Basis, Held, HeldRules, Lift, Refusal};
use super::facts::Facts;
use super::pack::{Approval, Grant, Pack};
use super::rule::{Mode, Outcome, Rule, Standing};
use super::truth::Truth;

/// What the rules say, added up.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own about all rules")]
pub(super) struct Tally<'p> {
    policy: &'p Policy,
    held: HeldRules,
    strongest: Option<Held>,
    /// A rule demands the transfer.
    duty: Option<Held>,
    pending: bool,
    /// A rule that refuses may still hold, or one that does may still be lifted.
    may_bar: bool,
    /// A rule that permits holds.
    permits: bool,
    /// A rule that would demand the transfer may still hold.
    duty_pending: bool,
    /// A rule may still hold that obliges to more than its outcome.
    may_oblige: bool,
}

impl<'p> Tally<'p> {
    pub(super) fn new(policy: &'p Policy) -> Self {
        Self {
            policy,
            held: HeldRules::new(),
            strongest: None,
            duty: None,
            pending: false,
            may_bar: false,
            permits: false,
            duty_pending: false,
            may_oblige: false,
        }
    }

    /// Takes one rule in.
    pub(super) fn count(
        &mut self,
        rule: &Rule,
        pack: Option<&Pack>,
        index: u32,
        standing: Standing,
        facts: &Facts<'_>,
    ) {
        match standing.truth {
            Truth::No => return,
            Truth::Unknown => {
                let enforced = rule.mode == Mode::Enforce;
                self.duty_pending |= rule.duty && enforced && !standing.presumed;
                self.may_bar |= rule.outcome.refuses() && enforced;
                let asks = enforced && (rule.alert || !rule.reports.is_empty());
                let keeps = pack.is_some_and(|pack| pack.retain_years.is_some());
                self.may_oblige |= asks || keeps;
                return self.pending = true;
            }
            Truth::Yes => {}
        }
        let Standing { presumed, slice, .. } = standing;
        let softened = pack.and_then(|pack| pack.on_unknown).filter(|_| presumed);
        let softened = softened.filter(|_| rule.outcome.refuses());
        let outcome = softened.map_or(rule.outcome, |softer| softer.min(rule.outcome));
        let held = Held { rule: index, outcome, presumed, slice, lifted: None };
        let held = self.lift(rule, held, facts);
        // What is still to come may be more than was approved.
        self.pending |= matches!(held.lifted, Some(Lift::Approval(_))) && !facts.content.complete;
        self.held.push(held);
        if rule.mode == Mode::Observe {
            return;
        }
        // A demand is not presumed: it would turn a bar into something to be approved.
        if rule.duty && !presumed && held.lifted.is_none() {
            self.duty = self.duty.or(Some(held));
        }
        self.permits |= rule.permits && !presumed && held.lifted.is_none();
        // Evidence comes before presumption, then the order of the configuration: the
        // reason that is told is the best one there is.
        let better =
            |best: Held| (outcome_of(&held), !presumed) > (outcome_of(&best), !best.presumed);
        if self.strongest.is_none_or(better) {
            self.strongest = Some(held);
        }
    }

    /// A rule may be lifted by a grant of its pack's exemption, a hold by an approval.
    fn lift(&self, rule: &Rule, held: Held, facts: &Facts<'_>) -> Held {
        let grants = (0_u32..).zip(self.policy.grants());
        for (at, grant) in grants.filter(|(_, grant)| grant.pack == rule.pack_index) {
            let exemption = self.policy.packs().get(grant.pack);
            let exemption = exemption.and_then(|pack| pack.exemptions.get(grant.exemption));
            let Some(exemption) = exemption.filter(|one| one.lifts.contains(&held.place())) else {
                continue;
            };
            if grant.covers(facts) {
                let outcome = if exemption.still_record { Outcome::Log } else { Outcome::Allow };
                return Held { outcome, lifted: Some(Lift::Grant(at)), ..held };
            }
        }
        let approvals = (0_u32..).zip(facts.circumstances.approvals);
        let mut approvals = approvals.filter(|_| held.outcome == Outcome::Hold);
        match approvals.find(|(_, approval)| approval.covers(rule, facts)) {
            Some((at, _)) => {
                Held { outcome: Outcome::Log, lifted: Some(Lift::Approval(at)), ..held }
            }
            None => held,
        }
    }

    /// Puts the rule that decides first, then by strength.
    pub(super) fn order(&mut self) {
        if self.held.len() > 1 {
            let (strongest, policy) = (self.strongest, self.policy);
            self.held.sort_by_key(|held| {
                let enforced = policy.enforces(held);
                (Some(*held) != strongest, std::cmp::Reverse((enforced, held.outcome)))
            });
        }
    }

    /// The strongest outcome of an enforcing rule.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.strongest.as_ref().map(outcome_of)
    }

    pub(super) fn refuses(&self) -> bool {
        self.outcome().is_some_and(Outcome::refuses)
    }

    /// Whether no enforcing rule holds.
    pub(super) fn is_silent(&self) -> bool {
        self.strongest.is_none()
    }

    /// Whether a rule permits.
    pub(super) fn permits(&self) -> bool {
        self.permits
    }

    pub(super) fn is_pending(&self) -> bool {
        self.pending
    }

    /// Whether a rule may still hold that wants a report, an alert, or the record kept for years.
    pub(super) fn may_oblige(&self) -> bool {
        self.may_oblige
    }

    /// Whether what is learned later may bar, or let out what is barred now.
    pub(super) fn may_bar(&self) -> bool {
        self.may_bar || self.refuses()
    }

    /// Whether nothing learned later changes the answer: it is barred by evidence, and no law
    /// can still demand it. What is only held may yet be barred.
    pub(super) fn is_final(&self) -> bool {
        let barred = |held: &Held| held.outcome >= Outcome::Require && !held.presumed;
        // A presumed refusal of full strength can only be confirmed.
        let presumed = |held: &Held| held.outcome == Outcome::Block;
        let strongest = self.strongest.as_ref();
        strongest.is_some_and(|held| barred(held) || presumed(held))
            && !self.duty_pending
            && self.duty.is_none()
    }

    /// A conflict of duties is lifted by an approval that names every rule that bars: whoever
    /// decided knew them all. A rule that bars without a duty against it is never lifted here.
    pub(super) fn lift_conflict(&mut self, facts: &Facts<'_>) {
        let approvals = facts.circumstances.approvals;
        if approvals.is_empty() || !self.refuses() || self.conflict().is_none() {
            return;
        }
        let policy = self.policy;
        let bars = |held: &&mut Held| held.outcome.refuses() && policy.enforces(held);
        let covers = |approval: &Approval, held: &Held| {
            policy.rule(held).is_some_and(|rule| approval.covers(rule, facts))
        };
        let all: Vec<Held> = self.held.iter_mut().filter(bars).map(|held| *held).collect();
        let mut found = (0_u32..).zip(approvals);
        let found = found.find(|(_, one)| all.iter().all(|held| covers(one, held)));
        let Some((at, _)) = found else { return };
        for held in self.held.iter_mut().filter(bars) {
            *held = Held { outcome: Outcome::Log, lifted: Some(Lift::Approval(at)), ..*held };
        }
        let enforced = self.held.iter().filter(|held| policy.enforces(held));
        self.strongest = enforced.copied().max_by_key(|held| held.outcome);
        self.order();
    }

    /// The rule of another pack that demands what the strongest bars.
    fn conflict(&self) -> Option<Held> {
        let pack = |held: &Held| self.policy.rule(held).map(|rule| rule.pack_index);
        let bar = self.strongest.as_ref().map(pack)?;
        self.duty.filter(|duty| pack(duty) != bar)
    }

    /// The refusal that the strongest rule demands.
    pub(super) fn refuse(&mut self, facts: &Facts<'_>) -> Refusal {
        let socket = facts.place.map(|place| place.socket);
        let Some(bar) = self.strongest else {
            return self.refuse_by_default(Outcome::Block, socket);
        };
        if let Some(duty) = self.conflict() {
            let basis = Basis::Conflict { duty, bar };
            return Refusal { outcome: Outcome::Hold, basis, held: self.take_held(), socket };
        }
        let held = self.take_held();
        Refusal { outcome: bar.outcome, basis: Basis::Rule(bar), held, socket }
    }

    /// The refusal where nothing permits.
    pub(super) fn refuse_by_default(
        &mut self,
        outcome: Outcome,
        socket: Option<std::net::SocketAddr>,
    ) -> Refusal {
        Refusal { outcome, basis: Basis::Default, held: self.take_held(), socket }
    }

    /// The rules that hold, for the answer: the tally is done with them.
    pub(super) fn take_held(&mut self) -> HeldRules {
        std::mem::take(&mut self.held)
    }
}

fn outcome_of(held: &Held) -> Outcome {
    held.outcome
}

impl Grant {
    /// Whether a request is within what was granted.
    fn covers(&self, facts: &Facts<'_>) -> bool {
        let purpose = facts.circumstances.declared.purpose.as_ref();
        self.validity.holds(facts.circumstances.at)
            && (self.principals.is_empty()
                || facts.principal.is_some_and(|name| self.principals.contains(name)))
            && (self.hosts.is_empty() || self.hosts.iter().any(|one| one.matches(facts.host)))
            && (self.purposes.is_empty()
                || purpose.is_some_and(|purpose| self.purposes.contains(purpose)))
    }
}

impl Approval {
    /// Whether a request is what was approved: this rule, client, destination and data.
    fn covers(&self, rule: &Rule, facts: &Facts<'_>) -> bool {
        let named = |one: &String| {
            one.strip_suffix(&rule.id).and_then(|rest| rest.strip_suffix('/')) == Some(&rule.pack)
        };
        // The cheap questions first: most approvals are for somebody else.
        self.host == *facts.host
            && facts.circumstances.at < self.expires
            && self.rules.iter().any(named)
            && self.client == facts.client_name()
            && self.tags.contains_all(facts.content.tags())
    }
}

impl Facts<'_> {
    /// Who asks, as approvals name it: the principal, else the address.
    pub fn client_name(&self) -> std::borrow::Cow<'_, str> {
        match self.principal {
            Some(name) => name.into(),
            None => self.client.to_string().into(),
        }
    }
}
