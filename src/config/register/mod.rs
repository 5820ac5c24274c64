//! The party register, gathered from TOML tables and CSV rows of any number of files and then
//! checked as one: whoever is named in one file may be owned in another.

mod facts;
mod rows;
mod table;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::policy::register::{Part, PartyDraft, Register, RegisterError, RegisterFault};

use super::load::parse;
use super::problem::{Collector, Problems, Text};
use super::section::Section;
use super::words::nearest;

/// How many mistakes get a suggestion out of all ids: ten thousand against ten thousand of them
/// would take longer than anyone waits.
const SUGGESTIONS: usize = 100;
/// What a period without a day is told.
const EMPTY_PERIOD: &str = "this ends before it begins";

/// Reads a register from the name and the text of each of its files: CSV where the name ends in
/// `.csv`, else TOML. All mistakes of all files come at once.
pub fn read_register(
    files: impl IntoIterator<Item = (String, String)>,
) -> Result<Register, Problems> {
    let problems = Collector::default();
    let mut parties = Parties::new(&problems);
    for (name, text) in files {
        parties.read_file(&Arc::new(Text { name, text }));
    }
    let register = parties.finish();
    problems.finish()?;
    Ok(register.expect("whatever is missing has been told as a mistake"))
}

/// All parties so far, and where each part of them is written.
#[derive(Debug)]
pub(super) struct Parties<'p> {
    problems: &'p Collector,
    written: Vec<Written>,
    ids: HashMap<String, usize>,
}

/// Where something is written.
#[derive(Clone, Debug)]
struct Place {
    file: Arc<Text>,
    span: Range<usize>,
}

/// A party, and where its parts are written: one place for each entry of the draft's lists.
#[derive(Debug)]
struct Written {
    draft: PartyDraft,
    first: Place,
    named: bool,
    kinded: bool,
    /// Whether a `[[party]]` is about it: a second one is a mistake, rows may add to it.
    declared: bool,
    seats: Vec<Place>,
    owners: Vec<Place>,
    employers: Vec<Place>,
    claims: Vec<Place>,
}

// === impl Parties ===

impl<'p> Parties<'p> {
    pub(super) fn new(problems: &'p Collector) -> Self {
        Self { problems, written: Vec::new(), ids: HashMap::new() }
    }

    /// Reads one file: CSV where its name ends in `.csv`, else TOML.
    pub(super) fn read_file(&mut self, file: &Arc<Text>) {
        let ending = Path::new(&file.name).extension();
        if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
            self.read_rows(file);
        } else {
            let table = parse(file, self.problems);
            self.read_table(&Section::new(file, self.problems, table.get_ref(), 0..0));
        }
    }

    /// Checks everything together. `None` only where a mistake was told.
    pub(super) fn finish(self) -> Option<Register> {
        self.check_names();
        let Self { problems, mut written, .. } = self;
        let take = |one: &mut Written| {
            std::mem::replace(&mut one.draft, PartyDraft::new(String::new(), String::new()))
        };
        let drafts: Vec<_> = written.iter_mut().map(take).collect();
        let ids: Vec<String> = drafts.iter().map(|draft| draft.id.clone()).collect();
        match Register::build(drafts) {
            Ok(register) => Some(register),
            Err(errors) => {
                for (number, error) in errors.into_iter().enumerate() {
                    let ids = if number < SUGGESTIONS { ids.as_slice() } else { &[] };
                    let Some(one) = written.get(error.party) else { continue };
                    let Place { file, span } = one.place(error.part);
                    let help = help(&error, ids);
                    problems.add(file, span.clone(), error.to_string(), help);
                }
                None
            }
        }
    }

    /// The party with that id, a new one if nothing was said of it yet.
    fn party(&mut self, id: &str, place: &Place) -> &mut Written {
        let at = *self.ids.entry(id.to_owned()).or_insert_with(|| {
            self.written.push(Written::new(id, place.clone()));
            self.written.len() - 1
        });
        self.written.get_mut(at).expect("ids point at what was written")
    }

    fn problem(&self, place: &Place, message: impl Into<String>, help: Option<String>) {
        self.problems.add(&place.file, place.span.clone(), message, help);
    }

    /// A misspelt id in a row makes a party of its own: it is told because it has no name.
    fn check_names(&self) {
        let nameless = self.written.iter().filter(|one| !one.named);
        for (number, one) in nameless.enumerate() {
            let named = self.written.iter().filter(|other| other.named && number < SUGGESTIONS);
            let near = nearest(&one.draft.id, named.map(|other| other.draft.id.as_str()));
            let help = match near {
                Some(id) => format!("did you mean `{id}`?"),
                None => "say its name, in any of the files".to_owned(),
            };
            self.problem(&one.first, format!("`{}` has no name", one.draft.id), Some(help));
        }
    }
}

/// What would be right instead.
fn help(error: &RegisterError, ids: &[String]) -> Option<String> {
    match &error.fault {
        RegisterFault::UnknownParty(id) => {
            let near = nearest(id, ids.iter().map(String::as_str));
            Some(near.map_or_else(
                || "add it as a party of its own".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ))
        }
        RegisterFault::Oversold { .. } => {
            Some("end what was sold with `until`, the first day without it".to_owned())
        }
        RegisterFault::TwoSeats(_) => Some("end the earlier one with `until`".to_owned()),
        RegisterFault::Claimed { .. } => Some("leave it to the one who receives".to_owned()),
        RegisterFault::Resides(_) => Some("a company has `organised_in`".to_owned()),
        RegisterFault::Organised(_) => Some("a person has `resident_in`".to_owned()),
        RegisterFault::DuplicateId(_) | RegisterFault::Owned(_) | RegisterFault::Employed(_) => {
            None
        }
    }
}

// === impl Written ===

impl Written {
    fn new(id: &str, first: Place) -> Self {
        Self {
            draft: PartyDraft::new(id, id),
            first,
            named: false,
            kinded: false,
            declared: false,
            seats: Vec::new(),
            owners: Vec::new(),
            employers: Vec::new(),
            claims: Vec::new(),
        }
    }

    fn place(&self, part: Part) -> &Place {
        let place = match part {
            Part::Party => None,
            Part::Seat(at) => self.seats.get(at),
            Part::Owner(at) => self.owners.get(at),
            Part::Employer(at) => self.employers.get(at),
            Part::Claim(at) => self.claims.get(at),
        };
        place.unwrap_or(&self.first)
    }
}
