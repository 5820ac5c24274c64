//! Which rules can hold for a destination at all, found by its countries instead of by asking
//! each: of a hundred rules that name places few name the one that a request goes to.

use crate::geo::{Country, CountrySet, Entry, State};

use super::condition::Condition;
use super::index::RuleSet;
use super::reach::{Places, Reach};
use super::rule::Rule;

/// The rules by country. A rule is left out only where its condition on the place certainly
/// does not hold, at any time.
#[derive(Clone, Debug, Default)]
pub(super) struct Nearby {
    /// In the order of [`Country::all`].
    by_country: Vec<RuleSet>,
}

/// What is known of the place, as far as rules are chosen by it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    nearby: &'a Nearby,
    /// Absent where no country is known: then every rule may hold.
    countries: Option<CountrySet>,
}

impl Nearby {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut by_country = vec![RuleSet::of(rules.len()); Country::all().len()];
        for (at, rule) in rules.iter().enumerate() {
            let sets = Country::all().zip(&mut by_country);
            let near = sets.filter(|(country, _)| may_hold(rule, *country));
            near.for_each(|(_, set)| set.insert(at));
        }
        Self { by_country }
    }

    pub(super) fn around(&self, entry: Option<&Entry>) -> Around<'_> {
        let countries = entry.map(Entry::candidates).filter(|all| !all.is_empty());
        Around { nearby: self, countries }
    }
}

impl Around<'_> {
    /// The rules that can hold here, 64 of them at a time.
    pub(super) fn word(&self, at: usize) -> u64 {
        let Some(countries) = self.countries else { return u64::MAX };
        let sets = countries.iter().filter_map(|one| self.nearby.by_country.get(one.place()));
        sets.fold(0, |word, set| word | set.word(at))
    }
}

/// Whether the rule can hold for an address that may be in the country. Only one of its
/// conditions is asked: where an address may be in two countries, each may meet another one.
fn may_hold(rule: &Rule, country: Country) -> bool {
    let asked = rule.conditions.iter().find_map(|condition| match condition {
        Condition::To(reach) => Some(may_reach(reach, country)),
        Condition::Outside(reach) => {
            Some(reach.places.iter().any(|places| !places.countries.contains(country)))
        }
        Condition::Asns(_)
        | Condition::Bands(..)
        | Condition::Bulk(_)
        | Condition::Classes(..)
        | Condition::Clients(_)
        | Condition::Declared(..)
        | Condition::ExporterIs(_)
        | Condition::Hidden
        | Condition::Hosts(_)
        | Condition::Inside(_)
        | Condition::Methods(_)
        | Condition::Networks(_)
        | Condition::NotRecipient(_)
        | Condition::PeerCountries(..)
        | Condition::PeerOrganisations(_)
        | Condition::Principals(_)
        | Condition::Recipient(_)
        | Condition::State(_)
        | Condition::Subdivisions(_)
        | Condition::Subjects(..)
        | Condition::Tags(_) => None,
    });
    asked.unwrap_or(true)
}

/// A region may be told without its country, and a state is told of any country.
fn may_reach(reach: &Reach, country: Country) -> bool {
    let named = |places: &Places| {
        let states = [State::Agreed, State::Disputed, State::Overridden];
        places.countries.contains(country)
            || states.into_iter().any(|state| places.states.contains(state))
    };
    !reach.regions.is_empty() || reach.places.iter().any(named)
}
