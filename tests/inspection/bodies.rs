//! Bodies in which the same record lies within layers of every kind.

use crate::make::Kept::{After, Deflated, Stored, StoredAfter};
use crate::make::{self, RECORD, br, deflate, gzip, long, multipart, utf16, zlib, zstd};

/// A body, and what is said of it.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    /// `Content-Type` and `Content-Encoding`.
    pub(crate) said: (&'static str, &'static str),
    pub(crate) body: Vec<u8>,
    /// The layer in which the record lies.
    pub(crate) layer: &'static str,
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn samples() -> Vec<Sample> {
    let record = RECORD.as_bytes();
    let said = |media, coding| (media, coding);
    let form = "multipart/form-data; boundary=XyZ";
    let base64 = make::base64(record);
    let word = "<w:p><w:t>ssn 219-</w:t><w:t>45-0001, ann@exam</w:t><w:t>ple.org</w:t></w:p><w:p><w:t>4111 1111 1111 1111</w:t></w:p>";
    let page = b"BT [(ssn 219) 10 (-45-0001)] TJ 0 -12 Td <616E6E> Tj (@example\\056org) Tj T* (4111 1111 1111 1111) Tj ET";
    let info =
        "<</Author (ssn 219-45-0001) /Title (ann@example.org) /Subject (4111 1111 1111 1111)>>";
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
        sample(
            "base64 in JSON",
            said("", ""),
            format!("{{\"file\":\"{base64}\"}}").into_bytes(),
            "base64[0]",
        ),
        sample(
            "base64 with escapes",
            said("", ""),
            format!("{{\"file\":\"{}\"}}", base64.replace('O', "\\u004f")).into_bytes(),
            "base64[0]",
        ),
        sample(
            "base64 in lines",
            said("", ""),
            format!(
                "x: \n{}\n",
                base64
                    .as_bytes()
                    .chunks(64)
                    .map(|l| String::from_utf8_lossy(l).into_owned())
                    .collect::<Vec<_>>()
                    .join("\n ")
            )
            .into_bytes(),
            "base64[0]",
        ),
        sample(
            "data URI",
            said("", ""),
            format!("<img src=\"data:x;base64,{base64}\">").into_bytes(),
            "base64[0]",
        ),
        sample(
            "base64 after a path",
            said("", ""),
            format!("see /a/{base64}.").into_bytes(),
            "base64[0]",
        ),
        sample("hex", said("", ""), format!("f={}", make::hex(record)).into_bytes(), "hex[0]"),
        sample(
            "gzip in base64",
            said("", ""),
            format!("[\"{}\"]", make::base64(&gzip(record))).into_bytes(),
            "base64[0]/gzip",
        ),
        sample(
            "base64 in base64",
            said("", ""),
            make::base64(format!("a {base64}").as_bytes()).into_bytes(),
            "base64[0]/base64[0]",
        ),
        sample(
            "zip",
            said("", ""),
            make::zip(&[("a.txt", b"x", Stored), ("b.json", record, Deflated)]),
            "zip[1]",
        ),
        sample("zip, stored", said("", ""), make::zip(&[("b.json", record, Stored)]), "zip[0]"),
        sample(
            "zip, sizes after",
            said("", ""),
            make::zip(&[("a.txt", b"x", After), ("b.json", record, After)]),
            "zip[1]",
        ),
        sample(
            "zip, stored, sizes after",
            said("", ""),
            make::zip(&[("a", b"PPK\x07\x08PK\x07", StoredAfter), ("b.json", record, StoredAfter)]),
            "zip[1]",
        ),
        sample(
            "zip in zip",
            said("", ""),
            make::zip(&[("b.zip", &make::zip(&[("c", record, Deflated)]), Stored)]),
            "zip[0]/zip[0]",
        ),
        sample(
            "docx",
            said("", ""),
            make::zip(&[
                ("[Content_Types].xml", b"<Types/>", Deflated),
                ("word/document.xml", word.as_bytes(), Deflated),
            ]),
            "zip[1]",
        ),
        sample(
            "tar",
            said("", ""),
            make::tar(&[
                ("a.txt", b'0', b"x"),
                ("x", b'x', b"12 path=abc\n"),
                ("b.json", b'0', record),
            ]),
            "tar[1]",
        ),
        sample(
            "tar in gzip",
            said("", ""),
            gzip(&make::tar(&[("b.json", b'0', record)])),
            "gzip/tar[0]",
        ),
        sample("protobuf", said("application/x-protobuf", ""), make::message(RECORD), "protobuf"),
        sample(
            "grpc",
            said("application/grpc", ""),
            [make::frame(0, b""), make::frame(0, &make::message(RECORD))].concat(),
            "grpc[1]",
        ),
        sample(
            "grpc, coded",
            said("application/grpc+proto", ""),
            make::frame(1, &gzip(&make::message(RECORD))),
            "grpc[0]/gzip",
        ),
        sample(
            "ole",
            said("", ""),
            make::compound(&["WordDocument"], &format!(" {RECORD}")),
            "ole/strings",
        ),
        sample(
            "pdf",
            said("", ""),
            make::pdf(&[
                ("<</Type/Catalog>>", None),
                ("<</Length 9 /Filter /FlateDecode>>", Some(&zlib(page))),
            ]),
            "pdf/stream[0]",
        ),
        sample(
            "pdf, not packed",
            said("", ""),
            make::pdf(&[("<</Length 9>>", Some(page)), ("<</Subtype/Image>>", Some(b"endstrea"))]),
            "pdf/stream[0]",
        ),
        sample("pdf, info", said("", ""), make::pdf(&[(info, None)]), "pdf"),
        sample(
            "pdf, embedded",
            said("", ""),
            make::pdf(&[("<</Type /EmbeddedFile>>", Some(&gzip(record)))]),
            "pdf/stream[0]/file/gzip",
        ),
    ]
}
