//! Names that nothing in the pack uses.

use std::collections::BTreeSet;

use super::super::super::section::Section;
use super::{Looking, Written};

/// Where a kind of name is used: the keys of conditions, then keys of other tables.
type Uses<'u> = (&'u [&'static str], &'u [(&'static str, &'static str)]);

impl Looking<'_, '_> {
    pub(super) fn unused(&self) {
        let places: Uses<'_> = (
            &["to", "not_to"],
            &[
                ("party", "organised_in"),
                ("party", "otherwise_in"),
                ("party", "listed_only"),
                ("territory", "include"),
                ("territory", "except"),
                ("territory", "all_except"),
            ],
        );
        self.named("territory", "no rule, party or other territory", &self.uses(places));
        let parties: Uses<'_> = (&["recipient", "not_recipient"], &[]);
        self.named("party", "no rule", &self.uses(parties));
        self.named("area", "no rule", &self.uses((&["inside"], &[])));
        self.named("counter", "no rule", &self.counters());
        let classes = self.classes();
        if !classes.contains("*") {
            self.named("class", "no rule", &classes);
        }
        let reports = self.rules.iter().flat_map(|written| &written.rule.reports);
        self.listed("report", "no rule makes", &reports.cloned().collect());
        self.exemptions();
    }

    fn conditions(&self) -> impl Iterator<Item = &Section<'_>> {
        self.rules.iter().flat_map(|Written { when, unless, .. }| [when, unless])
    }

    fn uses(&self, (conditions, others): Uses<'_>) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        for key in conditions {
            used.extend(self.conditions().flat_map(|one| texts(one, key)));
        }
        for (table, key) in others {
            let sections = self.root.section(table).named_sections();
            // A name within its own table would be a circle, which is a mistake.
            used.extend(sections.iter().flat_map(|(_, section)| texts(section, key)));
        }
        used
    }

    fn counters(&self) -> BTreeSet<String> {
        let of = |one: &Section<'_>| {
            let counts = one.sections("count");
            let counts = counts.iter().filter_map(|count| count.word("counter"));
            let all = one.section("bulk").word("counter").into_iter().chain(counts);
            all.map(|word| word.text.to_owned()).collect::<Vec<_>>()
        };
        self.conditions().flat_map(of).collect()
    }

    /// The classes that rules name; `*` where one of them means every class.
    fn classes(&self) -> BTreeSet<String> {
        let mut used = self.uses((&["classes"], &[]));
        for one in self.conditions() {
            let counts = one.sections("count");
            used.extend(counts.iter().flat_map(|count| texts(count, "class")));
            if one.has("bulk") {
                self.of_bulk(&one.section("bulk"), &mut used);
            }
        }
        used
    }

    /// `bulk` without classes, or with `*`, means those of its counter.
    fn of_bulk(&self, bulk: &Section<'_>, used: &mut BTreeSet<String>) {
        let named = texts(bulk, "classes");
        if !named.is_empty() && !named.iter().any(|name| name == "*") {
            return used.extend(named);
        }
        let counter = bulk.word("counter").map_or("", |word| word.text);
        let counters = self.root.section("counter").named_sections();
        let counted = counters.iter().find(|(name, _)| name.text == counter);
        let counted = counted.map(|(_, section)| texts(section, "classes")).unwrap_or_default();
        used.extend(if counted.is_empty() { vec!["*".to_owned()] } else { counted });
    }

    fn named(&self, kind: &'static str, who: &str, used: &BTreeSet<String>) {
        let table = self.root.section(kind);
        for (name, _) in table.named_sections() {
            if !used.contains(name.text) {
                let message = format!("{who} names {kind} `{}`", name.text);
                table.problem(name.span, message, Some(HELP.to_owned()));
            }
        }
    }

    fn listed(&self, kind: &'static str, who: &str, used: &BTreeSet<String>) {
        for section in self.root.sections(kind) {
            let Some(id) = section.word("id").filter(|id| !used.contains(id.text)) else {
                continue;
            };
            let message = format!("{who} {kind} `{}`", id.text);
            section.problem(id.span, message, Some(HELP.to_owned()));
        }
    }

    /// Exemptions that have nothing left to lift.
    fn exemptions(&self) {
        let over = |id: &String| {
            let rule = self.rules.iter().find(|written| written.rule.id == *id);
            rule.and_then(|written| written.rule.validity.until)
                .is_some_and(|until| until <= self.moment())
        };
        for section in self.root.sections("exemption") {
            let Some(id) = section.word("id") else { continue };
            if texts(&section, "lifts").iter().all(over) {
                let message = format!("every rule that exemption `{}` lifts is over", id.text);
                section.problem(id.span, message, None);
            }
        }
    }
}

const HELP: &str = "take it away, or name it where it was meant";

fn texts(section: &Section<'_>, key: &'static str) -> Vec<String> {
    let Some(value) = section.value(key) else { return Vec::new() };
    super::super::plain::words_of(value)
}
