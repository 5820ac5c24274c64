//! The summary as people read it, on standard error.

use std::fmt::Write;

use super::super::output::count;
use super::summary::{Destination, Refusal, Refused, Sum, Summary};

/// So many lines of one kind are shown.
const MOST: usize = 50;

/// The text, without its last line's end.
pub(super) fn text(summary: &Summary, observe: bool) -> String {
    let mut text = head(summary);
    destinations(&mut text, summary);
    if !summary.classes.is_empty() {
        let classes: Vec<_> = summary.classes.iter().take(MOST).collect();
        let classes: Vec<_> = classes.iter().map(|(tag, many)| format!("{tag} {many}")).collect();
        line(&mut text, &format!("classes    {}", classes.join(", ")));
    }
    for ((name, code), (many, detail)) in summary.failures.iter().take(MOST) {
        line(&mut text, &format!("failed     {name}: {many} x {code}: {detail}"));
    }
    for enforced in [true, false] {
        let of_kind = summary.refusals.iter().filter(|(refusal, _)| refusal.enforced == enforced);
        for (refusal, refused) in of_kind.clone().take(MOST) {
            refusal_lines(&mut text, refusal, refused);
        }
        more(&mut text, of_kind.count());
    }
    if summary.refused == 0 && summary.observed == 0 {
        line(&mut text, "refused    nothing");
    }
    for unseen in &summary.unseen {
        line(&mut text, &format!("unseen     {unseen}"));
    }
    if observe {
        line(&mut text, "observed   rules only told what they would have done (--observe)");
    }
    text
}

fn head(summary: &Summary) -> String {
    let countries: std::collections::BTreeSet<_> =
        summary.destinations.keys().map(|one| &one.place).collect();
    let (there, places) = (summary.destinations.len(), countries.len());
    let mut text = format!(
        "borderpost exec: {} to {} in {places} {}",
        count(usize::try_from(summary.requests).unwrap_or(usize::MAX), "request"),
        count(there, "destination"),
        if places == 1 { "place" } else { "places" },
    );
    for (many, what) in [
        (summary.refused, "refused"),
        (summary.observed, "would be refused"),
        (summary.failed, "failed"),
    ] {
        if many > 0 {
            text.push_str(&format!(", {many} {what}"));
        }
    }
    text
}

fn destinations(text: &mut String, summary: &Summary) {
    let mut all: Vec<_> = summary.destinations.iter().collect();
    all.sort_by_key(|(one, sum)| (std::cmp::Reverse(sum.refused + sum.observed), &one.place));
    let width = all.iter().take(MOST).map(|(one, _)| one.name.chars().count()).max().unwrap_or(0);
    for (Destination { name, place, source }, sum) in all.iter().take(MOST) {
        line(text, &format!("{place:<10} {name:<width$}  {}  ({source})", sum.in_words()));
    }
    more(text, all.len());
    if summary.beyond > 0 {
        line(text, &format!("           and {} requests to further destinations", summary.beyond));
    }
}

fn refusal_lines(text: &mut String, refusal: &Refusal, refused: &Refused) {
    let kind = if refusal.enforced { "refused" } else { "would be" };
    let site = refused.site.as_ref().map_or_else(String::new, |site| format!("  {site}"));
    line(text, &format!("{kind:<10} {} [{}]{site}", refusal.reason, refused.outcome));
    let cite = refused.cite.as_ref().map_or_else(String::new, |cite| format!(" [{cite}]"));
    line(text, &format!("           {}{cite}", refused.because));
    let classes: Vec<_> = refused.classes.iter().map(String::as_str).collect();
    let classes =
        if classes.is_empty() { String::new() } else { format!(", {}", classes.join(", ")) };
    line(
        text,
        &format!(
            "           {} x {} to {} ({}){classes}",
            refused.count, refused.first, refusal.destination, refused.place
        ),
    );
}

fn more(text: &mut String, all: usize) {
    if let Some(left @ 1..) = all.checked_sub(MOST) {
        line(text, &format!("           and {left} more"));
    }
}

fn line(text: &mut String, line: &str) {
    write!(text, "\n{line}").expect("a String takes every write");
}

impl Sum {
    pub(super) fn in_words(&self) -> String {
        let requests = count(usize::try_from(self.requests).unwrap_or(usize::MAX), "request");
        let mut text = format!("{requests}, {} octets out", self.bytes_out);
        for (many, what) in [
            (self.refused, "refused"),
            (self.observed, "would be refused"),
            (self.failed, "failed"),
        ] {
            if many > 0 {
                text.push_str(&format!(", {many} {what}"));
            }
        }
        if !self.classes.is_empty() {
            let classes: Vec<_> = self.classes.iter().map(String::as_str).collect();
            text.push_str(&format!(": {}", classes.join(", ")));
        }
        text
    }
}
