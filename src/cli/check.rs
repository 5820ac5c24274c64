//! `borderpost check`: reads a configuration as `run` would, and changes nothing.

use std::path::PathBuf;

use crate::config::{self, Loaded, Origin};

use super::output;

/// Check a configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The configuration file; the one inside the program if none is named.
    #[arg(env = "BORDERPOST_CONFIG")]
    file: Option<PathBuf>,
}

impl Check {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let origin = self.file.map_or(Origin::BuiltIn, Origin::File);
        let Loaded { active, notes, .. } = config::load(&origin)?;
        let packs: Vec<_> = active.packs.iter().map(ToString::to_string).collect();
        output::line(format!(
            "ok: {} from {}; {} databases; {}",
            output::count(active.policy.rules().len(), "rule"),
            if packs.is_empty() { "no pack".to_owned() } else { packs.join(", ") },
            active.atlas.databases().len(),
            active.digest
        ));
        notes.iter().for_each(|note| output::line(format!("note: {note}")));
        Ok(())
    }
}
