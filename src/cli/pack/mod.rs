//! `borderpost pack`: what people do with packs before they are in force.

mod keys;

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
}

impl Pack {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Keygen(keygen) => keygen.run(),
            Command::Sign(sign) => sign.run(),
            Command::Verify(verify) => verify.run(),
        }
    }
}

/// The pack that a name or a path stands for.
fn open(argument: &str) -> anyhow::Result<PackText> {
    PackText::open(argument).map_err(|error| anyhow!(Usage(error)))
}
