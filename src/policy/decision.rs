//! What a decision says. A [`Permit`] has private fields and is made by
//! [`super::Policy::decide`] alone, so nothing can be dialled that was not judged.

use std::net::SocketAddr;

use smallvec::SmallVec;

use crate::net::Special;

use super::rule::Outcome;

/// What depends on what is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stake {
    /// Nothing.
    Nothing,
    /// What is recorded of the request; it goes out whatever comes.
    Record,
    /// Whether it goes out.
    Answer,
}

/// The rules that hold, the one that decides first. Few do: a decision allocates nothing.
pub type HeldRules = SmallVec<[Held; 6]>;

/// The answer to what is known so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request may go to the permit's address, whatever is learned later.
    Allow(Permit),
    /// More must be known: the destination's address, or the data.
    Inspect,
    /// The request may not go there, whatever is learned later.
    Refuse(Refusal),
}

/// The answer when everything is known: no third way exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request may go to the permit's address.
    Allow(Permit),
    /// The request may not go there.
    Refuse(Refusal),
}

impl From<Verdict> for Decision {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow(permit) => Self::Allow(permit),
            Verdict::Refuse(refusal) => Self::Refuse(refusal),
        }
    }
}

/// The only ticket to dial: it names the address that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    pub(super) socket: SocketAddr,
    pub(super) outcome: Outcome,
    pub(super) held: HeldRules,
}

impl Permit {
    /// The one socket that may be connected to.
    pub fn socket(&self) -> SocketAddr {
        self.socket
    }

    /// `allow` or `log`.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The rules that hold, strongest first.
    pub fn held(&self) -> &HeldRules {
        &self.held
    }
}

/// Why a request may not go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `hold`, `require` or `block`.
    pub outcome: Outcome,
    /// What the refusal stands on.
    pub basis: Basis,
    /// The rules that hold, strongest first.
    pub held: HeldRules,
    /// The socket that was judged, if one was.
    pub socket: Option<SocketAddr>,
}

/// What a refusal stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// One law demands what another bars; a person must decide.
    Conflict {
        /// The rule that demands the transfer.
        duty: Held,
        /// The rule that bars it.
        bar: Held,
    },
    /// No rule permits, and the policy refuses by default.
    Default,
    /// A rule.
    Rule(Held),
    /// The destination is not public and the configuration does not open it.
    Special(Special),
}

/// A rule that holds. Small, because a decision carries several of them by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its place among the policy's rules; [`super::Policy::rule`] finds it.
    pub(super) rule: u32,
    /// Its outcome here: weaker than the rule's own where it only presumes, or is lifted.
    pub outcome: Outcome,
    /// Whether it holds only because what is not known is presumed.
    pub presumed: bool,
    /// The slice for which it holds, if it asks for one.
    pub slice: Option<u8>,
    /// What lifts it, if something does.
    pub lifted: Option<Lift>,
}

/// What lifts a rule that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lift {
    /// A person's approval, by its place among the facts' approvals.
    Approval(u32),
    /// A granted exemption, by its place among the policy's grants.
    Grant(u32),
}

impl Held {
    pub(super) fn place(&self) -> usize {
        place(self.rule)
    }
}

impl Lift {
    /// The place among the facts' approvals, or among the policy's grants.
    pub fn place(self) -> usize {
        match self {
            Self::Approval(at) | Self::Grant(at) => place(at),
        }
    }
}

/// A place in a list, which decisions keep in half a word.
pub(super) fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
