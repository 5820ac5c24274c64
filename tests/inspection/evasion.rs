//! Ways to get a value past an inspection: each row says that it is found all the same, or by
//! which tag it is told that it could not be looked at.

use std::sync::Arc;

use borderpost::data::{Described, Detectors, Digester, Inspection, Inspector, Limits};

use crate::make::Kept::{Deflated, Encrypted, Odd, Stored};
use crate::make::{
    RECORD, base64, br, compound, deflate, frame, gzip, hex, long, message, multipart, pdf, tar,
    utf16, zip, zlib, zstd,
};

/// What is said of the body, the body, and what must be told.
type Row = (&'static str, (&'static str, &'static str), Vec<u8>, &'static str);

/// As they are by default, but for the size, so that a test need not make 64 MiB.
const LIMITS: Limits = Limits { depth: 5, ratio: 200, expanded: 4 << 20, parts: 10_000 };

const SSN: &str = "id.government.ssn";

fn told(said: (&'static str, &'static str), body: &[u8]) -> Vec<String> {
    let detectors = Arc::new(Detectors::new(Digester::new(&[7; 32], "k").unwrap()));
    let inspector = Arc::new(Inspector::new(detectors, LIMITS));
    let some = |text: &'static str| (!text.is_empty()).then_some(text);
    let described = Described {
        content_type: some(said.0),
        content_encoding: some(said.1),
        ..Described::default()
    };
    let mut inspection = Inspection::new(&inspector, &described);
    body.chunks(1_500).for_each(|piece| inspection.push(piece));
    inspection.finish().tags().iter().map(ToString::to_string).collect()
}

#[track_caller]
fn hold(rows: Vec<Row>) {
    let missed: Vec<_> = rows
        .into_iter()
        .filter_map(|(name, said, body, wanted)| {
            let tags = told(said, &body);
            let missing = !tags.iter().any(|tag| tag == wanted);
            missing.then(|| format!("{name}: {wanted} is not among {tags:?}"))
        })
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

const NO: (&str, &str) = ("", "");
const JSON: (&str, &str) = ("application/json", "");
const GRPC: (&str, &str) = ("application/grpc", "");
const PROTOBUF: (&str, &str) = ("application/x-protobuf", "");
const FORM: (&str, &str) = ("multipart/form-data; boundary=XyZ", "");

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// Every octet written in another way.
fn each(value: &str, write: impl Fn(u8) -> String) -> String {
    value.bytes().map(write).collect::<Vec<_>>().concat()
}

#[test]
fn writings_of_a_value() {
    let full: String =
        "219-45-0001".chars().map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap()).collect();
    let arabic: String = "219450001"
        .chars()
        .map(|c| char::from_u32(c.to_digit(10).unwrap() + 0x660).unwrap())
        .collect();
    let percent = each("219-45-0001", |byte| format!("%{byte:02X}"));
    let unicode = each("219-45-0001", |byte| format!("\\u{byte:04x}"));
    let entities = each("219-45-0001", |byte| format!("&#{byte};"));
    let invisible: String = "219-45-0001".chars().flat_map(|c| [c, '\u{200B}']).collect();
    hold(vec![
        ("full-width digits", JSON, text(&format!("{{\"ssn\":\"{full}\"}}")), SSN),
        ("Arabic-Indic digits", JSON, text(&format!("{{\"ssn\":\"{arabic}\"}}")), SSN),
        ("percent-encoded", NO, text(&format!("ssn={percent}&x=1")), SSN),
        (
            "percent-encoded twice",
            NO,
            text(&format!("ssn={}&x=1", percent.replace('%', "%25"))),
            SSN,
        ),
        ("blanks of Latin-1", NO, b"ssn 219\xA045\xA00001".to_vec(), SSN),
        ("percent-encoded in JSON", JSON, text(&format!("{{\"ssn\":\"{percent}\"}}")), SSN),
        ("escapes of JSON", JSON, text(&format!("{{\"ssn\":\"{unicode}\"}}")), SSN),
        ("entities", NO, text(&format!("<p>ssn: {entities}</p>")), SSN),
        ("invisible characters", JSON, text(&format!("{{\"ssn\":\"{invisible}\"}}")), SSN),
        ("case of the key", JSON, text("{\"SSN\":\"219450001\"}"), SSN),
        ("key in an escape", JSON, text("{\"s\\u0073n\":\"219450001\"}"), SSN),
        ("comments", JSON, text("{/* x */\"ssn\":/* y */ \"219-45-0001\"}"), SSN),
        ("duplicate keys", JSON, text("{\"ssn\":\"219-45-0001\",\"ssn\":\"none\"}"), SSN),
        ("en dashes", NO, text("ssn 219\u{2013}45\u{2013}0001"), SSN),
        ("blanks that do not break", NO, text("ssn 219\u{A0}45\u{A0}0001"), SSN),
        ("a byte order mark", JSON, text("\u{FEFF}{\"ssn\":\"219-45-0001\"}"), SSN),
        ("JSON in JSON", JSON, text("{\"a\":\"{\\\"ssn\\\":\\\"219-45-0001\\\"}\"}"), SSN),
        ("after a megabyte", NO, [vec![b' '; 1 << 20], text("ssn 219-45-0001")].concat(), SSN),
    ]);
}

