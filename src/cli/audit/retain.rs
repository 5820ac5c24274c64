//! `borderpost audit retain`: drops what is not kept any longer, while no program writes the
//! journal, or tells what would be dropped.

use std::path::Path;

use anyhow::{Context, bail};
use jiff::Timestamp;

use crate::audit::journal::{Fault, Kind, Log, Settings, Signer, first_key};
use crate::audit::retention::{Basis, Pass, Passed, Retention, retain};
use crate::audit::search::moment;
use crate::config::Fixed;

use super::super::output::{Told, line, news};
use super::Place;

/// Drop what is not kept any longer.
#[derive(Debug, clap::Args)]
pub(super) struct Retain {
    #[command(flatten)]
    place: Place,
    /// Only tell what would be dropped, and what legal holds keep.
    #[arg(long)]
    dry_run: bool,
    /// As of this moment: RFC 3339 or a day. The note in the journal names it.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    now: Option<Timestamp>,
}

impl Retain {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let fixed = Fixed::load(&self.place.config.clone().origin())?;
        let folder = self.place.folder()?;
        let (retention, now) = (&fixed.retention, self.now.unwrap_or_else(Timestamp::now));
        let passed = if self.dry_run {
            retain(&folder, retention, now, true, &mut Pass::default())?
        } else {
            drop_due(&folder, &fixed, now)?
        };
        tell(&passed, retention, now, self.dry_run);
        if passed.failed.is_empty() { Ok(()) } else { Err(Told.into()) }
    }
}

/// The journal is ours until the note is in it: who runs has to be told, and nobody else may.
fn drop_due(folder: &Path, fixed: &Fixed, now: Timestamp) -> anyhow::Result<Passed> {
    let origin = first_key(folder)?.map(|key| key.name().to_owned());
    let signer = Signer::open_or_make(folder, origin.as_deref().unwrap_or(&fixed.origin))?;
    let mut log = match Log::open(folder, Settings::default(), signer, Timestamp::now()) {
        Ok((log, _)) => log,
        Err(Fault::InUse { path }) => bail!(
            "{}: a running proxy writes this journal; it drops what is due itself, each day, with \
             `[journal] retain = \"daily\"`. End it, or look with --dry-run",
            path.display()
        ),
        Err(fault) => return Err(fault).context("the journal cannot be opened"),
    };
    let passed = retain(folder, &fixed.retention, now, false, &mut Pass::default())?;
    if !passed.is_empty() {
        let note = passed.note(&fixed.retention, now).to_string();
        log.append(Kind::Note, Timestamp::now(), note.as_bytes());
    }
    log.close(Timestamp::now())?;
    Ok(passed)
}

fn tell(passed: &Passed, retention: &Retention, now: Timestamp, dry: bool) {
    let done = if dry { "would be dropped" } else { "dropped" };
    for basis in Basis::ALL {
        if let Some(entries) = passed.dropped.get(basis.name()) {
            let setting = basis.setting(&retention.terms);
            line(format!("{done}: {entries} {} ({setting})", basis.name()));
        }
    }
    if passed.is_empty() {
        line(format!("nothing is due as of {now}"));
    }
    for hold in &retention.holds {
        let state = if hold.is_open(now) { "open" } else { "not open" };
        let held = passed.held.get(&hold.name).copied().unwrap_or_default();
        line(format!("hold {} ({state}): {}; keeps {held} that are due", hold.name, hold.reason));
    }
    if passed.unread > 0 {
        line(format!("kept: {} that cannot be read", passed.unread));
    }
    if passed.segments > 0 {
        let (before, after) = passed.octets;
        line(format!("{} segments, {before} octets before and {after} after", passed.segments));
    }
    passed.failed.iter().for_each(news);
}
