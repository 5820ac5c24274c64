//! Public keys of an issuer (JSON Web Keys, RFC 7517 and 8037). What is no public key for signatures that
//! are taken is passed over: issuers publish keys for other ends beside them.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Keys of one issuer; the largest publish a dozen.
const MOST: usize = 100;

/// Octets of a coordinate, and of a key of Ed25519.
const COORDINATE: usize = 32;

/// How a token is signed (RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519, which was called `EdDSA` before it had a name of its own.
    Ed25519,
}

/// The keys of an issuer.
#[derive(Debug)]
pub struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The only way of signing that it is for, if it says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// The point, uncompressed.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

/// A key as it is published (RFC 7517 section 4, RFC 7518 section 6).
#[derive(Deserialize)]
struct Jwk {
    kty: Kind,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Kinds of keys; that of a secret is none of them.
#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Rsa,
    Ec,
    Okp,
}

// === impl Algorithm ===

impl Algorithm {
    /// By its name in a token; none for what is not taken.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::Ed25519),
            _ => None,
        }
    }
}

// === impl Keys ===

impl Keys {
    /// Reads what an issuer publishes.
    pub fn parse(octets: &[u8]) -> Result<Self, String> {
        let published: Published = serde_json::from_slice(octets)
            .map_err(|error| format!("this is no set of keys (RFC 7517): {error}"))?;
        if published.keys.len() > MOST {
            return Err(format!("there are more than {MOST} keys"));
        }
        let read = |key| Key::read(serde_json::from_value(key).ok()?);
        let keys: Vec<_> = published.keys.into_iter().filter_map(read).collect();
        if keys.is_empty() {
            return Err("there is no key for RS256, PS256, ES256 or EdDSA".to_owned());
        }
        Ok(Self(keys))
    }

    /// Whether there is one by which a token could be signed that names this key and way.
    pub fn has(&self, id: Option<&str>, algorithm: Algorithm) -> bool {
        self.fitting(id, algorithm).next().is_some()
    }

    /// Whether one of those has signed it.
    pub fn verify(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        self.fitting(id, algorithm).any(|key| key.material.verifies(algorithm, message, signature))
    }

    /// A token that names no key may be signed by any.
    fn fitting(&self, id: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| {
            key.fits(algorithm) && id.is_none_or(|id| key.id.as_deref() == Some(id))
        })
    }
}

// === impl Key ===

impl Key {
    fn read(jwk: Jwk) -> Option<Self> {
        let signs = jwk.usage.as_deref().is_none_or(|usage| usage == "sig");
        let verifies = jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        let algorithm = match &jwk.alg {
            Some(name) => Some(Algorithm::of(name)?),
            None => None,
        };
        let material = Material::read(&jwk)?;
        (signs && verifies).then_some(Self { id: jwk.kid, algorithm, material })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let kind = match self.material {
            Material::Rsa { .. } => matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256),
            Material::P256(_) => algorithm == Algorithm::Es256,
            Material::Ed25519(_) => algorithm == Algorithm::Ed25519,
        };
        kind && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

// === impl Material ===

impl Material {
    fn read(jwk: &Jwk) -> Option<Self> {
        let octets = |text: Option<&str>| URL_SAFE_NO_PAD.decode(text?).ok();
        let coordinate =
            |text: Option<&str>| octets(text).filter(|octets| octets.len() == COORDINATE);
        let (x, y) = (jwk.x.as_deref(), jwk.y.as_deref());
        match (&jwk.kty, jwk.crv.as_deref()) {
            (Kind::Rsa, _) => {
                let (modulus, exponent) = (octets(jwk.n.as_deref())?, octets(jwk.e.as_deref())?);
                Some(Self::Rsa { modulus: number(&modulus), exponent: number(&exponent) })
            }
            (Kind::Ec, Some("P-256")) => {
                Some(Self::P256([&[4][..], &coordinate(x)?, &coordinate(y)?].concat()))
            }
            (Kind::Okp, Some("Ed25519")) => Some(Self::Ed25519(coordinate(x)?)),
            (_, _) => None,
        }
    }

    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let rsa = |modulus, exponent, how: &RsaParameters| {
            RsaPublicKeyComponents { n: modulus, e: exponent }.verify(how, message, signature)
        };
        let verified = match (self, algorithm) {
            (Self::Rsa { modulus, exponent }, Algorithm::Rs256) => {
                rsa(modulus, exponent, &RSA_PKCS1_2048_8192_SHA256)
            }
            (Self::Rsa { modulus, exponent }, Algorithm::Ps256) => {
                rsa(modulus, exponent, &RSA_PSS_2048_8192_SHA256)
            }
            (Self::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Self::Ed25519(key), Algorithm::Ed25519) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
            (_, _) => return false,
        };
        verified.is_ok()
    }
}

/// A number as it should have been published: some write a sign before it.
fn number(octets: &[u8]) -> Vec<u8> {
    octets.iter().copied().skip_while(|octet| *octet == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(each: &str) -> Result<Keys, String> {
        Keys::parse(format!("{{\"keys\": [{each}]}}").as_bytes())
    }

    fn decoded(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// RFC 8037 appendix A.4
    #[test]
    fn a_published_signature_of_ed25519() {
        let key =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let keys = keys(key).unwrap();
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = decoded(
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        );
        assert!(keys.verify(None, Algorithm::Ed25519, message, &signature));
        assert!(!keys.verify(None, Algorithm::Ed25519, b"x", &signature));
        assert!(!keys.verify(None, Algorithm::Es256, message, &signature));
    }

    /// RFC 7515 appendix A.3
    #[test]
    fn a_published_signature_on_p_256() {
        let key = r#"{"kty":"EC","crv":"P-256","kid":"a",
            "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let keys = keys(key).unwrap();
        let message = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = decoded(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        );
        assert!(keys.verify(None, Algorithm::Es256, message, &signature));
        assert!(keys.verify(Some("a"), Algorithm::Es256, message, &signature));
        assert!(!keys.verify(Some("b"), Algorithm::Es256, message, &signature));
        assert!(keys.has(Some("a"), Algorithm::Es256) && !keys.has(Some("a"), Algorithm::Rs256));
    }

    #[test]
    fn what_is_no_public_key_for_signatures_is_passed_over() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let okp = |more: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{more}}}"#);
        for fine in ["", r#","use":"sig""#, r#","alg":"EdDSA""#, r#","key_ops":["verify"]"#] {
            assert!(keys(&okp(fine)).is_ok(), "{fine}");
        }
        for other in [
            okp(r#","use":"enc""#),
            okp(r#","alg":"HS256""#),
            okp(r#","key_ops":["sign"]"#),
            format!(r#"{{"kty":"oct","k":"{x}"}}"#),
            format!(r#"{{"kty":"OKP","crv":"X25519","x":"{x}"}}"#),
            format!(r#"{{"kty":"EC","crv":"P-384","x":"{x}","y":"{x}"}}"#),
            r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#.to_owned(),
            r#"{"kty":"OKP","crv":"Ed25519","x":"=="}"#.to_owned(),
            "7".to_owned(),
            "{}".to_owned(),
        ] {
            assert!(keys(&other).unwrap_err().contains("no key for"), "{other}");
            assert!(keys(&format!("{other},{}", okp(""))).is_ok(), "{other}");
        }
        assert!(Keys::parse(b"[]").unwrap_err().contains("no set of keys"));
        assert!(keys(&vec![okp(""); MOST + 1].join(",")).unwrap_err().contains("more than"));
    }
}