#[test]
fn codings_and_charsets() {
    let record = RECORD.as_bytes();
    let many = (0..6).fold(record.to_vec(), |inner, _| gzip(&inner));
    let bomb = gzip(&vec![b' '; 3 << 20]);
    let utf7 = ("text/plain; charset=utf-7", "");
    let large = gzip(
        &(0..250_000_u32)
            .flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_string().into_bytes())
            .collect::<Vec<_>>(),
    );
    let whole = gzip(&long());
    hold(vec![
        ("gzip", ("application/json", "gzip"), gzip(record), SSN),
        ("gzip, not said", JSON, gzip(record), SSN),
        ("zlib, not said", JSON, zlib(record), SSN),
        ("zstd, not said", JSON, zstd(record), SSN),
        ("gzip twice", ("", "gzip"), gzip(&gzip(record)), SSN),
        ("gzip, then br", ("", "gzip, br"), br(&gzip(record)), SSN),
        ("two members", NO, [gzip(b"x"), gzip(record)].concat(), SSN),
        ("text after gzip", ("", "gzip"), [gzip(b"x"), record.to_vec()].concat(), SSN),
        ("bare deflate", ("", "deflate"), deflate(record), SSN),
        ("six layers", NO, many, "uninspectable.depth"),
        ("many codings", ("", "br, br, br"), br(&br(&br(record))), "uninspectable.depth"),
        ("a bomb", NO, bomb, "uninspectable.ratio"),
        ("more than fits", NO, [large.clone(), large].concat(), "uninspectable.too-large"),
        ("cut gzip", NO, whole[..whole.len() / 2].to_vec(), "uninspectable.broken"),
        ("gzip that is none", ("", "gzip"), record.to_vec(), "uninspectable.broken"),
        ("br that is none", ("", "br"), record.to_vec(), "uninspectable.broken"),
        ("an unknown coding", ("", "exi"), record.to_vec(), "uninspectable.encoding"),
        ("an unknown coding of text", ("", "exi"), record.to_vec(), SSN),
        ("xz", NO, b"\xFD7zXZ\0\0\x04".to_vec(), "uninspectable.encoding"),
        ("UTF-16", JSON, utf16(RECORD, true), SSN),
        (
            "UTF-16 that is said, and is none",
            ("text/plain; charset=utf-16", ""),
            record.to_vec(),
            SSN,
        ),
        ("br, not said, of JSON", JSON, br(record), "uninspectable.encoding"),
        ("br, not said, of text", ("text/plain", ""), br(&long()), "uninspectable.encoding"),
        ("UTF-7", utf7, text("ssn +ADIAMQA5-45-0001"), "uninspectable.encoding"),
        ("OpenPGP", NO, text("-----BEGIN PGP MESSAGE-----\n\nabc"), "uninspectable.encrypted"),
    ]);
}

