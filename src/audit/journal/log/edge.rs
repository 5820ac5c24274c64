//! The file `edge`: the tree as of the last checkpoint, in as many hashes as its size has bits set.
//! Its root is the one that was signed, which proves it; so a journal goes on though entries that
//! are long closed cannot be read any more. Nothing but that depends on it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::super::tree::Compact;

const NAME: &str = "edge";

/// Keeps it. Where that fails, or power is lost before it is on the disk, the older one or none is
/// there: the entries are read then.
pub(super) fn keep(folder: &Path, tree: &Compact) {
    if let Err(error) = write(folder, &tree.octets()) {
        tracing::debug!(%error, "the edge of the journal's tree is not kept");
    }
}

fn write(folder: &Path, octets: &[u8]) -> io::Result<()> {
    let part = folder.join("edge.part");
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&part)?.write_all(octets)?;
    fs::rename(&part, folder.join(NAME))
}

/// What was kept last, whoever wrote it.
pub(super) fn read(folder: &Path) -> Option<Compact> {
    Compact::parse(&fs::read(folder.join(NAME)).ok()?)
}
