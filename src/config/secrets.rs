//! Files that hold secrets, or what secrets could be guessed from.

use std::path::{Path, PathBuf};

use super::section::Section;

/// Where systemd puts credentials of a unit (systemd.exec(5)).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// A secret by the first of three keys that is there: a file, an environment variable, a
/// credential of the systemd unit. Editors and `echo` end a file with a line's end, which is not
/// part of it.
pub(super) fn of(section: &Section<'_>, keys: [&'static str; 3], base: &Path) -> Option<Vec<u8>> {
    let named: Vec<_> = keys.into_iter().filter(|key| section.has(key)).collect();
    if let [first, second, ..] = *named {
        let message = format!("`{first}` and `{second}` name the same key; keep one");
        section.problem(section.span_of(second), message, None);
    }
    let key = *named.first()?;
    let [file, variable, _] = keys;
    let word = section.word(key)?;
    let secret = section.parse(&word, |text| {
        if key == file {
            read(&base.join(text))
        } else if key == variable {
            let value = std::env::var_os(text).map(|value| value.into_encoded_bytes());
            value.ok_or_else(|| format!("the environment has no variable `{text}`"))
        } else {
            credential(text, std::env::var_os(CREDENTIALS).map(PathBuf::from))
        }
    })?;
    let secret = secret.strip_suffix(b"\n").unwrap_or(&secret);
    Some(secret.strip_suffix(b"\r").unwrap_or(secret).to_vec())
}

/// A credential; systemd guards its folder.
fn credential(name: &str, folder: Option<PathBuf>) -> Result<Vec<u8>, String> {
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(format!("`{name}` is not the name of a credential"));
    }
    let folder = folder.ok_or_else(|| {
        format!("there is no credential `{name}`: `{CREDENTIALS}` is not set outside a unit")
    })?;
    let path = folder.join(name);
    std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
}

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
    fn a_credential_is_a_file_of_its_folder() {
        let folder = tempfile::TempDir::new().unwrap();
        fs::write(folder.path().join("key"), "k").unwrap();
        let there = || Some(folder.path().to_owned());
        assert_eq!(credential("key", there()), Ok(b"k".to_vec()));
        assert!(credential("../key", there()).is_err() && credential("none", there()).is_err());
        assert!(credential("key", None).unwrap_err().contains("CREDENTIALS_DIRECTORY"));
    }

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
