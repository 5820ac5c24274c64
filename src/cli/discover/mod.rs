//! `borderpost discover`: a draft pack from what was recorded, for a person to edit: which data went
//! where, how often, and rules that hold everything else back. It observes until its mode is struck.

mod draft;
mod page;
mod seen;
mod show;
#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::audit::Event;
use crate::audit::index::Filters;
use crate::audit::search::Scan;
use crate::config::parse_id;

use super::audit::{Place, Select};
use super::lines;
use super::output::{Progress, line, news};
use draft::Draft;
use seen::Seen;

/// Draft rules from what was recorded: what else than was seen is to be held back.
#[derive(Debug, clap::Args)]
pub(super) struct Discover {
    /// Files of records as lines of JSON, `-` for standard input; the journal if none is named.
    #[arg(value_name = "RECORDS", conflicts_with_all = ["journal", "keys"])]
    records: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    select: Select,
    /// The id of the draft.
    #[arg(long, value_name = "PACK", default_value = "discovered", value_parser = parse_id)]
    name: String,
    /// Data that went to more hosts than these is not bound to them.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    bind: usize,
    /// The file to write; nothing is written over. Standard output if none is named.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The counts as JSON instead of a draft.
    #[arg(long)]
    json: bool,
}

impl Discover {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let filters = self.select.filters()?;
        let seen = if self.records.is_empty() {
            journal(self.place, &filters)?
        } else {
            files(&self.records, &filters)?
        };
        if seen.requests == 0 {
            anyhow::bail!("no record is meant: there is nothing to make rules of");
        }
        let text = if self.json {
            format!("{:#}\n", show::json(&seen))
        } else {
            let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
            Draft { seen: &seen, name: &self.name, bind: self.bind, today }.text()
        };
        let Some(path) = &self.out else {
            line(text.trim_end());
            return Ok(());
        };
        write(path, &text)?;
        line(format!("{} is written: {}", path.display(), seen.told()));
        if !self.json {
            steps(path);
        }
        Ok(())
    }
}

fn journal(place: Place, filters: &Filters) -> anyhow::Result<Seen> {
    let journal = place.open()?;
    let mut seen = Seen::default();
    let mut progress = Progress::of("records read");
    let mut read = 0_u64;
    let gaps = Scan::all(&journal, filters).each(|found| {
        seen.add(&found.event);
        read += 1;
        progress.at(read);
        anyhow::Ok(true)
    })?;
    // A draft of a part of what was seen would bar what was not read.
    gaps.whole()?;
    Ok(seen)
}

fn files(records: &[PathBuf], filters: &Filters) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    for path in records {
        lines::each(path, |line| {
            let event = Event::read(line)?;
            if filters.means(&event) {
                seen.add(&event);
            }
            Ok(())
        })?;
    }
    Ok(seen)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let name = path.display();
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = file.map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            anyhow::anyhow!("{name} is there already and stays as it is; --out names another")
        } else {
            anyhow::Error::new(error).context(name.to_string())
        }
    })?;
    file.write_all(text.as_bytes()).with_context(|| name.to_string())
}

/// What to do with a draft.
fn steps(path: &Path) {
    // A bare name without an ending would mean a pack inside the program.
    let bare = path.parent().is_none_or(|parent| parent.as_os_str().is_empty());
    let path = if bare { Path::new(".").join(path) } else { path.to_owned() };
    let path = path.display();
    for (number, step) in [
        "read it: strike what should not go out, and say why the rest may".to_owned(),
        format!("borderpost pack lint {path}"),
        format!("borderpost pack sign --key KEY.pem {path}   (again after every change)"),
        format!("name \"{path}\" in `packs` of the configuration; it only observes"),
        "take its `mode = \"observe\"` away, and sign it again".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        news(format!("  {}. {step}", number + 1));
    }
}
