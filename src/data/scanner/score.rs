//! How well samples of our own are read: bodies in many formats that hold values, and such that
//! hold only what looks like some.

use std::collections::BTreeMap;
use std::fs;

use super::super::Confidence;
use super::tests::{scanner, whole};

type Span = (usize, usize, String);

/// Every body of a file: what stands in it, and what was found.
fn bodies(name: &str) -> Vec<(String, Vec<Span>, Vec<Span>)> {
    let path = format!("{}/tests/data/signals/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let lines = fs::read_to_string(path).unwrap();
    let body = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = value["text"].as_str().unwrap();
        // Spans count characters.
        let ends = text.char_indices().map(|(place, _)| place).chain([text.len()]);
        let places: Vec<_> = ends.collect();
        let place =
            |key: &serde_json::Value| places[usize::try_from(key.as_u64().unwrap()).unwrap()];
        let span = |span: &serde_json::Value| {
            let kind = span["type"].as_str().unwrap().to_lowercase();
            (place(&span["start"]), place(&span["end"]), kind)
        };
        let gold = value["spans"].as_array().unwrap().iter().map(span).collect();
        let findings = whole(text.as_bytes());
        let acted = findings.kept().iter().filter(|one| one.confidence >= Confidence::Likely);
        let found = acted.map(|one| {
            let start = usize::try_from(one.offset).unwrap();
            (start, start + usize::try_from(one.length).unwrap(), one.detector.to_string())
        });
        (value["id"].as_str().unwrap().to_owned(), gold, found.collect())
    };
    lines.lines().map(body).collect()
}

#[test]
fn samples_are_read_well() {
    let (mut right, mut wrong, mut missed) = (0.0, 0.0, 0.0);
    let mut mistakes = BTreeMap::new();
    for (id, gold, found) in bodies("found") {
        let meets = |a: &Span, b: &Span| a.2 == b.2 && a.0 < b.1 && b.0 < a.1;
        for span in &gold {
            let hit = found.iter().any(|one| meets(one, span));
            if hit {
                right += 1.0;
            } else {
                missed += 1.0;
            }
            if !hit {
                mistakes.insert(id.clone(), span.2.clone());
            }
        }
        wrong += f64::from(
            u32::try_from(
                found.iter().filter(|one| !gold.iter().any(|span| meets(one, span))).count(),
            )
            .unwrap(),
        );
    }
    let f1 = 2.0 * right / (2.0 * right + wrong + missed);
    assert!(f1 >= 0.97, "F1 is {f1:.3}; missed {mistakes:?}");
}

#[test]
fn what_only_looks_like_values_raises_no_alarm() {
    for (id, _, found) in bodies("clean") {
        assert!(found.is_empty(), "{id}: {found:?}");
    }
}

#[test]
fn companions_share_a_record() {
    let text = "[{\"ssn\":\"219-45-0001\",\"email\":\"a@acme.com\"},{\"ssn\":\"219-45-0002\"}]";
    let mut scanner = scanner(None);
    scanner.push(text.as_bytes());
    let findings = scanner.finish();
    let records: Vec<_> = findings.kept().iter().map(|one| one.record).collect();
    assert!(records[0] == records[1] && records[1] != records[2], "{records:?}");
}
