//! The closed set of conditions that a rule may combine.

use std::fmt;

use crate::data::TagPattern;
use crate::geo::{CountrySet, Subdivision};
use crate::net::{HostPattern, NetworkSet};

use super::area::Area;
use super::declared::Word;
use super::facts::{Place, TagBits};
use super::peer::{Certificate, Peer};
use super::principals::PrincipalSet;
use super::reach::Reach;
use super::recipient::Recipient;
use super::slice::{ClassBits, State, Weighed};
use super::truth::Truth;
use super::view::View;
use super::volume::{Band, Bulk, better};

/// One condition of a rule.
#[derive(Clone, Debug)]
pub enum Condition {
    /// The destination's autonomous system is one of these.
    Asns(Vec<u32>),
    /// The count of a class lies in one of these bands.
    Bands(Vec<Band>, Vec<String>),
    /// The count of some class is past its threshold.
    Bulk(Bulk),
    /// The slice is of one of these classes.
    Classes(ClassBits, Vec<String>),
    /// The client's address lies in one of these networks.
    Clients(NetworkSet),
    /// One of these words is declared; `unknown` holds where none is.
    Declared(Word, Vec<String>),
    /// The exporter has one of these attributes.
    ExporterIs(Vec<String>),
    /// A database says that the address is anycast or an anonymiser.
    Hidden,
    /// The destination host matches one of these.
    Hosts(Vec<HostPattern>),
    /// The slice tells of a place in one of these areas.
    Inside(Vec<Area>),
    /// The method is one of these.
    Methods(Vec<String>),
    /// The destination address lies in one of these networks.
    Networks(NetworkSet),
    /// The recipient is none of these.
    NotRecipient(Vec<Recipient>),
    /// The destination lies outside all of these places.
    Outside(Reach),
    /// The destination's certificate names one of these countries.
    PeerCountries(CountrySet, Vec<String>),
    /// The destination's certificate names one of these organisations.
    PeerOrganisations(Vec<String>),
    /// The client is one of these principals.
    Principals(PrincipalSet),
    /// The recipient is one of these.
    Recipient(Vec<Recipient>),
    /// The slice is declared to be in one of these states.
    State(Vec<State>),
    /// The destination lies in one of these regions (ISO 3166-2).
    Subdivisions(Vec<Subdivision>),
    /// The slice is about people of these jurisdictions.
    Subjects(CountrySet, Vec<String>),
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

// === impl Condition ===

impl Condition {
    /// The kinds of transaction that it names.
    pub(super) fn transactions(&self) -> &[String] {
        if let Self::Declared(Word::Transaction, words) = self { words } else { &[] }
    }

    /// Its words without whom it names; `None` where it names nobody.
    pub fn without_names(&self) -> Option<String> {
        if let Self::Principals(set) = self {
            Some(format!("client is one of {} principals", set.written().len()))
        } else if let Self::Clients(networks) = self {
            Some(format!("client in one of {} networks", networks.iter().count()))
        } else {
            None
        }
    }

    /// What it says of bulk, if it does.
    pub(super) fn bulk(&self) -> Option<&Bulk> {
        if let Self::Bulk(bulk) = self { Some(bulk) } else { None }
    }

    /// Whether it asks whose certificate the destination shows.
    pub(super) fn asks_peer(&self) -> bool {
        matches!(self, Self::PeerCountries(..) | Self::PeerOrganisations(_))
    }

    /// Whether the condition is about one slice of the data rather than the whole request.
    pub(super) fn is_of_slice(&self) -> bool {
        matches!(
            self,
            Self::Bands(..)
                | Self::Bulk(_)
                | Self::Classes(..)
                | Self::Inside(_)
                | Self::State(_)
                | Self::Subjects(..)
                | Self::Tags(_)
        )
    }

