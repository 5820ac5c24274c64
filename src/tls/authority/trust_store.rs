//! Certificates as one PKCS#12 file (RFC 7292) that Java reads as a trust store: neither encrypted nor
//! under a password, as nothing in it is secret.

use rustls::pki_types::CertificateDer;

use super::der::{explicit, integer, object, octet_string, sequence, set, value};

/// `pkcs7-data`
const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// `certBag`
const CERT_BAG: [u8; 11] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];
/// `x509Certificate`
const X509: [u8; 10] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
/// `friendlyName`
const NAME: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
/// `trustedKeyUsage` of Oracle: without it Java takes a certificate for no anchor of trust.
const TRUSTED: [u8; 12] = [0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 0x01, 0x01];
/// `anyExtendedKeyUsage`
const ANY_USAGE: [u8; 4] = [0x55, 0x1d, 0x25, 0x00];

/// The file.
pub fn trust_store(roots: &[CertificateDer<'_>]) -> Vec<u8> {
    let bags: Vec<_> = roots.iter().enumerate().map(|(at, root)| bag(at, root)).collect();
    let bags: Vec<_> = bags.iter().map(Vec::as_slice).collect();
    let safe = content(&sequence(&bags));
    let all = content(&sequence(&[&safe]));
    sequence(&[&integer(&[3]), &all])
}

fn content(data: &[u8]) -> Vec<u8> {
    sequence(&[&object(&DATA), &explicit(0, &octet_string(data))])
}

/// Each has a name of its own, by which Java tells them apart.
fn bag(at: usize, root: &[u8]) -> Vec<u8> {
    let name: Vec<u8> = format!("root-{at}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    // A BMPString.
    let name = sequence(&[&object(&NAME), &set(&value(0x1e, &[&name]))]);
    let trusted = sequence(&[&object(&TRUSTED), &set(&object(&ANY_USAGE))]);
    let certificate = sequence(&[&object(&X509), &explicit(0, &octet_string(root))]);
    // Members of a set stand in the order of their octets, so that the shorter comes first.
    let attributes = if name < trusted {
        value(0x31, &[&name, &trusted])
    } else {
        value(0x31, &[&trusted, &name])
    };
    sequence(&[&object(&CERT_BAG), &explicit(0, &certificate), &attributes])
}
