//! `borderpost audit prove`: an entry, the path from it to the root, and the checkpoint that signs
//! the root, in one JSON document.

use anyhow::Context;

use crate::audit::prove;
use crate::audit::search::Scan;

use super::super::output::line;
use super::Place;
use super::select::Select;
use super::whole::whole;

/// Prove that one entry is in the journal.
#[derive(Debug, clap::Args)]
pub(super) struct Prove {
    /// The entry's number, or the id of a decision.
    entry: String,
    #[command(flatten)]
    place: Place,
}

impl Prove {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let journal = self.place.open()?;
        let sequence = if let Ok(sequence) = self.entry.parse() {
            sequence
        } else {
            let mut found = None;
            let filters = Select::of_id(&self.entry).filters()?;
            let gaps = Scan::all(&journal, &filters).each(|one| {
                found = Some(one.sequence);
                anyhow::Ok(false)
            })?;
            if found.is_none() {
                whole(&gaps)?;
            }
            found.with_context(|| format!("no record has the id `{}`", self.entry))?
        };
        line(serde_json::to_string_pretty(&prove(&journal, sequence)?)?);
        Ok(())
    }
}
