//! Private keys: made, read from where the configuration says, and kept from others.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;

use super::super::secret;
use super::fault::{AuthorityError, MintError};

/// Where systemd puts credentials of a unit (systemd.exec(5)).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Where an authority's private key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a PEM file that only its owner may use.
    File(PathBuf),
    /// In this environment variable, as PEM.
    Variable(String),
    /// In a credential of the systemd unit.
    Credential(String),
}

impl KeySource {
    pub(super) fn load(&self) -> Result<Arc<dyn SigningKey>, AuthorityError> {
        let (from, text) = match self {
            Self::File(path) => {
                only_for_its_owner(path)?;
                (path.display().to_string(), read(path)?)
            }
            Self::Variable(name) => {
                let text = std::env::var_os(name).map(|text| text.into_encoded_bytes());
                let text = text.ok_or_else(|| AuthorityError::Unset(name.clone()))?;
                (format!("environment variable `{name}`"), text)
            }
            Self::Credential(name) => {
                let path = credential(name, std::env::var_os(CREDENTIALS).map(PathBuf::from))?;
                // systemd guards the folder, and lets this user in by an access list that
                // reads as a mode for the group.
                (path.display().to_string(), read(&path)?)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(&text).ok();
        let key = key.and_then(|key| any_supported_type(&key).ok());
        key.ok_or(AuthorityError::NoKey { from })
    }
}

fn credential(name: &str, folder: Option<PathBuf>) -> Result<PathBuf, AuthorityError> {
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(AuthorityError::CredentialName(name.to_owned()));
    }
    folder
        .map(|folder| folder.join(name))
        .ok_or_else(|| AuthorityError::NoCredentials(name.to_owned()))
}

fn read(path: &Path) -> Result<Vec<u8>, AuthorityError> {
    fs::read(path).map_err(|source| AuthorityError::File { path: path.to_owned(), source })
}

fn only_for_its_owner(path: &Path) -> Result<(), AuthorityError> {
    let file = |source| AuthorityError::File { path: path.to_owned(), source };
    match secret::open_to_others(path).map_err(file)? {
        Some(mode) => Err(AuthorityError::OpenKey { path: path.to_owned(), mode }),
        None => Ok(()),
    }
}

/// A new P-256 key, ready to sign, and its PKCS#8.
pub(super) fn generate() -> Result<(Arc<dyn SigningKey>, Vec<u8>), MintError> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING);
    let pair = pair.map_err(|_| MintError::NoRandomness)?;
    let octets = pair.to_pkcs8v1().map_err(|_| MintError::NoRandomness)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(octets.as_ref()));
    let ready = any_supported_type(&key).map_err(|_| MintError::NoRandomness)?;
    Ok((ready, octets.as_ref().to_vec()))
}

/// Text as RFC 7468 has it.
pub(super) fn pem(label: &str, octets: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let body = STANDARD.encode(octets);
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_key_that_others_may_use_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.key");
        let (_, octets) = generate().unwrap();
        fs::write(&path, pem("PRIVATE KEY", &octets)).unwrap();
        let source = KeySource::File(path.clone());
        for mode in [0o644, 0o640, 0o604, 0o660, 0o700, 0o4600] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = source.load().unwrap_err().to_string();
            assert!(
                error.contains("chmod 600") && error.contains(&format!("{mode:04o}")),
                "{error}"
            );
        }
        for mode in [0o600, 0o400] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(source.load().is_ok(), "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "no key").unwrap();
        assert!(matches!(source.load(), Err(AuthorityError::NoKey { .. })));
    }

    #[test]
    fn credentials_are_files_of_one_folder() {
        let folder = Some(PathBuf::from("/run/credentials/x"));
        let path = credential("issuing-ca", folder.clone()).unwrap();
        assert_eq!(path, Path::new("/run/credentials/x/issuing-ca"));
        for name in ["", "..", "a/b", "/etc/shadow"] {
            let error = credential(name, folder.clone());
            assert!(matches!(error, Err(AuthorityError::CredentialName(_))), "{name}");
        }
        let none = credential("issuing-ca", None).unwrap_err().to_string();
        assert!(none.contains("LoadCredential=issuing-ca:FILE"), "{none}");
    }

    #[test]
    fn pem_is_read_as_it_was_written() {
        for length in [1, 48, 49, 200] {
            let octets = vec![0xa5; length];
            let text = pem("PRIVATE KEY", &octets);
            assert!(text.lines().all(|line| line.len() <= 64));
            let PrivateKeyDer::Pkcs8(read) =
                PrivateKeyDer::from_pem_slice(text.as_bytes()).unwrap()
            else {
                panic!("PKCS#8 was written")
            };
            assert_eq!(read.secret_pkcs8_der(), octets);
        }
    }
}
