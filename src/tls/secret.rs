//! Files with private keys.

use std::io;
use std::path::Path;

/// The mode of a file that others than its owner may use; none for 0600 or 0400, as `ssh` and
/// others want it.
#[cfg(unix)]
pub(super) fn open_to_others(path: &Path) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o7777;
    Ok(Some(mode).filter(|mode| !matches!(mode, 0o600 | 0o400)))
}

#[cfg(not(unix))]
pub(super) fn open_to_others(_: &Path) -> io::Result<Option<u32>> {
    Ok(None)
}
