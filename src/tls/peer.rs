//! What the certificate of a destination says, once it has been verified.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::AttributeTypeAndValue;

use crate::geo::Country;
use crate::policy::Certificate;
use crate::policy::register::KeyDigest;

/// Reads the certificate of the holder, the first of the chain. `None` for one that the
/// verifier took and this reader does not: then nothing is known of it.
pub(super) fn read(chain: Option<&[CertificateDer<'_>]>) -> Option<Arc<Certificate>> {
    let (_, certificate) = X509Certificate::from_der(chain?.first()?).ok()?;
    let key = key(&certificate)?;
    let subject = certificate.subject();
    let countries = subject.iter_country().filter_map(text).filter_map(country).collect();
    let organisations = subject.iter_organization().filter_map(text).map(str::to_owned).collect();
    Some(Arc::new(Certificate { key, countries, organisations }))
}

fn country(code: &str) -> Option<Country> {
    Country::parse(&code.to_ascii_uppercase())
}

/// The keys of all certificates that were shown.
pub(super) fn keys(chain: Option<&[CertificateDer<'_>]>) -> impl Iterator<Item = KeyDigest> {
    let read = |one: &CertificateDer<'_>| {
        let (_, certificate) = X509Certificate::from_der(one).ok()?;
        key(&certificate)
    };
    chain.unwrap_or_default().iter().filter_map(read)
}

fn key(certificate: &X509Certificate<'_>) -> Option<KeyDigest> {
    let key = digest(&SHA256, certificate.public_key().raw);
    key.as_ref().try_into().ok().map(KeyDigest)
}

fn text<'a>(attribute: &'a AttributeTypeAndValue<'a>) -> Option<&'a str> {
    attribute.as_str().ok()
}
