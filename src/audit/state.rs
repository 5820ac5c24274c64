//! What is kept from one run to the next, in one folder: the volumes and their key, the journal
//! and its key.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::configured::Configured;
use super::journal::{Fault, Kind, Log, Recovered, Settings, Signer};
use super::volumes::{HmacKey, VolumeError, Volumes};

/// Octets of the key that hides ids.
const KEY: usize = 32;

/// Where the journal is, within the folder of everything that is kept.
pub fn journal_folder(state: &Path) -> PathBuf {
    state.join("journal")
}

/// Where the index of a journal is: beside it.
pub fn index_folder(journal: &Path) -> PathBuf {
    journal.with_file_name("index")
}

/// Where the keys of a journal's personal fields are, unless another place is named: beside it, so
/// that a copy of the journal has none of them.
pub fn keys_folder(journal: &Path) -> PathBuf {
    journal.with_file_name("keys")
}

/// Opens the journal in the folder of everything that is kept, and enters that a run begins, what
/// is in force and how the last run ended. `origin` names it in what it signs.
pub fn open_journal(
    state: &Path,
    origin: &str,
    settings: Settings,
    configured: Option<&Configured>,
) -> Result<(Log, Recovered), Fault> {
    let (folder, now) = (journal_folder(state), Timestamp::now());
    let signer = Signer::open_or_make(&folder, origin)?;
    let (mut log, recovered) = Log::open(&folder, settings, signer, now)?;
    let mut start = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "entries": recovered.entries,
        "cut": recovered.cut,
        "after": recovered.after,
    });
    if let (Some(configured), Some(start)) = (configured, start.as_object_mut())
        && let Value::Object(note) = configured.note()
    {
        start.extend(note);
    }
    log.append(Kind::Start, now, start.to_string().as_bytes());
    // Signed before anything else comes: from its first moment on a journal proves whose it is.
    log.close(now)?;
    Ok((log, recovered))
}

/// Opens the volumes in a folder, which is made if it is not there. The key beside them is
/// made once; who has both can guess at ids, so both are for this user only.
pub fn open_volumes(folder: &Path) -> Result<Volumes, VolumeError> {
    let failed = |path: &Path, source| VolumeError::File { path: path.to_owned(), source };
    fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
    let path = folder.join("volumes.key");
    let octets = key(&path).map_err(|source| failed(&path, source))?;
    Volumes::open(&folder.join("volumes.redb"), HmacKey::new(&octets)?)
}

fn key(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Ok(octets) => {
            let open = fs::metadata(path)?.permissions().mode() & 0o077;
            if open == 0 {
                return Ok(octets);
            }
            Err(io::Error::other("others may read this key; chmod 600 it"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path),
        Err(error) => Err(error),
    }
}

/// Written whole before it has its name, so that a crash leaves no half key.
fn make(path: &Path) -> io::Result<Vec<u8>> {
    let mut octets = vec![0; KEY];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| io::Error::other("no randomness to be had"))?;
    let part = path.with_extension("part");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(&octets)?;
    file.sync_all()?;
    fs::rename(part, path)?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("volumes.key");
        let first = key(&path).unwrap();
        assert_eq!((first.len(), key(&path).unwrap() == first), (KEY, true));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(key(&path).unwrap_err().to_string().contains("chmod 600"));
    }
}
