//! The key of a journal: `key.pem` beside it, PKCS#8 as `openssl genpkey -algorithm ed25519`
//! writes it too, for its owner alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::fault::Fault;
use super::files::{make_folder, sync_folder};
use super::note::VerifierKey;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

const NAME: &str = "key.pem";

/// A key that is about to take over.
const NEXT: &str = "key.next.pem";

/// What signs checkpoints.
#[derive(Debug)]
pub struct Signer {
    key: Ed25519KeyPair,
    verifier: VerifierKey,
    path: PathBuf,
}

impl Signer {
    /// Reads the key in a folder, or makes folder and key. The origin names the journal in
    /// checkpoints: one word without `+`, such as a host and a path.
    pub fn open_or_make(folder: &Path, origin: &str) -> Result<Self, Fault> {
        make_folder(folder)?;
        let path = folder.join(NAME);
        if !path.try_exists().map_err(Fault::file(&path))? {
            Self::make(&path, origin)?;
            sync_folder(folder)?;
        }
        Self::read(&path, origin)
    }

    /// A key that is to follow this one, in a file of its own until it does.
    pub(super) fn make_next(&self) -> Result<Self, Fault> {
        Self::make(&self.path.with_file_name(NEXT), self.verifier.name())
    }

    /// The key that was to follow this one when the last run ended.
    pub(super) fn read_next(&self) -> Result<Option<Self>, Fault> {
        let path = self.path.with_file_name(NEXT);
        let there = path.try_exists().map_err(Fault::file(&path))?;
        there.then(|| Self::read(&path, self.verifier.name())).transpose()
    }

    /// Where the key is, and where it will be once it has taken over.
    pub(super) fn paths(&self) -> (&Path, PathBuf) {
        (&self.path, self.path.with_file_name(NAME))
    }

    /// The key has its place now.
    pub(super) fn moved(&mut self) {
        self.path = self.path.with_file_name(NAME);
    }

    /// What verifies by this key.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The line that signs a text, which ends with a line end.
    pub(super) fn line(&self, text: &str) -> String {
        self.verifier.line(self.key.sign(text.as_bytes()).as_ref())
    }

    /// The text with its signature.
    pub(super) fn sign(&self, text: &str) -> String {
        format!("{text}\n{}", self.line(text))
    }

    fn make(path: &Path, origin: &str) -> Result<Self, Fault> {
        let key = Ed25519KeyPair::generate();
        let key = key.and_then(|key| key.to_pkcs8v1());
        let no_randomness = || io::Error::other("no key could be made: no randomness to be had");
        let key = key.map_err(|_| Fault::file(path)(no_randomness()))?;
        let text = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(key.as_ref()));
        write(path, &text).map_err(Fault::file(path))?;
        Self::read(path, origin)
    }

    fn read(path: &Path, origin: &str) -> Result<Self, Fault> {
        let wrong = |what| Fault::Key { path: path.to_owned(), what };
        let mode = fs::metadata(path).map_err(Fault::file(path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(wrong("others may read this key; chmod 600 it and think about a new one"));
        }
        let text = fs::read_to_string(path).map_err(Fault::file(path))?;
        let body = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let body: Option<String> = body.map(|body| body.split_whitespace().collect());
        let key = body.and_then(|body| STANDARD.decode(body).ok());
        let key = key.and_then(|key| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key).ok());
        let key = key.ok_or_else(|| wrong("no Ed25519 key in PKCS#8 PEM"))?;
        let public = key.public_key().as_ref().try_into().expect("a public key has 32 octets");
        let verifier = VerifierKey::new(origin, public);
        let verifier = verifier.ok_or_else(|| Fault::Origin(origin.to_owned()))?;
        Ok(Self { key, verifier, path: path.to_owned() })
    }
}

/// Written whole before it has its name, so that a crash leaves no half key.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("journal");
        let first = Signer::open_or_make(&inner, "a.example/log").unwrap();
        let again = Signer::open_or_make(&inner, "a.example/log").unwrap();
        assert_eq!(first.verifier(), again.verifier());
        let note = first.sign("words\n");
        assert_eq!(again.verifier().open(&note), Ok("words\n"));
        assert_eq!(fs::metadata(&inner).unwrap().permissions().mode() & 0o777, 0o700);
        let path = inner.join(NAME);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for origin in ["", "two words", "a+b", "line\n"] {
            let fault = Signer::open_or_make(&inner, origin).unwrap_err();
            assert!(fault.to_string().contains("cannot name a journal"), "{fault}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let fault = Signer::open_or_make(&inner, "a").unwrap_err().to_string();
        assert!(fault.contains("chmod 600"), "{fault}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "no key").unwrap();
        let fault = Signer::open_or_make(&inner, "a").unwrap_err().to_string();
        assert!(fault.contains("PKCS#8"), "{fault}");
    }
}
