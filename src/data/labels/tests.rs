//! Labels of each carrier, and what only looks so.

use super::super::{Carrier, Form};
use super::*;

const ONE: &str = "2096f6a2-d2f7-48be-b329-b73aaa526e5d";
const TWO: &str = "11111111-2222-3333-4444-555555555555";

fn rules() -> Arc<LabelRules> {
    let tag = |text| Tag::parse(text).unwrap();
    let carrier = Carrier {
        name: "x-amz-tagging".to_owned(),
        family: false,
        form: Form::Query,
        keys: vec!["data-class".to_owned()],
        values: HashMap::from([("phi".to_owned(), tag("health"))]),
        strip: false,
    };
    let azure = Carrier { name: "x-ms-tags".to_owned(), ..carrier.clone() };
    let msip = HashMap::from([(ONE.to_owned(), tag("company.secret"))]);
    Arc::new(LabelRules { msip, carriers: Carriers::new(vec![carrier, azure]) })
}

fn tags(parts: &[(Part, &str)]) -> String {
    let mut labels = Labels::new(rules());
    parts.iter().for_each(|(part, text)| labels.part(*part, text.as_bytes()));
    let marks = labels.finish();
    assert!(marks.iter().all(|mark| mark.source == Source::Label));
    let mut tags: Vec<_> = marks.iter().map(|mark| mark.tag.to_string()).collect();
    tags.sort();
    tags.join(" ").replace(ONE, "ONE").replace(TWO, "TWO")
}

fn info(id: &str, attributes: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><clbl:labelList xmlns:clbl=\"http://schemas.microsoft.com/office/2020/mipLabelMetadata\">\
         <clbl:label {attributes} id=\"{{{}}}\" siteId=\"{{x}}\"/></clbl:labelList>",
        id.to_uppercase()
    )
}

fn custom(id: &str, enabled: &str, bits: &str) -> String {
    let one = |name: &str, value: &str| {
        format!(
            "<property fmtid=\"{{D5CDD505}}\" pid=\"2\" name=\"MSIP_Label_{id}_{name}\"><vt:lpwstr>{value}</vt:lpwstr></property>"
        )
    };
    let other = "<property name=\"Client\"><vt:lpwstr>true</vt:lpwstr></property>";
    let (enabled, bits) = (one("Enabled", enabled), one("ContentBits", bits));
    format!("<Properties xmlns=\"x\" xmlns:vt=\"y\">{enabled}{other}{bits}</Properties>")
}

#[test]
fn office_labels_follow_the_order_of_their_parts() {
    let on = info(ONE, "enabled=\"1\" method=\"Privileged\" contentBits=\"0\" removed=\"0\"");
    assert_eq!(tags(&[(Part::LabelInfo, &on)]), "company.secret label.msip.ONE");
    let removed = info(ONE, "enabled=\"1\" removed=\"1\"");
    let off = info(ONE, "enabled=\"false\"");
    let (old, other) = (custom(ONE, "true", "8"), custom(TWO, "True", "8"));
    for gone in [&removed, &off] {
        // What its own part takes away, a property does not bring back.
        assert_eq!(tags(&[(Part::Properties, &old), (Part::LabelInfo, gone)]), "");
    }
    let both = [(Part::LabelInfo, &*off), (Part::Properties, &*other)];
    assert_eq!(tags(&both), "label.encrypted label.msip.TWO");
    assert_eq!(tags(&[(Part::Properties, &old)]), "company.secret label.encrypted label.msip.ONE");
    assert_eq!(tags(&[(Part::Properties, &custom(ONE, "false", "0"))]), "");
}

#[test]
fn properties_are_read_in_every_notation() {
    for text in [
        format!("<< /Author (x) /MSIP_Label_{TWO}_Enabled (true) /MSIP_Label_{TWO}_SetDate (x) >>"),
        format!("/MSIP_Label_{TWO}_Enabled(\u{FEFF}true)"),
        format!("/MSIP_Label_{TWO}_Enabled <FEFF0074007200750065>"),
        format!("<pdfx:MSIP_Label_{TWO}_Enabled>true</pdfx:MSIP_Label_{TWO}_Enabled>\n<x>"),
        format!("<rdf:Description pdfx:MSIP_Label_{TWO}_Enabled=\"true\"/>"),
        format!("MSIP_Label_{TWO}_Enabled=True;MSIP_Label_{TWO}_SiteId=x"),
        format!("{{\"MSIP_Label_{TWO}_Enabled\": \"True\"}}"),
    ] {
        let text = text.replace('\u{FEFF}', "");
        assert_eq!(tags(&[(Part::Text, &text)]), "label.msip.TWO", "{text}");
    }
    let mut labels = Labels::new(rules());
    let wide = [b"/MSIP_Label_", TWO.as_bytes(), b"_Enabled (\xFE\xFF\0t\0r\0u\0e)"].concat();
    labels.part(Part::Text, &wide);
    assert_eq!(labels.finish().len(), 1);
    for text in [
        format!("MSIP_Label_{TWO}_Enabled=False"),
        format!("MSIP_Label_{TWO}_SiteId={ONE}"),
        "MSIP_Label_not-an-id_Enabled=True".to_owned(),
        format!("MSIP_Label_{TWO}"),
    ] {
        assert_eq!(tags(&[(Part::Text, &text)]), "", "{text}");
    }
}

