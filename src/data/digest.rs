//! Keyed digests: equal values have equal digests, and nobody without the key can try values.

use std::fmt;

use aws_lc_rs::hmac;

use super::Tag;
use super::values::normalised;

/// Digits and letters of RFC 4648 base32, lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// How many characters of base32 a digest has: 65 bits.
const LENGTH: usize = 13;

/// The first 65 bits of `HMAC-SHA256(key, tag || 0 || normalised value)`, in base32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; LENGTH]);

/// The key of a deployment, and the name by which records tell which key it was.
#[derive(Clone)]
pub struct Digester {
    key: hmac::Key,
    key_id: String,
    of_this_run: bool,
}

impl Digester {
    /// A digester by a secret of at least 16 octets; shorter ones can be tried out.
    pub fn new(secret: &[u8], key_id: &str) -> Option<Self> {
        let long = secret.len() >= 16;
        long.then(|| Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            key_id: key_id.to_owned(),
            of_this_run: false,
        })
    }

    /// The same key, named by what only it gives: two keys have two names.
    #[must_use]
    pub fn named_by_itself(self) -> Self {
        Self { key_id: self.fingerprint(), ..self }
    }

    /// The same key, which ends with this run of the program.
    #[must_use]
    pub fn of_this_run(self) -> Self {
        Self { of_this_run: true, ..self }
    }

    /// Whether its digests compare with nothing beyond this run.
    pub fn is_of_this_run(&self) -> bool {
        self.of_this_run
    }

    /// What only this key gives, and from which nobody learns it.
    pub fn fingerprint(&self) -> String {
        let tag = Tag::parse("key").expect("a word of letters is a tag");
        self.digest(&tag, b"").as_str().chars().take(8).collect()
    }

    /// The key of lists, which follows from this one.
    pub(super) fn list_key(&self) -> [u64; 2] {
        let signed = hmac::sign(&self.key, b"key of lists");
        let (words, _) = signed.as_ref().as_chunks::<8>();
        let word = |place: usize| words.get(place).map_or(0, |word| u64::from_le_bytes(*word));
        [word(0), word(1)]
    }

    /// Which key it is.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The digest of a value as findings of a tag have it.
    pub fn of_value(&self, tag: &Tag, value: &[u8]) -> Digest {
        self.digest(tag, &normalised(tag, value))
    }

    /// The digest of a value that was normalised as its detector does.
    pub fn digest(&self, tag: &Tag, value: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(tag.as_str().as_bytes());
        context.update(&[0]);
        context.update(value);
        let signed = context.sign();
        let bits = signed.as_ref().iter().take(9).fold(0_u128, |all, b| all << 8 | u128::from(*b));
        let letter = |place: usize| {
            let value = usize::try_from(bits >> (67 - place * 5) & 31).unwrap_or(0);
            ALPHABET.get(value).copied().unwrap_or(b'a')
        };
        Digest(std::array::from_fn(letter))
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digester").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl Digest {
    /// The thirteen characters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// As a number: its order is random, so that the smallest ones are a sample.
    pub(super) fn rank(&self) -> u64 {
        let value = |byte: &u8| ALPHABET.iter().position(|b| b == byte).unwrap_or(0);
        self.0
            .iter()
            .take(12)
            .fold(0, |all, byte| all << 5 | u64::try_from(value(byte)).unwrap_or(0))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_key_tag_and_value() {
        let digester = Digester::new(b"sixteen octets!!", "k1").unwrap();
        let tag = |text| Tag::parse(text).unwrap();
        let digest = digester.digest(&tag("id.contact.email"), b"a@b.example");
        // python3: base64.b32encode(hmac.digest(key, b"id.contact.email\0a@b.example", "sha256"))
        assert_eq!(digest.as_str(), "mhv74nji223yt");
        assert_ne!(digest, digester.digest(&tag("id.contact"), b"a@b.example"));
        let other = Digester::new(b"another 16 octets", "k2").unwrap();
        assert_ne!(digest, other.digest(&tag("id.contact.email"), b"a@b.example"));
        assert!(Digester::new(b"short", "k").is_none());
        assert!(!format!("{digester:?}").contains("sixteen"));
    }
}
