//! Words that look like a slip of the pen: one rule alone has them, and other rules have a word
//! that is almost the same. A declaration is compared letter by letter, so the rule is dead.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::Word;

use super::super::super::section::Word as Place;
use super::{Looking, Written};

/// Shorter words are near to too many others.
const LEAST: usize = 5;

/// The rules that use a word, and where it stands first.
#[derive(Default)]
struct Use<'a> {
    rules: BTreeSet<usize>,
    place: Option<Place<'a>>,
}

impl<'a> Looking<'_, 'a> {
    pub(super) fn vocabulary(&self) {
        for key in Word::ALL.map(Word::key).into_iter().chain(["exporter_is"]) {
            let words = self.words(key);
            for (word, used) in words.iter().filter(|(_, used)| used.rules.len() == 1) {
                let near = words.iter().find(|(other, others)| {
                    slip(word, other) && others.rules.difference(&used.rules).next().is_some()
                });
                let (Some((near, _)), Some(place)) = (near, &used.place) else { continue };
                let message =
                    format!("only this rule says {key} `{word}`, and others say `{near}`");
                let help = format!("did you mean `{near}`?");
                self.root.problem(place.span.clone(), message, Some(help));
            }
        }
    }

    fn words(&self, key: &'static str) -> BTreeMap<&'a str, Use<'a>> {
        let mut words: BTreeMap<&str, Use<'a>> = BTreeMap::new();
        for (at, Written { when, unless, .. }) in self.rules.iter().enumerate() {
            for word in when.words(key).into_iter().chain(unless.words(key)) {
                let used = words.entry(word.text).or_default();
                used.rules.insert(at);
                used.place.get_or_insert(word);
            }
        }
        words
    }
}

/// Whether one word may be a misspelt other. Words that differ in digits are of other years.
fn slip(word: &str, other: &str) -> bool {
    let letters = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    let allowed = if word.len() < 2 * LEAST { 1 } else { 2 };
    word.len() >= LEAST
        && letters(word) != letters(other)
        && strsim::osa_distance(word, other) <= allowed
}
