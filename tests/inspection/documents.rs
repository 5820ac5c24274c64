//! Labels of documents, fields that a map knows, and what a type says: how they stand beside what
//! else is found in a body.

use std::sync::Arc;

use borderpost::data::{
    Described, Detectors, Digester, FieldMap, FieldRow, Findings, Group, Inspection, Inspector,
    LabelRules, Limits, PathPattern, Pointer, Tag,
};
use borderpost::net::HostPattern;

use crate::make::Kept::Stored;
use crate::make::{pdf, tar, utf16, zip};

const ID: &str = "11111111-2222-3333-4444-555555555555";

fn inspector() -> Arc<Inspector> {
    let row = |pointer: &str| FieldRow {
        host: HostPattern::parse("api.acme.example").unwrap(),
        path: PathPattern::parse("/people").unwrap(),
        pointer: Pointer::parse(pointer).unwrap(),
        tag: Tag::parse("pi.name").unwrap(),
    };
    let detectors = Arc::new(Detectors::new(Digester::new(&[7; 32], "k").unwrap()));
    let rows = ["/name", "/*/name", "/p/q/name"].map(row);
    let inspector = Inspector::new(detectors, Limits::default()).with_fields(FieldMap::new(rows));
    Arc::new(inspector.with_labels(LabelRules::default()))
}

/// What is found in a body, which is the same for every cut.
fn found(media: &str, body: &[u8]) -> Findings {
    let inspector = inspector();
    let read = |size: usize| {
        let content_type = (!media.is_empty()).then_some(media);
        let (host, path) = ("api.acme.example", "/people");
        let described = Described { host, path, content_type, ..Described::default() };
        let mut inspection = Inspection::new(&inspector, &described);
        body.chunks(size).for_each(|piece| inspection.push(piece));
        inspection.finish()
    };
    let whole = read(body.len());
    for size in [1, 7, 4_000, 5_000].into_iter().filter(|size| body.len() / size < 50_000) {
        assert_eq!(read(size), whole, "in pieces of {size}");
    }
    whole
}

fn tags(findings: &Findings) -> Vec<String> {
    findings.tags().iter().map(ToString::to_string).collect()
}

#[test]
fn a_mail_may_begin_with_what_it_is_about() {
    for head in
        ["Subject: x\r\nTo: b\r\n", "X-Any: 1\r\nTo: b\r\nSubject: x\r\n", "To: b\nFrom: a\n"]
    {
        let body = format!("{head}Sensitivity: Private\r\n\r\nhello");
        assert_eq!(tags(&found("", body.as_bytes())), ["label.sensitivity.private"], "{head}");
    }
}

#[test]
fn parts_with_labels_have_names_in_any_case() {
    let name = format!("MSIP_Label_{ID}_Enabled");
    let text = format!("<Properties><property name=\"{name}\"><x>true</x></property></Properties>");
    for part in ["DOCPROPS/Custom.XML", "/docProps/custom.xml"] {
        let body = zip(&[(part, text.as_bytes(), Stored)]);
        assert_eq!(tags(&found("", &body)), [format!("label.msip.{ID}")], "{part}");
    }
    let sealed = b"<manifest:encryption-data/>";
    let body = zip(&[("meta-inf/Manifest.xml", sealed, Stored)]);
    assert_eq!(tags(&found("", &body)), ["uninspectable.encrypted"]);
    let parted = b"<w:t>jo.planted@fi</w:t><w:t>rm.example.com</w:t>";
    let body = zip(&[("/WORD/Document.XML", parted, Stored)]);
    assert_eq!(tags(&found("", &body)), ["id.contact.email"]);
}

/// The tags of each kind of record, and how many records there are of it.
fn records(findings: &Findings) -> Vec<(String, u64)> {
    let name = |tags: &[Tag]| tags.iter().map(Tag::as_str).collect::<Vec<_>>().join("+");
    findings.groups().told().iter().map(|(tags, group)| (name(tags), group.records)).collect()
}

#[test]
fn what_a_map_knows_stands_in_a_record_with_its_values() {
    let person = |n: usize| match n % 3 {
        0 => format!("{{\"name\":\"n{n}\",\"mail\":\"jo{n}.planted@firm.example.com\"}}"),
        1 => format!("{{\"mail\":\"jo{n}.planted@firm.example.com\",\"name\":\"n{n}\"}}"),
        _ => format!("{{\"name\":\"n{n}\"}}"),
    };
    let people: Vec<_> = (0..600).map(person).collect();
    let both = || ("id.contact.email+pi.name".to_owned(), 400);
    let one = || ("pi.name".to_owned(), 200);
    let body = format!("[{}]", people.join(","));
    assert_eq!(records(&found("", body.as_bytes())), [both(), one()]);
    assert_eq!(records(&found("", people.join("\n").as_bytes())), [both(), one()]);
    let body =
        "<p><q><name>Jo</name><m>jo.planted@firm.example.com</m></q><q><name>Al</name></q></p>";
    let apart = [("id.contact.email+pi.name".to_owned(), 1), ("pi.name".to_owned(), 1)];
    assert_eq!(records(&found("", body.as_bytes())), apart);
    let form = found("", b"name=Jo&mail=jo.planted@firm.example.com");
    let whole: Vec<_> = form.groups().whole().map(Tag::as_str).collect();
    assert_eq!(whole, ["id.contact.email", "pi.name"]);
}

