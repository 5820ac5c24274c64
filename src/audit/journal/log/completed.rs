//! Up to where every verdict has its record, in a file of a fixed length that is written over in
//! place: what it says is old rather than half. It is but a hint, and is believed where the journal
//! bears it out.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::fault::Fault;
use super::super::hash::Hash;
use super::super::reader::Reader;
use super::Log;

/// Octets of the file: one sector, so that no half of it is written.
const LENGTH: usize = 512;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    /// Every verdict before this entry has its record.
    before: u64,
    /// The journal had so many entries, of which the last had this chain value: another one, and
    /// one whose end was lost, has not.
    entries: u64,
    chain: String,
}

/// The file, once something was written to it.
#[derive(Debug)]
pub(super) struct Completed {
    path: PathBuf,
    file: Option<File>,
}

/// The entries of earlier runs, and what the last one said of them.
#[derive(Clone, Debug)]
pub struct Earlier {
    folder: PathBuf,
    claim: Option<Claim>,
    entries: u64,
    chain: Hash,
}

// === impl Earlier ===

impl Earlier {
    /// What stands in a folder, where a journal ends with so many entries and this chain value.
    pub(super) fn read(folder: &Path, entries: u64, chain: Hash) -> Self {
        let claim = fs::read(path(folder)).ok().and_then(|octets| {
            let claim = serde_json::from_slice::<Claim>(octets.trim_ascii()).ok();
            if claim.is_none() {
                let path = path(folder);
                tracing::warn!(path = %path.display(), "it is not readable, and nothing is lost by it");
            }
            claim
        });
        Self { folder: folder.to_owned(), claim, entries, chain }
    }

    /// The journal's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The entries among which verdicts may stand that have no record: all of them, where nothing
    /// says that some have.
    pub fn range(&self) -> Range<u64> {
        let claim = self.claim.as_ref().filter(|claim| self.bears_out(claim));
        claim.map_or(0, |claim| claim.before)..self.entries
    }

    fn bears_out(&self, claim: &Claim) -> bool {
        if claim.before > claim.entries || claim.entries > self.entries {
            return false;
        }
        let chain = match claim.entries.checked_sub(1) {
            None => return true,
            // No need to look for it after an end in order.
            Some(_) if claim.entries == self.entries => Some(self.chain),
            Some(last) => {
                let chain = Reader::one(&self.folder, last, |entry| *entry.chain());
                chain.ok().flatten()
            }
        };
        chain.is_some_and(|chain| chain.to_string() == claim.chain)
    }
}

// === impl Completed ===

impl Completed {
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: path(folder), file: None }
    }

    fn put(&mut self, claim: &Claim) -> io::Result<()> {
        // Padded by one less for the end of the line.
        let text = serde_json::to_string(claim)?;
        let line = format!("{text:<0$}\n", LENGTH - 1);
        if let Some(file) = &self.file {
            return file.write_all_at(line.as_bytes(), 0);
        }
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
        // What stands there may be of any length.
        file.set_len(u64::try_from(LENGTH).unwrap_or(u64::MAX))?;
        file.write_all_at(line.as_bytes(), 0)?;
        // Once, so that it has its room; what comes later may get lost.
        file.sync_all()?;
        self.file = Some(file);
        Ok(())
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("completed")
}

// === impl Log ===

impl Log {
    /// The entries of earlier runs.
    pub const fn earlier(&self) -> &Earlier {
        &self.earlier
    }

    /// Whether all that was appended is on the disk.
    pub const fn is_synced(&self) -> bool {
        self.buffer.is_written() && self.segment.synced == self.segment.length
    }

    /// Notes for the next start that every verdict before an entry has its record. All that was
    /// appended must be on the disk, or a crash may take back what the note stands on.
    pub fn completed(&mut self, before: u64) -> Result<(), Fault> {
        let (entries, chain) = (self.head.next, self.head.chain.to_string());
        debug_assert!(self.is_synced() && before <= entries, "{before} of {entries}");
        let claim = Claim { before, entries, chain };
        self.completed.put(&claim).map_err(Fault::file(&self.completed.path))
    }
}
