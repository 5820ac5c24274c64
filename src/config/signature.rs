//! Signatures of packs: Ed25519 (RFC 8032) over the exact bytes of the file, in a file of one
//! line beside it. Keys and signatures are text, so that they can be read, sent and reviewed.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, ED25519_PUBLIC_KEY_LEN, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::words::parse_id;

/// The one algorithm, as texts name it.
const ALGORITHM: &str = "ed25519";

/// How many bytes a signature has (RFC 8032, 5.1.6).
const SIGNATURE_LEN: usize = 64;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// What is wrong with a key, or with the file it is in.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file could not be read or written.
    #[error("{}: {error}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is there already.
    #[error("{} is there already; a key is not written over, name another file", .0.display())]
    Exists(PathBuf),
    /// Others may read the file.
    #[error("{} may be read by others (mode {mode:04o}); run `chmod 600 {}` and think about a new key", .file.display(), .file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds no Ed25519 key.
    #[error("{} is no Ed25519 key in PKCS#8 PEM; `borderpost pack keygen FILE` writes one", .0.display())]
    NoKey(PathBuf),
    /// The system gave no randomness.
    #[error("no key could be made: the system gave no randomness")]
    NoRandomness,
}

/// A key that signs; it stays with who holds it.
#[derive(Debug)]
pub struct SecretKey(Ed25519KeyPair);

/// A key that verifies: `ed25519:` and base64 in configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; ED25519_PUBLIC_KEY_LEN]);

/// What stands in a `.sig` file: `ed25519 NAME BASE64`. The name is a hint for people and
/// signed by nobody: who signed is told by the key that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// How the signer calls the key.
    pub name: String,
    bytes: [u8; SIGNATURE_LEN],
}

