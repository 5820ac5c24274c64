//! Rules that never decide, because another rule holds wherever they do and is told before them.

use crate::policy::{Mode, Outcome, Validity};

use super::super::super::section::Section;
use super::super::plain::words_of;
use super::{Looking, Written};

/// Keys that hold where the address is in none of their items: more items, fewer addresses.
const NEGATIVE: [&str; 2] = ["not_recipient", "not_to"];

impl Looking<'_, '_> {
    pub(super) fn overlaps(&self) {
        for (at, weak) in self.rules.iter().enumerate() {
            // These are made to stand beside a stronger rule.
            if !weak.rule.reports.is_empty() || weak.rule.alert || weak.rule.duty {
                continue;
            }
            let others = self.rules.iter().enumerate().filter(|(other, _)| *other != at);
            let over = others.filter(|(other, strong)| self.hides((*other, strong), (at, weak)));
            let Some((_, strong)) = over.max_by_key(|(_, strong)| strong.rule.outcome) else {
                continue;
            };
            let same = narrower(&strong.when, &weak.when);
            tell(weak, strong, same);
        }
    }

    /// Whether `strong` decides wherever `weak` holds.
    fn hides(
        &self,
        (first, strong): (usize, &Written<'_, '_>),
        (second, weak): (usize, &Written<'_, '_>),
    ) -> bool {
        let first_of_equals = strong.rule.outcome >= weak.rule.outcome && first < second;
        (first_of_equals || self.outweighs(strong, weak))
            && (strong.rule.mode == Mode::Enforce || weak.rule.mode == Mode::Observe)
            && consensus(strong.section) == consensus(weak.section)
            && covers(strong.rule.validity, weak.rule.validity)
            && narrower(&weak.when, &strong.when)
            && (strong.rule.unless.is_empty() || same(&strong.unless, &weak.unless))
            && !self.lifted_alone(first, second)
    }

    /// Whether the first is stronger, also where both stand on presumption alone.
    fn outweighs(&self, strong: &Written<'_, '_>, weak: &Written<'_, '_>) -> bool {
        let pack = self.alone.packs.packs.first();
        let presumed = |outcome: Outcome| match pack.and_then(|pack| pack.on_unknown) {
            Some(softer) if outcome.refuses() => outcome.min(softer),
            Some(_) | None => outcome,
        };
        let (strong, weak) = (strong.rule.outcome, weak.rule.outcome);
        strong > weak && presumed(strong) > presumed(weak)
    }

    /// Whether some exemption lifts the first rule and leaves the second.
    fn lifted_alone(&self, first: usize, second: usize) -> bool {
        let exemptions = self.alone.packs.packs.iter().flat_map(|pack| &pack.exemptions);
        exemptions.into_iter().any(|one| one.lifts.contains(&first) && !one.lifts.contains(&second))
    }
}

fn tell(weak: &Written<'_, '_>, strong: &Written<'_, '_>, same: bool) {
    let (rule, over) = (weak.rule, strong.rule);
    let message = if same && rule.outcome != over.outcome {
        format!(
            "rules `{}` ({}) and `{}` ({}) overlap: they hold under the same conditions, and only the stronger decides",
            rule.id, rule.outcome, over.id, over.outcome
        )
    } else {
        format!(
            "rule `{}` ({}) never decides: wherever it holds, `{}` ({}) holds too and is told before it",
            rule.id, rule.outcome, over.id, over.outcome
        )
    };
    let help = "narrow the other one or take this one away; one that makes a `report` or an `alert` may stand beside others";
    weak.note(message, help);
}

fn consensus(section: &Section<'_>) -> Option<String> {
    section.word("consensus").map(|word| word.text.to_owned())
}

fn covers(outer: Validity, inner: Validity) -> bool {
    outer.from <= inner.from
        && outer.until.is_none_or(|until| inner.until.is_some_and(|inner| inner <= until))
}

/// Whether `a` asks for all that `b` asks for, key by key.
fn narrower(a: &Section<'_>, b: &Section<'_>) -> bool {
    b.values().all(|(key, wide)| {
        let narrow = a.values().find(|(other, _)| other.text == key.text);
        narrow.is_some_and(|(_, narrow)| {
            let (narrow, wide) = (words_of(narrow), words_of(wide));
            if NEGATIVE.contains(&key.text) {
                return wide.iter().all(|item| narrow.contains(item));
            }
            let anything =
                ["classes", "tags"].contains(&key.text) && wide.contains(&"*".to_owned());
            anything || narrow.iter().all(|item| wide.contains(item))
        })
    })
}

fn same(a: &Section<'_>, b: &Section<'_>) -> bool {
    narrower(a, b) && narrower(b, a)
}