#[test]
fn a_label_is_taken_back_in_its_own_document_alone() {
    let labelled = |enabled: &str| {
        let info = format!("/Producer (x) /MSIP_Label_{ID}_Enabled ({enabled})");
        pdf(&[(&info, None)])
    };
    let told = [format!("label.msip.{ID}")];
    let (on, off) = (labelled("true"), labelled("false"));
    assert_eq!(tags(&found("", &on)), told);
    assert!(tags(&found("", &off)).is_empty());
    for (first, second) in [(&on, &off), (&off, &on)] {
        let body = zip(&[("a.pdf", first, Stored), ("b.pdf", second, Stored)]);
        assert_eq!(tags(&found("", &body)), told);
    }
    let mail = |enabled: &str| {
        format!(
            "--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: a\r\nTo: b\r\nmsip_labels: MSIP_Label_{ID}_Enabled={enabled}\r\n\r\nx\r\n"
        )
    };
    let (on, off) = (mail("true"), mail("false"));
    for (first, second) in [(&on, &off), (&off, &on)] {
        let found =
            found("multipart/mixed; boundary=b", format!("{first}{second}--b--").as_bytes());
        assert_eq!(tags(&found), told);
        let at = found.kept().iter().map(|one| one.layer.as_str()).collect::<Vec<_>>();
        assert!(matches!(*at, ["multipart[0]/mail" | "multipart[1]/mail"]), "{at:?}");
    }
}

#[test]
fn a_type_that_is_said_is_a_hint() {
    let imaging = ["health.imaging"];
    let octets: Vec<u8> = (0..=255).cycle().take(9_000).collect();
    for media in ["application/dicom", "Application/DICOM+json; charset=utf-8"] {
        assert_eq!(tags(&found(media, b"{\"00080005\":1}")), imaging, "{media}");
    }
    assert_eq!(tags(&found("application/dicom", &octets)), imaging);
    assert_eq!(tags(&found("application/dicom", &zip(&[("a", b"x", Stored)]))), imaging);
    let related = "multipart/related; type=\"application/dicom\"; boundary=b";
    assert_eq!(tags(&found(related, b"--b\r\n\r\nx\r\n--b--\r\n")), imaging);
    let part = b"--b\r\nContent-Type: application/dicom\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nx\r\n--b--\r\n";
    let parted = found("multipart/form-data; boundary=b", part);
    assert_eq!((tags(&parted), parted.count()), (vec![imaging[0].to_owned()], 1));
    let security = "{\"system\":\"http://hl7.org/fhir/v3/Confidentiality\",\"code\":\"R\"}";
    let long = "x".repeat(9_000);
    let late = format!(
        "{{\"text\":\"{long}\",\"meta\":{{\"security\":[{security}]}},\"resourceType\":\"Patient\"}}"
    );
    assert!(tags(&found("application/json", late.as_bytes())).is_empty());
    let fhir = found("application/fhir+json; fhirVersion=4.0", late.as_bytes());
    assert_eq!(tags(&fhir), ["fhir.confidentiality.r"]);
}

#[test]
fn a_type_that_is_said_hides_nothing() {
    let bodies = ["\n{\"a\": \"\n\n\", \"name\": \"Jo\"}", "{\"a\": 1,\n\n \"name\": \"Jo\"}"];
    for media in [
        "message/rfc822",
        "application/x-protobuf",
        "application/grpc",
        "application/dicom",
        "application/fhir+xml",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=b",
        "text/html; charset=utf-16",
        "image/png",
    ] {
        for body in bodies {
            let tags = tags(&found(media, body.as_bytes()));
            assert!(tags.contains(&"pi.name".to_owned()), "{media}: {tags:?}");
        }
    }
}

/// How many values of addresses there are, how many people they tell of, and how many places.
fn addresses(findings: &Findings) -> (u64, u64, usize) {
    let tag = Tag::parse("id.contact.email").unwrap();
    let groups = findings.groups().told();
    let people = |group: &Group| u64::try_from(group.ids.len()).unwrap() + group.others;
    let places = findings.kept().iter().filter(|one| one.tag == tag).count();
    assert_eq!(u64::try_from(findings.kept().len()).unwrap(), findings.count());
    (findings.sums()[&tag].count, groups.values().map(people).sum(), places)
}

