//! What an inspection finds does not depend on how the body came, nor does it let go of what it
//! has not looked at.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use borderpost::data::{Described, Detectors, Digester, Findings, Inspection, Inspector, Limits};
use proptest::prelude::*;

use crate::bodies::{Sample, samples};
use crate::make::Kept::{Deflated, Stored};
use crate::make::{field, frame, pdf, utf16, zip, zlib};
use crate::said;

static INSPECTOR: LazyLock<Arc<Inspector>> = LazyLock::new(|| {
    let detectors = Arc::new(Detectors::new(Digester::new(&[7; 32], "k").unwrap()));
    Arc::new(Inspector::new(detectors, Limits::default()))
});

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(samples);

fn begun(said: (&str, &str)) -> Inspection {
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
    let mut inspection = begun(sample.said);
    inspection.push(&sample.body);
    inspection.finish()
}

/// Pushes pieces; what was let go holds nothing that was not known by then.
fn pieces(sample: &Sample, cuts: &[usize], leaks: bool) -> Findings {
    let mut inspection = begun(sample.said);
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
            let mut gone = begun(sample.said);
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

/// Words that do not compress to nothing, and in which there is nothing.
fn words() -> String {
    let word = |n: u32| format!("w{:x} ", n.wrapping_mul(2_654_435_761));
    (0..100_000).map(word).collect::<Vec<_>>().concat().replace(|c: char| c.is_ascii_digit(), "q")
}

/// What a stage holds must not grow with the body: a proxy holds back what is not decided.
#[test]
fn nothing_is_held_for_long() {
    let words = words();
    let noise: Vec<u8> =
        (0..900_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1] | 0x80).collect();
    let strings = [b"\x89PNG\r\n\x1A\n tEXt made by hand", &noise[..]].concat();
    let paragraph = format!("<w:document a=\"b\"><w:p><w:t>{words}</w:t></w:p></w:document>");
    let message = [field(1, b"a picture"), field(2, &noise)].concat();
    let page = [b"BT (shown) Tj ET ", words.as_bytes()].concat();
    let record = format!("<p>{words}</p>");
    for (name, said, body) in [
        ("docx", "", zip(&[("word/document.xml", paragraph.as_bytes(), Deflated)])),
        ("docx, stored", "", zip(&[("word/document.xml", paragraph.as_bytes(), Stored)])),
        ("pptx with a picture", "", zip(&[("ppt/media/image1.png", &strings, Stored)])),
        ("a picture", "image/png", strings.clone()),
        ("protobuf", "application/x-protobuf", message.clone()),
        ("grpc", "application/grpc", frame(0, &message)),
        ("pdf", "", pdf(&[("<<>>", Some(&page))])),
        ("pdf, packed", "", pdf(&[("<</Filter/FlateDecode>>", Some(&zlib(&page)))])),
        ("html", "text/html", record.into_bytes()),
        ("utf-16", "", utf16(&words, false)),
        ("text after a zero", "", [b"\0a\0b", words.as_bytes()].concat()),
    ] {
        let mut inspection = begun((said, ""));
        let mut pushed = 0;
        let mut most = 0;
        for piece in body.chunks(16 << 10) {
            inspection.push(piece);
            pushed += u64::try_from(piece.len()).unwrap();
            most = most.max(pushed - inspection.decided());
        }
        assert!(most < 128 << 10, "{name}: {most} of {pushed} octets were held");
    }
}

#[test]
fn where_a_body_is_given_up_says_nothing_of_it() {
    let body = zip(&[("word/document.xml", words().as_bytes(), Deflated)]);
    let mut inspection = begun(("", ""));
    inspection.push(&body[..body.len() / 2]);
    let tags = inspection.abandon().tags();
    let tags: Vec<_> = tags.iter().map(ToString::to_string).collect();
    assert_eq!(tags, ["uninspectable.too-large"]);
}

/// Where a sample lies as a seed of the fuzz targets: after an octet that says what is said of it.
fn seed(sample: &Sample) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = sample.name.chars().map(plain).collect();
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name)
}

/// `BORDERPOST_CORPUS=write` writes those that are missing.
#[test]
fn every_sample_is_a_seed() {
    for sample in &*SAMPLES {
        let path = seed(sample);
        let some = |text: &'static str| (!text.is_empty()).then_some(text);
        let said = (some(sample.said.0), some(sample.said.1));
        let first = said::SAID.iter().position(|one| *one == said).unwrap_or(0);
        let first = u8::try_from(first).unwrap();
        if std::env::var_os("BORDERPOST_CORPUS").is_some() && !path.exists() {
            std::fs::write(&path, [&[first][..], &sample.body].concat()).unwrap();
        }
        assert!(path.exists(), "{}: no seed {}", sample.name, path.display());
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
