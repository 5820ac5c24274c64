//! Parties as files write them, naming each other by id, and what can be wrong with them all
//! together. Every mistake says which party and which part of it, so that a reader finds the line.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ipnetwork::IpNetwork;
use jiff::civil::Date;
use thiserror::Error;

use crate::net::HostPattern;

use super::Register;
use super::claims::Claims;
use super::key::KeyDigest;
use super::party::{
    Employment, Membership, Party, PartyId, PartyKind, Period, Seat, SeatKind, Stake,
};
use super::percent::Percent;

/// A party as written.
#[derive(Clone, Debug)]
pub struct PartyDraft {
    /// How files and rules name it.
    pub id: String,
    /// How people name it.
    pub name: String,
    /// What it is in law.
    pub kind: PartyKind,
    /// What it is to us.
    pub labels: Vec<String>,
    /// Where it is seated.
    pub seats: Vec<Seat>,
    /// Which lists name it.
    pub lists: Vec<Membership>,
    /// Who owns it.
    pub owners: Vec<StakeDraft>,
    /// For whom it works.
    pub employers: Vec<EmploymentDraft>,
    /// By what it is recognised.
    pub claims: Vec<Claim>,
}

/// What one owner holds, the owner named by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakeDraft {
    /// The owner's id.
    pub owner: String,
    /// How much.
    pub percent: Percent,
    /// When.
    pub during: Period,
}

/// For whom a person works, the employer named by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmploymentDraft {
    /// The employer's id.
    pub employer: String,
    /// When.
    pub during: Period,
}

/// Something by which a party is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Hosts; `*.` stands for all hosts below.
    Host(HostPattern),
    /// A network.
    Network(IpNetwork),
    /// An autonomous system.
    Asn(u32),
    /// The key in the certificate that the destination shows.
    Key(KeyDigest),
}

/// Which part of a party is wrong: positions in the lists of its [`PartyDraft`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The party as a whole.
    Party,
    /// A seat.
    Seat(usize),
    /// An owner.
    Owner(usize),
    /// An employer.
    Employer(usize),
    /// A host, network, ASN or key.
    Claim(usize),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RegisterFault {
    /// Two parties have one id.
    #[error("the id `{0}` is taken by another party")]
    DuplicateId(String),
    /// An owner or employer that is nowhere defined.
    #[error("no party has the id `{0}`")]
    UnknownParty(String),
    /// The stakes in one party come to more than the whole.
    #[error("the owners of `{party}` hold {total} {day}, which is more than 100 %")]
    Oversold {
        /// The party.
        party: String,
        /// What they hold together.
        total: String,
        /// The first such day, in words.
        day: String,
    },
    /// Two parties claim one host, network, ASN or key.
    #[error("{claim} already stands for `{owner}`")]
    Claimed {
        /// What is claimed.
        claim: String,
        /// Who has it.
        owner: String,
    },
    /// A company that resides, or a person that is organised.
    #[error("`{0}` is no person, and only persons are resident somewhere")]
    Resides(String),
    /// A person has a residence and no other seat.
    #[error("`{0}` is a person, who is resident somewhere but not organised")]
    Organised(String),
    /// Two seats of one kind on one day.
    #[error("`{0}` has two such seats at the same time")]
    TwoSeats(String),
    /// A person or a state with owners.
    #[error("`{0}` is no company, and nothing else can be owned")]
    Owned(String),
    /// Only persons have employers.
    #[error("`{0}` is no person, and only persons are employed")]
    Employed(String),
}

/// A mistake, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{fault}")]
pub struct RegisterError {
    /// The position of the party among the drafts.
    pub party: usize,
    /// The part of it.
    pub part: Part,
    /// What is wrong.
    pub fault: RegisterFault,
}

// === impl PartyDraft ===

impl PartyDraft {
    /// A company of which nothing is known but its names.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            kind: PartyKind::Company,
            labels: Vec::new(),
            seats: Vec::new(),
            lists: Vec::new(),
            owners: Vec::new(),
            employers: Vec::new(),
            claims: Vec::new(),
        }
    }
}

// === building ===

/// Checks all drafts together and makes the register of them, or tells every mistake.
pub(super) fn build(drafts: Vec<PartyDraft>) -> Result<Register, Vec<RegisterError>> {
    let mut building = Building { ids: HashMap::new(), errors: Vec::new() };
    for (at, draft) in drafts.iter().enumerate() {
        building.name(at, draft);
    }
    let claims = building.claims(&drafts);
    let parties: Vec<_> =
        drafts.into_iter().enumerate().map(|(at, draft)| building.party(at, draft)).collect();
    if building.errors.is_empty() {
        Ok(Register::assemble(parties, building.ids, claims))
    } else {
        Err(building.errors)
    }
}

struct Building {
    ids: HashMap<Box<str>, PartyId>,
    errors: Vec<RegisterError>,
}

