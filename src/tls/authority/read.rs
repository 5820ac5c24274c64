//! What a certificate says, read once.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

use super::constraints::Constraints;

/// From when until when a certificate holds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub until: Timestamp,
}

/// A certificate of an authority.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) der: CertificateDer<'static>,
    /// As people read it.
    pub(super) subject: String,
    /// As it is written: names are compared, and repeated in what is signed, octet by octet.
    /// An authority of Active Directory is called `DC=com, DC=corp, CN=...`, with one type
    /// twice, which libraries that take names apart lose.
    pub(super) subject_der: Vec<u8>,
    pub(super) issuer_der: Vec<u8>,
    pub(super) valid: Validity,
    pub(super) is_authority: bool,
    pub(super) signs_certificates: bool,
    /// How many authorities may stand below it.
    pub(super) path_length: Option<u32>,
    /// The subject's key, as `SubjectPublicKeyInfo`.
    pub(super) key: Vec<u8>,
    pub(super) key_id: Vec<u8>,
    pub(super) constraints: Constraints,
}

impl Certificate {
    /// Reads DER; says what is wrong.
    pub(super) fn read(der: CertificateDer<'static>) -> Result<Self, String> {
        let (rest, parsed) = X509Certificate::from_der(&der).map_err(|error| error.to_string())?;
        if !rest.is_empty() {
            return Err("more octets than one certificate".to_owned());
        }
        let wrong = |error: x509_parser::error::X509Error| error.to_string();
        let usage = parsed.key_usage().map_err(wrong)?;
        let constraints = parsed.name_constraints().map_err(wrong)?;
        let basic = parsed.basic_constraints().map_err(wrong)?;
        let key = parsed.public_key().raw.to_owned();
        let at = |seconds: i64| Timestamp::from_second(seconds).map_err(|error| error.to_string());
        let valid = Validity {
            from: at(parsed.validity().not_before.timestamp())?,
            until: at(parsed.validity().not_after.timestamp())?,
        };
        let key_id = parsed.iter_extensions().find_map(|extension| {
            let ParsedExtension::SubjectKeyIdentifier(id) = extension.parsed_extension() else {
                return None;
            };
            Some(id.0.to_owned())
        });
        Ok(Self {
            subject: parsed.subject().to_string(),
            subject_der: parsed.subject().as_raw().to_owned(),
            issuer_der: parsed.issuer().as_raw().to_owned(),
            valid,
            is_authority: parsed.is_ca(),
            path_length: basic.and_then(|basic| basic.value.path_len_constraint),
            signs_certificates: usage.is_some_and(|usage| usage.value.key_cert_sign()),
            key_id: key_id.unwrap_or_else(|| key_id_of(&key)),
            key,
            constraints: constraints.map(|found| Constraints::of(found.value)).unwrap_or_default(),
            der,
        })
    }

    /// Whether it stands at the end of a chain.
    pub(super) fn is_root(&self) -> bool {
        self.subject_der == self.issuer_der
    }

    /// SHA-256 of the certificate, as other programs show it.
    pub(super) fn fingerprint(&self) -> String {
        let octets = digest(&SHA256, &self.der);
        let pairs: Vec<_> = octets.as_ref().iter().map(|octet| format!("{octet:02X}")).collect();
        pairs.join(":")
    }
}

/// The identifier of a key: SHA-256 of its `SubjectPublicKeyInfo`, cut to 160 bits
/// (RFC 7093 section 2, methods 1 and 4).
pub(super) fn key_id_of(key: &[u8]) -> Vec<u8> {
    digest(&SHA256, key).as_ref().iter().take(20).copied().collect()
}
