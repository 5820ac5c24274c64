//! The few things the journal does to files. A trait, so that tests can let every single one fail.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::fault::Fault;

/// What changes files. A file is always named too, for who watches.
pub(super) trait Disk: fmt::Debug + Send {
    /// Opens a file to append to; where there is none it is made, for its owner alone.
    fn open(&mut self, path: &Path) -> io::Result<File>;
    /// Writes once, and not always everything.
    fn write(&mut self, path: &Path, file: &mut File, octets: &[u8]) -> io::Result<usize>;
    /// Waits until data and length are on the disk.
    fn sync(&mut self, path: &Path, file: &mut File) -> io::Result<()>;
    /// Cuts a file.
    fn truncate(&mut self, path: &Path, file: &mut File, length: u64) -> io::Result<()>;
    /// Gives a file another name, which it takes over.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&mut self, path: &Path) -> io::Result<()>;
    /// Waits until the names in a folder are on the disk.
    fn sync_folder(&mut self, folder: &Path) -> io::Result<()>;
}

/// The disk itself.
#[derive(Debug)]
pub(super) struct Real;

impl Disk for Real {
    fn open(&mut self, path: &Path) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(path)
    }

    fn write(&mut self, _path: &Path, file: &mut File, octets: &[u8]) -> io::Result<usize> {
        file.write(octets)
    }

    fn sync(&mut self, _path: &Path, file: &mut File) -> io::Result<()> {
        file.sync_data()
    }

    fn truncate(&mut self, _path: &Path, file: &mut File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

/// Writes all of it, or says why not.
pub(super) fn write_all(
    disk: &mut dyn Disk,
    path: &Path,
    file: &mut File,
    octets: &[u8],
) -> io::Result<()> {
    match disk.write(path, file, octets)? {
        written if written == octets.len() => Ok(()),
        // A disk that fills up takes the beginning; the next call would say so.
        _ => Err(io::Error::new(io::ErrorKind::StorageFull, "only a part could be written")),
    }
}

/// Opens a file that is empty.
pub(super) fn create(disk: &mut dyn Disk, path: &Path) -> io::Result<File> {
    let mut file = disk.open(path)?;
    disk.truncate(path, &mut file, 0)?;
    Ok(file)
}

/// Whether an open file still is what stands at its path: some 2 µs, where a sync takes a thousand.
pub(super) fn is_linked(path: &Path, file: &File) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a folder for this user alone, where there is none.
pub(super) fn make_folder(folder: &Path) -> Result<(), Fault> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(Fault::file(folder))
}

/// Waits until the names in a folder are on the disk.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Fault> {
    Real.sync_folder(folder).map_err(Fault::file(folder))
}
