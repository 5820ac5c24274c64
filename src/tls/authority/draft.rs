//! A certificate before it is signed, and its signing (RFC 5280 section 4.1).

use std::net::IpAddr;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::pki_types::{AlgorithmIdentifier, CertificateDer, alg_id};
use rustls::sign::SigningKey;

use crate::net::Host;

use super::der;
use super::fault::MintError;
use super::read::{Validity, key_id_of};

/// How certificates can be signed, best first, and how X.509 names it.
const SCHEMES: [(SignatureScheme, AlgorithmIdentifier); 5] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, alg_id::ECDSA_SHA256),
    (SignatureScheme::ECDSA_NISTP384_SHA384, alg_id::ECDSA_SHA384),
    (SignatureScheme::ECDSA_NISTP521_SHA512, alg_id::ECDSA_SHA512),
    (SignatureScheme::ED25519, alg_id::ED25519),
    (SignatureScheme::RSA_PKCS1_SHA256, alg_id::RSA_PKCS1_SHA256),
];

// Object identifiers, as their encoded arcs.
pub(super) const COMMON_NAME: [u8; 3] = [0x55, 4, 3];
const SUBJECT_KEY_ID: [u8; 3] = [0x55, 29, 14];
pub(super) const KEY_USAGE: [u8; 3] = [0x55, 29, 15];
const ALTERNATIVE_NAME: [u8; 3] = [0x55, 29, 17];
pub(super) const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 29, 19];
const NAME_CONSTRAINTS: [u8; 3] = [0x55, 29, 30];
const AUTHORITY_KEY_ID: [u8; 3] = [0x55, 29, 35];
const EXTENDED_USAGE: [u8; 3] = [0x55, 29, 37];
/// 1.3.6.1.5.5.7.3.1
const SERVER_AUTH: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 1];

/// The longest common name (RFC 5280, `ub-common-name`).
pub(super) const MOST_COMMON_NAME: usize = 64;

/// What an authority signs with.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    key: Arc<dyn SigningKey>,
    scheme: SignatureScheme,
    algorithm: AlgorithmIdentifier,
}

/// What shall be signed.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    /// The issuer's name, octet by octet.
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    /// The subject's `SubjectPublicKeyInfo`.
    pub(super) key: &'a [u8],
    pub(super) valid: Validity,
    pub(super) extensions: &'a [Vec<u8>],
}

impl Signer {
    /// A signer by this key, if X.509 can name what the key does.
    pub(super) fn new(key: Arc<dyn SigningKey>) -> Option<Self> {
        let offered = |scheme: &SignatureScheme| key.choose_scheme(&[*scheme]).is_some();
        let (scheme, algorithm) = *SCHEMES.iter().find(|(scheme, _)| offered(scheme))?;
        Some(Self { key, scheme, algorithm })
    }

    /// The public part, as `SubjectPublicKeyInfo`.
    pub(super) fn public(&self) -> Option<Vec<u8>> {
        self.key.public_key().map(|key| key.to_vec())
    }

    /// Whether one signature takes so long (RSA: 0.4 to 1.8 ms, P-256: 0.03 ms) that other
    /// connections of the same thread would notice.
    pub(super) fn is_slow(&self) -> bool {
        self.scheme == SignatureScheme::RSA_PKCS1_SHA256
    }

    pub(super) fn sign(&self, draft: &Draft<'_>) -> Result<CertificateDer<'static>, MintError> {
        let algorithm = der::sequence(&[&self.algorithm]);
        let body = draft.body(&algorithm)?;
        let signer = self.key.choose_scheme(&[self.scheme]);
        let signature = signer.map(|signer| signer.sign(&body)).transpose();
        let signature = signature.ok().flatten().ok_or(MintError::Unsigned)?;
        let whole = der::sequence(&[&body, &algorithm, &der::bit_string(&signature)]);
        Ok(CertificateDer::from(whole))
    }
}

impl Draft<'_> {
    /// `TBSCertificate`
    fn body(&self, algorithm: &[u8]) -> Result<Vec<u8>, MintError> {
        let extensions: Vec<_> = self.extensions.iter().map(Vec::as_slice).collect();
        let valid = der::sequence(&[&der::time(self.valid.from), &der::time(self.valid.until)]);
        Ok(der::sequence(&[
            // version 3
            &der::explicit(0, &der::integer(&[2])),
            &der::integer(&serial()?),
            algorithm,
            self.issuer,
            &valid,
            self.subject,
            self.key,
            &der::explicit(3, &der::sequence(&extensions)),
        ]))
    }
}

