//! `borderpost audit erase`: an erasure on purpose, while no program writes the journal.

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;

use crate::audit::index::forget;
use crate::audit::index_folder;
use crate::audit::journal::{Fault, Kind};
use crate::audit::personal::{Class, Month};
use crate::audit::retention::Erasure;
use crate::config::Fixed;

use super::super::output::line;
use super::retain::own;
use super::{Journal, Place};

/// Destroy the keys of personal fields.
#[derive(Debug, clap::Args)]
pub(super) struct Erase {
    #[command(flatten)]
    place: Place,
    /// Of which records: `untagged`, `tagged`, `refused` or `pack`.
    #[arg(long)]
    class: Class,
    /// Of which month: `2026-11`, in UTC.
    #[arg(long)]
    month: Month,
    /// Why; the journal is told.
    #[arg(long)]
    reason: String,
}

impl Erase {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Self { place, class, month, reason } = self;
        ensure!(!reason.trim().is_empty(), "--reason is empty; the journal is told why");
        let fixed = Fixed::load(&place.config.clone().origin())?;
        let Journal { folder, keys } = place.open()?;
        let mut log = match own(&folder, &fixed.origin) {
            Ok(log) => log,
            Err(Fault::InUse { path }) => bail!(
                "{}: a running proxy writes this journal; end it, erase, and start it again",
                path.display()
            ),
            Err(fault) => return Err(fault).context("the journal cannot be opened"),
        };
        keys.finish()?;
        let now = Timestamp::now();
        let erasure = Erasure::of((class, month), &reason, &folder, &fixed.retention, &keys, now)
            .map_err(anyhow::Error::msg)?;
        // Who erases is on record, whatever happens then; what was not done can be done again.
        log.append(Kind::Note, now, erasure.note(now).to_string().as_bytes());
        log.sync()?;
        erasure.run(&keys, now)?;
        forget(&index_folder(&folder)).context("the index still has what was erased")?;
        log.close(Timestamp::now())?;
        for id in &erasure.keys {
            line(format!("destroyed: the key {id} of personal fields"));
        }
        Ok(())
    }
}
