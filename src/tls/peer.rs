//! What the certificate of a destination says, once it has been verified.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::Tag;
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
    let countries = subject.iter_country().filter_map(text).filter_map(|one| country(&one));
    let countries = countries.collect();
    let organisations = subject.iter_organization().filter_map(text).collect();
    Some(Arc::new(Certificate { key, countries, organisations }))
}

fn country(code: &str) -> Option<Country> {
    Country::parse(&code.to_ascii_uppercase())
}

/// The key of the holder's certificate.
pub(super) fn key_of(chain: Option<&[CertificateDer<'_>]>) -> Option<KeyDigest> {
    let (_, certificate) = X509Certificate::from_der(chain?.first()?).ok()?;
    key(&certificate)
}

fn key(certificate: &X509Certificate<'_>) -> Option<KeyDigest> {
    let key = digest(&SHA256, certificate.public_key().raw);
    key.as_ref().try_into().ok().map(KeyDigest)
}

/// The text of an attribute, in any of the types that RFC 5280 section 4.1.2.4 knows. A name that
/// could not be read would be a way around rules that name it.
fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value = attribute.attr_value();
    let wide = |size: usize| {
        let point = |unit: &[u8]| unit.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        value.data.chunks(size).map(|unit| char::from_u32(point(unit))).collect()
    };
    match value.tag() {
        Tag::BmpString => wide(2),
        Tag::UniversalString => wide(4),
        // In practice it is ISO 8859-1, whatever T.61 says.
        Tag::T61String => Some(value.data.iter().copied().map(char::from).collect()),
        _ => attribute.as_str().ok().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_type_of_string() {
        let subject = |tag: u8, value: &[u8]| {
            let length = |inner: &[u8]| u8::try_from(inner.len()).unwrap();
            let wrap = |tag: u8, inner: &[u8]| [&[tag, length(inner)][..], inner].concat();
            let pair = [&[6, 3, 0x55, 4, 10][..], &wrap(tag, value)].concat();
            let name = wrap(0x30, &wrap(0x31, &wrap(0x30, &pair)));
            let (_, name) = x509_parser::x509::X509Name::from_der(&name).unwrap();
            name.iter_organization().filter_map(text).collect::<Vec<_>>()
        };
        assert_eq!(subject(12, "Bäd".as_bytes()), ["Bäd"]);
        assert_eq!(subject(19, b"Bad"), ["Bad"]);
        assert_eq!(subject(20, b"B\xe4d"), ["Bäd"]);
        assert_eq!(subject(30, &[0, b'B', 0, 0xe4, 0, b'd']), ["Bäd"]);
        assert_eq!(subject(28, &[0, 0, 0, b'B', 0, 0, 0, 0xe4, 0, 0, 0, b'd']), ["Bäd"]);
    }
}