#[test]
fn a_value_in_two_views_of_the_same_is_counted_once() {
    let text = "(jo.planted@firm.example.com )";
    let body = pdf(&[(text, None)]);
    assert_eq!(addresses(&found("", &body)), (1, 1, 2));
    let records: u64 = found("", &body).groups().told().values().map(|one| one.records).sum();
    assert_eq!(records, 1);
    let two = pdf(&[(text, None), ("(al.planted@firm.example.com)", None)]);
    assert_eq!(addresses(&found("", &two)), (2, 2, 4));
    // What only one of the views sees is counted wherever it stands.
    let seen = pdf(&[(text, None), ("(al.planted\\@firm.example.com)", None)]);
    assert_eq!(addresses(&found("", &seen)), (2, 2, 3));
    let wide = utf16("al.planted@firm.example.com", false);
    let mixed = [b"write to jo.planted@firm.example.com\n".repeat(40), wide].concat();
    assert_eq!(addresses(&found("", &mixed)), (41, 2, 41));
}

const MAIL: &str = "write to jo.planted@firm.example.com now";

/// A body that ends, or is given up, while something of it is held.
fn cut_short(body: &[u8], media: &str, layer: &str, also: &[&str]) {
    let found = found(media, body);
    let at = found.kept().iter().filter(|one| one.tag.as_str() == "id.contact.email");
    let at: Vec<_> = at.map(|one| one.layer.as_str()).collect();
    assert!(at.contains(&layer), "{layer}: {at:?}");
    let unread = tags(&found).into_iter().filter(|tag| tag.starts_with("unins"));
    assert_eq!(unread.collect::<Vec<_>>(), also, "{layer}");
}

#[test]
fn what_is_held_at_the_end_is_read() {
    let broken = &["uninspectable.broken"][..];
    let header =
        [b"PK\x03\x04".as_slice(), &[0; 22], &[0xFF, 0xFF, 0, 0], MAIL.as_bytes()].concat();
    cut_short(&header, "", "zip/rest/strings", broken);
    let mut extra = zip(&[("n", b"x", Stored)]);
    extra[28] = u8::try_from(MAIL.len()).unwrap();
    extra.splice(31..31, MAIL.bytes());
    cut_short(&extra, "", "zip[0]/extra", &[]);
    let archive = tar(&[("n", b'0', b"x")]);
    let archive = &archive[..1_024];
    cut_short(&[archive, MAIL.as_bytes()].concat(), "", "tar/rest/strings", broken);
    let pax = tar(&[("n", b'x', MAIL.repeat(20).as_bytes())]);
    cut_short(&pax[..700], "", "tar/name", broken);
    let line = format!("--b {MAIL}\r\n\r\nx\r\n--b-- \t\r\n");
    cut_short(line.as_bytes(), "multipart/mixed; boundary=b", "multipart/line", &[]);
    let line = format!("--b\r\n\r\nx\r\n--b--{MAIL}");
    cut_short(line.as_bytes(), "multipart/mixed; boundary=b", "multipart/line", &[]);
}

#[test]
fn labels_that_are_held_at_the_end_are_read() {
    let label = format!("label.msip.{ID}");
    let property = format!("/MSIP_Label_{ID}_Enabled (true) ");
    let large =
        format!("<Properties><property name=\"MSIP_Label_{ID}_Enabled\"><x>true</x></property>");
    let large = large + &"<y>z</y>".repeat(40_000);
    let found_in = |name: &str, text: &str| found("", &zip(&[(name, text.as_bytes(), Stored)]));
    let both = [label.clone(), "uninspectable.too-large".to_owned()];
    assert_eq!(tags(&found_in("docProps/custom.xml", &large)), both);
    let sealed = format!("<manifest:encryption-data/>{large}");
    let both = ["uninspectable.encrypted", "uninspectable.too-large"];
    assert_eq!(tags(&found_in("META-INF/manifest.xml", &sealed)), both);
    let cut = format!("%PDF-1.7\n1 0 obj\n<<{property}/Producer (x)");
    assert_eq!(tags(&found("", cut.as_bytes())), [&*label]);
    for before in [0, 15_000, 16_300, 16_384, 31_000, 40_000] {
        let object =
            format!("[{}{property}{}]", " 1 0 R".repeat(before / 6), " 1 0 R".repeat(9_000));
        assert_eq!(tags(&found("", &pdf(&[(&object, None)]))), [&*label], "{before}");
    }
    let mail = |fill: usize, end: &str| {
        let fill = "X-Fill: ................................................\r\n".repeat(fill);
        tags(&found("", format!("From: a\r\nTo: b\r\n{fill}Sensitivity: Private{end}").as_bytes()))
    };
    let private = ["label.sensitivity.private"];
    assert_eq!(mail(0, ""), private);
    assert_eq!(mail(600, "\r\n\r\nx"), private);
    assert_eq!(mail(6_000, "\r\n\r\nx"), ["uninspectable.too-large"]);
}
