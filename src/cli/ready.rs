//! `borderpost ready`: what `/readyz` says, where nothing else can ask it: the image has no shell, and
//! the admin listener is on loopback.

use super::ask::Admin;
use super::output::{self, Told};

/// Ask a running proxy whether it takes requests and can record them; exit code 1 if not.
#[derive(Debug, clap::Args)]
pub(super) struct Ready {
    #[command(flatten)]
    admin: Admin,
}

impl Ready {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let (status, text) = self.admin.text("/readyz")?;
        output::line(text.trim_end());
        if status.is_success() { Ok(()) } else { Err(Told.into()) }
    }
}
