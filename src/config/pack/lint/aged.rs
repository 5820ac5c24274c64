//! Dates that have passed, and facts that wait for a person.

use toml::de::{DeTable, DeValue};

use super::super::super::section::{Entry, Section};
use super::super::head::STALE_DAYS;
use super::{Looking, Written};

impl Looking<'_, '_> {
    pub(super) fn aged(&self) {
        self.sources();
        self.rules.iter().for_each(|rule| self.in_force(rule));
        for (name, section) in self.root.section("territory").named_sections() {
            for key in ["countries", "all_except", "regions"] {
                for entry in section.entries_of(key) {
                    self.entry(name.text, &section, &entry);
                }
            }
        }
        self.unverified();
    }

    fn sources(&self) {
        let head = self.root.section("pack");
        let Some(as_of) = head.date("as_of") else { return };
        let days = (self.at - as_of).get_days();
        if days > STALE_DAYS {
            let help = "read them again, then set `as_of` to the day on which you did".to_owned();
            let message = format!("the sources were last read {days} days before {}", self.at);
            head.problem(head.span_of("as_of"), message, Some(help));
        }
    }

    /// A rule that is over, or that its pack never lets begin.
    fn in_force(&self, written: &Written<'_, '_>) {
        let validity = written.rule.validity;
        let id = &written.rule.id;
        let never = validity.from.zip(validity.until).is_some_and(|(from, until)| until <= from);
        if never {
            let help = "its own dates and those of the pack have no day in common";
            written.note(format!("rule `{id}` is never in force"), help);
        } else if validity.until.is_some_and(|until| until <= self.moment()) {
            let help =
                "it still decides as of the past; keep it for as long as you answer for that";
            written.note(format!("rule `{id}` is over on {}", self.at), help);
        }
    }

    fn entry(&self, territory: &str, section: &Section<'_>, entry: &Entry<'_>) {
        let Entry::Table(table) = entry else { return };
        let Some(until) = table.has("until").then(|| table.date("until")).flatten() else { return };
        if until > self.at {
            return;
        }
        let code = table.word("code").or_else(|| table.word("region"));
        let code = code.map_or("an entry", |word| word.text);
        let message = format!("`{code}` is no longer in territory `{territory}`, since {until}");
        let help = "it still decides as of the past; keep it for as long as you answer for that";
        section.problem(table.span_of("until"), message, Some(help.to_owned()));
    }

    fn unverified(&self) {
        let mut found = Vec::new();
        unverified(self.alone.table.get_ref(), "", &mut found);
        for (path, span) in found {
            let help = "compare it with the source, then take `verify` away".to_owned();
            let message = format!("nobody has verified {path}");
            self.root.problem(span, message, Some(help));
        }
    }
}

type Marked = (String, std::ops::Range<usize>);

/// Every `verify = true`, with the way to it.
fn unverified(table: &DeTable<'_>, path: &str, found: &mut Vec<Marked>) {
    if let Some(flag) = table.get("verify").filter(|one| one.get_ref().as_bool() == Some(true)) {
        found.push((path.to_owned(), flag.span()));
    }
    let below = |name: &str| [path, name].join(" ").trim_start().to_owned();
    for (key, value) in table {
        // The list in which an entry stands says less than the entry.
        let list = ["countries", "all_except", "regions"].contains(&&**key.get_ref());
        let path = if list { path.to_owned() } else { below(key.get_ref()) };
        each(value.get_ref(), &path, found);
    }
}

fn each(value: &DeValue<'_>, path: &str, found: &mut Vec<Marked>) {
    if let Some(table) = value.as_table() {
        return unverified(table, path, found);
    }
    for item in value.as_array().into_iter().flat_map(|list| list.iter()) {
        let Some(table) = item.get_ref().as_table() else { continue };
        let name = ["id", "code", "region"].iter().find_map(|key| table.get(*key));
        let name = name.and_then(|name| name.get_ref().as_str()).unwrap_or_default();
        unverified(table, &format!("{path} {name}"), found);
    }
}