/// Where the signature of a pack stands.
pub fn signature_file(pack: &Path) -> PathBuf {
    let mut name = pack.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

// === impl SecretKey ===

impl SecretKey {
    /// A new key.
    pub fn generate() -> Result<Self, KeyError> {
        Ed25519KeyPair::generate().map(Self).map_err(|_| KeyError::NoRandomness)
    }

    /// Reads PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` writes it too. A file that
    /// others may read is refused.
    pub fn read(file: &Path) -> Result<Self, KeyError> {
        only_for_its_owner(file)?;
        let text = fs::read_to_string(file)
            .map_err(|error| KeyError::File { file: file.to_owned(), error })?;
        let body = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let body: Option<String> =
            body.map(|body| body.chars().filter(|c| !c.is_whitespace()).collect());
        let key = body.and_then(|body| STANDARD.decode(body).ok());
        let key = key.and_then(|key| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key).ok());
        key.map(Self).ok_or_else(|| KeyError::NoKey(file.to_owned()))
    }

    /// Writes the key where nothing is yet, for its owner alone.
    pub fn write_new(&self, file: &Path) -> Result<(), KeyError> {
        let key = self.0.to_pkcs8v1().map_err(|_| KeyError::NoRandomness)?;
        let text = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(key.as_ref()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(file).and_then(|mut opened| {
            opened.write_all(text.as_bytes())?;
            opened.sync_all()
        });
        written.map_err(|error| {
            let file = file.to_owned();
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                KeyError::Exists(file)
            } else {
                KeyError::File { file, error }
            }
        })
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> PublicKey {
        let bytes = self.0.public_key().as_ref().try_into();
        PublicKey(bytes.expect("a public key has 32 bytes"))
    }

    /// Signs the bytes of a pack.
    pub fn sign(&self, name: &str, pack: &[u8]) -> Signature {
        let bytes = self.0.sign(pack);
        let bytes = bytes.as_ref().try_into().expect("a signature has 64 bytes");
        Signature { name: name.to_owned(), bytes }
    }
}

#[cfg(unix)]
fn only_for_its_owner(file: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;
    let found = fs::metadata(file);
    let found = found.map_err(|error| KeyError::File { file: file.to_owned(), error })?;
    let mode = found.permissions().mode() & 0o777;
    let of_others = mode & 0o077;
    if of_others == 0 { Ok(()) } else { Err(KeyError::Open { file: file.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn only_for_its_owner(_file: &Path) -> Result<(), KeyError> {
    Ok(())
}

// === impl PublicKey ===

impl PublicKey {
    /// Whether the signature is of these bytes, by this key.
    pub fn verifies(&self, signature: &Signature, pack: &[u8]) -> bool {
        let key = aws_lc_rs::signature::UnparsedPublicKey::new(&ED25519, self.0);
        key.verify(pack, &signature.bytes).is_ok()
    }
}

impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let base64 = text.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(':'));
        let bytes = base64.and_then(|base64| STANDARD.decode(base64).ok());
        let key = bytes.and_then(|bytes| bytes.try_into().ok());
        key.map(Self).ok_or_else(|| {
            format!("`{text}` is no public key such as `borderpost pack keygen` prints: `ed25519:` and 44 letters of base64")
        })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}:{}", STANDARD.encode(self.0))
    }
}

// === impl Signature ===

impl FromStr for Signature {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "this is no signature: one line of `ed25519`, a name and base64 is wanted".to_owned()
        };
        let line = text.strip_suffix('\n').unwrap_or(text);
        let mut words = line.split(' ');
        let (algorithm, name, base64) = (words.next(), words.next(), words.next());
        if algorithm != Some(ALGORITHM) || words.next().is_some() {
            return Err(wrong());
        }
        let name = parse_id(name.unwrap_or_default())?;
        let bytes = base64.and_then(|base64| STANDARD.decode(base64).ok());
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)?;
        Ok(Self { name, bytes })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM} {} {}", self.name, STANDARD.encode(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // RFC 8032, 7.1, TEST 2: key and signature of the one byte 0x72.
    const RFC_KEY: &str = "ed25519:PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";
    const RFC_SIGNATURE: &str = "ed25519 rfc kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA==";

    #[test]
    fn the_vector_of_the_rfc_verifies() {
        let (key, signature): (PublicKey, Signature) =
            (RFC_KEY.parse().unwrap(), RFC_SIGNATURE.parse().unwrap());
        assert!(key.verifies(&signature, b"\x72"));
        assert!(!key.verifies(&signature, b"\x73"));
        assert_eq!(
            (key.to_string(), signature.to_string()),
            (RFC_KEY.into(), RFC_SIGNATURE.into())
        );
    }

    #[test]
    fn a_key_file_is_for_its_owner_and_written_once() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("key");
        let key = SecretKey::generate().unwrap();
        key.write_new(&file).unwrap();
        assert!(matches!(key.write_new(&file), Err(KeyError::Exists(_))));
        let read = SecretKey::read(&file).unwrap();
        assert_eq!(read.public(), key.public());
        assert!(key.public().verifies(&read.sign("me", b"pack"), b"pack"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode));
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            mode(0o640).unwrap();
            assert!(matches!(SecretKey::read(&file), Err(KeyError::Open { mode: 0o640, .. })));
            mode(0o600).unwrap();
        }
        fs::write(&file, "no key").unwrap();
        assert!(matches!(SecretKey::read(&file), Err(KeyError::NoKey(_))));
        let nowhere = folder.path().join("nowhere");
        assert!(matches!(SecretKey::read(&nowhere), Err(KeyError::File { .. })));
    }

    #[test]
    fn what_is_no_key_or_signature_is_refused() {
        for text in ["", "ed25519:", "ed25519:AAAA", "rsa:PUAXw", RFC_SIGNATURE] {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
        let two = format!("{RFC_SIGNATURE}\n{RFC_SIGNATURE}\n");
        let named = RFC_SIGNATURE.replace("rfc", "R F C");
        for text in ["", "ed25519", "ed25519 rfc", "ed25519 rfc AAAA", &two, &named, RFC_KEY] {
            assert!(text.parse::<Signature>().is_err(), "{text}");
        }
        assert!(format!("{RFC_SIGNATURE}\n").parse::<Signature>().is_ok());
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_told(mut pack in prop::collection::vec(any::<u8>(), 1..200), at: prop::sample::Index, bit in 0_u8..8) {
            let key = SecretKey::generate().unwrap();
            let signature = key.sign("k", &pack);
            prop_assert!(key.public().verifies(&signature, &pack));
            let at = at.index(pack.len());
            pack[at] ^= 1_u8 << bit;
            prop_assert!(!key.public().verifies(&signature, &pack));
        }
    }
}
