//! `borderpost pack show`: a pack for reading beside the statute.

use crate::config::{Fact, PlainPack, PlainPart};

use super::super::ConfigArgument;
use super::super::output::line;
use super::open;

/// Print a pack for reading beside the statute.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    #[command(flatten)]
    config: ConfigArgument,
    /// A file, or the name of a shipped pack.
    pack: String,
}

/// The keys that a list of alternatives or conditions begins its lines with.
const ALL: &str = "and";

impl Show {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let pack = PlainPack::read(&open(&self.pack)?, &self.config.origin())?;
        line(format!("{}\n", pack.name));
        let head = pack.part("pack", "");
        for part in &pack.parts {
            line(heading(part));
            let dated = part.kind != "rule" || part.fact("effective_from").is_some();
            if let Some(from) = head.and_then(|head| head.fact("effective_from"))
                && !dated
            {
                row("effective_from", &format!("{} (as the pack)", from.values.join(", ")));
            }
            part.facts.iter().filter(|fact| fact.key != "outcome").for_each(show);
            line("");
        }
        Ok(())
    }
}

fn heading(part: &PlainPart) -> String {
    let outcome = part.fact("outcome").map(|fact| fact.values.join(""));
    let words = [part.kind, part.name.as_str()].into_iter().filter(|word| !word.is_empty());
    let words = words.collect::<Vec<_>>().join(" ");
    outcome.map_or_else(|| words.clone(), |outcome| format!("{words}: {outcome}"))
}

fn show(fact: &Fact) {
    // Conditions must all hold, exceptions each for itself; other lists are read in one line.
    let next = match fact.key.as_str() {
        "if" => ALL,
        "unless" => "or if",
        _ if fact.values.is_empty() => return row(&fact.key, "nothing"),
        _ => return row(&fact.key, &fact.values.join(", ")),
    };
    let keys = std::iter::once(fact.key.as_str()).chain(std::iter::repeat(next));
    keys.zip(&fact.values).for_each(|(key, value)| row(key, value));
}

fn row(key: &str, value: &str) {
    line(format!("  {key:<21} {value}"));
}