    /// Whether a condition on the whole request holds, and whether only by presumption.
    pub(super) fn test(&self, view: &View<'_>) -> (Truth, bool) {
        let facts = view.facts;
        let at = facts.circumstances.at;
        let truth = match self {
            Self::To(reach) => return on_place(view, |place| reach.holds(place.entry, at)),
            Self::Outside(reach) => return on_place(view, |place| reach.excludes(place.entry, at)),
            Self::Recipient(kinds) => return view.recipient(kinds),
            Self::NotRecipient(kinds) => return view.not_recipient(kinds),
            Self::Declared(word, words) => return view.declared(*word, words),
            Self::ExporterIs(attributes) => match facts.circumstances.exporter {
                None => return (Truth::Yes, true),
                Some(who) => attributes.iter().any(|one| who.attributes.contains(one)).into(),
            },
            Self::Asns(asns) => of_place(view, |p| p.entry.asns().iter().any(|a| asns.contains(a))),
            Self::Hidden => of_place(view, |place| place.entry.hidden()),
            Self::Networks(networks) => of_place(view, |place| networks.contains(place.judged)),
            Self::Subdivisions(regions) => {
                of_place(view, |p| p.entry.subdivisions().iter().any(|s| regions.contains(s)))
            }
            Self::PeerCountries(countries, _) => of_peer(view, |shown| {
                shown.countries.iter().any(|country| countries.contains(*country))
            }),
            Self::PeerOrganisations(names) => of_peer(view, |shown| shown.is_of(names)),
            Self::Clients(networks) => networks.contains(facts.client).into(),
            Self::Hosts(patterns) => patterns.iter().any(|p| p.matches(facts.host)).into(),
            Self::Methods(methods) if methods.iter().any(|one| one == facts.method) => Truth::Yes,
            // What is asked for inside a tunnel that is still to be opened, nobody knows.
            Self::Methods(_) => Truth::pending(facts.is_sealed()),
            Self::Principals(set) => facts.principal.is_some_and(|name| set.contains(name)).into(),
            Self::Bands(..)
            | Self::Bulk(_)
            | Self::Classes(..)
            | Self::Inside(_)
            | Self::State(_)
            | Self::Subjects(..)
            | Self::Tags(_) => Truth::No,
        };
        (truth, false)
    }

    /// Whether a condition on one slice holds, and whether only by presumption.
    pub(super) fn test_slice(&self, view: &View<'_>, slice: &Weighed) -> (Truth, bool) {
        let counts = view.facts.circumstances.counts;
        match self {
            Self::Tags(mask) => (mask.bits.intersects(&slice.bits).into(), false),
            Self::Classes(bits, _) => {
                let held = bits.intersection(&slice.classes);
                let certain = held.iter().any(|class| !slice.presumed.contains(class));
                (held.intersects(&held).into(), !certain)
            }
            Self::Bulk(bulk) => {
                let Some(counter) = view.policy.counter(bulk.counter) else {
                    return (Truth::No, false);
                };
                bulk.test(counter, view.policy.classes(), view.company(slice), counts)
            }
            Self::Bands(bands, _) => {
                let company = view.company(slice);
                let tests = bands.iter().map(|band| band.test(company, counts));
                tests.fold((Truth::No, false), better)
            }
            Self::Subjects(countries, _) => match slice.slice.of {
                Some(of) => (countries.contains(of).into(), false),
                None => (Truth::Yes, true),
            },
            Self::State(states) => {
                (slice.slice.state.is_some_and(|state| states.contains(&state)).into(), false)
            }
            Self::Inside(areas) => match slice.slice.point {
                Some(point) => (areas.iter().any(|area| area.contains(point)).into(), false),
                // Nobody said where: then nothing says that it is there.
                None => (Truth::No, false),
            },
            Self::Asns(_)
            | Self::Clients(_)
            | Self::Declared(..)
            | Self::ExporterIs(_)
            | Self::Hidden
            | Self::Hosts(_)
            | Self::Methods(_)
            | Self::Networks(_)
            | Self::NotRecipient(_)
            | Self::Outside(_)
            | Self::PeerCountries(..)
            | Self::PeerOrganisations(_)
            | Self::Principals(_)
            | Self::Recipient(_)
            | Self::Subdivisions(_)
            | Self::To(_) => self.test(view),
        }
    }

