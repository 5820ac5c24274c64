//! Places that a rule names, and whether a location is one of them.

use jiff::Timestamp;

use crate::geo::{CountrySet, Entry, State, Subdivision};

use super::dated::Dated;
use super::pack::Validity;

/// How many databases must place an address somewhere for a rule to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consensus {
    /// Every country that some database gives. The default where a rule permits.
    All,
    /// One database is enough. The default where a rule refuses.
    Any,
    /// More than half of the databases that answer.
    Majority,
}

/// Places, and how many databases must agree on them.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The places as the rule names them, for explanations.
    pub names: Vec<String>,
    /// The places themselves.
    pub places: Dated<Places>,
    /// Regions among them.
    pub regions: Vec<(Subdivision, Validity)>,
    /// How many databases must agree.
    pub consensus: Consensus,
    /// Whether an unknown location counts as one of the places.
    pub unknown_counts: bool,
}

/// Countries, and states of knowledge that are named like countries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The countries.
    pub countries: CountrySet,
    /// The states.
    pub states: States,
}

/// Which states of a location a rule names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States(u8);

impl States {
    fn bit(state: State) -> u8 {
        match state {
            State::Agreed => 1,
            State::Disputed => 2,
            State::Unknown => 4,
            State::NotPublic => 8,
            State::Overridden => 16,
        }
    }

    /// Adds one state.
    pub fn insert(&mut self, state: State) {
        self.0 |= Self::bit(state);
    }

    /// Whether the state is named.
    pub fn contains(self, state: State) -> bool {
        self.0 & Self::bit(state) != 0
    }

    /// Whether no state is named.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The states of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The states of this set that are not in the other.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

// === impl Reach ===

impl Reach {
    /// Whether the location is one of the places, and whether only by presumption.
    pub fn holds(&self, entry: &Entry, at: Timestamp) -> (bool, bool) {
        let places = self.places.at(at);
        let named_unknown = places.states.contains(State::Unknown);
        if places.states.contains(entry.state()) || (is_unknown(entry) && named_unknown) {
            return (true, false);
        }
        if is_unknown(entry) {
            return (self.unknown_counts, self.unknown_counts);
        }
        let countries = &places.countries;
        let holds = match self.consensus {
            Consensus::Any => entry.candidates().intersects(countries),
            Consensus::All => is_within(entry, countries),
            Consensus::Majority => {
                let votes = entry.votes(countries);
                votes.in_set > votes.outside
            }
        };
        if holds { (true, false) } else { self.in_region(entry, at) }
    }

    /// A region that no database can tell from the rest of its country may be meant.
    fn in_region(&self, entry: &Entry, at: Timestamp) -> (bool, bool) {
        let regions = || self.regions.iter().filter(|(_, validity)| validity.holds(at));
        if regions().any(|(region, _)| entry.subdivisions().contains(region)) {
            return (true, false);
        }
        let told = |region: &Subdivision| {
            entry.subdivisions().iter().any(|known| known.country() == region.country())
        };
        let blind = regions()
            .any(|(region, _)| entry.candidates().contains(region.country()) && !told(region));
        let presumed = blind && self.unknown_counts;
        (presumed, presumed)
    }

    /// Whether the location is none of the places. A destination that is not public lies
    /// in no country, inside or outside.
    pub(super) fn excludes(&self, entry: &Entry, at: Timestamp) -> (bool, bool) {
        let places = self.places.at(at);
        if entry.state() == State::NotPublic || places.states.contains(entry.state()) {
            return (false, false);
        }
        if is_unknown(entry) {
            let counts = self.unknown_counts && !places.states.contains(State::Unknown);
            return (counts, counts);
        }
        let countries = &places.countries;
        let outside = match self.consensus {
            Consensus::Any => !is_within(entry, countries),
            Consensus::All => !entry.candidates().intersects(countries),
            Consensus::Majority => {
                let votes = entry.votes(countries);
                votes.outside > votes.in_set
            }
        };
        (outside, false)
    }
}

/// No database, and no correction, gives a country for a public address.
fn is_unknown(entry: &Entry) -> bool {
    entry.state() != State::NotPublic && entry.candidates().is_empty()
}

fn is_within(entry: &Entry, countries: &CountrySet) -> bool {
    !entry.candidates().is_empty() && entry.candidates().is_subset(countries)
}
