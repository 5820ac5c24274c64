//! `borderpost replay`: takes recorded decisions again, by other packs or as of another day, and
//! lists those that would change.

use std::path::PathBuf;

use anyhow::Context;
use jiff::Timestamp;

use crate::audit::Replayed;
use crate::audit::search::moment;
use crate::config;

use super::ConfigArgument;
use super::lines;
use super::output::line;

/// Decide recorded requests again.
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// A file of records, `-` for standard input.
    records: PathBuf,
    /// A pack that takes the place of the one with its id, or is added.
    #[arg(long = "pack", value_name = "FILE")]
    packs: Vec<PathBuf>,
    /// Decide as of this moment or day instead of the record's own.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
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
        let (mut asked, mut changed, mut left) = (0_u64, 0_u64, 0_u64);
        lines::each(&self.records, |text| {
            let record = Replayed::read(text.as_bytes())?;
            // What failed before a decision has none to compare; what told of a place lost it.
            let Some((before, after)) = record.compare(&active.policy, self.at) else {
                left += 1;
                return Ok(());
            };
            asked += 1;
            if before != after {
                changed += 1;
                let host = record.host.as_deref().unwrap_or("-");
                line(format!("{} {} {host}: {before} -> {after}", record.time, record.id));
            }
            Ok(())
        })?;
        line(format!("{asked} decided again, {changed} otherwise, {left} that cannot be"));
        Ok(())
    }
}
