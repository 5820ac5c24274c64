//! `[[record]]`: what the law wants kept of a transaction, item by item, each with where it is: in
//! a field of the record, or in a document that the company keeps elsewhere.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;

use crate::audit::event::FIELDS;
use crate::geo::Sha256;
use crate::policy::Pack;

use super::super::load::{BUILT_IN, Origin, near, pack_id, parse, text_of};
use super::super::problem::{Collector, Problems, Text};
use super::super::section::{Section, Word};
use super::super::sources::{PackText, pack_texts};
use super::super::words::{nearest, parse_id};
use super::alone::Alone;

/// One item of what a law wants kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordItem {
    /// Its name in the pack.
    pub id: String,
    /// Where the law asks for it.
    pub cite: String,
    /// What it asks for, in words.
    pub text: String,
    /// Where it is.
    pub kept: Kept,
    /// What a reader should know of it.
    pub note: Option<String>,
}

/// Where an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The fields of the record that say it.
    pub from: Vec<&'static str>,
    /// The document outside of the record that says it, or the rest of it.
    pub outside: Option<String>,
}

/// A pack, as far as its record set needs it.
#[derive(Clone, Debug)]
pub struct RecordSet {
    /// The pack; its digest is that of its text.
    pub pack: Pack,
    /// What it wants kept.
    pub items: Vec<RecordItem>,
}

/// The record set of a pack: by its id among those of a configuration, else a shipped one by name,
/// or a file.
pub fn record_set(origin: &Origin, pack: &str) -> Result<Result<RecordSet, String>, Problems> {
    let problems = Collector::default();
    let found = among(origin, pack, &problems);
    problems.finish()?;
    let text = match found.map_or_else(|| PackText::open(pack), Ok) {
        Ok(text) => text,
        Err(why) => return Ok(Err(why)),
    };
    // Nothing of it depends on the day.
    let alone = Alone::read(&text, origin, Date::ZERO)?;
    let (first, items) = (alone.packs.packs.into_iter().next(), alone.packs.records);
    let Some(first) = first else { return Ok(Err(format!("`{pack}` is no pack"))) };
    let digest = format!("sha256:{}", Sha256::of(text.bytes()));
    let items = items.into_iter().next().unwrap_or_default();
    Ok(Ok(RecordSet { pack: Pack { digest, ..first }, items }))
}

/// The text of the pack with an id among those that a configuration names.
fn among(origin: &Origin, pack: &str, problems: &Collector) -> Option<PackText> {
    let main = Arc::new(text_of(origin, problems)?);
    let table = parse(&main, problems);
    let root = Section::new(&main, problems, table.get_ref(), 0..0).partly_read();
    let shipped =
        Arc::new(Text { name: BUILT_IN.to_owned(), text: super::super::DEFAULT.to_owned() });
    let shipped_table = parse(&shipped, problems);
    let shipped = Section::new(&shipped, problems, shipped_table.get_ref(), 0..0).partly_read();
    let names = if root.has("packs") { &root } else { &shipped };
    let bases: [PathBuf; 1] = [near(origin)];
    let mut texts = pack_texts(names, &bases).into_iter();
    texts.find(|one| pack_id(&one.text.text).is_some_and(|id| id == pack))
}

/// Reads every `[[record]]`.
pub(super) fn read(root: &Section<'_>) -> Vec<RecordItem> {
    let mut items: Vec<RecordItem> = Vec::new();
    for section in root.sections("record") {
        let Some(item) = item(&section) else { continue };
        if items.iter().any(|other| other.id == item.id) {
            let message = format!("`{}` is the id of another item too", item.id);
            section.problem(section.span_of("id"), message, None);
        }
        items.push(item);
    }
    items
}

fn item(section: &Section<'_>) -> Option<RecordItem> {
    let id = section.required("id").and_then(|word| section.parse(&word, parse_id));
    let [cite, text] = ["cite", "text"].map(|key| section.required(key));
    let from: Vec<_> =
        section.words("from").iter().filter_map(|word| field(section, word)).collect();
    let outside = section.word("outside").map(|word| word.text.to_owned());
    if !section.has("from") && outside.is_none() {
        let message = "where is this? `from` names fields of the record, `outside` a document";
        section.problem(section.span(), message, None);
    }
    let note = section.word("note").map(|word| word.text.to_owned());
    section.flag("verify");
    Some(RecordItem {
        id: id?,
        cite: cite?.text.to_owned(),
        text: text?.text.to_owned(),
        kept: Kept { from, outside },
        note,
    })
}

fn field(section: &Section<'_>, word: &Word<'_>) -> Option<&'static str> {
    let found = FIELDS.iter().find(|field| **field == word.text).copied();
    if found.is_none() {
        let help = nearest(word.text, FIELDS.iter().copied());
        let help = help.map(|near| format!("did you mean `{near}`?"));
        let help = help.unwrap_or_else(|| {
            let top: Vec<_> = FIELDS.iter().copied().filter(|field| !field.contains('.')).collect();
            format!("fields of a record: {}", top.join(", "))
        });
        let message = format!("`{}` is no field of a record", word.text);
        section.problem(word.span.clone(), message, Some(help));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_where_they_stand() {
        let text = "[[record]]\nid = \"a\"\ncite = \"s 1\"\ntext = \"x\"\nfrom = [\"hosst\"]\n\
                    [[record]]\nid = \"a\"\ncite = \"s 2\"\ntext = \"y\"\nfrom = [\"host\"]\n\
                    [[record]]\nid = \"b\"\ncite = \"s 3\"\ntext = \"z\"\n\
                    [[record]]\nid = \"a\"\ncite = \"s 4\"\ntext = \"y\"\noutside = \"a file\"\nform = 1\n";
        let text = Arc::new(Text { name: "pack.toml".to_owned(), text: text.to_owned() });
        let problems = Collector::default();
        let table = parse(&text, &problems);
        let items = read(&Section::new(&text, &problems, table.get_ref(), 0..0));
        assert_eq!(items.len(), 4);
        assert_eq!(items.last().unwrap().kept.outside.as_deref(), Some("a file"));
        let told = problems.finish().unwrap_err().to_string();
        for wanted in [
            "pack.toml:5:9",
            "did you mean `host`?",
            "is the id of another item",
            "where is this?",
            "unknown key `form`",
        ] {
            assert!(told.contains(wanted), "{wanted}\n{told}");
        }
    }

    #[test]
    fn a_pack_is_found_by_its_id_and_by_its_name() {
        let set = record_set(&Origin::BuiltIn, "us-28cfr202").unwrap().unwrap();
        assert!(set.items.len() > 10 && set.pack.digest.starts_with("sha256:"));
        let none = record_set(&Origin::BuiltIn, "us-28cfr203").unwrap().unwrap_err();
        assert!(none.contains("us-28cfr202"), "{none}");
    }
}
