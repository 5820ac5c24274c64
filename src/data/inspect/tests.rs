//! What an inspection finds does not depend on how the body came, nor does it let go of what it
//! has not looked at.

use std::io::Write;
use std::sync::{Arc, LazyLock};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::super::{Detectors, Digester, Findings};
use super::*;

pub(super) static INSPECTOR: LazyLock<Arc<Inspector>> = LazyLock::new(|| {
    let detectors = Arc::new(Detectors::new(Digester::new(&[7; 32], "k").unwrap()));
    Arc::new(Inspector::new(detectors, Limits::default()))
});

/// Holds an SSN, an e-mail address and a card number.
pub(super) const RECORD: &str =
    r#"{"ssn":"219-45-0001","email":"ann@example.org","card":"4111 1111 1111 1111"}"#;

/// A body, and what is said of it.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) said: (&'static str, &'static str),
    pub(super) body: Vec<u8>,
    /// The layers in which findings are expected.
    pub(super) layer: &'static str,
}

pub(super) fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zlib(octets: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn deflate(octets: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn br(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams::default();
    brotli::BrotliCompress(&mut &octets[..], &mut out, &parameters).unwrap();
    out
}

pub(super) fn zstd(octets: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(octets, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Prose that does not compress to nothing, with a record in the middle.
pub(super) fn long() -> Vec<u8> {
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

fn utf16(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
        .collect()
}

pub(super) fn multipart(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("--XyZ\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XyZ--\r\n");
    body
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(samples);

fn samples() -> Vec<Sample> {
    let record = RECORD.as_bytes();
    let said = |media, coding| (media, coding);
    let form = "multipart/form-data; boundary=XyZ";
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, RECORD);
    let quoted = RECORD.replace('-', "=2D").replace("\"card\"", "\"ca=\r\nrd\"");
    let json = "Content-Disposition: form-data; name=\"a\"; filename=\"a.json\"\r\nContent-Type: application/json";
    let mail = format!(
        "From: a <x@y>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"XyZ\"\r\n\r\nhello\r\n--XyZ\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64}\r\n--XyZ--\r\n"
    );
    let utf32: Vec<u8> = RECORD.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let sample = |name, said, body: Vec<u8>, layer| Sample { name, said, body, layer };
    vec![
        sample("plain", said("", ""), record.to_vec(), ""),
        sample("long", said("", ""), long(), ""),
        sample("gzip", said("", "gzip"), gzip(record), "gzip"),
        sample("gzip, long", said("", "gzip"), gzip(&long()), "gzip"),
        sample("gzip, not said", said("application/json", ""), gzip(record), "gzip"),
        sample(
            "gzip, two members",
            said("", ""),
            [gzip(&record[..30]), gzip(&record[30..])].concat(),
            "gzip",
        ),
        sample(
            "gzip, then text",
            said("", ""),
            [gzip(b"x"), record.to_vec()].concat(),
            "gzip/rest",
        ),
        sample("zlib", said("", "deflate"), zlib(record), "deflate"),
        sample("zlib, not said", said("", ""), zlib(record), "deflate"),
        sample("bare deflate", said("", "deflate"), deflate(record), "deflate"),
        sample("br", said("", "br"), br(record), "br"),
        sample("br, long", said("", "br"), br(&long()), "br"),
        sample("zstd", said("", "zstd"), zstd(record), "zstd"),
        sample("zstd, long", said("", ""), zstd(&long()), "zstd"),
        sample(
            "zstd, two frames",
            said("", ""),
            [zstd(&record[..30]), zstd(&record[30..])].concat(),
            "zstd",
        ),
        sample("gzip of br", said("", "br, gzip"), gzip(&br(record)), "gzip/br"),
        sample("gzip of gzip", said("", "gzip"), gzip(&gzip(record)), "gzip/gzip"),
        sample(
            "utf-16",
            said("", ""),
            [&[0xFF, 0xFE][..], &utf16(RECORD, false)].concat(),
            "utf-16le",
        ),
        sample("utf-16, no mark", said("", ""), utf16(RECORD, true), "utf-16be"),
        sample("utf-32", said("", ""), utf32, "utf-32"),
        sample(
            "latin",
            said("text/plain; charset=iso-8859-1", ""),
            [b"\xE9 ", record].concat(),
            "windows-1252",
        ),
        sample("utf-16 in gzip", said("", "gzip"), gzip(&utf16(RECORD, false)), "gzip/utf-16le"),
        sample(
            "multipart",
            said(form, ""),
            multipart(&[("", b"one"), (json, record)]),
            "multipart[1]",
        ),
        sample(
            "multipart, not said",
            said("text/plain", ""),
            multipart(&[(json, record)]),
            "multipart[0]",
        ),
        sample(
            "multipart, other boundary",
            said("multipart/mixed; boundary=other", ""),
            multipart(&[(json, record)]),
            "multipart[0]",
        ),
        sample(
            "before multipart",
            said(form, ""),
            [record, b"\r\n", &multipart(&[(json, b"x")])].concat(),
            "",
        ),
        sample(
            "after multipart",
            said(form, ""),
            [&multipart(&[(json, b"x")]), record].concat(),
            "",
        ),
        sample(
            "gzip in multipart",
            said(form, ""),
            multipart(&[(json, &gzip(record))]),
            "multipart[0]/gzip",
        ),
        sample(
            "multipart in gzip",
            said(form, "gzip"),
            gzip(&multipart(&[(json, record)])),
            "gzip/multipart[0]",
        ),
        sample(
            "base64 part",
            said("multipart/mixed; boundary=XyZ", ""),
            multipart(&[("Content-Transfer-Encoding: base64", base64.as_bytes())]),
            "multipart[0]/base64",
        ),
        sample(
            "quoted part",
            said("multipart/mixed; boundary=XyZ", ""),
            multipart(&[("Content-Transfer-Encoding: quoted-printable", quoted.as_bytes())]),
            "multipart[0]/quoted-printable",
        ),
        sample("mail", said("", ""), mail.into_bytes(), "mail/multipart[0]/base64"),
        sample(
            "binary",
            said("image/png", ""),
            [&[0x89, 0, 1, 2, 3, 4][..], record, &[0, 7, 7]].concat(),
            "strings",
        ),
    ]
}

pub(super) fn inspection(said: (&str, &str)) -> Inspection {
    let some = |text: &'static str| (!text.is_empty()).then_some(text);
    let (media, coding) = (said.0.to_owned().leak(), said.1.to_owned().leak());
    let described = Described {
        content_type: some(media),
        content_encoding: some(coding),
        ..Described::default()
    };
    Inspection::new(&INSPECTOR, &described)
}

fn whole(sample: &Sample) -> Findings {
    let mut inspection = inspection(sample.said);
    inspection.push(&sample.body);
    inspection.finish()
}

/// Pushes pieces; what was let go holds nothing that was not known by then.
fn pieces(sample: &Sample, cuts: &[usize], leaks: bool) -> Findings {
    let mut inspection = inspection(sample.said);
    let mut before = 0;
    for pair in cuts.windows(2) {
        inspection.push(&sample.body[pair[0]..pair[1]]);
        let decided = inspection.decided();
        let pushed = u64::try_from(pair[1]).unwrap();
        assert!(
            before <= decided && decided <= pushed,
            "{}: {before} {decided} {pushed}",
            sample.name
        );
        if leaks && decided > before {
            let mut gone = super::tests::inspection(sample.said);
            gone.push(&sample.body[..usize::try_from(decided).unwrap()]);
            let (known, gone) = (inspection.tags(), gone.finish());
            for tag in gone.tags().iter().filter(|tag| !tag.as_str().starts_with("uninspectable")) {
                assert!(
                    known.iter().any(|one| one == tag),
                    "{}: {tag} went at {decided}",
                    sample.name
                );
            }
        }
        before = decided;
    }
    inspection.finish()
}

fn sorted(findings: &Findings) -> (Vec<String>, String) {
    let kept: Vec<_> = findings.kept().iter().map(|one| format!("{one:?}")).collect();
    (kept, format!("{:?}", findings.sums()))
}

#[test]
fn every_layer_is_looked_into() {
    for sample in &*SAMPLES {
        let findings = whole(sample);
        let found = findings.kept().iter().filter(|one| one.layer.as_str() == sample.layer);
        let mut found: Vec<_> = found.map(|one| &*one.detector).collect();
        found.sort_unstable();
        let all: Vec<_> =
            findings.kept().iter().map(|one| (&*one.detector, one.layer.as_str())).collect();
        assert_eq!(found, ["credit_card", "email_address", "us_ssn"], "{}: {all:?}", sample.name);
        let unread = findings.tags().iter().any(|tag| tag.as_str().starts_with("uninspectable"));
        assert!(!unread, "{}: {:?}", sample.name, findings.tags());
    }
}

#[test]
fn every_cut_gives_the_same() {
    for sample in &*SAMPLES {
        let expected = sorted(&whole(sample));
        let length = sample.body.len();
        let step = if length > 2_000 { 487 } else { 1 };
        for cut in (0..length).step_by(step) {
            let parts = pieces(sample, &[0, cut, length], false);
            assert_eq!(sorted(&parts), expected, "{} cut at {cut}", sample.name);
        }
        let single: Vec<_> = (0..=length).collect();
        assert_eq!(sorted(&pieces(sample, &single, length < 2_000)), expected, "{}", sample.name);
        let some: Vec<_> = (0..length).step_by(700).chain([length]).collect();
        assert_eq!(sorted(&pieces(sample, &some, true)), expected, "{}", sample.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_pieces_give_the_same(
        which in 0..SAMPLES.len(),
        cuts in proptest::collection::vec(0_usize..40_000, 0..12),
    ) {
        let sample = &SAMPLES[which];
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(sample.body.len())).collect();
        cuts.extend([0, sample.body.len()]);
        cuts.sort_unstable();
        prop_assert_eq!(sorted(&pieces(sample, &cuts, true)), sorted(&whole(sample)));
    }
}
