//! What all databases together say of an address: the evidence of each, and what follows.

use std::fmt;

use super::{Answer, Correction, Country, CountrySet, Subdivision};

/// Names an [`Entry`] of one [`super::Atlas`]; it means nothing to another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntryId(pub(super) u32);

/// What is known of an address: every database's answer, kept apart.
#[derive(Clone, Debug)]
pub struct Entry {
    id: EntryId,
    state: State,
    candidates: CountrySet,
    answers: Box<[Answer]>,
    asns: Box<[u32]>,
    subdivisions: Box<[Subdivision]>,
    correction: Option<Correction>,
    /// Databases that place addresses but did not place this one.
    silent: u8,
}

/// How far the databases agree on an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// All databases that answer name the same country.
    Agreed,
    /// Two databases name different countries.
    Disputed,
    /// Not an address of the public Internet.
    NotPublic,
    /// The operator has decided.
    Overridden,
    /// No database answers.
    Unknown,
}

/// How the databases that place addresses vote on whether one is in a set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Votes {
    /// Databases that place it in the set.
    pub in_set: u8,
    /// Databases that place it elsewhere.
    pub outside: u8,
    /// Databases that do not place it.
    pub silent: u8,
}

// === impl Entry ===

impl Entry {
    /// Puts together what the databases say. `voters` counts those that place addresses at all.
    pub(super) fn new(
        id: u32,
        answers: Vec<Answer>,
        voters: u8,
        correction: Option<Correction>,
    ) -> Self {
        let placed: CountrySet = answers.iter().filter_map(|answer| answer.country).collect();
        let placing = answers.iter().filter(|answer| answer.country.is_some()).count();
        let candidates =
            correction.as_ref().map_or(placed, |correction| correction.to.into_iter().collect());
        let state = match candidates.len() {
            _ if correction.is_some() => State::Overridden,
            0 => State::Unknown,
            1 => State::Agreed,
            _ => State::Disputed,
        };
        Self {
            id: EntryId(id),
            state,
            candidates,
            asns: distinct(answers.iter().filter_map(|answer| answer.asn)),
            subdivisions: distinct(answers.iter().filter_map(|answer| answer.subdivision)),
            silent: voters.saturating_sub(u8::try_from(placing).unwrap_or(u8::MAX)),
            answers: answers.into(),
            correction,
        }
    }

    /// An address as a case supposes it: these answers, from databases that nobody loaded.
    pub fn supposed(answers: Vec<Answer>) -> Self {
        let voters = u8::try_from(answers.len()).unwrap_or(u8::MAX);
        Self::new(u32::MAX, answers, voters, None)
    }

    /// An address that is not public, of which nobody was asked.
    pub fn private() -> Self {
        Self::not_public(u32::MAX, Vec::new())
    }

    /// Makes the entry of all addresses that are not public.
    pub(super) fn not_public(id: u32, answers: Vec<Answer>) -> Self {
        Self { state: State::NotPublic, ..Self::new(id, answers, 0, None) }
    }

    /// Returns the name of this entry within its atlas.
    pub const fn id(&self) -> EntryId {
        self.id
    }

    /// Says how far the databases agree.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Returns every country that the address may be in: the correction's if there is one, else
    /// those of all databases together.
    pub const fn candidates(&self) -> CountrySet {
        self.candidates
    }

    /// Returns what each database says, in the order of [`super::Atlas::databases`]. Under a
    /// correction these are what it overrides; of a host they are all silent.
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// Counts who places the address in the set. Only databases that place addresses vote (an
    /// ASN database is not asked); a correction is the only voter if there is one.
    pub fn votes(&self, set: &CountrySet) -> Votes {
        let mut votes = Votes { silent: self.silent, ..Votes::default() };
        let mut count = |country: Country| {
            if set.contains(country) { votes.in_set += 1 } else { votes.outside += 1 }
        };
        match &self.correction {
            Some(Correction { to: Some(country), .. }) => {
                count(*country);
                Votes { silent: 0, ..votes }
            }
            Some(Correction { to: None, .. }) => Votes { silent: 1, ..Votes::default() },
            None => {
                self.answers.iter().filter_map(|answer| answer.country).for_each(count);
                votes
            }
        }
    }

    /// Returns the distinct numbers of autonomous systems, sorted.
    pub fn asns(&self) -> &[u32] {
        &self.asns
    }

    /// Returns the distinct subdivisions, sorted.
    pub fn subdivisions(&self) -> &[Subdivision] {
        &self.subdivisions
    }

    /// Whether a database says that the address is anycast or an anonymiser, so that no country
    /// can be believed; the other databases' countries stay candidates.
    pub fn hidden(&self) -> bool {
        self.answers.iter().any(|answer| answer.hidden)
    }

    /// Returns the operator's correction.
    pub const fn correction(&self) -> Option<&Correction> {
        self.correction.as_ref()
    }
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> Box<[T]> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items.dedup();
    items.into()
}

impl State {
    /// The word in rules, records and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Disputed => "disputed",
            Self::NotPublic => "special",
            Self::Overridden => "overridden",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: &str) -> Answer {
        Answer { country: Country::parse(code), ..Answer::default() }
    }

    fn entry(codes: &[&str], correction: Option<Correction>) -> Entry {
        Entry::new(7, codes.iter().map(|code| answer(code)).collect(), 3, correction)
    }

    #[test]
    fn states_follow_from_those_that_answer() {
        assert_eq!(entry(&["", "", ""], None).state(), State::Unknown);
        assert_eq!(entry(&["NO", "", "NO"], None).state(), State::Agreed);
        let disputed = entry(&["CN", "SG", ""], None);
        assert_eq!(
            (disputed.state(), disputed.candidates().to_string()),
            (State::Disputed, "CN, SG".to_owned())
        );
    }

    #[test]
    fn votes_count_databases() {
        let china = CountrySet::from_iter(Country::parse("CN"));
        let votes = |in_set, outside, silent| Votes { in_set, outside, silent };
        assert_eq!(entry(&["CN", "SG", "CN"], None).votes(&china), votes(2, 1, 0));
        assert_eq!(entry(&["CN", "", ""], None).votes(&china), votes(1, 0, 2));
        let to = |code| Some(Correction { to: Country::parse(code), reason: None });
        assert_eq!(entry(&["CN", "SG", "CN"], to("NO")).votes(&china), votes(0, 1, 0));
        assert_eq!(entry(&["CN", "SG", "CN"], to("")).votes(&china), votes(0, 0, 1));
    }

    #[test]
    fn a_correction_decides_and_keeps_the_evidence() {
        let to_unknown = entry(&["CN", "CN", "CN"], Some(Correction { to: None, reason: None }));
        assert_eq!(to_unknown.state(), State::Overridden);
        assert!(to_unknown.candidates().is_empty());
        assert_eq!(to_unknown.answers().len(), 3);
    }
}
