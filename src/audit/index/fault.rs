//! What can be wrong with the index. None of it touches the journal, which is the truth.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::super::journal;

/// Why the index cannot be made, kept or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is none.
    #[error("{}: there is no index", .0.display())]
    Absent(PathBuf),
    /// It is not what this version reads.
    #[error("the index is of another version of the program, or of another journal: {0}")]
    Foreign(&'static str),
    /// A file cannot be made, read or removed.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process keeps it.
    #[error("{}: another process keeps the index", .0.display())]
    InUse(PathBuf),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] journal::Fault),
    /// An answer took longer than it may.
    #[error("the index gave no answer within the time that is allowed; ask for less")]
    Late,
    /// The database says so.
    #[error("the index: {0}")]
    Database(#[source] rusqlite::Error),
}

impl Fault {
    /// Whether the file is of no use to anybody, so that only a new one helps.
    pub fn spoils(&self) -> bool {
        match self {
            Self::Foreign(_) => true,
            Self::Database(error) => {
                // `Unknown` stands for an error of the schema: no such table.
                let spoilt =
                    [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase, ErrorCode::Unknown];
                // What is no error of the database itself is a row that this program did not write.
                error.sqlite_error_code().is_none_or(|code| spoilt.contains(&code))
            }
            Self::Absent(_)
            | Self::File { .. }
            | Self::InUse(_)
            | Self::Journal(_)
            | Self::Late => false,
        }
    }

    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::Late,
            _ => Self::Database(error),
        }
    }
}
