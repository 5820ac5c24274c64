//! What cannot be looked into: encrypted messages and files, and archives of kinds that are not
//! unpacked.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::super::{Confidence, Tag};
use super::lines::{holds, is_all, lines};
use super::{Look, Shape};

/// Beginnings that are enough.
const ENCRYPTED: [(&[u8], &str); 9] = [
    (b"-----BEGIN PGP MESSAGE-----", "pgp"),
    (b"age-encryption.org/v1\n", "age"),
    (b"age-encryption.org/v1\r\n", "age"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    (b"Salted__", "openssl"),
    (b"$ANSIBLE_VAULT;", "ansible_vault"),
    (b"LUKS\xBA\xBE", "luks"),
    (b"\x03\xD9\xA2\x9A\x67\xFB\x4B\xB5", "keepass"),
    (b"-----BEGIN ENCRYPTED MESSAGE-----", "encrypted"),
];

/// Object identifiers of what CMS encrypts: enveloped, encrypted, authenticated-enveloped.
const CMS: [&[u8]; 3] = [
    b"\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03",
    b"\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x06",
    b"\x06\x0B\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x17",
];

/// What a layer is.
pub(super) fn of(look: &Look<'_>) -> Option<Shape> {
    let head = look.head;
    let text = head.trim_ascii_start();
    let known =
        ENCRYPTED.iter().find(|(magic, _)| head.starts_with(magic) || text.starts_with(magic));
    if let Some((_, detector)) = known {
        return Some(sealed("encrypted", detector));
    }
    if let Some(what) = rar(head) {
        return Some(sealed(what, "rar"));
    }
    if head.starts_with(b"7z\xBC\xAF\x27\x1C") {
        // Whether it is encrypted is said at its end.
        return Some(sealed("encoding", "7z"));
    }
    if is_pgp(head) {
        return Some(sealed("encrypted", "pgp"));
    }
    if is_enveloped(look) {
        return Some(sealed("encrypted", "cms"));
    }
    is_jwe(text).then(|| sealed("encrypted", "jwe"))
}

fn sealed(what: &str, detector: &'static str) -> Shape {
    Shape { tag: Tag::uninspectable(what), confidence: Confidence::Sure, detector }
}

/// RAR 4 says in its archive header whether the headers are encrypted (0x80); RAR 5 begins with
/// an encryption header (4).
fn rar(head: &[u8]) -> Option<&'static str> {
    let rest = head.strip_prefix(b"Rar!\x1A\x07")?;
    let encrypted = match rest {
        [0, _, _, 0x73, flags, ..] => flags & 0x80 != 0,
        [1, 0, _, _, _, _, _, 4, ..] => true,
        _ => false,
    };
    Some(if encrypted { "encrypted" } else { "encoding" })
}

/// Packets of RFC 9580 that begin an encrypted message: a session key for a public key or for a
/// password, or the data itself.
fn is_pgp(head: &[u8]) -> bool {
    let Some((first, rest)) = head.split_first() else { return false };
    let (kind, sizes) = match first {
        0xc0..=0xff => (first & 0x3f, rest.first().map_or(1, |size| usize::from(*size >= 192) + 1)),
        // One, two or four octets of a length, or none.
        0x80..=0xbf => (first >> 2 & 0xf, (1 << (first & 3)) & 7),
        _ => return false,
    };
    match (kind, rest.get(sizes..)) {
        (1, Some([3, _, _, _, _, _, _, _, _, algorithm, ..])) => {
            matches!(algorithm, 1 | 2 | 16 | 18 | 25 | 26)
        }
        (3, Some([4, cipher, specifier, hash, ..])) => {
            (1..=13).contains(cipher) && matches!(specifier, 0 | 1 | 3) && (1..=14).contains(hash)
        }
        (3, Some([5 | 6, _, cipher, mode, ..])) => {
            (1..=13).contains(cipher) && (1..=3).contains(mode)
        }
        _ => false,
    }
}

fn is_enveloped(look: &Look<'_>) -> bool {
    let mime = matches!(look.kind, "application/pkcs7-mime" | "application/x-pkcs7-mime");
    if mime && look.content_type.contains("enveloped-data") {
        return true;
    }
    let head = look.head;
    if is_cms(head) {
        return true;
    }
    let armour = [&b"-----BEGIN PKCS7-----"[..], b"-----BEGIN CMS-----"];
    let text = head.trim_ascii_start();
    let base64 = if armour.iter().any(|line| text.starts_with(line)) {
        lines(text).nth(1)
    } else if mime {
        lines(text).next()
    } else {
        None
    };
    let line = base64.unwrap_or_default().trim_ascii();
    let whole = line.get(..line.len() / 4 * 4).unwrap_or_default();
    let plain = whole.split(|byte| *byte == b'=').next().unwrap_or_default();
    STANDARD_NO_PAD.decode(plain).is_ok_and(|octets| is_cms(&octets))
}

/// A sequence that begins with one of the identifiers.
fn is_cms(octets: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = octets else { return false };
    let skipped = match length {
        0x00..=0x80 => 0,
        0x81..=0x84 => usize::from(length & 7),
        _ => return false,
    };
    let inner = rest.get(skipped..).unwrap_or_default();
    CMS.iter().any(|id| inner.starts_with(id))
}

/// RFC 7516: five parts, of which the first is a header that names an encryption; or an object
/// with those members.
fn is_jwe(text: &[u8]) -> bool {
    if text.starts_with(b"{") {
        let members = [&b"\"ciphertext\""[..], b"\"iv\"", b"\"tag\""];
        let header = holds(text, b"\"protected\"") || holds(text, b"\"unprotected\"");
        return header && members.iter().all(|member| holds(text, member));
    }
    if !text.starts_with(b"eyJ") {
        return false;
    }
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let text = text.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let parts: Vec<_> = text.split(|byte| *byte == b'.').collect();
    let Some((header, rest)) = parts.split_first() else { return false };
    // The key may be left out, and the end of a long one is not seen.
    let fits = (2..=4).contains(&rest.len())
        && rest.iter().all(|part| part.is_empty() || is_all(part, alphabet));
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    fits && holds(&header, b"\"enc\"")
}
