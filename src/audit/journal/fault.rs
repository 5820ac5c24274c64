//! What can be wrong with a journal: what happened, to which file, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why a journal cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A file cannot be made, written or read.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The segment that is written was removed, moved or replaced.
    #[error(
        "{}: the segment that is open is not there any more, so nothing that is written would be \
         found. Was its folder moved, move it back, and the journal goes on; else what it held is \
         lost: keep what is left as evidence, move it away and restart, which begins a new one",
        .path.display()
    )]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
    /// Another process writes this journal, or another seals this segment.
    #[error("{}: another process has it open; end that one, or give each its own folder", .path.display())]
    InUse {
        /// The file that is locked.
        path: PathBuf,
    },
    /// A file is not as it was written, and not just cut short at its end.
    #[error(
        "{}: damaged at octet {offset}, where entry {sequence} should be: {what}; nothing was \
         changed. Keep the folder as evidence, move it away and begin a new one", .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it; in a sealed segment, where in what it unpacks to.
        offset: u64,
        /// The entry that should be there.
        sequence: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Entries are missing between segments.
    #[error("{}: entries {from} to {until} are missing; restore the segment that held them", .folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The first that is missing.
        from: u64,
        /// The last.
        until: u64,
    },
    /// The journal ends before what its own checkpoint has signed.
    #[error(
        "{}: signed for {signed} entries, but {found} are there: the end of the journal was cut \
         off. Keep the folder as evidence, move it away and begin a new one", .path.display()
    )]
    Short {
        /// The checkpoint.
        path: PathBuf,
        /// How many entries it is of.
        signed: u64,
        /// How many are there.
        found: u64,
    },
    /// The entries are not those the checkpoint was signed for.
    #[error("{}: the entries are not those it was signed for: `verify` tells which", .path.display())]
    Unlike {
        /// The checkpoint.
        path: PathBuf,
    },
    /// The key is not the one that signed so far.
    #[error(
        "{}: not the key that signed this journal so far; restore that one, or move the folder \
         away and begin a new one", .path.display()
    )]
    OtherKey {
        /// The file of the key.
        path: PathBuf,
    },
    /// A file holds no key, or others may read it.
    #[error("{}: {what}", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// A name that no checkpoint may have.
    #[error(
        "`{0}` cannot name a journal: one word without `+` is wanted, such as `proxy-1.example/journal`"
    )]
    Origin(String),
    /// Only closed segments can be sealed, and only sealed ones pruned.
    #[error("{}: {what}", .path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why not.
        what: &'static str,
    },
}

impl Fault {
    /// For `map_err`: the system's word about a file.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
