//! `[[detector]]`: patterns of one's own.

use crate::data::{Check, Detectors, Pattern};

use super::super::section::{Section, Word};
use super::super::words::parse_id;

/// Reads every `[[detector]]`.
pub(super) fn patterns(root: &Section<'_>) -> Vec<Pattern> {
    let mut names = Vec::new();
    let sections = root.sections("detector");
    sections.iter().filter_map(|section| pattern(section, &mut names)).collect()
}

fn pattern<'a>(section: &Section<'a>, names: &mut Vec<&'a str>) -> Option<Pattern> {
    let name = name(section, names);
    let tag = section.required("tag").and_then(|word| section.tag(&word));
    let text = section.required("pattern");
    let keys = section.words("keys");
    for key in keys.iter().filter(|key| key.text.trim().is_empty()) {
        section.problem(key.span.clone(), "a name that says nothing stands everywhere", None);
    }
    let keys: Vec<_> = keys.iter().map(|key| key.text).collect();
    let check = section.choice("check", &Check::WORDS);
    let minimum = section.number("minimum", 1..=1_000_000).unwrap_or(1);
    let (name, tag, text) = (name?, tag?, text?);
    section.parse(&text, |text| Pattern::new(name.text, tag.clone(), text, &keys, check, minimum))
}

/// The name of a detector, which is that of no other.
fn name<'a>(section: &Section<'a>, names: &mut Vec<&'a str>) -> Option<Word<'a>> {
    let word = section.required("name")?;
    section.parse(&word, parse_id)?;
    if names.contains(&word.text) || Detectors::is_built_in(word.text) {
        let message = format!("there is another detector `{}`", word.text);
        section.problem(word.span.clone(), message, None);
    }
    names.push(word.text);
    Some(word)
}
