//! What could not be kept when the last run ended, in a file of a fixed length: a full disk that
//! takes nothing more still lets it be written over.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::fault::Fault;
use super::Log;
use super::buffer::Lost;

/// Octets of the file: one sector, so that no half of it is written.
const LENGTH: usize = 512;

/// Of the reason, so many characters; each takes at most six octets in JSON.
const REASON: usize = 50;

/// The file. It says `{}` as long as nothing is to be told.
#[derive(Debug)]
pub(super) struct Unsaved {
    path: PathBuf,
    file: File,
    /// Whether it tells of something.
    tells: bool,
}

/// What is not on the disk, and would not be if the process ended now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// How many entries.
    pub entries: u64,
    /// Of them, those that [`Log::lost`] has.
    pub counted: u64,
    /// Why.
    pub why: String,
}

// === impl Unsaved ===

impl Unsaved {
    /// Opens the file, which takes all of its room at once, and what the last run left in it.
    pub(super) fn open(folder: &Path) -> Result<(Self, Option<Lost>), Fault> {
        let path = folder.join("unsaved");
        let open = || {
            let found = match fs::read(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                found => found.ok(),
            };
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            Ok((file, found))
        };
        let (file, found) = open().map_err(Fault::file(&path))?;
        let text = found.as_deref().map(String::from_utf8_lossy);
        let lost = text.as_deref().and_then(parse);
        let quiet = text.as_deref().is_some_and(|text| text.trim() == "{}");
        if lost.is_none() && !(quiet && found.as_ref().is_some_and(|found| found.len() == LENGTH)) {
            if text.is_some() && !quiet {
                let path = path.display();
                tracing::error!(%path, "what the last run could not keep is not readable");
            }
            put(&file, "{}").map_err(Fault::file(&path))?;
        }
        let tells = lost.is_some();
        Ok((Self { path, file, tells }, lost))
    }

    /// Keeps how many would be lost, or that none would: on the disk when this returns.
    fn keep(&mut self, lost: Option<&Lost>) -> Result<(), Fault> {
        let text = lost.map_or_else(|| "{}".to_owned(), |lost| write(lost).to_string());
        put(&self.file, &text).map_err(Fault::file(&self.path))?;
        self.tells = lost.is_some();
        Ok(())
    }
}

fn put(file: &File, text: &str) -> io::Result<()> {
    // Padded by one less for the end of the line.
    let line = format!("{text:<0$}\n", LENGTH - 1);
    file.write_all_at(line.as_bytes(), 0)?;
    file.sync_all()
}

fn write(lost: &Lost) -> Value {
    let Lost { count, told, from, until, why } = lost;
    let why: String = why.chars().take(REASON).collect();
    json!({ "lost": count, "told": told, "from": from, "until": until, "why": why })
}

fn parse(text: &str) -> Option<Lost> {
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    let number = |key: &str| value.get(key)?.as_u64();
    let time = |key: &str| value.get(key)?.as_i64();
    Some(Lost {
        count: number("lost")?,
        told: number("told")?,
        from: time("from")?,
        until: time("until")?,
        why: value.get("why")?.as_str()?.to_owned(),
    })
}

// === impl Log ===

impl Log {
    /// Notes where the next start finds it how many entries are not on the disk, and returns it.
    /// That start tells of them by a gap, if they do not get there before.
    pub fn leave(&mut self) -> Result<Option<Left>, (Left, Fault)> {
        let why = self.why.as_deref().unwrap_or("the program ended before they were written");
        let Some(lost) = self.buffer.unsaved(why) else { return Ok(None) };
        let left = Left { entries: lost.count, counted: lost.told, why: lost.why.clone() };
        match self.unsaved.keep(Some(&lost)) {
            Ok(()) => Ok(Some(left)),
            Err(fault) => Err((left, fault)),
        }
    }

    /// Everything is on the disk: nothing is to be told any more.
    pub(super) fn saved(&mut self) {
        if self.unsaved.tells
            && self.buffer.is_written()
            && let Err(fault) = self.unsaved.keep(None)
        {
            tracing::error!(%fault, "the next start tells of entries as lost that are not");
        }
    }
}