    /// Cheap and selective conditions are asked first; the order does not change the
    /// answer.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Self::Tags(_) | Self::Classes(..) => 0,
            Self::To(_) | Self::Outside(_) | Self::Hidden => 1,
            Self::Methods(_) | Self::Asns(_) | Self::ExporterIs(_) | Self::State(_) => 2,
            Self::Clients(_)
            | Self::Networks(_)
            | Self::Subdivisions(_)
            | Self::Subjects(..)
            | Self::Recipient(_)
            | Self::NotRecipient(_) => 3,
            Self::Hosts(_)
            | Self::PeerCountries(..)
            | Self::PeerOrganisations(_)
            | Self::Principals(_)
            | Self::Declared(..) => 4,
            Self::Bands(..) | Self::Bulk(_) | Self::Inside(_) => 5,
        }
    }
}

fn of_place(view: &View<'_>, holds: impl Fn(&Place<'_>) -> bool) -> Truth {
    view.facts.place.as_ref().map_or(Truth::Unknown, |place| holds(place).into())
}

fn of_peer(view: &View<'_>, holds: impl Fn(&Certificate) -> bool) -> Truth {
    match view.facts.peer {
        Peer::Awaited => Truth::Unknown,
        Peer::Hidden => Truth::No,
        Peer::Shown(certificate) => holds(certificate).into(),
    }
}

fn on_place(view: &View<'_>, test: impl Fn(&Place<'_>) -> (bool, bool)) -> (Truth, bool) {
    view.facts.place.as_ref().map_or((Truth::Unknown, false), |place| {
        let (holds, presumed) = test(place);
        (holds.into(), presumed)
    })
}

// === display ===

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asns(asns) => list(f, "destination network is AS", asns),
            Self::Bands(_, names) => list(f, "counted ", names),
            Self::Bulk(bulk) => list(f, "bulk ", &bulk.names),
            Self::Classes(_, names) => list(f, "data is ", names),
            Self::Clients(networks) => list(f, "client in ", networks.iter()),
            Self::Declared(word, words) => list(f, &format!("{} is ", word.key()), words),
            Self::ExporterIs(attributes) => list(f, "exporter is ", attributes),
            Self::Hidden => f.write_str("destination is anycast or an anonymiser"),
            Self::Hosts(hosts) => list(f, "host is ", hosts),
            Self::Inside(areas) => list(f, "place in ", areas.iter().map(|area| &area.name)),
            Self::Methods(methods) => list(f, "method is ", methods),
            Self::Networks(networks) => list(f, "destination address in ", networks.iter()),
            Self::NotRecipient(kinds) => list(f, "recipient is not ", names(kinds)),
            Self::Outside(reach) => list(f, "destination outside ", &reach.names),
            Self::PeerCountries(_, names) => list(f, "certificate names the country ", names),
            Self::PeerOrganisations(names) => list(f, "certificate names ", names),
            Self::Principals(set) => list(f, "client is ", set.written()),
            Self::Recipient(kinds) => list(f, "recipient is ", names(kinds)),
            Self::State(states) => list(f, "data is ", states.iter().map(|state| state.name())),
            Self::Subdivisions(regions) => list(f, "destination region is ", regions),
            Self::Subjects(_, names) => list(f, "data is of people of ", names),
            Self::Tags(mask) => list(f, "data tagged ", &mask.patterns),
            Self::To(reach) => list(f, "destination in ", &reach.names),
        }
    }
}

fn names(kinds: &[Recipient]) -> impl Iterator<Item = &String> {
    kinds.iter().map(|kind| &kind.name)
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
