//! Bodies of many kinds, made octet by octet where no library writes what is wanted.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

/// Holds an SSN, an e-mail address and a card number.
pub(crate) const RECORD: &str =
    r#"{"ssn":"219-45-0001","email":"ann@example.org","card":"4111 1111 1111 1111"}"#;

pub(crate) fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zlib(octets: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn deflate(octets: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn br(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams::default();
    brotli::BrotliCompress(&mut &octets[..], &mut out, &parameters).unwrap();
    out
}

pub(crate) fn zstd(octets: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(octets, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Prose that does not compress to nothing, with a record in the middle.
pub(crate) fn long() -> Vec<u8> {
    let mut text = String::new();
    for number in 0..900_u32 {
        let word = number.wrapping_mul(2_654_435_761);
        text.push_str(&format!("line {number} says {word:x} and goes on\n"));
        if number == 450 {
            text.push_str(RECORD);
            text.push('\n');
        }
    }
    text.into_bytes()
}

pub(crate) fn utf16(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
        .collect()
}

pub(crate) fn multipart(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("--XyZ\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XyZ--\r\n");
    body
}

pub(crate) fn base64(octets: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, octets)
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// How a member of a zip archive is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Stored,
    Deflated,
    /// Deflated, with its sizes after it.
    After,
    /// Stored, with its sizes after it.
    StoredAfter,
    Encrypted,
    /// By a method that nobody knows.
    Odd,
}

pub(crate) fn zip(members: &[(&str, &[u8], Kept)]) -> Vec<u8> {
    let (mut body, mut directory) = (Vec::new(), Vec::new());
    for (name, content, kept) in members {
        let (flags, method) = match kept {
            Kept::Stored => (0_u16, 0_u16),
            Kept::Deflated => (0, 8),
            Kept::After => (8, 8),
            Kept::StoredAfter => (8, 0),
            Kept::Encrypted => (1, 8),
            Kept::Odd => (0, 19),
        };
        let data = if method == 8 { deflate(content) } else { content.to_vec() };
        let size = u32::try_from(data.len()).unwrap();
        let full = u32::try_from(content.len()).unwrap();
        let after = matches!(kept, Kept::After | Kept::StoredAfter);
        let (told, told_full) = if after { (0, 0) } else { (size, full) };
        let mut fields = Vec::new();
        for field in [20, flags, method, 0, 0] {
            fields.extend_from_slice(&field.to_le_bytes());
        }
        for field in [0, told, told_full] {
            fields.extend_from_slice(&field.to_le_bytes());
        }
        fields.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend_from_slice(&[0, 0]);
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&fields);
        directory.extend_from_slice(&[0; 14]);
        directory.extend_from_slice(name.as_bytes());
        body.extend_from_slice(b"PK\x03\x04");
        body.extend_from_slice(&fields);
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&data);
        if after {
            body.extend_from_slice(b"PK\x07\x08\0\0\0\0");
            body.extend_from_slice(&size.to_le_bytes());
            body.extend_from_slice(&full.to_le_bytes());
        }
    }
    body.extend_from_slice(&directory);
    body.extend_from_slice(b"PK\x05\x06");
    body.extend_from_slice(&[0; 18]);
    body
}

pub(crate) fn tar(members: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, kind, content) in members {
        let mut header = [0; 512];
        header.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[148..156].copy_from_slice(&[b' '; 8]);
        header[156] = *kind;
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        body.extend_from_slice(&header);
        body.extend_from_slice(content);
        body.resize(body.len().next_multiple_of(512), 0);
    }
    body.resize(body.len() + 1_024, 0);
    body
}

/// A field of a message that has a length.
pub(crate) fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut all = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 127 {
        all.push(u8::try_from(length & 127).unwrap() | 128);
        length >>= 7;
    }
    all.push(u8::try_from(length).unwrap());
    all.extend_from_slice(content);
    all
}

/// A message that holds a record one message deeper, and a number.
pub(crate) fn message(text: &str) -> Vec<u8> {
    let inner = [field(1, b"note"), vec![16, 0x96, 1], field(3, text.as_bytes())].concat();
    [vec![8, 42], field(2, &inner), field(4, &[0xFF, 0, 1])].concat()
}

pub(crate) fn frame(flags: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flags][..], &length, message].concat()
}

pub(crate) fn pdf(objects: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
    let mut body = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".to_vec();
    for (number, (dictionary, stream)) in objects.iter().enumerate() {
        body.extend_from_slice(format!("{} 0 obj\n{dictionary}\n", number + 1).as_bytes());
        if let Some(stream) = stream {
            body.extend_from_slice(b"stream\r\n");
            body.extend_from_slice(stream);
            body.extend_from_slice(b"\nendstream\n");
        }
        body.extend_from_slice(b"endobj\n");
    }
    body.extend_from_slice(b"trailer <</Root 1 0 R>>\nstartxref\n0\n%%EOF\n");
    body
}

/// A compound file with streams of these names.
pub(crate) fn compound(names: &[&str], text: &str) -> Vec<u8> {
    let mut body = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    body.resize(512, 0);
    for name in names {
        body.extend_from_slice(&utf16(name, false));
        body.extend_from_slice(&[0, 0, 1, 5]);
    }
    body.extend_from_slice(&utf16(text, false));
    body.extend_from_slice(&[0; 64]);
    body
}
