//! Bearer tokens (RFC 6750): 256 random bits each, of which files keep the SHA-256 digest.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::credentials::{self, Mistakes};

/// How digests begin in a file.
const ALGORITHM: &str = "sha256:";

/// A token that is new; it is told once and then forgotten.
pub struct Token(String);

/// The digest of a token: what files keep of it, and what is kept of one that was shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

/// Everybody who has a token. Digests are looked up under a random key, so that no comparison
/// tells how near a guess was.
pub struct Tokens {
    key: hmac::Key,
    by_tag: HashMap<[u8; 32], Arc<str>>,
}

// === impl Token ===

impl Token {
    /// Makes one; `None` if the system gives no randomness.
    pub fn generate() -> Option<Self> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).ok()?;
        Some(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What the client sends.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a file keeps of it.
    pub fn kept(&self) -> String {
        let TokenDigest(bytes) = TokenDigest::of(&self.0);
        let mut kept = ALGORITHM.to_owned();
        bytes.iter().for_each(|byte| kept.push_str(&format!("{byte:02x}")));
        kept
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

// === impl TokenDigest ===

impl TokenDigest {
    /// That of a token.
    pub fn of(token: &str) -> Self {
        let bytes = digest(&SHA256, token.as_bytes());
        Self(bytes.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

impl FromStr for TokenDigest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "this is no digest of a token (`sha256:` and 64 hexadecimal digits); \
             `borderpost passwd --token` writes one"
                .to_owned()
        };
        let hex = text.strip_prefix(ALGORITHM).filter(|hex| hex.len() == 64).ok_or_else(wrong)?;
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits);
            let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
            *byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok()).ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

// === impl Tokens ===

impl Tokens {
    /// Reads a file of tokens.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let found = credentials::read(text, str::parse::<TokenDigest>)?;
        let mut key = [0; 32];
        rand::fill(&mut key).map_err(|_| vec![(0, "the system gave no randomness".to_owned())])?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let tagged = found.into_iter().map(|(name, digest)| (tag(&key, digest), Arc::from(name)));
        let by_tag = tagged.collect();
        Ok(Self { key, by_tag })
    }

    /// Whose token it is.
    pub fn find(&self, token: &str) -> Option<&Arc<str>> {
        self.find_digest(TokenDigest::of(token))
    }

    /// Whose token it is that has this digest.
    pub fn find_digest(&self, digest: TokenDigest) -> Option<&Arc<str>> {
        self.by_tag.get(&tag(&self.key, digest))
    }

    /// Whether somebody of this name has a token.
    pub fn has(&self, name: &str) -> bool {
        self.by_tag.values().any(|one| **one == *name)
    }
}

fn tag(key: &hmac::Key, TokenDigest(digest): TokenDigest) -> [u8; 32] {
    let tag = hmac::sign(key, &digest);
    tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.by_tag.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_digest_alone() {
        let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        assert_eq!(one.as_str().len(), 43);
        let file = format!("# tokens\nbuild:{}\n", one.kept());
        assert!(!file.contains(one.as_str()));
        let tokens = Tokens::parse(&file).unwrap();
        assert_eq!(tokens.find(one.as_str()).map(|name| &**name), Some("build"));
        assert_eq!(tokens.find(other.as_str()), None);
        assert_eq!(tokens.find(&one.kept()), None, "the digest is no token");
        assert!(tokens.has("build") && !tokens.has("other"));
        assert_eq!(format!("{tokens:?} {one:?}"), "Tokens(1) Token(..)");
    }

    #[test]
    fn the_digest_is_sha_256() {
        let kept = Token("abc".to_owned()).kept();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(kept, format!("sha256:{known}"));
        for text in
            ["", known, "sha256:", "sha256:00", &kept.replace('b', "x"), &format!("{kept}0")]
        {
            assert!(Tokens::parse(&format!("a:{text}")).is_err(), "{text}");
        }
        assert!(Tokens::parse(&format!("a:{}", kept.replace("sha256:ba", "sha256:+a"))).is_err());
    }
}
