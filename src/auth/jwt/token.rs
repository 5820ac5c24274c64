//! One token: read, then held against the keys of its issuer and against what it must say.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::claims::Claims;
use super::keys::{Algorithm, Keys};

/// Octets of a token: one with some hundred groups has half of it.
const MOST: usize = 16 * 1024;

/// By how many seconds clocks may differ.
pub(super) const LEEWAY: f64 = 30.0;

/// Letters of what a token says that are told.
const TOLD: usize = 80;

/// A token whose signature nobody has looked at yet.
#[derive(Debug)]
pub struct SignedToken<'t> {
    algorithm: Algorithm,
    key: Option<String>,
    /// What kind of token it says to be, if it does.
    kind: Option<String>,
    /// What is signed: head and claims as they came.
    signed: &'t str,
    claims: Vec<u8>,
    signature: Vec<u8>,
}

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    /// Who issued it.
    pub issuer: &'e str,
    /// For whom.
    pub audience: &'e str,
    /// The word of the login that it answers (OpenID Connect Core section 3.1.3.7), if it does: it is
    /// an ID token then, for nobody else.
    pub nonce: Option<&'e str>,
}

/// Why a token is not taken.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// It is no such token.
    #[error("this is no signed token (JWT) in compact form: {0}")]
    Unreadable(&'static str),
    /// It is longer than any should be.
    #[error("a token has at most {MOST} octets")]
    Long,
    /// It is signed in a way that is not taken, or not at all.
    #[error("the token says `{0}` of its signature; RS256, PS256, ES256 and EdDSA are taken")]
    Algorithm(String),
    /// It wants something to be understood that is not.
    #[error("the token has a head that must be understood and is not (`crit`)")]
    Critical,
    /// It is something else than an access or ID token.
    #[error("a token of the type `{0}` is not taken here")]
    Kind(String),
    /// Nobody knows the key.
    #[error("the issuer publishes no key that the token names")]
    UnknownKey,
    /// Somebody else signed it, or something else.
    #[error("the signature of the token is not right")]
    Signature,
    /// A claim that must be there is not.
    #[error("the token has no `{0}`")]
    Missing(&'static str),
    /// Somebody else issued it.
    #[error("the token is of another issuer: `{0}`")]
    Issuer(String),
    /// It is for others.
    #[error("the token is not for `{0}`, which its `aud` would say")]
    Audience(String),
    /// It is for an application that is not this one.
    #[error("the token was given to another application (`azp`)")]
    Party,
    /// It is over.
    #[error("the token is over (`exp`)")]
    Expired,
    /// Its time has not begun.
    #[error("the token does not count yet (`nbf`)")]
    Early,
    /// It answers another login.
    #[error("the token answers another login (`nonce`)")]
    Nonce,
}

/// The head (RFC 7515 section 4.1). A key that a token brings along, or a place where to find one, is
/// not looked at.
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// Claims that are checked. One that stands there twice is a mistake.
#[derive(Deserialize)]
struct Checked {
    iss: Option<String>,
    aud: Option<Audience>,
    exp: Option<f64>,
    nbf: Option<f64>,
    nonce: Option<String>,
    azp: Option<String>,
    sub: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

// === impl SignedToken ===

impl<'t> SignedToken<'t> {
    /// Whether a text has the form of one: three parts. No token of our own has a dot.
    pub fn is_one(text: &str) -> bool {
        text.bytes().filter(|octet| *octet == b'.').count() == 2
    }

    /// Takes it apart.
    pub fn parse(text: &'t str) -> Result<Self, Refused> {
        if text.len() > MOST {
            return Err(Refused::Long);
        }
        let form = || Refused::Unreadable("it has three parts with dots between them");
        let (signed, signature) = text.rsplit_once('.').ok_or_else(form)?;
        let parts = signed.split_once('.').filter(|(_, claims)| !claims.contains('.'));
        let (head, claims) = parts.ok_or_else(form)?;
        let decoded = |part: &str| {
            URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Unreadable("a part is no base64url"))
        };
        let head: Head = serde_json::from_slice(&decoded(head)?)
            .map_err(|_| Refused::Unreadable("its head is none of RFC 7515"))?;
        if head.crit.is_some() {
            return Err(Refused::Critical);
        }
        let algorithm =
            Algorithm::of(&head.alg).ok_or_else(|| Refused::Algorithm(told(&head.alg)))?;
        let (claims, signature) = (decoded(claims)?, decoded(signature)?);
        Ok(Self { algorithm, key: head.kid, kind: head.typ, signed, claims, signature })
    }

    /// Whether these keys have the one that it names.
    pub fn is_of(&self, keys: &Keys) -> bool {
        keys.has(self.key.as_deref(), self.algorithm)
    }

    /// What it says, if it is signed by one of these keys and is what is expected.
    pub fn verify(
        &self,
        keys: &Keys,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<Claims, Refused> {
        let key = self.key.as_deref();
        if !self.is_of(keys) {
            return Err(Refused::UnknownKey);
        }
        if !keys.verify(key, self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(Refused::Signature);
        }
        self.check_kind(expected)?;
        let unreadable = |_| Refused::Unreadable("its claims are none of RFC 7519");
        let checked: Checked = serde_json::from_slice(&self.claims).map_err(unreadable)?;
        checked.check(expected, now.as_duration().as_secs_f64())?;
        let claims: Map<String, Value> =
            serde_json::from_slice(&self.claims).map_err(unreadable)?;
        Ok(Claims::new(claims))
    }

    /// A token of another kind may be signed by the same issuer for the same client, and say something
    /// else (RFC 8725 section 3.11). An access token says what it is (RFC 9068 section 2.1).
    fn check_kind(&self, expected: &Expected<'_>) -> Result<(), Refused> {
        let Some(kind) = &self.kind else { return Ok(()) };
        let lower = kind.to_ascii_lowercase();
        match lower.strip_prefix("application/").unwrap_or(&lower) {
            "jwt" => Ok(()),
            "at+jwt" if expected.nonce.is_none() => Ok(()),
            _ => Err(Refused::Kind(told(kind))),
        }
    }
}

// === impl Checked ===

impl Checked {
    fn check(&self, expected: &Expected<'_>, now: f64) -> Result<(), Refused> {
        let issuer = self.iss.as_deref().ok_or(Refused::Missing("iss"))?;
        if issuer != expected.issuer {
            return Err(Refused::Issuer(told(issuer)));
        }
        let audience = match self.aud.as_ref().ok_or(Refused::Missing("aud"))? {
            Audience::One(one) => one == expected.audience,
            Audience::Several(all) => all.iter().any(|one| one == expected.audience),
        };
        if !audience {
            return Err(Refused::Audience(expected.audience.to_owned()));
        }
        if now >= self.exp.ok_or(Refused::Missing("exp"))? + LEEWAY {
            return Err(Refused::Expired);
        }
        if self.nbf.is_some_and(|begin| now < begin - LEEWAY) {
            return Err(Refused::Early);
        }
        if self.sub.as_deref().is_none_or(str::is_empty) {
            return Err(Refused::Missing("sub"));
        }
        let Some(nonce) = expected.nonce else { return Ok(()) };
        if self.nonce.as_deref() != Some(nonce) {
            return Err(Refused::Nonce);
        }
        if self.azp.as_deref().is_some_and(|party| party != expected.audience) {
            return Err(Refused::Party);
        }
        Ok(())
    }
}

/// What a token says, as people may see it.
fn told(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TOLD).collect()
}
