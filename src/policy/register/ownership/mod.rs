//! Who is covered under one definition on one day: by itself, by whom it works for, or by who
//! owns it. Stakes of covered owners count in full and add up, however many steps there are.

use jiff::civil::Date;

use crate::geo::{Country, CountrySet};

use super::party::{Party, PartyId, Period, SeatKind};
use super::percent::Percent;
use super::{Holding, Register};

/// Which parties a law covers. The default covers nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// Parties organised in these, and these states themselves.
    pub countries: CountrySet,
    /// Also parties with their principal place of business in `countries`.
    pub principal_place: bool,
    /// Also persons resident in `countries`.
    pub residents: bool,
    /// Also persons who work for a covered party.
    pub employees: bool,
    /// Parties that one of these lists names.
    pub lists: Vec<String>,
    /// Parties of which covered owners hold at least so much together; a threshold of zero asks
    /// for any stake at all.
    pub owned_at_least: Option<Percent>,
    /// Who is covered only if a list names it.
    pub home: Option<Home>,
}

/// Parties that are covered only if a list names them, for laws that speak of foreign persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// Parties organised in these, and persons resident nowhere else.
    pub countries: CountrySet,
    /// Whether what such a party owns is held indirectly by its own covered owners. "Directly or
    /// indirectly" reads so; without it ownership ends at the home party.
    pub passes: bool,
}

/// The first ground on which a party was found to be covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// A list names it: the position in [`Party::lists`].
    Listed(usize),
    /// Its seat.
    Seat(SeatKind, Country),
    /// It works for this covered party.
    Employed(PartyId),
    /// Covered owners hold enough of it: see [`Standing::share`].
    Owned,
}

/// The answer for every party of one register, under one definition and on the days of one
/// period. It stays true for the whole period, so it can be kept.
#[derive(Clone, Debug)]
pub struct Standing {
    pub(super) on: Date,
    period: Period,
    pub(super) reached: Vec<Option<Reached>>,
    /// Hundredths of a percent that reached owners hold.
    shares: Vec<u32>,
}

/// That a party was reached by the search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    pub(super) because: Because,
    /// A home party that is owned enough: it is not covered, but what it owns is held through it.
    pub(super) passing: bool,
}

// === impl Definition ===

impl Definition {
    /// What makes the party covered by itself.
    fn seed(&self, party: &Party, on: Date) -> Option<Because> {
        let names = |list: &String| self.lists.contains(list);
        let listed = party.lists.iter().position(|one| names(&one.list) && one.during.contains(on));
        if let Some(position) = listed {
            return Some(Because::Listed(position));
        }
        if self.is_home(party, on) {
            return None;
        }
        let counts = |kind| match kind {
            SeatKind::Organised => true,
            SeatKind::PrincipalPlace => self.principal_place,
            SeatKind::Resident => self.residents,
        };
        let seat = party.seats.iter().find(|seat| {
            counts(seat.kind) && self.countries.contains(seat.country) && seat.during.contains(on)
        })?;
        Some(Because::Seat(seat.kind, seat.country))
    }

    fn is_home(&self, party: &Party, on: Date) -> bool {
        let Some(home) = self.home else { return false };
        let mut seats = party
            .seats_on(SeatKind::Organised, on)
            .chain(party.seats_on(SeatKind::Resident, on))
            .peekable();
        seats.peek().is_some() && seats.all(|country| home.countries.contains(country))
    }
}

// === impl Standing ===

impl Standing {
    /// Whether the definition covers the party.
    pub fn is_covered(&self, party: PartyId) -> bool {
        self.reached(party).is_some_and(|reached| !reached.passing)
    }

    /// The ground on which it does.
    pub fn because(&self, party: PartyId) -> Option<Because> {
        self.reached(party).filter(|reached| !reached.passing).map(|reached| reached.because)
    }

