//! `borderpost audit prove`: an entry, the path from it to the root, and the checkpoint that signs
//! the root, in one JSON document. Whoever gets it needs nothing else but the public key, which
//! they have from elsewhere.

use std::fs;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::audit::journal::{Checkpoint, Hash, Kind, Prover, Reader};
use crate::audit::personal::key_of;

use super::super::output::line;
use super::Place;
use super::select::{Scan, Select};

/// Prove that one entry is in the journal.
#[derive(Debug, clap::Args)]
pub(super) struct Prove {
    /// The entry's number, or the id of a decision.
    entry: String,
    #[command(flatten)]
    place: Place,
}

impl Prove {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let journal = self.place.open()?;
        let folder = &journal.folder;
        let sequence = if let Ok(sequence) = self.entry.parse() {
            sequence
        } else {
            let mut found = None;
            Scan::all(&journal, &Select::of_id(&self.entry).filters()).each(|one| {
                found = Some(one.sequence);
                Ok(false)
            })?;
            found.with_context(|| format!("no record has the id `{}`", self.entry))?
        };
        let path = folder.join("checkpoint");
        let note = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let signed = Checkpoint::claimed(&note).with_context(|| path.display().to_string())?;
        ensure!(
            sequence < signed.size,
            "entry {sequence} is not signed yet: the last checkpoint is over {} entries; try \
             again in ten seconds",
            signed.size
        );
        let mut prover = Prover::open(folder)?;
        let proof = prover.inclusion(sequence, signed.size)?.unwrap_or_default();
        let mut opened = None;
        let entry = Reader::one(folder, sequence, |entry| {
            let sealed = entry.payload().filter(|line| key_of(line).is_some());
            let line = sealed.map(|line| journal.keys.opener().open(line).into_owned());
            opened = line.and_then(|line| serde_json::from_slice::<Value>(&line).ok());
            json!({
                "sequence": sequence,
                "kind": entry.kind().map(|kind| kind.name()),
                "type": entry.kind().map(Kind::octet),
                "at": entry.at(),
                "payload": entry.payload().map(|octets| String::from_utf8_lossy(octets).into_owned()),
                "leaf": entry.leaf().to_string(),
            })
        })?;
        let entry = entry.with_context(|| format!("there is no entry {sequence}"))?;
        let hashes = |hash: &Hash| Value::from(STANDARD.encode(hash.octets()));
        line(serde_json::to_string_pretty(&json!({
            "entry": entry,
            "index": sequence,
            "size": signed.size,
            "root": STANDARD.encode(signed.root.octets()),
            "path": proof.iter().map(hashes).collect::<Vec<_>>(),
            "checkpoint": note,
            // What is proved is the payload; this is what it says to who has the key.
            "opened": opened,
        }))?);
        Ok(())
    }
}
