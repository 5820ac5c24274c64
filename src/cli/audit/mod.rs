//! `borderpost audit`: what was recorded, for who must show it and who must check it. Nothing here
//! needs the running program; it may run all the while, but for `retain`.

mod erase;
mod export;
mod indexed;
mod notes;
mod prove;
mod query;
mod reindex;
mod report;
mod retain;
mod select;
mod top;
mod verify;
mod whole;

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Subcommand;

use crate::audit::personal::KeyRing;
use crate::audit::search::Journal;
use crate::audit::{journal_folder, keys_folder};
use crate::config::Fixed;

use super::ConfigArgument;
use super::output::Usage;
pub(super) use select::Select;

/// Read and check the journal of decisions.
#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check that nothing in the journal was changed, cut off or left out; exit code 1 if so.
    Verify(verify::Verify),
    /// List what was recorded.
    Query(query::Query),
    /// List what the journal says beside records: who read, who decided, what was in force.
    Notes(notes::Notes),
    /// Rank hosts, clients, countries, tags, rules ... by how often they were recorded.
    Top(top::Top),
    /// Build the index of the journal anew, by which `query` and `top` find.
    Reindex(reindex::Reindex),
    /// Write out what was recorded, in a format that other programs read.
    Export(export::Export),
    /// Put together what a law wants kept of its transactions, for a period.
    Report(report::Report),
    /// Drop what is not kept any longer.
    Retain(retain::Retain),
    /// Destroy the keys of personal fields of a month: nobody can read these any more.
    Erase(erase::Erase),
    /// Prove that one entry is in the journal, to whoever has its public key.
    Prove(prove::Prove),
    /// Show the public key with which others verify.
    Key(verify::Key),
}

/// Where the journal is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Place {
    /// The journal's folder; that of the configuration if none is named.
    #[arg(long, value_name = "FOLDER")]
    journal: Option<PathBuf>,
    /// The folder of the keys of personal fields; that of the configuration, or `keys` beside a
    /// journal that is named.
    #[arg(long, value_name = "FOLDER")]
    keys: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Audit {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Verify(verify) => verify.run(),
            Command::Query(query) => query.run(),
            Command::Notes(notes) => notes.run(),
            Command::Top(top) => top.run(),
            Command::Reindex(reindex) => reindex.run(),
            Command::Export(export) => export.run(),
            Command::Report(report) => report.run(),
            Command::Retain(retain) => retain.run(),
            Command::Erase(erase) => erase.run(),
            Command::Prove(prove) => prove.run(),
            Command::Key(key) => key.run(),
        }
    }
}

impl Place {
    /// The journal, whose folder is there; that of the keys need not be.
    pub(super) fn open(self) -> anyhow::Result<Journal> {
        let (folder, keys) = if let Some(folder) = self.journal {
            let keys = KeyRing::at(&keys_folder(&folder));
            (folder, keys)
        } else {
            let mut fixed = Fixed::load(&self.config.origin())?;
            let state = fixed.state.take().ok_or_else(|| {
                let text = "no journal is kept: the configuration has no `state.folder`; name a \
                            journal with --journal";
                Usage(text.to_owned())
            })?;
            let folder = journal_folder(&state);
            let keys = fixed.keys(&folder);
            (folder, keys)
        };
        let keys = self.keys.map_or(keys, |folder| KeyRing::at(&folder));
        let there = folder.try_exists().with_context(|| folder.display().to_string())?;
        ensure!(there, "{}: there is no journal", folder.display());
        Ok(Journal { folder, keys })
    }
}
