//! `borderpost pack`: what people do with packs before they are in force.

mod diff;
mod keys;
mod lint;
mod show;

use anyhow::anyhow;

use crate::config::PackText;

use super::output::Usage;

/// Sign, verify, check, compare and show packs.
#[derive(Debug, clap::Args)]
pub(super) struct Pack {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a key to sign packs with, and print the line that trusts it.
    Keygen(keys::Keygen),
    /// Sign packs: each gets a file of its name and `.sig` beside it.
    Sign(keys::Sign),
    /// Tell for each pack who signed it and that it is unchanged, or what is wrong.
    Verify(keys::Verify),
    /// Tell what in packs is not wrong, and should be looked at.
    Lint(lint::Lint),
    /// Tell what changed between two packs; exit code 0 if nothing did, 1 if something did.
    Diff(diff::Diff),
    /// Print a pack for reading beside the statute.
    Show(show::Show),
}

impl Pack {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Keygen(keygen) => keygen.run(),
            Command::Sign(sign) => sign.run(),
            Command::Verify(verify) => verify.run(),
            Command::Lint(lint) => lint.run(),
            Command::Diff(diff) => diff.run(),
            Command::Show(show) => show.run(),
        }
    }
}

/// The pack that a name or a path stands for.
fn open(argument: &str) -> anyhow::Result<PackText> {
    PackText::open(argument).map_err(|error| anyhow!(Usage(error)))
}
