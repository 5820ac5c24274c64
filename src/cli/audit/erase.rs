//! `borderpost audit erase`: an erasure on purpose. The journal is told before keys go, by a running
//! proxy if there is one.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use serde_json::Value;

use crate::audit::index::{forget, is_asked};
use crate::audit::index_folder;
use crate::audit::journal::{Fault, Kind};
use crate::audit::personal::{Class, KeyRing, Month};
use crate::audit::retention::Erasure;
use crate::config::Fixed;

use super::super::output::line;
use super::retain::own;
use super::{Journal, Place};

/// How long a running proxy has to note it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(100);

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
        let _alone = keys.erasing()?;
        let log = match own(&folder, &fixed.origin) {
            Ok(log) => Some(log),
            Err(Fault::InUse { .. }) => None,
            Err(fault) => return Err(fault).context("the journal cannot be opened"),
        };
        keys.finish()?;
        let now = Timestamp::now();
        let erasure = Erasure::of((class, month), &reason, &folder, &fixed.retention, &keys, now)
            .map_err(anyhow::Error::msg)?;
        // Who erases is on record, whatever happens then; what was not done can be done again.
        let note = erasure.note(now);
        match log {
            Some(mut log) => {
                log.append(Kind::Note, now, note.to_string().as_bytes());
                log.close(now)?;
            }
            None => by_running(&keys, &note)?,
        }
        erasure.run(&keys, now)?;
        forgotten(&index_folder(&folder)).context("the index still has what was erased")?;
        for id in &erasure.keys {
            line(format!("destroyed: the key {id} of personal fields"));
        }
        Ok(())
    }
}

/// Makes the index forget, and waits until who keeps it has begun anew.
fn forgotten(index: &Path) -> anyhow::Result<()> {
    forget(index)?;
    let begun = Instant::now();
    while is_asked(index) {
        ensure!(begun.elapsed() < PATIENCE, "the process that keeps the index does not answer");
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Lets the running proxy note it, and waits until it has.
fn by_running(keys: &KeyRing, note: &Value) -> anyhow::Result<()> {
    // What a command that was killed has left is asked once more, by who wants it.
    keys.answered()?;
    keys.ask(note)?;
    let begun = Instant::now();
    while keys.asked().is_some() {
        if begun.elapsed() > PATIENCE {
            keys.answered()?;
            bail!(
                "the running proxy does not note it, and nothing was destroyed: end it, or let it \
                 run with `journal.seal_personal`, and try again"
            );
        }
        thread::sleep(LOOK);
    }
    Ok(())
}
