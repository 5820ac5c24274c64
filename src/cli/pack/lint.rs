//! `borderpost pack lint`: what in packs should be looked at.

use anyhow::ensure;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::config::{PackText, lint_pack};

use super::super::ConfigArgument;
use super::super::output::{self, line};
use super::open;

/// Tell what in packs is not wrong, and should be looked at.
#[derive(Debug, clap::Args)]
pub(super) struct Lint {
    #[command(flatten)]
    config: ConfigArgument,
    /// Files of packs, or names of shipped ones; all shipped ones if none is named.
    #[arg(value_name = "PACK")]
    packs: Vec<String>,
    /// The day as of which to look; today if left out.
    #[arg(long, value_name = "DATE")]
    at: Option<Date>,
    /// Fail if there is anything to look at.
    #[arg(long)]
    strict: bool,
}

impl Lint {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let today = || TimeZone::UTC.to_datetime(Timestamp::now()).date();
        let at = self.at.unwrap_or_else(today);
        let origin = self.config.origin();
        let packs = if self.packs.is_empty() {
            PackText::shipped()
        } else {
            self.packs.iter().map(|pack| open(pack)).collect::<anyhow::Result<_>>()?
        };
        let mut count = 0;
        for pack in &packs {
            let findings = lint_pack(pack, &origin, at)?;
            if findings.count() > 0 {
                line(findings.to_string().trim_end());
                line("");
            }
            count += findings.count();
        }
        let packs = output::count(packs.len(), "pack");
        let findings = output::count(count, "finding");
        line(format!("{findings} in {packs} as of {at}"));
        ensure!(!self.strict || count == 0, "{findings} in {packs}");
        Ok(())
    }
}