    /// How much covered owners hold of the party together, whether that is enough or not. Counted
    /// in full as the aggregate rule does; [`Register::effective_percent`] multiplies instead.
    pub fn share(&self, party: PartyId) -> Percent {
        let share = self.shares.get(party.index()).copied().unwrap_or(0);
        Percent::from_hundredths(share).expect("the stakes of no day exceed the whole")
    }

    /// Every covered party.
    pub fn covered(&self) -> impl Iterator<Item = PartyId> {
        (0..self.reached.len()).map(PartyId::at).filter(|party| self.is_covered(*party))
    }

    /// The days for which this holds.
    pub fn period(&self) -> Period {
        self.period
    }

    pub(super) fn reached(&self, party: PartyId) -> Option<Reached> {
        self.reached.get(party.index()).copied().flatten()
    }
}

// === computing ===

impl Register {
    /// Who is covered under the definition on a day: the least set that holds everyone covered by
    /// itself, and everyone of whom the set owns enough. Owners in a circle make each other
    /// covered only if someone outside of the circle made one of them so.
    ///
    /// Each party is taken up once and each stake looked at once: 10,000 parties with 30,000
    /// stakes take about a millisecond (`benches/register.rs`).
    pub fn standing(&self, definition: &Definition, on: Date) -> Standing {
        let none = vec![None; self.len()];
        let standing =
            Standing { on, period: self.period_of(on), reached: none, shares: vec![0; self.len()] };
        let mut search = Search { register: self, definition, standing, queue: Vec::new() };
        for (id, party) in self.iter() {
            if let Some(because) = definition.seed(party, on) {
                search.reach(id, because, false);
            }
        }
        let mut next = 0;
        while let Some(party) = search.queue.get(next).copied() {
            search.follow(party);
            next += 1;
        }
        search.standing
    }

    /// From the last change up to the day to the first one after it.
    fn period_of(&self, on: Date) -> Period {
        let after = self.changes.partition_point(|change| *change <= on);
        let from = after.checked_sub(1).and_then(|last| self.changes.get(last)).copied();
        let until = self.changes.get(after).copied();
        Period::new(from, until).expect("changes are in order and distinct")
    }
}

struct Search<'s> {
    register: &'s Register,
    definition: &'s Definition,
    standing: Standing,
    queue: Vec<PartyId>,
}

impl Search<'_> {
    fn reach(&mut self, party: PartyId, because: Because, passing: bool) {
        let place = self.standing.reached.get_mut(party.index());
        *place.expect("one place for each party") = Some(Reached { because, passing });
        self.queue.push(party);
    }

    /// What follows for others from a party that was reached.
    fn follow(&mut self, party: PartyId) {
        let ties = self.register.ties(party);
        let on = self.standing.on;
        for holding in ties.holdings.iter().filter(|holding| holding.during.contains(on)) {
            self.hold(holding);
        }
        if !self.definition.employees || !self.standing.is_covered(party) {
            return;
        }
        for (person, _) in ties.staff.iter().filter(|(_, during)| during.contains(on)) {
            let home = self.definition.is_home(self.register.get(*person), on);
            if !home && self.standing.reached(*person).is_none() {
                self.reach(*person, Because::Employed(party), false);
            }
        }
    }

    fn hold(&mut self, holding: &Holding) {
        let share = self.standing.shares.get_mut(holding.of.index());
        let share = share.expect("one share for each party");
        *share += holding.percent.hundredths();
        let enough = self
            .definition
            .owned_at_least
            .is_some_and(|least| *share > 0 && *share >= least.hundredths());
        if !enough || self.standing.reached(holding.of).is_some() {
            return;
        }
        if !self.definition.is_home(self.register.get(holding.of), self.standing.on) {
            self.reach(holding.of, Because::Owned, false);
        } else if self.definition.home.is_some_and(|home| home.passes) {
            self.reach(holding.of, Because::Owned, true);
        }
    }
}

#[cfg(test)]
mod tests;
