//! What the scanner finds does not depend on how the text came.

use std::fs;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::super::{Confidence, Digester, Finding};
use super::*;

static DETECTORS: LazyLock<Arc<Detectors>> =
    LazyLock::new(|| Arc::new(Detectors::new(Digester::new(&[7; 32], "k").unwrap())));

pub(super) fn scanner(syntax: Option<Syntax>) -> Scanner {
    Scanner::new(DETECTORS.clone(), Options { syntax, records: true, ..Options::default() })
}

pub(super) fn whole(text: &[u8]) -> Findings {
    let mut scanner = scanner(None);
    scanner.push(text);
    scanner.finish()
}

/// What was found, without where.
fn what(findings: &[Finding]) -> Vec<(&str, Confidence, u32, &str)> {
    findings.iter().map(|f| (&*f.detector, f.confidence, f.length, f.digest.as_str())).collect()
}

/// The texts of the samples.
fn samples() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/signals");
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let lines = fs::read_to_string(entry.unwrap().path()).unwrap();
        let text = |line: &str| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["text"].as_str().unwrap().to_owned()
        };
        texts.extend(lines.lines().map(text));
    }
    assert!(texts.len() >= 150, "the samples were read");
    texts
}

#[test]
fn every_cut_of_every_sample_gives_the_same() {
    for text in samples() {
        let bytes = text.as_bytes();
        let expected = whole(bytes);
        for cut in 1..bytes.len() {
            // Every place is cut once; the parts are then of every length.
            let mut scanner = scanner(None);
            scanner.push(&bytes[..cut]);
            scanner.push(&bytes[cut..]);
            assert_eq!(scanner.finish(), expected, "cut at {cut}: {text}");
        }
        let mut single = scanner(None);
        bytes.chunks(1).for_each(|byte| single.push(byte));
        assert_eq!(single.finish(), expected, "octet by octet: {text}");
    }
}

#[test]
fn every_place_in_a_long_text_gives_the_same() {
    // Blanks before a sample move it over the ends of blocks.
    let text = samples().join("\n") + "\n";
    let expected = {
        let mut scanner = scanner(Some(Syntax::Text));
        scanner.push(text.as_bytes());
        scanner.finish()
    };
    assert!(expected.kept().len() > 200, "{}", expected.kept().len());
    for shift in (1..BLOCK).step_by(97) {
        let mut scanner = scanner(Some(Syntax::Text));
        scanner.push(&vec![b'\n'; shift]);
        scanner.push(text.as_bytes());
        let findings = scanner.finish();
        assert_eq!(what(findings.kept()), what(expected.kept()), "moved by {shift}");
        for (moved, first) in findings.kept().iter().zip(expected.kept()) {
            let shift = u64::try_from(shift).unwrap();
            assert_eq!((moved.offset, moved.record), (first.offset + shift, first.record + shift));
        }
    }
}

#[test]
fn own_detectors_find_at_any_cut() {
    let tag = |text| Tag::parse(text).unwrap();
    let pattern = Pattern::new("staff", tag("pi.staff"), r"\bEMP-\d{6}\b", &["employee"], None, 2);
    let values = ["C-0012345", "KD12345678"].map(str::as_bytes);
    let (list, _) = Dictionary::new("customers", tag("pi.customer"), [3, 4], values);
    let own = Detectors::new(Digester::new(&[7; 32], "k").unwrap());
    let own = Arc::new(own.with(vec![pattern.unwrap()], vec![list]));
    let text = format!(
        "{}employee EMP-123456, c-0012345 and KD12345678;\nemployee EMP-654321, C-0012346, EMP-1 EMP-111111",
        "x ".repeat(BLOCK / 2 - 5)
    );
    let found = |pieces: &[&[u8]]| {
        let mut scanner = Scanner::new(own.clone(), Options::default());
        pieces.iter().for_each(|piece| scanner.push(piece));
        scanner.finish()
    };
    let whole = found(&[text.as_bytes()]);
    let seen = whole.kept().iter().map(|one| (&*one.detector, one.confidence));
    let (staff, customer) = ("staff", ("customers", Confidence::Sure));
    let expected = [
        (staff, Confidence::Weak),
        customer,
        customer,
        (staff, Confidence::Likely),
        (staff, Confidence::Likely),
    ];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    for cut in (0..text.len()).step_by(7).chain(text.len() - 120..text.len()) {
        let (left, right) = text.as_bytes().split_at(cut);
        assert_eq!(found(&[left, right]), whole, "cut at {cut}");
    }
}

#[test]
fn memory_stays_constant() {
    let mut scanner = scanner(None);
    let hostile = ["{\"a\":", "[", "a,b\n", "%41", "\u{200B}1", "1 ", "<a>", "1.23456,", "::", "@"];
    for text in hostile {
        for _ in 0..40_000 {
            scanner.push(text.as_bytes());
        }
        let held = scanner.window.capacity() + scanner.hits.capacity() * size_of::<Hit>();
        assert!(held <= 64 << 10, "{held} octets after {text}");
    }
}

#[test]
fn what_is_announced_may_go_on_beyond_a_block() {
    for before in BLOCK - 60..BLOCK + 20 {
        let text = format!("{}password=hunter2!hunter2!hunter2! x", " ".repeat(before));
        assert_eq!(whole(text.as_bytes()).count(), 1, "after {before}");
    }
}

proptest! {
    #[test]
    fn any_text_in_any_pieces(
        text in "([0-9]{1,5}[ .@:+-]?|[A-Fa-f]{1,3}|ssn|\"|,|\n|%4|%40|é|２|\u{200B}|\\{|\\}){0,400}",
        cuts in proptest::collection::vec(0_usize..3_000, 0..9),
    ) {
        let bytes = text.as_bytes();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut scanner = scanner(None);
        cuts.windows(2).for_each(|pair| scanner.push(&bytes[pair[0]..pair[1]]));
        prop_assert_eq!(scanner.finish(), whole(bytes));
    }
}

#[test]
fn r0011_a_value_that_reaches_beyond_its_block_ends_nothing() {
    let letter = |at: u32| {
        char::from(
            b"abcdefghijkLMNOPQRSTUVWXYZ0123456789"
                [usize::try_from(at.wrapping_mul(2_654_435_761) >> 16).unwrap() % 36],
        )
    };
    let token = format!("api_key={}", (0..160).map(letter).collect::<String>());
    for before in (3_850..4_120).step_by(3) {
        let found = whole(format!("{}{token}", " ".repeat(before)).as_bytes());
        assert_eq!(found.count(), 1, "{before}");
    }
    for before in 0..9 {
        drop(whole(format!("{}{}", " ".repeat(before), "password=".repeat(460)).as_bytes()));
    }
}
