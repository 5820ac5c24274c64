//! What can be wrong with the keys of personal fields.

use std::io;
use std::path::{Path, PathBuf};

/// Why keys cannot be made, read or destroyed.
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
    /// A file is no key, or others may read it.
    #[error("{}: {what}", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// There is no folder for keys where the configuration says.
    #[error(
        "{}: there is no such folder; make it, for its owner alone, or mount what it is on", .0.display()
    )]
    NoFolder(PathBuf),
    /// Somebody erases already.
    #[error("{}: another erasure is under way; try again when it is done", .0.display())]
    Erasing(PathBuf),
    /// The library refuses.
    #[error("the cipher failed: {0}")]
    Cipher(&'static str),
}

impl Fault {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
