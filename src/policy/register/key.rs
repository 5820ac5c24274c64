//! The digest of a public key, written as pins are: `sha256/` and Base64 (RFC 7469 section 2.4).

use std::fmt;

use thiserror::Error;

/// SHA-256 of a certificate's SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7). It stays
/// the same when a certificate is renewed with its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyDigest(pub [u8; 32]);

/// A text that is no key digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a key digest: write `sha256/` and the 44 characters of its Base64")]
pub struct KeyDigestError(String);

const PREFIX: &str = "sha256/";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl KeyDigest {
    /// Reads `sha256/` and Base64 with its padding.
    pub fn parse(text: &str) -> Result<Self, KeyDigestError> {
        let digest = text.strip_prefix(PREFIX).and_then(decode).map(Self);
        // What was cut off by the padding must be zero: one digest has one spelling.
        digest
            .filter(|digest| digest.to_string() == text)
            .ok_or_else(|| KeyDigestError(text.chars().take(80).collect()))
    }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    let sextet = |byte: u8| ALPHABET.iter().position(|known| *known == byte);
    let digits = text.strip_suffix('=').filter(|digits| digits.len() == 43)?;
    let (mut held, mut bits, mut bytes) = (0u32, 0u32, Vec::with_capacity(32));
    for digit in digits.bytes() {
        held = held << 6 | u32::try_from(sextet(digit)?).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    bytes.try_into().ok()
}

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        let sextets = |group: u32, count: usize| {
            [18, 12, 6, 0].into_iter().take(count).map(move |shift| {
                let at = usize::try_from(group >> shift & 63).unwrap_or_default();
                char::from(*ALPHABET.get(at).expect("six bits index 64 letters"))
            })
        };
        for chunk in self.0.chunks(3) {
            let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
            let group = byte(0) << 16 | byte(1) << 8 | byte(2);
            sextets(group, chunk.len() + 1).try_for_each(|letter| write!(f, "{letter}"))?;
        }
        // 32 bytes leave two over after tens of three: always one sign of padding.
        f.write_str("=")
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_a_pin() {
        // SHA-256 of the empty string, by `openssl dgst -sha256 -binary | base64`.
        let text = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(KeyDigest::parse(text).unwrap().0[..4], [0xe3, 0xb0, 0xc4, 0x42]);
        assert_eq!(KeyDigest::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn refuses_other_spellings() {
        let good = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let wrong = [
            good.to_owned(),
            format!("sha256/{}", good.trim_end_matches('=')),
            format!("sha256/{}", good.replace("FU=", "FV=")),
            format!("sha256/{}", good.replace('+', "-")),
            format!("SHA256/{good}"),
            format!("sha256/A{good}"),
            "sha256/".to_owned(),
        ];
        for text in wrong {
            assert!(KeyDigest::parse(&text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(bytes: [u8; 32]) {
            let key = KeyDigest(bytes);
            prop_assert_eq!(KeyDigest::parse(&key.to_string()), Ok(key));
        }
    }
}