#[test]
fn parts_and_runs() {
    let record = RECORD.as_bytes();
    let quoted =
        "Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: quoted-printable";
    let field = "Content-Disposition: form-data; name=\"ssn\"";
    let file = "Content-Disposition: form-data; name=\"f\"; filename=\"a.json\"";
    let encoded = format!("{{\"file\":\"{}\"}}", base64(record));
    let form = base64(record).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    hold(vec![
        ("a field of a form", FORM, multipart(&[(field, b"219450001")]), SSN),
        ("multipart, said to be JSON", JSON, multipart(&[(file, record)]), SSN),
        ("JSON, said to be multipart", FORM, record.to_vec(), SSN),
        ("JSON, said to be a picture", ("image/png", ""), record.to_vec(), SSN),
        (
            "another boundary",
            ("multipart/mixed; boundary=no", ""),
            multipart(&[(file, record)]),
            SSN,
        ),
        ("before the parts", FORM, [record, b"\r\n", &multipart(&[(file, b"x")])].concat(), SSN),
        ("after the parts", FORM, [&multipart(&[(file, b"x")]), record].concat(), SSN),
        (
            "in the head of a part",
            FORM,
            multipart(&[(
                "Content-Disposition: form-data; name=\"f\"; filename=\"ssn 219-45-0001\"",
                b"x",
            )]),
            SSN,
        ),
        ("quoted-printable", FORM, multipart(&[(quoted, b"ssn 219=2D45=2D00=\r\n01")]), SSN),
        ("quoted-printable that is none", FORM, multipart(&[(quoted, b"ssn=219-45-0001")]), SSN),
        (
            "gzip in multipart in gzip",
            ("multipart/form-data; boundary=XyZ", "gzip"),
            gzip(&multipart(&[(file, &gzip(record))])),
            SSN,
        ),
        ("base64 in JSON in multipart", FORM, multipart(&[(file, encoded.as_bytes())]), SSN),
        ("base64 in a form", NO, text(&format!("a=1&f={form}")), SSN),
        (
            "base64url",
            NO,
            text(&format!("t.{}.x", base64(record).replace('+', "-").replace('/', "_"))),
            SSN,
        ),
        ("hexadecimal", JSON, text(&format!("{{\"x\":\"{}\"}}", hex(record))), SSN),
        (
            "zip in base64",
            JSON,
            text(&format!("{{\"x\":\"{}\"}}", base64(&zip(&[("a", record, Deflated)])))),
            SSN,
        ),
        ("text among zeros", NO, [&[0, 1, 2, 3][..], record, &[0; 9]].concat(), SSN),
    ]);
}

