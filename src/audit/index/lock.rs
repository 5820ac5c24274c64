//! One process keeps an index; others may only ask it to begin anew.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::schema;

/// Whoever has it writes the index.
#[derive(Debug)]
pub(super) struct Lock {
    folder: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes it, and makes the folder for this user alone where there is none.
    pub(super) fn take(folder: &Path) -> Result<Self, Fault> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(Fault::file(folder))?;
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(Fault::file(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Fault::InUse(path)),
            Err(TryLockError::Error(error)) => return Err(Fault::file(&path)(error)),
        }
        Ok(Self { folder: folder.to_owned(), _file: file })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether somebody has asked to begin anew.
    pub(super) fn asked(&self) -> bool {
        request(&self.folder).exists()
    }

    /// Removes the index and what was asked.
    pub(super) fn clear(&self) -> Result<(), Fault> {
        schema::remove(&self.folder)?;
        match fs::remove_file(request(&self.folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Fault::file(&self.folder)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Asks who keeps the index to build it anew.
pub(super) fn ask(folder: &Path) -> Result<(), Fault> {
    let path = request(folder);
    fs::write(&path, b"").map_err(Fault::file(&path))
}

/// Whether it has not begun yet.
pub(super) fn is_asked(folder: &Path) -> bool {
    request(folder).exists()
}

fn request(folder: &Path) -> PathBuf {
    folder.join("rebuild")
}
