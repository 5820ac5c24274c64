//! What can go wrong at the desk: what happened, to which file, and what to do.

use std::io;
use std::path::PathBuf;

use uuid::Uuid;

/// Why something cannot be kept, found or decided.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The file cannot be made or read.
    #[error("{path}: {source}; `state.folder` must name a folder in which this user may write")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Somebody else has the file open.
    #[error("{path}: another process has it open; end that one, or give each its own folder")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not as it was written.
    #[error(
        "{path}: damaged ({what}); restore it from a copy, or move it away: what it held, open \
         holds and reports that are due, is then forgotten"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file is of a later version of this program.
    #[error(
        "{path}: of format {found:?}, which this version cannot read; use the one that made it"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What it says it is.
        found: String,
    },
    /// Who had it open was killed, and it is only to be read.
    #[error(
        "{path}: the program that had it open did not end in order; start it once, and the file is \
         in order again"
    )]
    Unsettled {
        /// The file.
        path: PathBuf,
    },
    /// It could not be written; nothing has changed.
    #[error(
        "it could not be written ({0}), so nothing has changed; see to the disk of `state.folder`"
    )]
    Unwritable(String),
    /// More waits than the file takes.
    #[error("more waits already than one file takes; close what is done")]
    Full,
    /// Too much waits for the file.
    #[error("the disk of `state.folder` does not keep up")]
    Busy,
    /// Nothing has this id.
    #[error("nothing here has the id {0}")]
    Unknown(Uuid),
    /// It cannot be decided any more.
    #[error("{0}")]
    Late(&'static str),
}
