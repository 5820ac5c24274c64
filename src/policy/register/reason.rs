//! Why a party is covered, down to those who are covered by themselves: for records and people.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::Register;
use super::ownership::{Because, Standing};
use super::party::{PartyId, PartyKind, SeatKind};
use super::percent::Percent;

/// One step: why one party is covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Whom it is about.
    pub party: PartyId,
    /// The ground.
    pub because: Because,
    /// Every owner that counts, with what it holds on the day; none for another ground. In a
    /// circle some of them follow from this party, but never so many that it is not grounded.
    pub owners: Vec<(PartyId, Percent)>,
    /// Set for a home party through which something is held; it is not covered itself.
    pub passing: bool,
}

/// All steps from one party to its last grounds: each party once, the nearest first.
#[derive(Clone, Debug)]
pub struct Reasons<'r> {
    register: &'r Register,
    steps: Vec<Reason>,
    /// Which step is about whom.
    about: HashMap<PartyId, usize>,
}

/// How many steps are told in words: more than a person reads, less than a record can bear.
const TOLD: usize = 20;

impl Standing {
    /// Why the party is covered; `None` if it is not. Meant for people and records, not for every
    /// request: it walks all that the party follows from. The register is the one that this standing
    /// was computed from.
    pub fn reasons<'r>(&self, register: &'r Register, party: PartyId) -> Option<Reasons<'r>> {
        if !self.is_covered(party) {
            return None;
        }
        let mut seen = vec![false; register.len()];
        let mut waiting = vec![party];
        let mut steps: Vec<Reason> = Vec::new();
        let mut next = 0;
        while let Some(party) = waiting.get(next).copied() {
            next += 1;
            let seen = seen.get_mut(party.index()).expect("one mark for each party");
            if std::mem::replace(seen, true) {
                continue;
            }
            let Some(step) = self.reason(register, party) else { continue };
            waiting.extend(step.owners.iter().map(|(owner, _)| *owner));
            waiting.extend(step.because.employer());
            steps.push(step);
        }
        let about = steps.iter().enumerate().map(|(at, step)| (step.party, at)).collect();
        Some(Reasons { register, steps, about })
    }

    fn reason(&self, register: &Register, party: PartyId) -> Option<Reason> {
        let reached = self.reached(party)?;
        let mut owners: Vec<(PartyId, Percent)> = Vec::new();
        if reached.because == Because::Owned {
            let stakes = register.get(party).owners.iter();
            let counts = |owner| self.reached(owner).is_some();
            let stakes = stakes.filter(|one| one.during.contains(self.on) && counts(one.owner));
            owners.extend(stakes.map(|stake| (stake.owner, stake.percent)));
            // By what they hold and then by id: no word of a reason depends on the order of files.
            let id = |owner: PartyId| &register.get(owner).id;
            owners.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| id(a.0).cmp(id(b.0))));
        }
        let passing = reached.passing;
        Some(Reason { party, because: reached.because, owners, passing })
    }
}

// === impl Reasons ===

impl Reasons<'_> {
    /// The steps, the party asked about first.
    pub fn steps(&self) -> &[Reason] {
        &self.steps
    }

    /// The ground in a few words, if it is not ownership.
    fn ground(&self, step: &Reason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let party = self.register.get(step.party);
        match step.because {
            Because::Seat(SeatKind::Organised, country) if party.kind == PartyKind::State => {
                write!(f, "the state of {}", country.name())
            }
            Because::Seat(SeatKind::Organised, country) => {
                write!(f, "organised in {}", country.name())
            }
            Because::Seat(SeatKind::PrincipalPlace, country) => {
                write!(f, "principal place of business in {}", country.name())
            }
            Because::Seat(SeatKind::Resident, country) => {
                write!(f, "resident in {}", country.name())
            }
            Because::Listed(position) => {
                let Some(entry) = party.lists.get(position) else { return Ok(()) };
                write!(f, "on the list {}", entry.list)?;
                entry.cite.iter().try_for_each(|cite| write!(f, ", {cite}"))
            }
            Because::Employed(employer) => {
                write!(f, "works for {}", self.register.get(employer).name)
            }
            Because::Owned => f.write_str("owned "),
        }
    }

    /// `51 % by X (organised in ...), 9 % by Y`.
    fn owners(&self, step: &Reason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (owner, percent)) in step.owners.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{percent} by {}", self.register.get(*owner).name)?;
            let why = self.about.get(owner).and_then(|at| self.steps.get(*at));
            if let Some(why) = why.filter(|why| why.is_last()) {
                f.write_str(" (")?;
                self.ground(why, f)?;
                f.write_str(")")?;
            }
        }
        Ok(())
    }
}

impl Because {
    fn employer(self) -> Option<PartyId> {
        match self {
            Self::Employed(employer) => Some(employer),
            Self::Listed(_) | Self::Owned | Self::Seat(..) => None,
        }
    }
}

impl Reason {
    /// Whether nothing further explains it.
    fn is_last(&self) -> bool {
        matches!(self.because, Because::Seat(..) | Because::Listed(_))
    }
}

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Last grounds stand in brackets behind the owner's name, but an employer's do not.
        let employers: HashSet<_> =
            self.steps.iter().filter_map(|step| step.because.employer()).collect();
        let told = |(position, step): &(usize, &Reason)| {
            *position == 0 || !step.is_last() || employers.contains(&step.party)
        };
        let mut told = self.steps.iter().enumerate().filter(told);
        for (position, step) in told.by_ref().take(TOLD) {
            if position > 0 {
                write!(f, "; {} ", self.register.get(step.party).name)?;
            }
            self.ground(step, f)?;
            self.owners(step, f)?;
            if step.passing {
                f.write_str(" (not covered itself)")?;
            }
        }
        let rest = told.count();
        if rest > 0 {
            write!(f, "; and {rest} more steps")?;
        }
        Ok(())
    }
}
