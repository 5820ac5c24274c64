//! `borderpost audit verify` and `key`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use memchr::memmem::Finder;

use crate::audit::index::{Check, Tally};
use crate::audit::journal::{
    Demands, Entry, Kept, KeptFile, Onward, Report, VerifierKey, Watch, first_key, verify_by,
};
use crate::audit::personal::{Hidden, key_of};

use super::super::output::{Progress, Told, Usage, count, line, news};
use super::{Journal, Place};

/// Check the journal.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    place: Place,
    /// The public key that must have signed, as `audit key` shows it, or a file with it. Without
    /// one the key that the journal names itself is believed.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// What was kept elsewhere: one checkpoint, or a file of a sink with `select = "checkpoints"`.
    /// The journal must go on from each of them. It may be given more than once.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
}

/// Show the public key.
#[derive(Debug, clap::Args)]
pub(super) struct Key {
    #[command(flatten)]
    place: Place,
}

impl Key {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Journal { folder, .. } = self.place.open()?;
        let key = first_key(&folder)?;
        line(key.with_context(|| format!("{}: the journal names no key yet", folder.display()))?);
        Ok(())
    }
}

impl Verify {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let journal = self.place.open()?;
        let folder = &journal.folder;
        let key = self.key.as_deref().map(read_key).transpose()?;
        let kept = read_kept(&self.checkpoint)?;
        let mut reading = Reading { progress: Progress::of("entries"), tally: Tally::default() };
        let report = verify_by(folder, Demands { key: key.as_ref(), kept }, &mut reading)?;
        for finding in &report.findings {
            line(finding);
        }
        if report.more > 0 {
            line(format!("and {} more", report.more));
        }
        line(summary(&report));
        let personal =
            if report.is_sound() { Personal::of(&journal)? } else { Personal::default() };
        personal.tell();
        // What is no journal of ours any more is nothing to compare with.
        let index = report.is_sound().then(|| Check::of(&reading.tally, &journal));
        if let Some(index) = &index {
            line(format!("index: {index}"));
        }
        if key.is_none() {
            news(
                "no key was given: whoever could replace the whole journal could replace its key; \
                 give the one that you kept elsewhere with --key",
            );
        }
        let good = report.is_sound() && personal.damaged.is_none();
        if good && !index.is_some_and(|index| index.is_wrong()) { Ok(()) } else { Err(Told.into()) }
    }
}

/// What hears of a journal that is read.
struct Reading {
    progress: Progress,
    tally: Tally,
}

impl Watch for Reading {
    fn progress(&mut self, entries: u64) {
        self.progress.at(entries);
    }

    fn entry(&mut self, entry: &Entry<'_>) {
        self.tally.entry(entry);
    }
}

/// Checkpoints of all files.
fn read_kept(files: &[PathBuf]) -> anyhow::Result<Vec<Kept>> {
    let mut all = Vec::new();
    for path in files {
        let KeptFile { kept, strange, thinned } =
            KeptFile::read(path).with_context(|| path.display().to_string())?;
        let path = path.display();
        if strange > 0 {
            news(format!("{path}: {strange} lines are no checkpoints, and were passed over"));
        }
        if thinned > 0 {
            news(format!(
                "{path}: {thinned} of its checkpoints are left out, evenly; the last is not"
            ));
        }
        all.extend(kept);
    }
    Ok(all)
}

/// How personal fields stand. What a record says beside them is under the tag of its cipher too, so
/// that this finds what was written wrongly before it was chained.
#[derive(Default)]
struct Personal {
    open: u64,
    hidden: BTreeMap<&'static str, u64>,
    /// The first entry that its key does not open.
    damaged: Option<u64>,
}

impl Personal {
    /// Nothing is read where there never were keys.
    fn of(journal: &Journal) -> anyhow::Result<Self> {
        let mut found = Self::default();
        if !journal.keys.folder().is_dir() {
            return Ok(found);
        }
        let mut opener = journal.keys.opener();
        let lacks = format!(":\"{}\"", Hidden::Lost);
        let lacks = Finder::new(&lacks);
        // What cannot be read has been found.
        let mut reader = Onward::open(&journal.folder);
        while let Some(entry) = reader.next_entry()? {
            let Some(line) = entry.payload() else { continue };
            if key_of(line).is_none() {
                if lacks.find(line).is_some() {
                    *found.hidden.entry(Hidden::Lost.word()).or_default() += 1;
                }
                continue;
            }
            match opener.look(line).1 {
                None => found.open += 1,
                Some(why) => {
                    *found.hidden.entry(why.word()).or_default() += 1;
                    if why == Hidden::Damaged {
                        let first = found.damaged.unwrap_or_else(|| entry.sequence());
                        found.damaged = Some(first);
                    }
                }
            }
        }
        Ok(found)
    }

    fn tell(&self) {
        if self.open == 0 && self.hidden.is_empty() {
            return;
        }
        let mut text = format!("personal fields: {} can be read", self.open);
        for (word, count) in &self.hidden {
            text += &format!(", {count} {word}");
        }
        line(text);
        if let Some(entry) = self.damaged {
            line(format!("entry {entry}: its key is there and does not open its personal fields"));
        }
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
    text += &format!(", {} covered by signatures", report.signed);
    if report.unsigned > 0 {
        text += &format!(", the last {} not signed", report.unsigned);
    }
    if report.kept > 0 {
        text +=
            &format!("\n{} kept elsewhere hold", number(report.kept, "checkpoint", "checkpoints"));
    }
    for key in &report.signers {
        text += &format!("\nsigned by {key}");
    }
    for key in report.keys.iter().filter(|key| !report.signers.contains(key)) {
        text += &format!("\nnames the key {key}, which has signed nothing yet");
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
