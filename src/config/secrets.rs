//! Files that hold secrets, or what secrets could be guessed from.

use std::path::Path;

/// Reads a file that not everybody may read, and only its owner may write. Its group may read
/// it: the usual way to give a secret to a service.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, String> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|error| format!("{shown}: {error}"))?;
    match loose(file) {
        Some(mode) => Err(format!(
            "{shown} may be read by everybody or written by others (mode {mode:04o}); run `chmod 600 {shown}`"
        )),
        None => Ok(bytes),
    }
}

/// The permission bits of a file that too many can get at.
#[cfg(unix)]
pub(crate) fn loose(file: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & 0o027 != 0).then_some(mode)
}

/// The permission bits of a file that too many can get at.
#[cfg(not(unix))]
pub(crate) fn loose(_file: &Path) -> Option<u32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_not_for_everybody() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("secret");
        assert!(read(&file).unwrap_err().contains("secret: "));
        fs::write(&file, "s").unwrap();
        for (mode, fine) in [
            (0o600, true),
            (0o400, true),
            (0o640, true),
            (0o604, false),
            (0o620, false),
            (0o644, false),
        ] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&file).is_ok(), fine, "{mode:o}");
        }
        assert!(read(&file).unwrap_err().contains("chmod 600"));
    }
}
