//! `borderpost audit retain`: drops what is not kept any longer, while no program writes the
//! journal, or tells what would be dropped.

use std::path::Path;

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde_json::Value;

use crate::audit::journal::{Fault, Kind, Log, Settings, Signer, first_key};
use crate::audit::retention::{Basis, Pass, Passed, Retention, retain, trust};
use crate::audit::search::{Journal, moment};
use crate::config::Fixed;

use super::super::output::{Told, Usage, line, news};
use super::Place;

/// Drop what is not kept any longer.
#[derive(Debug, clap::Args)]
pub(super) struct Retain {
    #[command(flatten)]
    place: Place,
    /// Only tell what would be dropped, and what legal holds keep.
    #[arg(long)]
    dry_run: bool,
    /// As of this moment: RFC 3339 or a day; one to come only with --dry-run. The note in the
    /// journal names it.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    now: Option<Timestamp>,
}

impl Retain {
    pub(super) fn run(self) -> anyhow::Result<()> {
        if let Some(now) = self.now.filter(|now| !self.dry_run && *now > Timestamp::now()) {
            let text = format!(
                "--now {now} is in the future: what is not due yet can be told with --dry-run, and \
                 is not dropped"
            );
            return Err(Usage(text).into());
        }
        let fixed = Fixed::load(&self.place.config.clone().origin())?;
        let journal = self.place.open()?;
        let (retention, now) = (&fixed.retention, self.now.unwrap_or_else(Timestamp::now));
        let passed = if self.dry_run {
            retain(&journal.folder, retention, &journal.keys, now, None, &mut Pass::default())?
        } else {
            drop_due(&journal, &fixed, now)?
        };
        tell(&passed, retention, now, self.dry_run);
        if passed.failed.is_empty() { Ok(()) } else { Err(Told.into()) }
    }
}

/// The journal is ours until the note is in it: who runs has to be told, and nobody else may.
fn drop_due(journal: &Journal, fixed: &Fixed, now: Timestamp) -> anyhow::Result<Passed> {
    let Journal { folder, keys } = journal;
    let mut log = match own(folder, &fixed.origin) {
        Ok(log) => log,
        Err(Fault::InUse { path }) => bail!(
            "{}: a running proxy writes this journal; it drops what is due itself, each day, with \
             `[journal] retain = \"daily\"`. End it, or look with --dry-run",
            path.display()
        ),
        Err(fault) => return Err(fault).context("the journal cannot be opened"),
    };
    keys.finish()?;
    // Who drops by hand has looked at the clock.
    trust(folder)?;
    let mut announce = |note: &Value| {
        log.append(Kind::Note, Timestamp::now(), note.to_string().as_bytes());
        log.close(Timestamp::now()).map_err(|fault| fault.to_string())
    };
    let (retention, pass) = (&fixed.retention, &mut Pass::default());
    let passed = retain(folder, retention, keys, now, Some(&mut announce), pass)?;
    if !passed.is_empty() {
        let note = passed.note(&fixed.retention, now).to_string();
        log.append(Kind::Note, Timestamp::now(), note.as_bytes());
    }
    log.close(Timestamp::now())?;
    Ok(passed)
}

/// The journal to write to, which nobody else has open.
pub(super) fn own(folder: &Path, origin: &str) -> Result<Log, Fault> {
    let first = first_key(folder)?.map(|key| key.name().to_owned());
    let signer = Signer::open_or_make(folder, first.as_deref().unwrap_or(origin))?;
    Ok(Log::open(folder, Settings::default(), signer, Timestamp::now())?.0)
}

fn tell(passed: &Passed, retention: &Retention, now: Timestamp, dry: bool) {
    let done = if dry { "would be dropped" } else { "dropped" };
    for basis in Basis::ALL {
        if let Some(entries) = passed.dropped.get(basis.name()) {
            let setting = basis.setting(&retention.terms);
            line(format!("{done}: {entries} {} ({setting})", basis.name()));
        }
    }
    let done = if dry { "would be destroyed" } else { "destroyed" };
    for (id, setting) in &passed.keys {
        line(format!("{done}: the key {id} of personal fields ({setting})"));
    }
    for (id, hold) in &passed.keys_held {
        line(format!("hold {hold} keeps the key {id} of personal fields, which is due"));
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
