//! Signed notes and checkpoints as C2SP has them (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).
//! A note is a text, an empty line, and lines `— NAME BASE64`, where the base64 is of four octets
//! of the key's hash and the Ed25519 signature over the text with its last line end.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, ED25519_PUBLIC_KEY_LEN, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::hash::Hash;

/// The octet for Ed25519 before a key.
const ED25519_KEY: u8 = 1;

/// More signatures are not looked at; 16 must be.
const SIGNATURES: usize = 100;

/// A key that verifies: `NAME+HASH+BASE64`, as tools for transparency logs take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    hash: [u8; 4],
    key: [u8; ED25519_PUBLIC_KEY_LEN],
}

/// What a checkpoint says: so many entries, with this root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which journal.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

/// Why a note is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// Not a text with signatures.
    #[error("it is no signed note")]
    NotANote,
    /// The key has not signed it.
    #[error("the key has not signed it")]
    Unsigned,
    /// A signature in the key's name is not of this text.
    #[error("its signature is not of this text")]
    Forged,
    /// The text is no checkpoint.
    #[error("it is no checkpoint")]
    NoCheckpoint,
}

// === impl VerifierKey ===

impl VerifierKey {
    /// The key under a name.
    pub(super) fn new(name: &str, key: [u8; ED25519_PUBLIC_KEY_LEN]) -> Option<Self> {
        let fits = !name.is_empty()
            && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
        fits.then(|| Self { name: name.to_owned(), hash: key_hash(name, &key), key })
    }

    /// Who signs by it: for a journal its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line that says `signature` is by this key.
    pub(super) fn line(&self, signature: &[u8]) -> String {
        let octets = [&self.hash[..], signature].concat();
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode(octets))
    }

    /// The text of a note that this key has signed.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteFault> {
        let control = |c: char| c < ' ' && c != '\n';
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteFault::NotANote)?;
        if note.contains(control) || !lines.ends_with('\n') {
            return Err(NoteFault::NotANote);
        }
        let text = note.get(..=text.len()).ok_or(NoteFault::NotANote)?;
        let mut found = false;
        for (count, line) in lines.lines().enumerate() {
            let (name, octets) = signature(line).ok_or(NoteFault::NotANote)?;
            if count >= SIGNATURES {
                return Err(NoteFault::NotANote);
            }
            let Some((hash, signature)) = octets.split_first_chunk::<4>() else {
                return Err(NoteFault::NotANote);
            };
            if name == self.name && *hash == self.hash {
                let key = UnparsedPublicKey::new(&ED25519, self.key);
                key.verify(text.as_bytes(), signature).map_err(|_| NoteFault::Forged)?;
                found = true;
            }
        }
        if found { Ok(text) } else { Err(NoteFault::Unsigned) }
    }
}

/// Name and octets of `— NAME BASE64`.
fn signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, base64) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    Some((name, STANDARD.decode(base64).ok()?))
}

fn key_hash(name: &str, key: &[u8]) -> [u8; 4] {
    let hash = Hash::of(&[name.as_bytes(), &[b'\n', ED25519_KEY], key].concat());
    *hash.octets().first_chunk().expect("a hash has 32 octets")
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_KEY], &self.key[..]].concat());
        write!(f, "{}+{:08x}+{key}", self.name, u32::from_be_bytes(self.hash))
    }
}

impl FromStr for VerifierKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let mut parts = text.splitn(3, '+');
            let (name, hash, key) = (parts.next()?, parts.next()?, parts.next()?);
            let key = STANDARD.decode(key).ok()?;
            let (ED25519_KEY, key) = key.split_first().map(|(kind, key)| (*kind, key))? else {
                return None;
            };
            let key = Self::new(name, key.try_into().ok()?)?;
            (format!("{:08x}", u32::from_be_bytes(key.hash)) == hash).then_some(key)
        };
        parse().ok_or_else(|| {
            format!("`{text}` is no verifier key: `NAME+HASH+BASE64` of an Ed25519 key is wanted")
        })
    }
}

