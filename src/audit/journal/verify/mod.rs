//! Verifying: what an auditor does with nothing but the files and the public key. Everything is
//! read; what is wrong is told with its place, and reading goes on behind it.

mod finding;
mod notes;
mod retry;
mod walk;

#[cfg(test)]
mod tests;

use std::path::Path;

use super::fault::Fault;
use super::hash::Hash;
use super::note::VerifierKey;
use super::segment::list;
use super::tree::{TILE, read_tiles};

pub use finding::{Finding, What};

use notes::Outside;
use walk::Walk;

/// Findings that are kept; more are counted.
const KEPT: usize = 1_000;

/// What verifying has found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Entries that were read.
    pub entries: u64,
    /// Of them, those of which retention has left the leaf hash.
    pub pruned: u64,
    /// Segments that were read.
    pub segments: u64,
    /// Checkpoints that hold.
    pub checkpoints: u64,
    /// Entries that the last of them covers.
    pub signed: u64,
    /// Entries after the last of them, its own not counted: signed by nothing yet.
    pub unsigned: u64,
    /// The keys that the journal names, in order.
    pub keys: Vec<VerifierKey>,
    /// Of them those that have signed a checkpoint that holds.
    pub signers: Vec<VerifierKey>,
    /// What was found, in order.
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub more: u64,
    /// The root over all entries, where none was missing.
    pub root: Option<Hash>,
    faults: u64,
}

impl Report {
    /// Whether the journal is what was written, as far as it is signed.
    pub const fn is_sound(&self) -> bool {
        self.faults == 0
    }

    fn add(&mut self, finding: Finding) {
        self.faults += u64::from(finding.what.is_fault());
        if self.findings.len() < KEPT {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }
}

/// Verifies the journal in a folder. A key that is given must have signed it; without one, the
/// first key of the journal is believed, and who trusts it must say so. `elsewhere` is a checkpoint
/// that was kept elsewhere: the journal must begin with what it was signed for. `progress` is told
/// how many entries were read, now and then. Fails only where the folder cannot be read.
pub fn verify(
    folder: &Path,
    key: Option<&VerifierKey>,
    elsewhere: Option<&str>,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, Fault> {
    // Before the segments: who writes does so the other way round.
    let (outside, kept) = (Outside::gather(folder, elsewhere)?, read_tiles(folder)?);
    let mut walk = Walk::new(outside, progress);
    walk.segments(list(folder)?)?;
    walk.coverage(folder);
    walk.account(folder);
    walk.compare_outside();
    if let Some(key) = key {
        walk.require(folder, key);
    }
    let Walk { mut report, tiles, tree, whole, .. } = walk;
    report.root = whole.then(|| tree.root());
    let wrong = kept.iter().zip(tiles.iter().map(Some).chain(std::iter::repeat(None)));
    let wrong = wrong.zip(0..).find(|((kept, own), _)| Some(*kept) != *own);
    if let Some((_, number)) = wrong.filter(|_| whole) {
        let (file, offset) = (folder.join("tree"), number * 32);
        report.add(Finding { file, offset, sequence: number * TILE, what: What::Tree });
    }
    Ok(report)
}
