//! `borderpost audit verify` and `key`.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use crate::audit::journal::{Report, VerifierKey, first_key, verify};

use super::super::output::{Progress, Told, Usage, count, line, news};
use super::Place;

/// Check the journal.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    place: Place,
    /// The public key that must have signed, as `audit key` shows it, or a file with it. Without
    /// one the key that the journal names itself is believed.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A checkpoint that was kept elsewhere: the journal must go on from it.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

/// Show the public key.
#[derive(Debug, clap::Args)]
pub(super) struct Key {
    #[command(flatten)]
    place: Place,
}

impl Key {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let folder = self.place.folder()?;
        let key = first_key(&folder)?;
        line(key.with_context(|| format!("{}: the journal names no key yet", folder.display()))?);
        Ok(())
    }
}

impl Verify {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let folder = self.place.folder()?;
        let key = self.key.as_deref().map(read_key).transpose()?;
        let elsewhere = self
            .checkpoint
            .map(|path| fs::read_to_string(&path).with_context(|| path.display().to_string()));
        let elsewhere = elsewhere.transpose()?;
        let mut progress = Progress::of("entries");
        let mut told = |entries| progress.at(entries);
        let report = verify(&folder, key.as_ref(), elsewhere.as_deref(), &mut told)?;
        for finding in &report.findings {
            line(finding);
        }
        if report.more > 0 {
            line(format!("and {} more", report.more));
        }
        line(summary(&report));
        if key.is_none() {
            news(
                "no key was given: whoever could replace the whole journal could replace its key; \
                 give the one that you kept elsewhere with --key",
            );
        }
        if report.is_sound() { Ok(()) } else { Err(Told.into()) }
    }
}

/// A key as it is, or a file that holds it.
pub(super) fn read_key(text: &str) -> anyhow::Result<VerifierKey> {
    let key = match text.parse() {
        Ok(key) => return Ok(key),
        Err(_) if fs::exists(text).unwrap_or(false) => fs::read_to_string(text),
        Err(why) => return Err(Usage(format!("--key: {why}")).into()),
    };
    let key = key.with_context(|| text.to_owned())?;
    key.trim().parse().map_err(|why| Usage(format!("{text}: {why}")).into())
}

fn number(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn summary(report: &Report) -> String {
    let mut text = format!(
        "{}: {} in {}, {} hold",
        if report.is_sound() { "sound" } else { "NOT SOUND" },
        number(report.entries, "entry", "entries"),
        number(report.segments, "segment", "segments"),
        number(report.checkpoints, "checkpoint", "checkpoints"),
    );
    if report.pruned > 0 {
        text += &format!(", {} pruned", report.pruned);
    }
    if report.unsigned > 0 {
        text += &format!(", the last {} not signed yet", report.unsigned);
    }
    for key in &report.keys {
        text += &format!("\nsigned by {key}");
    }
    if let Some(root) = &report.root {
        text += &format!("\nroot {root}");
    }
    let faults = report.findings.iter().filter(|finding| finding.what.is_fault()).count();
    if faults > 0 {
        text += &format!("\n{}", count(faults, "fault"));
    }
    text
}
