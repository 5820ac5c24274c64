//! `borderpost audit report`: what a law wants kept of its transactions, put together from the
//! journal for a period. What the law is, and what it asks for, the pack says. The journal is read
//! twice, first for what stands before the transactions, so that none of them stays in memory.

mod candidates;
mod gather;
mod html;
mod in_force;
mod json;
mod totals;
mod walk;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use jiff::Timestamp;

use crate::audit::journal::{VerifierKey, verify};
use crate::audit::search::moment;
use crate::config::{Fixed, RecordItem, record_set};

use super::super::ask::{Admin, Proof, Server};
use super::super::output::Usage;
use super::verify::read_key;
use super::whole::whole;
use super::{Journal, Place};

use candidates::Candidates;
use gather::Verified;
use walk::{Period, Walk};

/// Put together what a law wants kept.
#[derive(Debug, clap::Args)]
pub(super) struct Report {
    /// The pack: its id in the configuration, the name of a shipped one, or a file.
    #[arg(long)]
    pack: String,
    #[command(flatten)]
    place: Place,
    /// From this moment on: RFC 3339, a day, or so long ago: `365d`. All of the journal if left out.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    since: Option<Timestamp>,
    /// Before this moment.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    until: Option<Timestamp>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Form::Html)]
    format: Form,
    /// Where to; standard output if no file is named.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The public key that must have signed the journal, as for `audit verify`.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The admin listener to ask for candidates while the proxy has their file open.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<Server>,
    #[command(flatten)]
    proof: Proof,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people: one file without a script.
    Html,
    /// For programs.
    Json,
}

impl Report {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let origin = self.place.config.clone().origin();
        let set = record_set(&origin, &self.pack)?.map_err(Usage)?;
        ensure!(
            !set.items.is_empty(),
            "the pack {} has no `[[record]]`, which say what is to be kept",
            set.pack.id
        );
        let state = Fixed::load(&origin).ok().and_then(|fixed| fixed.state);
        let Journal { folder, keys } = self.place.open()?;
        let key = self.key.as_deref().map(read_key).transpose()?;
        let period = Period {
            since: self.since.unwrap_or(Timestamp::MIN),
            until: self.until.unwrap_or_else(Timestamp::now),
        };
        ensure!(period.since < period.until, "the period ends before it begins");
        let walk = Walk { folder: &folder, keys: &keys, pack: &set.pack.id, period };
        let (mut document, gaps) = gather::document(&set, &walk, verified(&folder, key.as_ref())?)?;
        let store = folder.parent().map(|folder| folder.join("holds.redb"));
        let store = state.map(|folder| folder.join("holds.redb")).or(store);
        let admin = self.admin.clone().map(|admin| Admin::at(admin, self.proof.clone()));
        document.candidates = Candidates::find(&walk, store.as_deref(), admin.as_ref());
        let out: Box<dyn Write> = match &self.output {
            Some(path) => Box::new(File::create(path).with_context(|| path.display().to_string())?),
            None => Box::new(io::stdout()),
        };
        let mut out = BufWriter::with_capacity(1 << 16, out);
        match self.format {
            Form::Json => json::write(&document, &set, &walk, &mut out)?,
            Form::Html => html::write(&document, &set, &walk, &mut out)?,
        }
        out.flush()?;
        whole(&gaps)
    }
}

fn verified(folder: &Path, key: Option<&VerifierKey>) -> anyhow::Result<Verified> {
    let report = verify(folder, key, None, &mut |_| ())?;
    let checkpoint = fs::read_to_string(folder.join("checkpoint")).ok();
    Ok(Verified::new(&report, key.is_some(), checkpoint))
}

/// What a transaction says of an item, field by field.
fn said<'i>(
    item: &'i RecordItem,
    record: &'i serde_json::Value,
) -> impl Iterator<Item = (&'static str, Option<serde_json::Value>)> + 'i {
    item.kept.from.iter().map(|field| (*field, crate::audit::event::pick(record, field)))
}
