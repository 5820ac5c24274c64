//! `[class.*]`: what the law calls the data.

use std::collections::BTreeMap;

use crate::data::TagPattern;
use crate::policy::{Class, ClassBits, Made, State, TagMask, Threshold, Together, Unit};

use super::super::rules::{Rules, parse_pattern};
use super::super::section::{Section, Word};
use super::super::words::nearest;
use super::Packs;
use super::head::countries;

/// The classes of one pack, by name, with their place in the policy.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes(BTreeMap<String, (usize, bool)>);

impl Classes {
    pub(super) fn read(root: &Section<'_>, packs: &mut Packs, rules: &mut Rules) -> Self {
        let table = root.section("class");
        let mut names = BTreeMap::new();
        for (name, section) in table.named_sections() {
            if packs.classes.len() >= ClassBits::CAPACITY {
                let message = format!("more than {} classes in all packs", ClassBits::CAPACITY);
                table.problem(name.span, message, None);
                break;
            }
            let class = class(&section, name.text);
            if let Made::Of(mask) = &class.data {
                rules.take_patterns(&section, &mask.patterns);
            }
            names.insert(name.text.to_owned(), (packs.classes.len(), class.threshold.is_some()));
            packs.classes.push(class);
        }
        Self(names)
    }

    /// Every class of the pack.
    pub(super) fn all(&self) -> ClassBits {
        self.0.values().map(|(at, _)| *at).collect()
    }

    /// The place of one class.
    pub(super) fn place(&self, section: &Section<'_>, word: &Word<'_>) -> Option<usize> {
        self.find(section, word).map(|(at, _)| at)
    }

    /// The classes that a list names; `*` is every class.
    pub(super) fn named(&self, section: &Section<'_>, words: &[Word<'_>]) -> ClassBits {
        if words.iter().any(|word| word.text == "*") {
            return self.all();
        }
        words.iter().filter_map(|word| self.place(section, word)).collect()
    }

    /// Whether a class has a threshold past which it is bulk.
    pub(super) fn has_threshold(&self, word: &str) -> bool {
        self.0.get(word).is_some_and(|(_, threshold)| *threshold)
    }

    fn find(&self, section: &Section<'_>, word: &Word<'_>) -> Option<(usize, bool)> {
        let found = self.0.get(word.text).copied();
        if found.is_none() {
            let near = nearest(word.text, self.0.keys().map(String::as_str));
            let help = near.map(|name| format!("did you mean `{name}`?"));
            let message = format!("`{}` is no `[class.…]` of this pack", word.text);
            section.problem(word.span.clone(), message, help);
        }
        found
    }
}

fn class(section: &Section<'_>, name: &str) -> Class {
    let units = [("device", Unit::Device), ("record", Unit::Record), ("subject", Unit::Subject)];
    if !section.has("cite") {
        let help = "say where the law defines the class".to_owned();
        section.problem(section.span(), "`cite` is missing here", Some(help));
    }
    let subjects = section.words("subjects");
    section.flag("verify");
    section.word("note");
    Class {
        name: name.to_owned(),
        data: made(section),
        subjects: countries(section, &subjects),
        unit: section.choice("unit", &units).unwrap_or(Unit::Subject),
        threshold: threshold(section),
        except_states: section
            .words("except_states")
            .iter()
            .filter_map(|word| state(section, word))
            .collect(),
        cite: section.word("cite").map_or(String::new(), |word| word.text.to_owned()),
    }
}

fn made(section: &Section<'_>) -> Made {
    let patterns = |section: &Section<'_>, key| -> Vec<TagPattern> {
        let words = section.words(key);
        section.parsed(&words, parse_pattern)
    };
    if section.has("tags") == section.has("together") {
        section.problem(section.span(), "a class has either `tags` or `together`", None);
    }
    if !section.has("together") {
        return Made::Of(TagMask::new(patterns(section, "tags")));
    }
    let together = section.section("together");
    let at_least = together.number("at_least", 2..=64).and_then(|n| usize::try_from(n).ok());
    let apart = together.lists("apart").into_iter();
    Made::Together(Together {
        of: patterns(&together, "of"),
        at_least: at_least.unwrap_or(2),
        apart: apart.map(|words| together.parsed(&words, parse_pattern)).collect(),
    })
}

fn threshold(section: &Section<'_>) -> Option<Threshold> {
    let over = section.number("over", 0..=u64::MAX >> 1).map(Threshold::Over);
    let at_least = section.number("at_least", 1..=u64::MAX >> 1).map(Threshold::AtLeast);
    let any = section.flag("any_volume").unwrap_or(false).then_some(Threshold::Any);
    if [over, at_least, any].iter().flatten().count() > 1 {
        let message = "a class has one of `over`, `at_least` and `any_volume`";
        section.problem(section.span(), message, None);
    }
    over.or(at_least).or(any)
}

/// A state of protection.
pub(super) fn state(section: &Section<'_>, word: &Word<'_>) -> Option<State> {
    let found = State::WORDS.iter().find(|(name, _)| *name == word.text);
    if found.is_none() {
        let names = State::WORDS.map(|(name, _)| name);
        let help = nearest(word.text, names).map(|name| format!("did you mean `{name}`?"));
        let message = format!("`{}` is none of {}", word.text, names.join(", "));
        section.problem(word.span.clone(), message, help);
    }
    found.map(|(_, state)| *state)
}
