//! One party: who it is, where it is seated, whose it is, and since when. All of it is dated,
//! because a sale or a listing makes another party of it over night.

use jiff::civil::Date;

use crate::geo::Country;

use super::percent::Percent;

/// A party's number within one register; numbers of another register mean other parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId(u32);

/// What a party is in law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartyKind {
    /// An entity that has owners: company, partnership, trust, foundation, fund.
    Company,
    /// A natural person.
    Person,
    /// A state itself; its seat is the country that it is.
    State,
    /// A body of a state: ministry, agency, court, regulator.
    Authority,
}

/// What a seat says of a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeatKind {
    /// Organised or chartered under the laws of the country; a state is organised in itself.
    Organised,
    /// Has its principal place of business there.
    PrincipalPlace,
    /// A person who is primarily resident there.
    Resident,
}

/// The days for which something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    from: Option<Date>,
    until: Option<Date>,
}

/// Where a party is seated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seat {
    /// What the seat says.
    pub kind: SeatKind,
    /// The country.
    pub country: Country,
    /// When.
    pub during: Period,
}

/// That a party stands on a list of parties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The list's name.
    pub list: String,
    /// When.
    pub during: Period,
    /// Where the list says so.
    pub cite: Option<String>,
}

/// What one owner holds of a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stake {
    /// Who holds it.
    pub owner: PartyId,
    /// How much.
    pub percent: Percent,
    /// When.
    pub during: Period,
}

/// For whom a person works, as employee or contractor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Employment {
    /// For whom.
    pub employer: PartyId,
    /// When.
    pub during: Period,
}

/// A party of the register.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Party {
    /// How files and rules name it.
    pub id: String,
    /// How people name it.
    pub name: String,
    /// What it is in law.
    pub kind: PartyKind,
    /// What it is to us: `vendor`, `affiliate` and the like.
    pub labels: Vec<String>,
    /// Where it is seated; at most one seat of a kind at a time, residences aside.
    pub seats: Vec<Seat>,
    /// Which lists name it.
    pub lists: Vec<Membership>,
    /// Who owns it.
    pub owners: Vec<Stake>,
    /// For whom it works; only persons do.
    pub employers: Vec<Employment>,
}

// === impl PartyId ===

impl PartyId {
    pub(super) fn at(index: usize) -> Self {
        Self(u32::try_from(index).expect("the builder refuses more parties than a u32 counts"))
    }

    /// The position in the register.
    pub fn index(self) -> usize {
        usize::try_from(self.0).expect("every supported target has pointers of at least 32 bits")
    }
}

// === impl Period ===

impl Period {
    /// Without beginning and end.
    pub const ALWAYS: Self = Self { from: None, until: None };

    /// From the first day up to, and without, the day `until`; `None` if that is no day at all.
    pub fn new(from: Option<Date>, until: Option<Date>) -> Option<Self> {
        let empty = matches!((from, until), (Some(from), Some(until)) if until <= from);
        (!empty).then_some(Self { from, until })
    }

    /// The first day, if there is one.
    pub const fn from(&self) -> Option<Date> {
        self.from
    }

    /// The first day on which it does not hold any more, if there is one.
    pub const fn until(&self) -> Option<Date> {
        self.until
    }

    /// Whether the day lies within.
    pub fn contains(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }

    /// Whether some day lies in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |a: &Self, b: &Self| match (a.until, b.from) {
            (Some(until), Some(from)) => until <= from,
            (None, _) | (_, None) => false,
        };
        !before(self, other) && !before(other, self)
    }

    /// The days on which something changes.
    pub(super) fn changes(&self) -> impl Iterator<Item = Date> + use<> {
        self.from.into_iter().chain(self.until)
    }
}

impl Default for Period {
    fn default() -> Self {
        Self::ALWAYS
    }
}

// === impl Party ===

impl Party {
    /// Where the party is organised on a day.
    pub fn organised_in(&self, day: Date) -> Option<Country> {
        self.seats_on(SeatKind::Organised, day).next()
    }

    /// Where its principal place of business is on a day.
    pub fn principal_place(&self, day: Date) -> Option<Country> {
        self.seats_on(SeatKind::PrincipalPlace, day).next()
    }

    /// Its seats of one kind on a day.
    pub fn seats_on(&self, kind: SeatKind, day: Date) -> impl Iterator<Item = Country> {
        let seats = self.seats.iter();
        seats
            .filter(move |seat| seat.kind == kind && seat.during.contains(day))
            .map(|seat| seat.country)
    }

    /// Whether it carries the label.
    pub fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|own| own == label)
    }

    /// Whether it stands on the list on a day.
    pub fn is_listed(&self, list: &str, day: Date) -> bool {
        self.lists.iter().any(|one| one.list == list && one.during.contains(day))
    }

    /// Every day on which something of it begins or ends.
    pub(super) fn changes(&self) -> impl Iterator<Item = Date> {
        let seats = self.seats.iter().map(|one| one.during);
        let lists = self.lists.iter().map(|one| one.during);
        let owners = self.owners.iter().map(|one| one.during);
        let employers = self.employers.iter().map(|one| one.during);
        let all = seats.chain(lists).chain(owners).chain(employers);
        all.flat_map(|during| during.changes())
    }
}
