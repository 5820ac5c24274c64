//! `[signatures]`: whose packs are taken from files. Packs inside the program are part of it
//! and need no signature of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::load::{Origin, parse, text_of};
use super::problem::{Collector, Problems};
use super::section::Section;
use super::signature::{PublicKey, Signature, signature_file};
use super::sources::PackText;
use super::words::parse_id;

/// Who signed the packs inside the program: whoever built it.
const BUILT_IN: &str = "built in";

/// The keys whose packs are taken.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    keys: Vec<(String, PublicKey)>,
    /// Whether packs without a signature are taken too.
    unsigned: bool,
}

/// Why a pack is not taken.
#[derive(Debug, Error)]
pub enum Mistrust {
    /// There is no signature.
    #[error("nobody has signed it: there is no {}", .0.display())]
    Unsigned(PathBuf),
    /// The signature could not be read.
    #[error("{}: {error}", .file.display())]
    Unreadable {
        /// The signature's file.
        file: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// The signature is of a listed name, and of other bytes or by another key.
    #[error("it was changed after `{0}` signed it, or another key signed it")]
    Changed(String),
    /// No listed key made the signature.
    #[error("`{0}` signed it, whose key is not trusted")]
    Stranger(String),
}

impl Trust {
    /// Keys by name.
    pub fn of_keys(keys: Vec<(String, PublicKey)>) -> Self {
        Self { keys, unsigned: false }
    }

    /// Reads nothing but the keys of a configuration.
    pub fn load(origin: &Origin) -> Result<Self, Problems> {
        let problems = Collector::default();
        let trust = text_of(origin, &problems).map(|text| {
            let text = Arc::new(text);
            let table = parse(&text, &problems);
            let root = Section::new(&text, &problems, table.get_ref(), 0..0).partly_read();
            Self::read(&root)
        });
        problems.finish()?;
        Ok(trust.unwrap_or_default())
    }

    /// Reads `[signatures]`.
    pub(super) fn read(root: &Section<'_>) -> Self {
        let section = root.section("signatures");
        let unsigned = section.choice("unsigned", &[("allow", true), ("refuse", false)]);
        let table = section.section("keys");
        let mut keys = Vec::new();
        for (name, words) in table.named_words() {
            let name = table.parse(&name, parse_id);
            let found = table.parsed(&words, str::parse::<PublicKey>);
            // A list is an old key and its successor.
            keys.extend(name.iter().flat_map(|name| found.iter().map(|key| (name.clone(), *key))));
        }
        Self { keys, unsigned: unsigned.unwrap_or(false) }
    }

    /// Who signed these bytes of the file: the name of the key that verifies, whatever name
    /// the signature itself gives.
    pub fn signer(&self, pack: &Path, bytes: &[u8]) -> Result<String, Mistrust> {
        let file = signature_file(pack);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Mistrust::Unsigned(file));
            }
            Err(error) => {
                return Err(Mistrust::Unreadable { file, error: error.to_string() });
            }
        };
        let signature: Signature = match text.parse() {
            Ok(signature) => signature,
            Err(error) => return Err(Mistrust::Unreadable { file, error }),
        };
        if let Some((name, _)) = self.keys.iter().find(|(_, key)| key.verifies(&signature, bytes)) {
            return Ok(name.clone());
        }
        let listed = self.keys.iter().any(|(name, _)| *name == signature.name);
        Err(if listed {
            Mistrust::Changed(signature.name)
        } else {
            Mistrust::Stranger(signature.name)
        })
    }

    /// The signer of a pack that `section` names; whatever is wrong is told at that place.
    /// None where the pack is unsigned, and may be.
    pub(super) fn check(&self, section: &Section<'_>, pack: &PackText) -> Option<String> {
        let Some(file) = &pack.file else { return Some(BUILT_IN.to_owned()) };
        match self.signer(file, pack.text.text.as_bytes()) {
            Ok(signer) => Some(signer),
            Err(Mistrust::Unsigned(_)) if self.unsigned => None,
            Err(mistrust) => {
                let message = format!("pack `{}` is not taken: {mistrust}", file.display());
                section.problem(pack.span.clone(), message, Some(mistrust.remedy()));
                None
            }
        }
    }
}

impl Mistrust {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unsigned(_) => "sign it with `borderpost pack sign` and list the key under `[signatures.keys]`, or write `unsigned = \"allow\"` under `[signatures]`".to_owned(),
            Self::Unreadable { .. } => {
                "sign it again with `borderpost pack sign`, or take the file away".to_owned()
            }
            Self::Changed(name) => format!(
                "take the pack that `{name}` signed, or read what was changed (`borderpost pack diff`) and sign it again"
            ),
            Self::Stranger(name) => format!(
                "if you trust whoever that is, add `{name} = \"ed25519:…\"` under `[signatures.keys]`"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::signature::SecretKey;
    use super::*;

    #[test]
    fn the_key_tells_who_signed_and_not_the_name() {
        let folder = tempfile::TempDir::new().unwrap();
        let pack = folder.path().join("own.toml");
        let [a, b, stranger] = [(); 3].map(|()| SecretKey::generate().unwrap());
        let keys = vec![("a".to_owned(), a.public()), ("b".to_owned(), b.public())];
        let trust = Trust::of_keys(keys);
        let sign = |key: &SecretKey, name: &str| {
            std::fs::write(signature_file(&pack), format!("{}\n", key.sign(name, b"law"))).unwrap();
        };
        assert!(matches!(trust.signer(&pack, b"law"), Err(Mistrust::Unsigned(_))));
        sign(&b, "a");
        assert_eq!(trust.signer(&pack, b"law").unwrap(), "b");
        assert!(matches!(trust.signer(&pack, b"lax"), Err(Mistrust::Changed(name)) if name == "a"));
        sign(&stranger, "c");
        assert!(
            matches!(trust.signer(&pack, b"law"), Err(Mistrust::Stranger(name)) if name == "c")
        );
        sign(&stranger, "a");
        assert!(matches!(trust.signer(&pack, b"law"), Err(Mistrust::Changed(_))));
        std::fs::write(signature_file(&pack), "gibberish").unwrap();
        assert!(matches!(trust.signer(&pack, b"law"), Err(Mistrust::Unreadable { .. })));
    }
}