#[test]
fn chunks_with_signatures() {
    let record = RECORD.as_bytes();
    let chunked = |octets: &[u8], size: usize| {
        let signed = format!(";chunk-signature={}\r\n", "a1".repeat(32));
        let mut body = Vec::new();
        for chunk in octets.chunks(size).chain([&[][..]]) {
            body.extend_from_slice(format!("{:x}{signed}", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body
    };
    let unsigned = |octets: &[u8]| {
        let head = format!("{:x}\r\n", octets.len()).into_bytes();
        [&head, octets, b"\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"].concat()
    };
    let aws = ("", "aws-chunked");
    let within = "uninspectable.broken";
    hold(vec![
        ("chunks within a value", aws, chunked(record, 4), SSN),
        ("chunks that are not said", NO, chunked(record, 4), SSN),
        ("gzip in chunks", aws, chunked(&gzip(record), 9), SSN),
        ("gzip in chunks, said", ("", "gzip,aws-chunked"), chunked(&gzip(record), 9), SSN),
        ("chunks of gzip, said", ("", "aws-chunked, gzip"), chunked(&gzip(record), 9), SSN),
        ("zip without signatures", aws, unsigned(&zip(&[("a", record, Deflated)])), SSN),
        ("a head of a chunk", aws, text("1;x=ssn 219-45-0001\r\na\r\n0\r\n\r\n"), SSN),
        ("a trailer", aws, text("0\r\nx-ssn: 219-45-0001\r\n\r\n"), SSN),
        ("chunks that are none", aws, record.to_vec(), within),
        ("text after chunks that are none", aws, record.to_vec(), SSN),
        ("text after chunks", aws, [&chunked(b"x", 1), record].concat(), SSN),
        ("cut chunks", aws, chunked(record, 4)[..300].to_vec(), within),
        ("chunks without an end", aws, b"1\r\na\r\n".to_vec(), within),
    ]);
}

#[test]
fn archives_documents_and_messages() {
    let record = RECORD.as_bytes();
    let nested = (0..6).fold(record.to_vec(), |inner, _| zip(&[("a.zip", &inner, Stored)]));
    let many: Vec<_> = (0..10_001).map(|_| ("a", &b"x"[..], Stored)).collect();
    let runs = "<w:p><w:r><w:t>ssn 219-4</w:t></w:r><w:r><w:t>5-0001</w:t></w:r></w:p>";
    let word = zip(&[("word/document.xml", runs.as_bytes(), Deflated)]);
    let attribute = zip(&[("word/document.xml", b"<w:t a=\"ssn 219-45-0001\"/>", Deflated)]);
    let manifest = zip(&[("META-INF/manifest.xml", b"<manifest:encryption-data/>", Deflated)]);
    let page = b"BT (ssn 219-4) Tj [(5-0) 9 (001)] TJ ET";
    let sealed = [("<</Type/Catalog>>", None), ("<</Encrypt 9 0 R>>", None)];
    let numbered = [("<</Type/Font/Subtype/Type0/Encoding/Identity-H>>", None)];
    let lzw = [("<</Filter/LZWDecode>>", Some(&b"x"[..]))];
    let cut = zip(&[("a", record, Stored)]);
    hold(vec![
        ("zip", NO, zip(&[("a", record, Deflated)]), SSN),
        ("zip in zip", NO, zip(&[("a", &zip(&[("b", record, Deflated)]), Deflated)]), SSN),
        ("a name in zip", NO, zip(&[("ssn 219-45-0001.txt", b"x", Stored)]), SSN),
        ("encrypted zip", NO, zip(&[("a", record, Encrypted)]), "uninspectable.encrypted"),
        ("an odd method", NO, zip(&[("a", record, Odd)]), "uninspectable.encoding"),
        ("six archives", NO, nested, "uninspectable.depth"),
        ("too many members", NO, zip(&many), "uninspectable.parts"),
        ("cut zip", NO, cut[..60].to_vec(), "uninspectable.broken"),
        ("tar", NO, tar(&[("a", b'0', record)]), SSN),
        ("tar in gzip", NO, gzip(&tar(&[("a", b'0', record)])), SSN),
        ("runs of Word", NO, word, SSN),
        ("attributes of Word", NO, attribute, SSN),
        ("encrypted OpenDocument", NO, manifest, "uninspectable.encrypted"),
        (
            "encrypted Office",
            NO,
            compound(&["EncryptionInfo", "EncryptedPackage"], ""),
            "uninspectable.encrypted",
        ),
        ("Office before 2007", NO, compound(&["WordDocument"], " ssn 219-45-0001 "), SSN),
        ("PDF", NO, pdf(&[("<</Filter/FlateDecode>>", Some(&zlib(page)))]), SSN),
        ("encrypted PDF", NO, pdf(&sealed), "uninspectable.encrypted"),
        ("numbered fonts of PDF", NO, pdf(&numbered), "uninspectable.encoding"),
        ("another filter of PDF", NO, pdf(&lzw), "uninspectable.encoding"),
    ]);
}

#[test]
fn calls() {
    let record = RECORD.as_bytes();
    let page = zlib(b"BT (ssn 219-45-0001) Tj ET");
    hold(vec![
        ("gRPC", ("application/grpc", ""), frame(0, &message("ssn 219-45-0001")), SSN),
        (
            "gRPC in gzip",
            ("application/grpc", ""),
            frame(1, &gzip(&message("ssn 219-45-0001"))),
            SSN,
        ),
        (
            "gRPC in something",
            ("application/grpc", ""),
            frame(1, b"\xFF\x06\0\0abc"),
            "uninspectable.encoding",
        ),
        ("gRPC of text", GRPC, frame(0, b"ssn 219-45-0001"), SSN),
        ("gRPC of JSON", GRPC, frame(0, record), SSN),
        ("gRPC in gzip that is not said", GRPC, frame(0, &gzip(record)), SSN),
        (
            "gRPC with odd flags",
            GRPC,
            [frame(0, b""), frame(6, b"x")].concat(),
            "uninspectable.broken",
        ),
        ("text, said to be protobuf", PROTOBUF, text("ssn 219-45-0001"), SSN),
        (
            "text with a blank, said to be protobuf",
            PROTOBUF,
            text(" {\"ssn\":\"219-45-0001\"}"),
            SSN,
        ),
        (
            "CSV, said to be protobuf",
            PROTOBUF,
            text("name,ssn\nx,219-45-0001\ny,219-45-0002\n"),
            "id.government.ssn",
        ),
        (
            "multipart, said to be gRPC",
            GRPC,
            multipart(&[("Content-Transfer-Encoding: quoted-printable", b"ssn 219=2D45=2D0001")]),
            SSN,
        ),
        ("PDF, said to be gRPC", GRPC, pdf(&[("<</Filter/FlateDecode>>", Some(&page))]), SSN),
        (
            "cut gRPC",
            ("application/grpc", ""),
            frame(0, record)[..9].to_vec(),
            "uninspectable.broken",
        ),
    ]);
}

#[test]
fn markup_within_a_value() {
    let html = ("text/html; charset=utf-8", "");
    let long = "<p>the quick <b>brown</b> fox</p>\n".repeat(90);
    hold(vec![
        ("empty elements", html, text("<p>ssn 219-<b></b>45-<i></i>0001</p>"), SSN),
        ("elements", html, text("<p>ssn <b>219</b>-45-0<span class=x>001</span></p>"), SSN),
        ("a comment", html, text("<p>ssn 219-45<!-- a > b -->-0001</p>"), SSN),
        ("a comment in XML", NO, text("<a><ssn>219-4<!-- x -->5-0001</ssn></a>"), SSN),
        ("after much else", NO, text(&format!("{long}<p>ssn 219-45<b>-</b>0001")), SSN),
        (
            "in a long text",
            html,
            text(&format!("a < b {}ssn 219-45<b>-</b>0001", "x ".repeat(900))),
            SSN,
        ),
    ]);
}

#[test]
fn a_magic_hides_nothing() {
    let json = "{\"note\":\"%PDF-\",\"ssn\":\"219-45-0001\"}";
    let csv = "file,ssn\nx %PDF-,219-45-0001\ny,219-45-0002\n";
    let form = ("application/x-www-form-urlencoded", "");
    let (object, end) = ("1 0 obj\n<<>>\nendobj\n", "%%EOF\n");
    hold(vec![
        ("JSON that names PDF", JSON, text(json), SSN),
        ("a form that names PDF", form, text("a=%PDF-&ssn=219-45-0001"), SSN),
        ("CSV that names PDF", NO, text(csv), SSN),
        ("text that begins like PDF", NO, text("%PDF- hi, ssn 219-45-0001"), SSN),
        ("before PDF", NO, text(&format!("ssn 219-45-0001\n%PDF-1.4\n{object}{end}")), SSN),
        ("a comment of PDF", NO, text(&format!("%PDF-1.4\n% ssn 219-45-0001\n{object}{end}")), SSN),
        ("after PDF", NO, text(&format!("%PDF-1.4\n{object}{end}ssn 219-45-0001")), SSN),
        (
            "a stream of PDF that is text",
            NO,
            text(&format!("%PDF-1.4\n1 0 obj\n<<>>\nstream\nssn 219-45-0001\nendstream\n{end}")),
            SSN,
        ),
    ]);
}

#[test]
fn a_mark_hides_nothing() {
    let plain = "ssn 219-45-0001";
    let little = utf16(plain, false);
    let long = "the quick brown fox jumps over the lazy dog\n".repeat(21).into_bytes();
    let marked = |mark: &[u8], rest: &[u8]| [mark, rest].concat();
    hold(vec![
        ("UTF-8 after FF FE", NO, marked(b"\xFF\xFE", plain.as_bytes()), SSN),
        ("JSON after FF FE", JSON, marked(b"\xFF\xFE", RECORD.as_bytes()), SSN),
        ("UTF-8 after FF FE 00 00", NO, marked(b"\xFF\xFE\0\0", plain.as_bytes()), SSN),
        ("UTF-16LE after FE FF", NO, marked(b"\xFE\xFF", &little), SSN),
        ("UTF-16LE after FF FE 00 00", NO, marked(b"\xFF\xFE\0\0", &little), SSN),
        ("UTF-8 after UTF-16", NO, marked(&utf16("hello, you", false), plain.as_bytes()), SSN),
        ("UTF-16 after UTF-8", NO, marked(&long, &little), SSN),
        ("UTF-16BE after UTF-8", NO, marked(&long, &utf16(plain, true)), SSN),
    ]);
}

#[test]
fn what_lies_behind_something_else() {
    let record = RECORD.as_bytes();
    let long = "the quick brown fox jumps over the lazy dog\n".repeat(21).into_bytes();
    let noise: Vec<u8> =
        (0..600_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    let archive = zip(&[("a.txt", record, Deflated)]);
    let latin = ("text/plain; charset=iso-8859-1", "");
    let behind = |before: &[u8], rest: &[u8]| [before, rest].concat();
    let named = |flag: u8, name: &[u8]| {
        let mut all = gzip(record);
        all[3] = flag;
        all.splice(10..10, name.iter().copied());
        all
    };
    let skipped = |text: &[u8]| {
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        [b"\x53\x2A\x4D\x18", &length[..], text].concat()
    };
    let header = |flag: u8, name: &[u8]| {
        let mut all = gzip(b"x");
        all[3] = flag;
        all.splice(10..10, name.iter().copied());
        all
    };
    let field = b"\x0F\0ssn 219-45-0001";
    hold(vec![
        ("a name in gzip", NO, header(8, b"ssn 219-45-0001\0"), SSN),
        ("a name in gzip that is said", ("", "gzip"), header(8, b"ssn 219-45-0001\0"), SSN),
        ("a comment in gzip", NO, header(16, b"ssn 219-45-0001\0"), SSN),
        ("a field in gzip", NO, header(4, field), SSN),
        (
            "a name in a second gzip",
            NO,
            [gzip(b"x"), header(8, b"ssn 219-45-0001\0")].concat(),
            SSN,
        ),
        ("a frame that is skipped", NO, skipped(b"ssn 219-45-0001"), SSN),
        ("skipped after zstd", NO, [zstd(b"x"), skipped(b"ssn 219-45-0001")].concat(), SSN),
    ]);
    let bait = b"\x1F\x8B\x08 PK\x03\x04 \x28\xB5\x2F\xFD ";
    hold(vec![
        ("gzip after a line", NO, behind(b"hello\n", &gzip(record)), SSN),
        ("gzip after a zero", NO, behind(b"\0", &gzip(record)), SSN),
        ("gzip after its length", NO, behind(b"\0\0\0\x50", &gzip(record)), SSN),
        ("gzip after text", NO, behind(&long, &gzip(record)), SSN),
        ("gzip with a name after text", NO, behind(&long, &named(8, b"name\0")), SSN),
        ("gzip with more after text", NO, behind(&long, &named(4, b"\x03\0abc")), SSN),
        ("gzip after Latin text", latin, behind(&long, &gzip(record)), SSN),
        ("gzip after UTF-16", NO, behind(&utf16("hello, you", false), &gzip(record)), SSN),
        ("gzip after octets", NO, behind(&noise, &gzip(record)), SSN),
        ("gzip after what is none", NO, behind(&behind(&noise, bait), &gzip(record)), SSN),
        ("zstd after octets", NO, behind(&noise, &zstd(record)), SSN),
        ("zip after octets", NO, behind(&noise, &archive), SSN),
        ("zip after a picture", ("image/gif", ""), behind(b"GIF89a\0\0\0", &archive), SSN),
        ("gzip after zip", NO, behind(&zip(&[("a", b"x", Stored)]), &gzip(record)), SSN),
        ("gzip after PDF", NO, behind(&pdf(&[("<<>>", None)]), &gzip(record)), SSN),
    ]);
}

#[test]
fn what_is_clean_is_not_said_to_be_unread() {
    let digest = |n: u32| format!("\"{:064x}\",", n.wrapping_mul(2_654_435_761));
    let digests = (0..500).map(digest).collect::<Vec<_>>().concat();
    let picture: Vec<u8> =
        (0..9_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    for (name, said, body) in [
        ("text", NO, long().into_iter().filter(|byte| *byte != b'@').collect()),
        ("digests", JSON, text(&format!("[{digests}0]"))),
        ("a picture", ("image/png", ""), [b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", &picture[..]].concat()),
        ("a picture in base64", JSON, text(&format!("{{\"x\":\"{}\"}}", base64(&picture)))),
        ("nothing", ("application/json", "gzip"), Vec::new()),
        ("chunks", ("", "aws-chunked"), text("3\r\nabc\r\n0\r\na: b\r\n\r\n")),
        ("no chunks", ("", "aws-chunked"), Vec::new()),
        ("empty parts", FORM, multipart(&[("", b"")])),
    ] {
        let tags = told(said, &body);
        let unread: Vec<_> = tags.iter().filter(|tag| tag.starts_with("uninspectable")).collect();
        assert!(unread.is_empty(), "{name}: {unread:?}");
    }
}
