//! `borderpost replay`: takes recorded decisions again, by other packs or as of another day, and
//! lists those that would change.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use anyhow::Context;
use jiff::Timestamp;

use crate::audit::Replayed;
use crate::config;

use super::ConfigArgument;
use super::output::{Usage, line};

/// Decide recorded requests again.
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// A file of records.
    records: PathBuf,
    /// A pack that takes the place of the one with its id, or is added.
    #[arg(long = "pack", value_name = "FILE")]
    packs: Vec<PathBuf>,
    /// Decide as of this moment instead of the record's own.
    #[arg(long, value_name = "MOMENT")]
    at: Option<Timestamp>,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Replay {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut drafts = Vec::new();
        for path in &self.packs {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).with_context(|| name.clone())?;
            drafts.push((name, text));
        }
        let active = config::load_with(&self.config.origin(), &drafts)?.active;
        let name = self.records.display().to_string();
        let file = BufReader::new(File::open(&self.records).with_context(|| name.clone())?);
        let (mut asked, mut changed, mut left) = (0_u64, 0_u64, 0_u64);
        for (number, text) in file.lines().enumerate() {
            let text = text?;
            let wrong = |error| Usage(format!("{name}:{}: no record: {error}", number + 1));
            let record = Replayed::read(text.as_bytes()).map_err(wrong)?;
            // What failed before a decision has none to compare; what told of a place lost it.
            let Some((before, after)) = record.compare(&active.policy, self.at) else {
                left += 1;
                continue;
            };
            asked += 1;
            if before != after {
                changed += 1;
                let host = record.host.as_deref().unwrap_or("-");
                line(format!("{} {} {host}: {before} -> {after}", record.time, record.id));
            }
        }
        line(format!("{asked} decided again, {changed} otherwise, {left} that cannot be"));
        Ok(())
    }
}