/// 128 random bits: two certificates of one issuer never share a serial, which browsers
/// refuse, also when the memory of what was signed is lost.
fn serial() -> Result<[u8; 16], MintError> {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| MintError::NoRandomness)?;
    Ok(octets)
}

/// A name of one common name, or an empty one where the text is too long for it.
pub(super) fn common_name(text: &str) -> Vec<u8> {
    if text.chars().count() > MOST_COMMON_NAME {
        return der::sequence(&[]);
    }
    let attribute = der::sequence(&[&der::object(&COMMON_NAME), &der::text(text)]);
    der::sequence(&[&der::set(&attribute)])
}

// === extensions ===

pub(super) fn extension(id: &[u8], is_critical: bool, content: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if is_critical { &der::TRUE } else { &[] };
    der::sequence(&[&der::object(id), critical, &der::octet_string(content)])
}

pub(super) fn subject_key_id(key: &[u8]) -> Vec<u8> {
    extension(&SUBJECT_KEY_ID, false, &der::octet_string(&key_id_of(key)))
}

pub(super) fn authority_key_id(id: &[u8]) -> Vec<u8> {
    extension(&AUTHORITY_KEY_ID, false, &der::sequence(&[&der::implicit(0, id)]))
}

/// A signing authority: `keyCertSign` and `cRLSign`, and no authority below it.
pub(super) fn authority() -> [Vec<u8>; 2] {
    let basic = der::sequence(&[&der::TRUE, &der::integer(&[0])]);
    [
        extension(&BASIC_CONSTRAINTS, true, &basic),
        extension(&KEY_USAGE, true, &[0x03, 2, 1, 0b0000_0110]),
    ]
}

/// A server: `digitalSignature`, `serverAuth`, and no authority.
pub(super) fn server() -> [Vec<u8>; 3] {
    [
        extension(&BASIC_CONSTRAINTS, true, &der::sequence(&[])),
        extension(&KEY_USAGE, true, &[0x03, 2, 7, 0b1000_0000]),
        extension(&EXTENDED_USAGE, false, &der::sequence(&[&der::object(&SERVER_AUTH)])),
    ]
}

/// The host as `dNSName` or `iPAddress`; critical where the subject is empty
/// (RFC 5280 section 4.2.1.6).
pub(super) fn alternative_name(host: &Host, is_critical: bool) -> Vec<u8> {
    let name = match host {
        Host::Name(name) => der::implicit(2, name.as_bytes()),
        Host::Address(IpAddr::V4(address)) => der::implicit(7, &address.octets()),
        Host::Address(IpAddr::V6(address)) => der::implicit(7, &address.octets()),
    };
    extension(&ALTERNATIVE_NAME, is_critical, &der::sequence(&[&name]))
}

/// Only these names and what is below them, and no address: permitted names say nothing
/// about addresses, so all of those are excluded.
pub(super) fn only_names(names: &[String]) -> Vec<u8> {
    let subtree = |base: Vec<u8>| der::sequence(&[&base]);
    let names = names.iter().flat_map(|name| subtree(der::implicit(2, name.as_bytes())));
    let names: Vec<u8> = names.collect();
    let addresses = [subtree(der::implicit(7, &[0; 8])), subtree(der::implicit(7, &[0; 32]))];
    let both = [der::explicit(0, &names), der::explicit(1, &addresses.concat())];
    extension(&NAME_CONSTRAINTS, true, &der::sequence(&[&both.concat()]))
}
