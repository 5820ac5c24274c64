//! Jurisdictions: named sets of countries, nested, with exceptions.

use std::collections::BTreeMap;

use crate::geo::{Country, State};
use crate::policy::{Places, States};

use super::section::{Section, Word};
use super::words::nearest;

/// The names that stand for a state of knowledge rather than a territory.
const STATES: [(&str, State); 5] = [
    ("agreed", State::Agreed),
    ("disputed", State::Disputed),
    ("overridden", State::Overridden),
    ("special", State::NotPublic),
    ("unknown", State::Unknown),
];

/// Jurisdictions by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Jurisdictions(BTreeMap<String, Places>);

impl Jurisdictions {
    /// Reads `[jurisdiction.*]`; names of `outer` may be used too.
    pub(super) fn read(root: &Section<'_>, outer: &Self) -> Self {
        let table = root.section("jurisdiction");
        let mut waiting: Vec<Draft<'_>> = table
            .named_sections()
            .into_iter()
            .map(|(name, section)| Draft::read(name, section))
            .collect();
        let mut known = outer.clone();
        // What names only known jurisdictions is resolved; then the rest is asked again.
        loop {
            let before = waiting.len();
            let (ready, rest) = waiting.into_iter().partition(|draft| draft.is_ready(&known));
            let ready: Vec<Draft<'_>> = ready;
            ready.into_iter().for_each(|draft| draft.resolve(&mut known));
            waiting = rest;
            if waiting.is_empty() || waiting.len() == before {
                break;
            }
        }
        let names: Vec<String> = waiting.iter().map(|draft| draft.name.text.to_owned()).collect();
        for draft in waiting {
            draft.blame(&known, &names);
        }
        known
    }

    /// Each with the words that define it.
    pub(super) fn in_words(&self) -> Vec<(String, Vec<&'static str>)> {
        let words = |places: &Places| {
            let states = STATES.iter().filter(|(_, state)| places.states.contains(*state));
            let countries = places.countries.iter().map(|country| country.code());
            countries.chain(states.map(|(word, _)| *word)).collect()
        };
        self.0.iter().map(|(name, places)| (name.clone(), words(places))).collect()
    }

    /// The places that a rule names.
    pub(super) fn places(&self, section: &Section<'_>, words: &[Word<'_>]) -> Places {
        let found = words.iter().filter_map(|word| {
            let place = self.place(word.text);
            if place.is_none() {
                let (message, help) = self.unknown(word.text);
                section.problem(word.span.clone(), message, help);
            }
            place
        });
        found.fold(Places::default(), union)
    }

    pub(super) fn place(&self, text: &str) -> Option<Places> {
        if let Some((_, state)) = STATES.iter().find(|(name, _)| *name == text) {
            let mut states = States::default();
            states.insert(*state);
            return Some(Places { states, ..Places::default() });
        }
        if let Some(country) = Country::parse(text) {
            let countries = [country].into_iter().collect();
            return Some(Places { countries, ..Places::default() });
        }
        self.0.get(text).copied()
    }

    fn unknown(&self, text: &str) -> (String, Option<String>) {
        let names = self.0.keys().map(String::as_str).chain(STATES.map(|(name, _)| name));
        let named = nearest(text, names).map(|name| format!("did you mean `{name}`?"));
        let country = || {
            let country = Country::suggest(text)?;
            Some(format!("did you mean `{}` ({})?", country.code(), country.name()))
        };
        let message = format!("`{text}` is no ISO 3166-1 country code, jurisdiction or state");
        let listed = || {
            let names: Vec<_> = self.0.keys().map(String::as_str).collect();
            (!names.is_empty()).then(|| format!("jurisdictions defined: {}", names.join(", ")))
        };
        (message, named.or_else(country).or_else(listed))
    }
}

/// A jurisdiction as written.
struct Draft<'a> {
    name: Word<'a>,
    section: Section<'a>,
    include: Vec<Word<'a>>,
    except: Vec<Word<'a>>,
}

impl<'a> Draft<'a> {
    fn read(name: Word<'a>, section: Section<'a>) -> Self {
        let mut include = section.words("countries");
        include.extend(section.words("include"));
        let except = section.words("except");
        // For people; the engine does not read it.
        section.word("note");
        if Country::parse(name.text).is_some()
            || STATES.iter().any(|(state, _)| *state == name.text)
        {
            let message = format!("`{}` already means something else", name.text);
            let help = "a jurisdiction's name is neither a country code nor a state".to_owned();
            section.problem(name.span.clone(), message, Some(help));
        }
        Self { name, section, include, except }
    }

    fn parts(&self) -> impl Iterator<Item = &Word<'a>> {
        self.include.iter().chain(&self.except)
    }

    fn is_ready(&self, known: &Jurisdictions) -> bool {
        self.parts().all(|word| known.place(word.text).is_some())
    }

    fn resolve(self, known: &mut Jurisdictions) {
        let gather = |words: &[Word<'_>]| {
            words.iter().filter_map(|word| known.place(word.text)).fold(Places::default(), union)
        };
        let (include, except) = (gather(&self.include), gather(&self.except));
        let places = difference(include, except);
        if is_empty(&places) {
            let message = format!("jurisdiction `{}` is empty", self.name.text);
            let help =
                "name `countries` or `include`, and do not take all of them away again".to_owned();
            self.section.problem(self.name.span.clone(), message, Some(help));
        }
        known.0.insert(self.name.text.to_owned(), places);
    }

    /// Tells which part cannot be resolved; the name itself counts as known from here on,
    /// so that rules that use it are not blamed for it.
    fn blame(self, known: &Jurisdictions, unresolved: &[String]) {
        for word in self.parts().filter(|word| known.place(word.text).is_none()) {
            if unresolved.iter().any(|name| name == word.text) {
                let message = format!(
                    "jurisdiction `{}` contains itself through `{}`",
                    self.name.text, word.text
                );
                self.section.problem(word.span.clone(), message, None);
            } else {
                let (message, help) = known.unknown(word.text);
                self.section.problem(word.span.clone(), message, help);
            }
        }
    }
}

/// The places of both.
pub(super) fn union(a: Places, b: Places) -> Places {
    Places { countries: a.countries.union(&b.countries), states: a.states.union(b.states) }
}

/// The places of the first that are not of the second.
pub(super) fn difference(a: Places, b: Places) -> Places {
    Places {
        countries: a.countries.difference(&b.countries),
        states: a.states.difference(b.states),
    }
}

/// Whether no address can lie there.
pub(in crate::config) fn is_empty(places: &Places) -> bool {
    places.countries.is_empty() && places.states.is_empty()
}
