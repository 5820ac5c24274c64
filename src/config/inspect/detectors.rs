//! `[[detector]]` and `[[dictionary]]`: patterns and lists of one's own.

use std::path::Path;

use crate::data::{Check, Detectors, Dictionary, Digester, Pattern};

use super::super::section::{Section, Word};
use super::super::words::parse_id;

/// Reads every `[[detector]]` and `[[dictionary]]`; files are looked for under `base`.
pub(super) fn own(
    root: &Section<'_>,
    digester: &Digester,
    base: &Path,
) -> (Vec<Pattern>, Vec<Dictionary>) {
    let mut names = Vec::new();
    let (patterns, lists) = (root.sections("detector"), root.sections("dictionary"));
    let patterns = patterns.iter().filter_map(|section| pattern(section, &mut names)).collect();
    let lists = lists.iter().filter_map(|section| list(section, &mut names, digester, base));
    (patterns, lists.collect())
}

/// A list; of its lines no error shows more than the number.
fn list<'a>(
    section: &Section<'a>,
    names: &mut Vec<&'a str>,
    digester: &Digester,
    base: &Path,
) -> Option<Dictionary> {
    let name = name(section, names);
    let tag = section.required("tag").and_then(|word| section.tag(&word));
    let file = section.required("file")?;
    let path = base.join(file.text);
    let shown = path.display();
    let text = section.parse(&file, |_| {
        std::fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))
    })?;
    let (name, tag) = (name?, tag?);
    let problem = |line: usize, why: &str| {
        section.problem(file.span.clone(), format!("{shown}:{line}: {why}"), None);
    };
    if Dictionary::is_hashed(&text) {
        if digester.is_of_this_run() {
            problem(1, "hashes are of a key, and `[inspect]` has no `digest_key`");
            return None;
        }
        let list = Dictionary::of_hashes(name.text, &tag, digester, &text);
        return list.map_err(|(line, error)| problem(line, &error.to_string())).ok();
    }
    let (list, short) = Dictionary::of_lines(name.text, &tag, digester, &text);
    if let Some(line) = short.first() {
        problem(*line, "fewer than 5 letters and digits stand everywhere");
    }
    if list.is_empty() && short.is_empty() {
        problem(1, "the list has no value");
    }
    Some(list)
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
