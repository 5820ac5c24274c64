//! The closed set of conditions that a rule may combine.

use std::fmt;

use crate::data::TagPattern;
use crate::geo::{CountrySet, Entry, State, Subdivision};
use crate::net::{HostPattern, NetworkSet};

use super::facts::{Facts, Place, TagBits};
use super::truth::Truth;

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

/// One condition of a rule.
#[derive(Clone, Debug)]
pub enum Condition {
    /// The destination's autonomous system is one of these.
    Asns(Vec<u32>),
    /// The client's address lies in one of these networks.
    Clients(NetworkSet),
    /// The destination host matches one of these.
    Hosts(Vec<HostPattern>),
    /// The method is one of these.
    Methods(Vec<String>),
    /// The destination address lies in one of these networks.
    Networks(NetworkSet),
    /// The destination lies outside all of these places.
    Outside(Reach),
    /// The client is one of these principals.
    Principals(Vec<String>),
    /// The destination lies in one of these regions (ISO 3166-2).
    Subdivisions(Vec<Subdivision>),
    /// Some tag matches one of these patterns.
    Tags(TagMask),
    /// The destination lies in one of these places.
    To(Reach),
}

/// Tag patterns, compiled to one bit each.
#[derive(Clone, Debug)]
pub struct TagMask {
    /// The patterns as written.
    pub patterns: Vec<TagPattern>,
    pub(super) bits: TagBits,
}

/// Places, and how many databases must agree on them.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The places as the rule names them, for explanations.
    pub names: Vec<String>,
    /// The places themselves.
    pub places: Places,
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

// === impl Condition ===

impl Condition {
    /// Whether the condition holds, and whether only because an unknown location counts.
    pub(super) fn test(&self, facts: &Facts<'_>) -> (Truth, bool) {
        let truth = match self {
            Self::To(reach) => return on_place(facts, |place| reach.holds(place.entry)),
            Self::Outside(reach) => return on_place(facts, |place| reach.excludes(place.entry)),
            Self::Tags(mask) if mask.bits.intersects(&facts.content.bits) => Truth::Yes,
            Self::Tags(_) => Truth::pending(!facts.content.complete),
            Self::Asns(asns) => {
                of_place(facts, |p| p.entry.asns().iter().any(|a| asns.contains(a)))
            }
            Self::Networks(networks) => of_place(facts, |place| networks.contains(place.judged)),
            Self::Subdivisions(regions) => {
                of_place(facts, |p| p.entry.subdivisions().iter().any(|s| regions.contains(s)))
            }
            Self::Clients(networks) => networks.contains(facts.client).into(),
            Self::Hosts(patterns) => patterns.iter().any(|p| p.matches(facts.host)).into(),
            Self::Methods(methods) => methods.iter().any(|method| method == facts.method).into(),
            Self::Principals(names) => {
                facts.principal.is_some_and(|name| names.iter().any(|n| n == name)).into()
            }
        };
        (truth, false)
    }

    /// Cheap and selective conditions are asked first; the order does not change the
    /// answer.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Self::Tags(_) => 0,
            Self::To(_) | Self::Outside(_) => 1,
            Self::Methods(_) | Self::Asns(_) => 2,
            Self::Clients(_) | Self::Networks(_) | Self::Subdivisions(_) => 3,
            Self::Hosts(_) | Self::Principals(_) => 4,
        }
    }
}

fn of_place(facts: &Facts<'_>, holds: impl Fn(&Place<'_>) -> bool) -> Truth {
    facts.place.as_ref().map_or(Truth::Unknown, |place| holds(place).into())
}

fn on_place(facts: &Facts<'_>, test: impl Fn(&Place<'_>) -> (bool, bool)) -> (Truth, bool) {
    facts.place.as_ref().map_or((Truth::Unknown, false), |place| {
        let (holds, presumed) = test(place);
        (holds.into(), presumed)
    })
}

// === impl Reach ===

impl Reach {
    /// Whether the location is one of the places, and whether only by presumption.
    fn holds(&self, entry: &Entry) -> (bool, bool) {
        if self.places.states.contains(entry.state()) || (is_unknown(entry) && self.names_unknown())
        {
            return (true, false);
        }
        if is_unknown(entry) {
            return (self.unknown_counts, self.unknown_counts);
        }
        let countries = &self.places.countries;
        let holds = match self.consensus {
            Consensus::Any => entry.candidates().intersects(countries),
            Consensus::All => is_within(entry, countries),
            Consensus::Majority => {
                let votes = entry.votes(countries);
                votes.in_set > votes.outside
            }
        };
        (holds, false)
    }

    /// Whether the location is none of the places. A destination that is not public lies
    /// in no country, inside or outside.
    fn excludes(&self, entry: &Entry) -> (bool, bool) {
        if entry.state() == State::NotPublic || self.places.states.contains(entry.state()) {
            return (false, false);
        }
        if is_unknown(entry) {
            let counts = self.unknown_counts && !self.names_unknown();
            return (counts, counts);
        }
        let countries = &self.places.countries;
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

    fn names_unknown(&self) -> bool {
        self.places.states.contains(State::Unknown)
    }
}

/// No database, and no correction, gives a country for a public address.
fn is_unknown(entry: &Entry) -> bool {
    entry.state() != State::NotPublic && entry.candidates().is_empty()
}

fn is_within(entry: &Entry, countries: &CountrySet) -> bool {
    !entry.candidates().is_empty() && entry.candidates().is_subset(countries)
}

// === display ===

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asns(asns) => list(f, "destination network is AS", asns),
            Self::Clients(networks) => list(f, "client in ", networks.iter()),
            Self::Hosts(hosts) => list(f, "host is ", hosts),
            Self::Methods(methods) => list(f, "method is ", methods),
            Self::Networks(networks) => list(f, "destination address in ", networks.iter()),
            Self::Outside(reach) => list(f, "destination outside ", &reach.names),
            Self::Principals(names) => list(f, "client is ", names),
            Self::Subdivisions(regions) => list(f, "destination region is ", regions),
            Self::Tags(mask) => list(f, "data tagged ", &mask.patterns),
            Self::To(reach) => list(f, "destination in ", &reach.names),
        }
    }
}

fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    lead: &str,
    items: impl IntoIterator<Item = T>,
) -> fmt::Result {
    f.write_str(lead)?;
    for (index, item) in items.into_iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { " or " })?;
    }
    Ok(())
}
