//! `[[exemption]]` and `[[report]]`: what lifts rules of this pack, and what a person closes.

use crate::policy::{Exemption, Report, Rule};

use super::super::section::{Section, Word};
use super::super::words::nearest;
use super::numbered;

/// Reads both; `own` are the pack's rules, `first` the place of the first.
pub(super) fn read(
    root: &Section<'_>,
    own: &[Rule],
    first: usize,
) -> (Vec<Exemption>, Vec<Report>) {
    let reports: Vec<_> = root.sections("report").iter().filter_map(report).collect();
    let exemptions = root.sections("exemption");
    let exemptions = exemptions.iter().filter_map(|one| exemption(one, own, first, &reports));
    let exemptions = exemptions.collect();
    for (_, rule) in numbered(own, first) {
        for id in rule.reports.iter().filter(|id| reports.iter().all(|report| report.id != **id)) {
            let message =
                format!("rule `{}` makes report `{id}`, which no `[[report]]` defines", rule.id);
            root.problem(root.span_of("rule"), message, None);
        }
    }
    (exemptions, reports)
}

fn report(section: &Section<'_>) -> Option<Report> {
    let id = section.required("id")?;
    let days = section.number("due_days", 0..=3_650);
    let business = section.number("due_business_days", 0..=3_650);
    if days.is_some() == business.is_some() {
        let message = "a report has either `due_days` or `due_business_days`";
        section.problem(section.span(), message, None);
    }
    let cite = section.required("cite");
    for key in ["note", "state"] {
        section.word(key);
    }
    section.flag("verify");
    let days = u16::try_from(days.or(business)?).ok()?;
    let (id, cite) = (id.text.to_owned(), cite?.text.to_owned());
    Some(Report { id, due_days: days, business_days: business.is_some(), cite })
}

fn exemption(
    section: &Section<'_>,
    own: &[Rule],
    first: usize,
    reports: &[Report],
) -> Option<Exemption> {
    let (id, cite) = (section.required("id")?, section.required("cite")?);
    let find = |word: &Word<'_>| {
        let found = numbered(own, first).find(|(_, rule)| rule.id == word.text);
        if found.is_none() {
            let near = nearest(word.text, own.iter().map(|rule| &*rule.id));
            let help = near.map(|name| format!("did you mean `{name}`?"));
            let message = format!("`{}` is no rule of this pack", word.text);
            section.problem(word.span.clone(), message, help);
        }
        found.map(|(at, _)| at)
    };
    let lifts: Vec<_> = section.words("lifts").iter().filter_map(find).collect();
    if lifts.is_empty() {
        section.problem(section.span_of("lifts"), "`lifts` names no rule", None);
    }
    let still = section.words("still");
    for word in &still {
        let rule = own.iter().any(|rule| rule.id == word.text);
        if word.text != "record" && !rule && reports.iter().all(|report| report.id != word.text) {
            let message =
                format!("`{}` is neither `record`, a report nor a rule of this pack", word.text);
            section.problem(word.span.clone(), message, None);
        }
    }
    // Every grant gives all of these; another word would promise what nobody holds it to.
    let given = ["reason", "approver", "expires", "evidence"];
    for word in section.words("needs").iter().filter(|word| !given.contains(&word.text)) {
        let message = format!("`{}` is none of {}", word.text, given.join(", "));
        section.problem(word.span.clone(), message, None);
    }
    for key in ["note", "reason"] {
        section.word(key);
    }
    section.flag("verify");
    Some(Exemption {
        id: id.text.to_owned(),
        cite: cite.text.to_owned(),
        lifts,
        still_record: still.iter().any(|word| word.text == "record"),
        still_reports: still.iter().map(|word| word.text.to_owned()).collect(),
    })
}
