//! Facts as one policy sees them: what is asked by many rules is found once.

use std::cell::OnceCell;

use super::decide::Policy;
use super::declared::Word;
use super::facts::Facts;
use super::recipient::Recipient;
use super::register::{Match, PartyKind};
use super::slice::Weighed;
use super::truth::Truth;
use super::volume::{Company, better};

/// Facts, and what the policy found in them.
pub(super) struct View<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) policy: &'a Policy,
    /// The recipient in the register, once somebody asks.
    party: OnceCell<Recognised<'a>>,
}

/// Whether the register knows the recipient.
#[derive(Clone, Copy, Debug)]
pub(super) enum Recognised<'a> {
    /// It does not.
    Nobody,
    /// Its address is not known yet, by which the register may know it.
    NotYet,
    /// It does.
    Party(Match<'a>),
}

/// What a party is, as packs and declarations call a kind of recipient.
const fn kind_name(kind: PartyKind) -> &'static str {
    match kind {
        PartyKind::Authority => "authority",
        PartyKind::Company => "company",
        PartyKind::Person => "person",
        PartyKind::State => "state",
    }
}

impl<'a> View<'a> {
    pub(super) fn of(policy: &'a Policy, facts: &'a Facts<'a>) -> Self {
        Self { facts, policy, party: OnceCell::new() }
    }

    /// The recipient in the register. Most rules do not ask.
    pub(super) fn party(&self) -> Recognised<'a> {
        *self.party.get_or_init(|| self.policy.recognise(self.facts))
    }

    /// Whether the recipient is of one of these kinds.
    pub(super) fn recipient(&self, kinds: &[Recipient]) -> (Truth, bool) {
        let at = self.facts.circumstances.at;
        let one = |kind: &Recipient| match (self.party(), &kind.otherwise, &self.facts.place) {
            (Recognised::Party(found), ..) => {
                (kind.members.at(at).contains(found.party).into(), false)
            }
            (Recognised::Nobody, Some(reach), Some(place)) => {
                let (holds, presumed) = reach.holds(place.entry, at);
                (holds.into(), presumed)
            }
            (Recognised::Nobody, None, _) => (Truth::No, false),
            (Recognised::NotYet, ..) | (Recognised::Nobody, Some(_), None) => {
                (Truth::Unknown, false)
            }
        };
        kinds.iter().map(one).fold((Truth::No, false), better)
    }

    /// Whether the recipient is of none of these kinds.
    pub(super) fn not_recipient(&self, kinds: &[Recipient]) -> (Truth, bool) {
        let at = self.facts.circumstances.at;
        let one = |kind: &Recipient| match (self.party(), &kind.otherwise, &self.facts.place) {
            (Recognised::Party(found), ..) => {
                ((!kind.members.at(at).contains(found.party)).into(), false)
            }
            (Recognised::Nobody, Some(reach), Some(place)) => {
                let (outside, presumed) = reach.excludes(place.entry, at);
                (outside.into(), presumed)
            }
            (Recognised::Nobody, None, _) => (Truth::Yes, false),
            (Recognised::NotYet, ..) | (Recognised::Nobody, Some(_), None) => {
                (Truth::Unknown, false)
            }
        };
        kinds
            .iter()
            .map(one)
            .fold((Truth::Yes, false), |all, one| (all.0.and(one.0), all.1 || one.1))
    }

    /// Whether one of the words is declared. A transaction of which nothing known is declared is
    /// presumed to be of the kind that a rule names (28 CFR 202.210: a packet does not tell).
    pub(super) fn declared(&self, word: Word, words: &[String]) -> (Truth, bool) {
        // What is said inside a tunnel may be more, and comes before what was said of it.
        if self.facts.is_sealed() {
            return (Truth::Unknown, false);
        }
        let said = word.of(self.facts.circumstances.declared);
        let named = |one: &String| words.contains(one);
        if said.iter().any(named) || (said.is_empty() && words.iter().any(|one| one == "unknown")) {
            return (Truth::Yes, false);
        }
        if word == Word::Transaction && !said.iter().any(|one| self.policy.knows_transaction(one)) {
            return (Truth::Yes, true);
        }
        if word != Word::RecipientKind {
            return (Truth::No, false);
        }
        match self.party() {
            Recognised::Party(found) => {
                let party = self.policy.register().get(found.party);
                let kind = words.iter().any(|one| one == kind_name(party.kind));
                (words.iter().any(|one| kind || party.has_label(one)).into(), false)
            }
            Recognised::NotYet if said.is_empty() => (Truth::Unknown, false),
            Recognised::NotYet | Recognised::Nobody => (Truth::No, false),
        }
    }

    /// What a slice is of, with the slices it is linked to.
    pub(super) fn company(&self, slice: &Weighed) -> Company {
        let linked = if slice.slice.linked { self.facts.content.linked } else { slice.classes };
        Company { own: slice.classes, presumed: slice.presumed, linked }
    }
}
