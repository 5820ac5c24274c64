//! `borderpost pack diff`: what changed between two packs, for the person who answers for it.

use crate::config::{Fact, PlainPack, PlainPart};

use super::super::ConfigArgument;
use super::super::output::{Told, line};
use super::open;

/// Tell what changed between two packs; exit code 0 if nothing did, 1 if something did.
#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    #[command(flatten)]
    config: ConfigArgument,
    /// The pack as it was: a file, or the name of a shipped pack.
    old: String,
    /// The pack as it is.
    new: String,
}

impl Diff {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let origin = self.config.origin();
        let (old, new) = (open(&self.old)?, open(&self.new)?);
        let before = PlainPack::read(&old, &origin)?;
        let after = PlainPack::read(&new, &origin)?;
        let lines = changes(&before, &after);
        if lines.is_empty() {
            let same = old.bytes() == new.bytes();
            let how = if same { "byte by byte" } else { "but for comments and layout" };
            line(format!("{}: the same, {how}", after.name));
            return Ok(());
        }
        line(format!("--- {} ({})", before.name, old.name()));
        line(format!("+++ {} ({})", after.name, new.name()));
        lines.iter().for_each(line);
        Err(Told.into())
    }
}

/// Every change, part by part: what is gone stands where it was, before what is new.
fn changes(old: &PlainPack, new: &PlainPack) -> Vec<String> {
    let mut lines = Vec::new();
    for kind in ["pack", "territory", "party", "class", "area", "counter", "rule"]
        .into_iter()
        .chain(["exemption", "report"])
    {
        let of = |pack: &PlainPack| -> Vec<PlainPart> {
            pack.parts.iter().filter(|part| part.kind == kind).cloned().collect()
        };
        let (before, after) = (of(old), of(new));
        for part in &before {
            match new.part(kind, &part.name) {
                None => whole('-', part, &mut lines),
                Some(other) => changed(part, other, &mut lines),
            }
        }
        for part in after.iter().filter(|part| old.part(kind, &part.name).is_none()) {
            whole('+', part, &mut lines);
        }
        if kind == "rule" {
            order(&before, &after, &mut lines);
        }
    }
    lines
}

fn whole(sign: char, part: &PlainPart, lines: &mut Vec<String>) {
    lines.push(format!("{sign} {}", title(part)));
    for fact in &part.facts {
        let between = if fact.key == "if" { " and " } else { ", " };
        lines.push(format!("{sign}     {}: {}", fact.key, fact.values.join(between)));
    }
}

fn changed(old: &PlainPart, new: &PlainPart, lines: &mut Vec<String>) {
    let mut found = Vec::new();
    for fact in &old.facts {
        match new.fact(&fact.key) {
            Some(other) => values(fact, other, &mut found),
            None => found.push(format!("-     {}: {}", fact.key, fact.values.join(", "))),
        }
    }
    for fact in new.facts.iter().filter(|fact| old.fact(&fact.key).is_none()) {
        found.push(format!("+     {}: {}", fact.key, fact.values.join(", ")));
    }
    if !found.is_empty() {
        lines.push(format!("  {}", title(new)));
        lines.append(&mut found);
    }
}

fn values(old: &Fact, new: &Fact, lines: &mut Vec<String>) {
    if old.values == new.values {
        return;
    }
    let key = &new.key;
    if !old.list && !new.list {
        let (old, new) = (old.values.join(", "), new.values.join(", "));
        return lines.push(format!("      {key}: {old} -> {new}"));
    }
    let before = lines.len();
    let without = |one: &Fact, other: &Fact| -> Vec<String> {
        one.values.iter().filter(|value| !other.values.contains(value)).cloned().collect()
    };
    lines.extend(without(old, new).into_iter().map(|gone| format!("-     {key}: {gone}")));
    lines.extend(without(new, old).into_iter().map(|come| format!("+     {key}: {come}")));
    if lines.len() == before {
        lines.push(format!("      {key}: in another order, or a value said twice"));
    }
}

/// Of rules that are equally strong the first one is told, so their order is law too.
fn order(old: &[PlainPart], new: &[PlainPart], lines: &mut Vec<String>) {
    let kept = |one: &[PlainPart], other: &[PlainPart]| -> Vec<String> {
        let in_both = one.iter().filter(|part| other.iter().any(|there| there.name == part.name));
        in_both.map(|part| part.name.clone()).collect()
    };
    let (before, after) = (kept(old, new), kept(new, old));
    if before != after {
        lines.push(
            "  rules stand in another order (of equally strong ones the first is told)".to_owned(),
        );
        lines.push(format!("-     order: {}", before.join(", ")));
        lines.push(format!("+     order: {}", after.join(", ")));
    }
}

fn title(part: &PlainPart) -> String {
    [part.kind, part.name.as_str()].join(" ").trim_end().to_owned()
}
