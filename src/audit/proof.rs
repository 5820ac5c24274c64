//! That one entry is in the journal: the entry, the path from it to the root, and the checkpoint that
//! signs the root, as one document. Whoever gets it needs nothing else but the public key, which they
//! have from elsewhere.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::journal::{Checkpoint, Fault, Hash, Kind, NoteFault, Prover, Reader};
use super::personal::key_of;
use super::search::Journal;

/// Why nothing can be proved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unproved {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] Fault),
    /// The checkpoint cannot be read.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The checkpoint is none.
    #[error("{}: {source}", .path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: NoteFault,
    },
    /// No checkpoint is over it yet.
    #[error(
        "entry {sequence} is not signed yet: the last checkpoint is over {size} entries; try again \
         in ten seconds"
    )]
    Unsigned {
        /// The entry.
        sequence: u64,
        /// What is signed.
        size: u64,
    },
    /// There is no such entry.
    #[error("there is no entry {0}")]
    Absent(u64),
}

/// Proves that an entry is in the journal.
pub fn prove(journal: &Journal, sequence: u64) -> Result<Value, Unproved> {
    let folder = journal.folder.as_path();
    let note = checkpoint(folder)?;
    let path = folder.join("checkpoint");
    let signed = Checkpoint::claimed(&note).map_err(|source| Unproved::Note { path, source })?;
    let size = signed.size;
    if sequence >= size {
        if Reader::one(folder, sequence, |_| ())?.is_none() {
            return Err(Unproved::Absent(sequence));
        }
        return Err(Unproved::Unsigned { sequence, size });
    }
    let mut prover = Prover::open(folder)?;
    let proof = prover.inclusion(sequence, size)?.unwrap_or_default();
    let mut opened = None;
    let entry = Reader::one(folder, sequence, |entry| {
        let sealed = entry.payload().filter(|line| key_of(line).is_some());
        let line = sealed.map(|line| journal.keys.opener().open(line).into_owned());
        opened = line.and_then(|line| serde_json::from_slice::<Value>(&line).ok());
        json!({
            "sequence": sequence,
            "kind": entry.kind().map(|kind| kind.name()),
            "type": entry.kind().map(Kind::octet),
            "at": entry.at(),
            "payload": entry.payload().map(|octets| String::from_utf8_lossy(octets).into_owned()),
            "leaf": entry.leaf().to_string(),
        })
    })?;
    let entry = entry.ok_or(Unproved::Absent(sequence))?;
    let hashes = |hash: &Hash| Value::from(STANDARD.encode(hash.octets()));
    Ok(json!({
        "entry": entry,
        "index": sequence,
        "size": size,
        "root": STANDARD.encode(signed.root.octets()),
        "path": proof.iter().map(hashes).collect::<Vec<_>>(),
        "checkpoint": note,
        // What is proved is the payload; this is what it says to who has the key.
        "opened": opened,
    }))
}

/// The last checkpoint as it was signed.
fn checkpoint(folder: &Path) -> Result<String, Unproved> {
    let path = folder.join("checkpoint");
    fs::read_to_string(&path).map_err(|source| Unproved::File { path, source })
}

#[cfg(test)]
mod tests {
    use super::super::journal::{Log, Settings, Signer};
    use super::super::personal::KeyRing;
    use super::*;

    #[test]
    fn an_entry_beyond_the_end_is_absent_and_not_to_be_signed_soon() {
        let folder = tempfile::tempdir().unwrap();
        let now = jiff::Timestamp::now();
        let signer = Signer::open_or_make(folder.path(), "test").unwrap();
        let (mut log, _) = Log::open(folder.path(), Settings::default(), signer, now).unwrap();
        log.close(now).unwrap();
        log.append(Kind::Note, now, b"{}");
        log.sync().unwrap();
        let keys = KeyRing::at(&folder.path().join("keys"));
        let journal = Journal { folder: folder.path().to_owned(), keys };
        // The key, its checkpoint, and the note.
        assert!(prove(&journal, 0).is_ok());
        assert!(matches!(prove(&journal, 2), Err(Unproved::Unsigned { size: 1, .. })));
        for beyond in [3, 99_999] {
            assert!(matches!(prove(&journal, beyond), Err(Unproved::Absent(_))), "{beyond}");
        }
    }
}
