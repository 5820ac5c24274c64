//! Files put in place all at once, as far as a file system can: written beside the old ones
//! first, then renamed, the manifest last.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

/// Puts files into a folder. A fault while writing leaves every old file as it was.
pub(super) fn all(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    let staged = |name: &str| folder.join(format!(".{name}.new"));
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, bytes) in files {
        let path = staged(name);
        write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    for (name, _) in files {
        let path = folder.join(name);
        fs::rename(staged(name), &path)
            .with_context(|| format!("cannot replace {}", path.display()))?;
    }
    Ok(())
}

/// Writes to disk, not only to memory: a rename that outlives its content would lose both.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
