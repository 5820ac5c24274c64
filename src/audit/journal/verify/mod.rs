//! Verifying: what an auditor does with nothing but the files and the public key. Everything is
//! read; what is wrong is told with its place, and reading goes on behind it.

mod finding;
mod kept;
mod notes;
mod retry;
mod walk;

#[cfg(test)]
mod anchored;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::entry::Entry;
use super::fault::Fault;
use super::hash::Hash;
use super::note::VerifierKey;
use super::segment::list;
use super::tree::{TILE, read_tiles};

pub use finding::{Finding, What};
pub use kept::{Kept, KeptFile};

use notes::Outsides;
use walk::Walk;

/// Findings that are kept, of those that speak against the journal and of the others; more are counted.
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
    /// Checkpoints kept elsewhere that hold.
    pub kept: u64,
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
    others: u64,
}

impl Report {
    /// Whether the journal is what was written, as far as it is signed.
    pub const fn is_sound(&self) -> bool {
        self.faults == 0
    }

    /// Its place among the findings, where it is kept.
    fn add(&mut self, finding: Finding) -> Option<usize> {
        // What is no fault must not keep out what is.
        let alike = if finding.what.is_fault() { &mut self.faults } else { &mut self.others };
        *alike += 1;
        if usize::try_from(*alike).is_ok_and(|count| count <= KEPT) {
            self.findings.push(finding);
            return self.findings.len().checked_sub(1);
        }
        self.more += 1;
        None
    }
}

/// What a journal must stand up to.
#[derive(Clone, Debug, Default)]
pub struct Demands<'a> {
    /// The key that must have signed it; without one, the first key of the journal is believed, and
    /// who trusts it must say so.
    pub key: Option<&'a VerifierKey>,
    /// Checkpoints that were kept elsewhere: the journal must begin with what they were signed for.
    pub kept: Vec<Kept>,
}

/// Who is told while a journal is read.
pub trait Watch {
    /// How many entries were read, now and then.
    fn progress(&mut self, _entries: u64) {}

    /// An entry that is taken for the one with its number.
    fn entry(&mut self, _entry: &Entry<'_>) {}
}

/// Who hears how far it is, and nothing else.
struct Progress<'a>(&'a mut dyn FnMut(u64));

impl Watch for Progress<'_> {
    fn progress(&mut self, entries: u64) {
        (self.0)(entries);
    }
}

/// Verifies the journal in a folder, as [`verify_by`] does. `elsewhere` is a checkpoint that was kept
/// elsewhere; `progress` is told how many entries were read, now and then.
pub fn verify(
    folder: &Path,
    key: Option<&VerifierKey>,
    elsewhere: Option<&str>,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, Fault> {
    let kept = elsewhere.map(Kept::alone).into_iter().collect();
    verify_by(folder, Demands { key, kept }, &mut Progress(progress))
}

/// Verifies the journal in a folder. Fails only where the folder cannot be read.
pub fn verify_by(
    folder: &Path,
    demands: Demands<'_>,
    watch: &mut dyn Watch,
) -> Result<Report, Fault> {
    let Demands { key, kept: elsewhere } = demands;
    // Before the segments: who writes does so the other way round.
    let (outside, kept) = (Outsides::gather(folder, elsewhere)?, read_tiles(folder)?);
    let mut walk = Walk::new(outside, watch);
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