impl Building {
    fn wrong(&mut self, party: usize, part: Part, fault: RegisterFault) {
        self.errors.push(RegisterError { party, part, fault });
    }

    fn name(&mut self, at: usize, draft: &PartyDraft) {
        match self.ids.entry(draft.id.as_str().into()) {
            Entry::Vacant(free) => {
                free.insert(PartyId::at(at));
            }
            Entry::Occupied(_) => {
                self.wrong(at, Part::Party, RegisterFault::DuplicateId(draft.id.clone()));
            }
        }
    }

    fn claims(&mut self, drafts: &[PartyDraft]) -> Claims {
        let mut claims = Claims::default();
        for (at, draft) in drafts.iter().enumerate() {
            for (position, claim) in draft.claims.iter().enumerate() {
                let Err(rival) = claims.add(claim, PartyId::at(at)) else { continue };
                let owner = drafts.get(rival.index()).map_or("", |draft| &draft.id).to_owned();
                let fault = RegisterFault::Claimed { claim: claim.to_string(), owner };
                self.wrong(at, Part::Claim(position), fault);
            }
        }
        claims.finish();
        claims
    }

    fn party(&mut self, at: usize, draft: PartyDraft) -> Party {
        self.check_kind(at, &draft);
        self.check_seats(at, &draft);
        let owners = draft.owners.iter().enumerate().filter_map(|(position, stake)| {
            let owner = self.known(at, Part::Owner(position), &stake.owner)?;
            Some(Stake { owner, percent: stake.percent, during: stake.during })
        });
        let owners: Vec<_> = owners.collect();
        self.check_stakes(at, &draft.id, &owners);
        let employers = draft.employers.iter().enumerate().filter_map(|(position, one)| {
            let employer = self.known(at, Part::Employer(position), &one.employer)?;
            Some(Employment { employer, during: one.during })
        });
        let employers = employers.collect();
        let PartyDraft { id, name, kind, labels, seats, lists, .. } = draft;
        Party { id, name, kind, labels, seats, lists, owners, employers }
    }

    fn known(&mut self, at: usize, part: Part, id: &str) -> Option<PartyId> {
        let found = self.ids.get(id).copied();
        if found.is_none() {
            self.wrong(at, part, RegisterFault::UnknownParty(id.to_owned()));
        }
        found
    }

    /// What only persons have, and what only companies have.
    fn check_kind(&mut self, at: usize, draft: &PartyDraft) {
        let person = draft.kind == PartyKind::Person;
        for (position, seat) in draft.seats.iter().enumerate() {
            let resides = seat.kind == SeatKind::Resident;
            if resides && !person {
                self.wrong(at, Part::Seat(position), RegisterFault::Resides(draft.id.clone()));
            } else if person && !resides {
                self.wrong(at, Part::Seat(position), RegisterFault::Organised(draft.id.clone()));
            }
        }
        if draft.kind != PartyKind::Company && !draft.owners.is_empty() {
            self.wrong(at, Part::Owner(0), RegisterFault::Owned(draft.id.clone()));
        }
        if !person && !draft.employers.is_empty() {
            self.wrong(at, Part::Employer(0), RegisterFault::Employed(draft.id.clone()));
        }
    }

    /// A company is organised once; a person may reside in several countries.
    fn check_seats(&mut self, at: usize, draft: &PartyDraft) {
        for (position, seat) in draft.seats.iter().enumerate() {
            let rivals = draft.seats.iter().take(position).filter(|other| other.kind == seat.kind);
            let two = rivals.filter(|other| other.during.overlaps(&seat.during)).count() > 0;
            if two && seat.kind != SeatKind::Resident {
                self.wrong(at, Part::Seat(position), RegisterFault::TwoSeats(draft.id.clone()));
            }
        }
    }

    /// On no day may the stakes come to more than the whole. The sum grows only on days on which
    /// a stake begins, so those are looked at, and the beginning of time.
    fn check_stakes(&mut self, at: usize, id: &str, owners: &[Stake]) {
        let mut days: Vec<_> = owners.iter().filter_map(|stake| stake.during.from()).collect();
        days.push(Date::MIN);
        days.sort_unstable();
        days.dedup();
        for day in days {
            let held = |(_, stake): &(usize, &Stake)| stake.during.contains(day);
            let held: Vec<_> = owners.iter().enumerate().filter(held).collect();
            let total: u32 = held.iter().map(|(_, stake)| stake.percent.hundredths()).sum();
            if Percent::from_hundredths(total).is_some() {
                continue;
            }
            let part = held.last().map_or(Part::Party, |(position, _)| Part::Owner(*position));
            let first = day == Date::MIN;
            let day = if first { "at first".to_owned() } else { format!("on {day}") };
            let total = format!("{}.{:02} %", total / 100, total % 100);
            return self.wrong(
                at,
                part,
                RegisterFault::Oversold { party: id.to_owned(), total, day },
            );
        }
    }
}
