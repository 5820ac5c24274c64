//! `[[party]]`: a party with all that is known of it.

use std::sync::Arc;

use crate::policy::register::Period;

use super::facts::{Fact, Subject};
use super::{Parties, Place};
use crate::config::section::{Section, Word};
use crate::config::words::parse_id;

/// Lists of texts.
const LISTS: [(&str, Subject); 4] = [
    ("labels", Subject::Label),
    ("hosts", Subject::Host),
    ("networks", Subject::Network),
    ("keys", Subject::Key),
];
/// Seats, alone for a seat that never changed or dated under `seats`.
const SEATS: [(&str, Subject); 3] = [
    ("organised_in", Subject::OrganisedIn),
    ("principal_place", Subject::PrincipalPlace),
    ("resident_in", Subject::ResidentIn),
];
/// Lists of tables, with the key that names the other side.
const TIES: [(&str, &str, Subject); 3] = [
    ("owners", "party", Subject::Owner),
    ("employers", "party", Subject::Employer),
    ("lists", "list", Subject::List),
];

impl Parties<'_> {
    /// Reads every `[[party]]` of a file.
    pub(in crate::config) fn read_table(&mut self, root: &Section<'_>) {
        for section in root.sections("party") {
            let id = section.required("id");
            let parsed = id.as_ref().and_then(|word| section.parse(word, parse_id));
            // Without an id the rest is still read, so that all its mistakes are told at once.
            match (parsed, id) {
                (Some(id), Some(word)) => {
                    self.declare(&section, &id, &word);
                    self.read_party(&section, &id);
                }
                _ => Parties::new(self.problems).read_party(&section, ""),
            }
        }
    }

    fn declare(&mut self, section: &Section<'_>, id: &str, word: &Word<'_>) {
        let place = place(section, word);
        let party = self.party(id, &place);
        if std::mem::replace(&mut party.declared, true) {
            let help = "one `[[party]]` says all of a party; rows of a CSV file may add to it";
            let message = format!("the id `{id}` is taken by another party");
            self.problem(&place, message, Some(help.to_owned()));
        }
    }

    fn read_party(&mut self, section: &Section<'_>, id: &str) {
        // For people; the register does not keep it.
        section.word("note");
        if let Some(word) = section.word("name") {
            self.take(id, &fact(section, Subject::Name, &word));
        }
        if let Some(word) = section.word("kind") {
            self.take(id, &fact(section, Subject::Kind, &word));
        }
        for (key, subject) in LISTS {
            for word in section.words(key) {
                self.take(id, &fact(section, subject, &word));
            }
        }
        for asn in section.numbers("asns", u32::MAX.into()).unwrap_or_default() {
            let text = asn.to_string();
            let word = Word { text: &text, span: section.span_of("asns") };
            self.take(id, &fact(section, Subject::Asn, &word));
        }
        for (key, subject) in SEATS {
            if let Some(word) = section.word(key) {
                self.take(id, &fact(section, subject, &word));
            }
        }
        for seat in section.sections("seats") {
            self.read_seat(&seat, id);
        }
        for (key, other, subject) in TIES {
            for tie in section.sections(key) {
                self.read_tie(&tie, id, other, subject);
            }
        }
    }

    /// `{ organised_in = "...", until = ... }`.
    fn read_seat(&mut self, seat: &Section<'_>, id: &str) {
        let during = period(seat);
        let words: Vec<_> =
            SEATS.iter().filter_map(|(key, subject)| Some((seat.word(key)?, *subject))).collect();
        if words.is_empty() {
            let names = SEATS.map(|(key, _)| format!("`{key}`")).join(", ");
            seat.problem(seat.span(), format!("a seat needs one of {names}"), None);
        }
        for (word, subject) in words {
            self.take(id, &Fact { during, ..fact(seat, subject, &word) });
        }
    }

    /// `{ party = "...", percent = ..., from = ... }`, or the same with `list`.
    fn read_tie(&mut self, tie: &Section<'_>, id: &str, other: &'static str, subject: Subject) {
        let during = period(tie);
        let cite = if subject == Subject::List { tie.word("cite") } else { None };
        let cite = cite.as_ref().map(|word| word.text);
        let is_owner = subject == Subject::Owner;
        let percent = if is_owner { tie.percent("percent") } else { None };
        let Some(word) = tie.required(other) else { return };
        // A percentage that cannot be read has been told, so it is not also missing.
        if !is_owner || percent.is_some() || !tie.has("percent") {
            self.take(id, &Fact { percent, during, cite, ..fact(tie, subject, &word) });
        }
    }
}

fn place(section: &Section<'_>, word: &Word<'_>) -> Place {
    Place { file: Arc::clone(section.file), span: word.span.clone() }
}

/// A fact without dates.
fn fact<'w>(section: &Section<'_>, subject: Subject, word: &Word<'w>) -> Fact<'w> {
    Fact {
        subject,
        value: word.text,
        place: place(section, word),
        percent: None,
        during: Period::ALWAYS,
        cite: None,
    }
}

fn period(section: &Section<'_>) -> Period {
    let period = Period::new(section.date("from"), section.date("until"));
    period.unwrap_or_else(|| {
        let help = "`until` is the first day on which it does not hold any more".to_owned();
        section.problem(section.span_of("until"), super::EMPTY_PERIOD, Some(help));
        Period::ALWAYS
    })
}