// === impl Checkpoint ===

impl Checkpoint {
    /// Reads a signed checkpoint.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, NoteFault> {
        Self::parse(key.open(note)?)
    }

    /// What a note says, whoever signed it: for who hands it on.
    pub fn claimed(note: &str) -> Result<Self, NoteFault> {
        let (text, _) = note.rsplit_once("\n\n").ok_or(NoteFault::NotANote)?;
        Self::parse(&format!("{text}\n"))
    }

    /// Reads the text of a checkpoint, whoever signed it.
    pub(super) fn parse(text: &str) -> Result<Self, NoteFault> {
        let parse = || {
            let mut lines = text.strip_suffix('\n')?.split('\n');
            let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
            let number: u64 = size.parse().ok()?;
            let root: [u8; Hash::LEN] = STANDARD.decode(root).ok()?.try_into().ok()?;
            let fits = !origin.is_empty()
                && number.to_string() == size
                && lines.all(|line| !line.is_empty());
            fits.then(|| Self { origin: origin.to_owned(), size: number, root: root.into() })
        };
        parse().ok_or(NoteFault::NoCheckpoint)
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = STANDARD.encode(self.root.octets());
        writeln!(f, "{}\n{}\n{root}", self.origin, self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and note of the tests of `golang.org/x/mod/sumdb/note`.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn keys_and_notes_of_others_are_read() {
        let key: VerifierKey = KEY.parse().unwrap();
        assert_eq!((key.name(), key.to_string()), ("PeterNeumann", KEY.to_owned()));
        let (text, _) = NOTE.split_once("\n\n").unwrap();
        assert_eq!(key.open(NOTE), Ok(&*format!("{text}\n")));
        let more = format!("{NOTE}\u{2014} else AAAAAAAA\n");
        assert!(key.open(&more).is_ok(), "signatures of others are left alone");
        let more = format!("{more}\u{2014} PeterNeumann x08gowAA\n");
        assert_eq!(key.open(&more), Err(NoteFault::Forged));
        assert_eq!(key.open(&NOTE.replace("answer", "Answer")), Err(NoteFault::Forged));
        assert_eq!(key.open(&NOTE.replace("Neumann", "Newman")), Err(NoteFault::Unsigned));
        for wrong in ["", "x", "x\n\n", "x\n\ny\n", &NOTE.replace('\n', "\r\n"), NOTE.trim_end()] {
            assert_eq!(key.open(wrong), Err(NoteFault::NotANote), "{wrong:?}");
        }
    }

    #[test]
    fn no_mangled_key_is_taken() {
        for from in 0..KEY.len() {
            for until in from..=KEY.len() {
                assert_eq!(
                    KEY.get(from..until).unwrap().parse::<VerifierKey>().is_ok(),
                    until - from == KEY.len()
                );
            }
        }
        // Another length and another algorithm, each with the right hash.
        for wrong in [
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            assert!(wrong.parse::<VerifierKey>().unwrap_err().contains("NAME+HASH+BASE64"));
        }
    }

    /// The example of the specification.
    #[test]
    fn a_checkpoint_is_read_and_written_as_specified() {
        let text =
            "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let checkpoint = Checkpoint::parse(text).unwrap();
        assert_eq!(
            (checkpoint.size, &*checkpoint.origin),
            (20_852_163, "example.com/behind-the-sofa")
        );
        assert_eq!(checkpoint.to_string(), text);
        assert_eq!(Checkpoint::parse(&format!("{text}more\n")), Ok(checkpoint));
        for (from, to) in
            [("208", "0208"), ("208", "+208"), ("CsU", "CsUY"), ("2I=\n", "2I="), ("e", "")]
        {
            let wrong = if from == "e" { format!("{text}\n") } else { text.replacen(from, to, 1) };
            assert_eq!(Checkpoint::parse(&wrong), Err(NoteFault::NoCheckpoint), "{wrong}");
        }
    }
}