#[test]
fn heads_of_mails_are_read_and_bodies_are_not() {
    let mail = format!(
        "From: a@b.example\r\nSubject: x\r\nmsip_labels: MSIP_Label_{TWO}_Enabled=True;\r\n MSIP_Label_{TWO}_Name=x\r\n\
         X-Protective-Marking: VER=2018.6, NS=gov.au, SEC=OFFICIAL:Sensitive,\r\n\tACCESS=Legal-Privilege, ORIGIN=a@b.example\r\n\
         SIO-Label: marking=\"ACME; CONFIDENTIAL\"; fgcolor=red; type=\":ess\"\r\nSensitivity: Company-Confidential\r\n\r\n\
         SIO-Label: marking=\"BODY\"\r\n"
    );
    assert!(is_mail(mail.as_bytes()));
    assert_eq!(
        tags(&[(Part::Mail, &mail)]),
        "label.marking.gov-au.access.legal-privilege label.marking.gov-au.official-sensitive label.msip.TWO \
         label.sensitivity.company-confidential label.sio.acme--confidential"
    );
    assert_eq!(tags(&[(Part::Mail, "To: x\nSensitivity: Normal\n\n")]), "");
    for (head, mail) in [
        ("2026-01-01 from: a\nto: b\n", false),
        ("X-Any: 1\r\nSubject: x\r\n y\r\nTo: b\r\n", true),
        ("To: b\r\nnone of a head\r\nReceived: c\r\n", true),
        ("X-Any: 1\r\nnone of a head\r\nTo: b\r\nReceived: c\r\n", false),
        ("To: b\r\n\r\nReceived: c\r\n", false),
        ("Host: b\r\nDate: c\r\n", false),
    ] {
        assert_eq!(is_mail(head.as_bytes()), mail, "{head}");
    }
}

#[test]
fn tags_of_object_stores_mean_what_their_headers_mean() {
    let tagging = "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet><Tag><Key>data-class</Key>\
                   <Value>phi</Value></Tag><Tag><Key>team</Key><Value>secret</Value></Tag></TagSet></Tagging>";
    assert_eq!(Part::of(tagging.as_bytes(), None), Some(Part::Tagging));
    assert_eq!(Part::of(tagging.as_bytes(), Some("application/fhir+xml")), Some(Part::Tagging));
    assert_eq!(tags(&[(Part::Tagging, tagging)]), "health");
    let azure = "<?xml version=\"1.0\"?><Tags><TagSet><Tag><Key>Data-Class</Key><Value>gold</Value></Tag></TagSet></Tags>";
    assert_eq!(Part::of(azure.as_bytes(), None), Some(Part::Tagging));
    assert_eq!(tags(&[(Part::Tagging, azure)]), "gold");
    assert_eq!(Part::of(b"<TagsOther><Tag/></TagsOther>", None), None);
}

#[test]
fn fhir_says_how_confidential_it_is() {
    let coding =
        |system: &str, code: &str| format!("{{\"system\":\"{system}\",\"code\":\"{code}\"}}");
    let (new, old) = (SYSTEM, "http://hl7.org/fhir/v3/Confidentiality");
    let act = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
    let resource = format!(
        "{{\"resourceType\":\"Bundle\",\"entry\":[{{\"resource\":{{\"meta\":{{\"security\":[{},{}]}}}}}},\
         {{\"resource\":{{\"meta\":{{\"security\":[{}]}}}}}}],\"security\":[{}]}}",
        coding(new, "R"),
        coding(act, "GDIS"),
        coding(old, "V"),
        coding(new, "N")
    );
    assert_eq!(Part::of(resource.as_bytes(), None), Some(Part::Fhir));
    let expected = "fhir.confidentiality.r fhir.confidentiality.v fhir.sensitivity.gdis";
    assert_eq!(tags(&[(Part::Fhir, &resource)]), expected);
    let xml = format!(
        "<Patient xmlns=\"http://hl7.org/fhir\"><meta><security><system value=\"{act}\"/><code value=\"HIV\"/></security>\
         </meta></Patient>"
    );
    assert_eq!(Part::of(xml.as_bytes(), Some("application/fhir+xml")), Some(Part::Fhir));
    assert_eq!(tags(&[(Part::Fhir, &xml)]), "fhir.sensitivity.hiv");
    for cut in 0..resource.len() {
        let mut labels = Labels::following(&rules(), Part::Fhir).unwrap();
        let (left, right) = resource.as_bytes().split_at(cut);
        labels.push(left);
        labels.push(right);
        let mut found: Vec<_> = labels.found().map(|mark| mark.tag.to_string()).collect();
        found.sort();
        assert_eq!(found.join(" "), expected, "cut at {cut}");
    }
}

const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

#[test]
fn parts_are_known_by_their_names() {
    assert_eq!(Part::named("docMetadata/LabelInfo.xml"), Some(Part::LabelInfo));
    assert_eq!(Part::named("/docProps/Custom.xml"), Some(Part::Properties));
    assert_eq!(Part::named("word/document.xml"), None);
}

#[test]
fn a_flood_of_labels_is_bounded_and_told() {
    let tag = |n: u32| format!("<Tag><Key>data-class</Key><Value>t{n}</Value></Tag>");
    let all: String = (0..60).map(tag).collect();
    let (one, two) = (format!("<Tagging>{all}</Tagging>"), all.replace(">t", ">u"));
    let two = format!("<Tagging>{two}</Tagging>");
    let told = tags(&[(Part::Tagging, &one), (Part::Tagging, &two)]);
    assert_eq!(told.split(' ').count(), MOST + 1);
    assert!(told.contains("uninspectable.too-many-tags"));
}
