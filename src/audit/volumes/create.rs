//! Making and opening the file. A new one appears whole or not at all, so that an empty or
//! cut one is known to be damaged.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::{Builder, Database, DatabaseError};

use super::VolumeError;
use super::ask::HmacKey;
use super::file::File;

/// Of what the tables hold; another one cannot be read.
const FORMAT: &[u8] = b"borderpost volumes 1";

/// Octets of the file kept in memory: 1,000,000 subjects have 25 MB of pages.
const CACHE: usize = 64 << 20;

/// Opens the file, or makes it where there is none.
pub(super) fn open(path: &Path, key: &HmacKey) -> Result<File, VolumeError> {
    let file = |source| VolumeError::File { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(meta) if meta.len() == 0 => {
            return Err(VolumeError::Damaged { path: path.to_owned(), what: "empty".to_owned() });
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, key)?,
        Err(error) => return Err(file(error)),
    }
    let database = builder().open(path).map_err(|error| unopened(path, error))?;
    let opened = File::new(database);
    let meta = |name| opened.meta(name).map_err(|error| unreadable(path, error));
    let format = meta("format")?.unwrap_or_default();
    if format != FORMAT {
        let found = String::from_utf8_lossy(&format).into_owned();
        return Err(VolumeError::Format { path: path.to_owned(), found });
    }
    if meta("key")? != Some(key.check()) {
        return Err(VolumeError::OtherKey { path: path.to_owned() });
    }
    Ok(opened)
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    // All checksums at every start: 15 ms for 1,000,000 subjects.
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder
}

/// Under another name first, then under its own unless somebody else was faster.
fn make(path: &Path, key: &HmacKey) -> Result<(), VolumeError> {
    let file = |source| VolumeError::File { path: path.to_owned(), source };
    let new = beside(path);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&new).map_err(file)?;
    let database = builder().create(&new).map_err(|error| unopened(&new, error))?;
    let made = File::new(database);
    made.lay_out(&[("format", FORMAT), ("key", &key.check())])
        .map_err(|error| unreadable(&new, error))?;
    drop(made);
    match fs::hard_link(&new, path) {
        Ok(()) => fs::remove_file(&new).map_err(file)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&new).map_err(file)?;
        }
        // Not every file system has links.
        Err(_) => fs::rename(&new, path).map_err(file)?,
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::File::open(folder.unwrap_or_else(|| Path::new("."))).map_err(file)?;
    folder.sync_all().map_err(file)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{}.new", std::process::id()));
    PathBuf::from(name)
}

fn unopened(path: &Path, error: DatabaseError) -> VolumeError {
    if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
        return VolumeError::InUse { path: path.to_owned() };
    }
    unreadable(path, error.into())
}

/// What the file says when it is read.
pub(super) fn unreadable(path: &Path, error: redb::Error) -> VolumeError {
    let path = path.to_owned();
    if let redb::Error::PreviousIo = error {
        return VolumeError::Stopped { path, what: error.to_string() };
    }
    if let redb::Error::Io(source) = error {
        return if is_damage(&source) {
            VolumeError::Damaged { path, what: source.to_string() }
        } else {
            VolumeError::File { path, source }
        };
    }
    VolumeError::Damaged { path, what: error.to_string() }
}

/// A file that ends too soon, or does not begin as it should.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}
