//! An issuer for tests: keys of each kind, and tokens signed by them, rightly or not.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::Keys;

/// Keys of each kind.
pub(crate) struct Issuer {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            ed: Ed25519KeyPair::generate().unwrap(),
        }
    }

    /// As it publishes them.
    pub(crate) fn published(&self) -> Value {
        let text = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        // PKCS #1: two numbers of known length, the first with a sign before it.
        let rsa = self.rsa.public_key().as_ref();
        let (point, ed) = (self.ec.public_key().as_ref(), self.ed.public_key().as_ref());
        json!({ "keys": [
            { "kty": "RSA", "kid": "rsa", "use": "sig",
              "n": text(&rsa[9..265]), "e": text(&rsa[267..]) },
            { "kty": "EC", "crv": "P-256", "kid": "ec",
              "x": text(&point[1..33]), "y": text(&point[33..]) },
            { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": text(ed) },
        ] })
    }

    pub(crate) fn keys(&self) -> Keys {
        Keys::parse(self.published().to_string().as_bytes()).unwrap()
    }

    /// A token as it should be.
    pub(crate) fn sign(&self, algorithm: &str, claims: &Value) -> String {
        self.sign_text(algorithm, &claims.to_string())
    }

    pub(crate) fn sign_text(&self, algorithm: &str, claims: &str) -> String {
        let key = match algorithm {
            "RS256" | "PS256" => "rsa",
            "ES256" => "ec",
            _ => "ed",
        };
        self.token(&json!({ "alg": algorithm, "kid": key }), algorithm, claims)
    }

    /// A token with this head, signed in this way, whatever the head says.
    pub(crate) fn sign_as(&self, head: &Value, how: &str, claims: &Value) -> String {
        self.token(head, how, &claims.to_string())
    }

    fn token(&self, head: &Value, how: &str, claims: &str) -> String {
        let text = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        let signed = format!("{}.{}", text(head.to_string().as_bytes()), text(claims.as_bytes()));
        let (random, message) = (SystemRandom::new(), signed.as_bytes());
        let signature = match how {
            "RS256" | "PS256" => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                let how: &'static dyn aws_lc_rs::signature::RsaEncoding =
                    if how == "RS256" { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA256 };
                self.rsa.sign(how, &random, message, &mut signature).unwrap();
                signature
            }
            "ES256" => self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            "EdDSA" | "Ed25519" => self.ed.sign(message).as_ref().to_vec(),
            "HS256" => {
                let public = self.rsa.public_key().as_ref();
                let key = hmac::Key::new(hmac::HMAC_SHA256, public);
                hmac::sign(&key, message).as_ref().to_vec()
            }
            _ => Vec::new(),
        };
        format!("{signed}.{}", text(&signature))
    }
}
