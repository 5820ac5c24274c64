//! A module names only floors below its own, or its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, lowest first; modules of one line do not name each other.
const FLOORS: [&[&str]; 10] = [
    &["net"],
    &["geo"],
    &["data"],
    &["policy"],
    &["audit", "telemetry"],
    &["auth", "tls"],
    &["proxy"],
    &["admin"],
    &["config"],
    &["cli"],
];

/// `audit` tells what it does by events; this is the one arrow within a floor.
const WITHIN: [(&str, &str); 1] = [("audit", "telemetry")];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Every `crate::module` in the text that is not a comment.
fn named(text: &str) -> Vec<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let uses = code.flat_map(|line| line.split("crate::").skip(1));
    uses.filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_')?;
        rest.get(..end)
    })
    .collect()
}

#[test]
fn no_module_names_a_floor_above_its_own() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    let mut checked = 0;
    for path in all {
        let inner = path.strip_prefix(&source).unwrap();
        let own = inner.iter().next().unwrap().to_str().unwrap();
        let Some(height) = floor(own) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        for other in named(&text).into_iter().filter(|other| *other != own) {
            let below =
                floor(other).unwrap_or_else(|| panic!("{}: no floor `{other}`", path.display()));
            let fine = below < height || WITHIN.contains(&(own, other));
            assert!(
                fine,
                "{}: `{own}` (floor {height}) names `{other}` (floor {below})",
                path.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} uses were seen: does this test still read the code?");
}

#[test]
fn every_file_is_small_and_says_what_it_is_for() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    let mut lengths = Vec::new();
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{}: no module header", path.display());
        let lines = text.lines().count();
        assert!(lines <= 500, "{}: {lines} lines, 500 is the most", path.display());
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 150, "the median file has {median} lines, 150 is the most");
}

/// Whether a file holds nothing but tests.
fn is_test(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests")
}

/// What a file says beside its tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap().lines();
    code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
#[expect(clippy::string_slice, reason = "codes and dashes are ASCII, and a test may end")]
fn no_country_code_outside_the_iso_table() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    let table = source.join("geo/iso3166.rs");
    let rows = fs::read_to_string(&table).unwrap();
    let quoted = rows.match_indices("    (\"").filter_map(|(at, _)| rows.get(at + 5..at + 9));
    let is_code =
        |code: &&str| code.ends_with('"') && code[1..3].bytes().all(|b| b.is_ascii_uppercase());
    let codes: Vec<_> = quoted.filter(is_code).collect();
    assert!(codes.len() > 200 && codes.contains(&"\"NO\""), "the table was found");
    for path in all.iter().filter(|path| **path != table && !is_test(path)) {
        let code = code(path);
        // `AS` stands before the number of an autonomous system, too.
        for country in codes.iter().filter(|country| **country != "\"AS\"") {
            assert!(!code.contains(*country), "{}: names {country}", path.display());
        }
        // Regions, as ISO 3166-2 has them: a code, a dash, and up to three letters or digits.
        for (at, _) in code.match_indices('-') {
            let country = at.checked_sub(3).and_then(|from| code.get(from..at));
            let country = country.map(|start| format!("{start}\""));
            let part = code[at + 1..].split('"').next().unwrap();
            let region = (1..=3).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            let named = region && country.is_some_and(|country| codes.contains(&&*country));
            assert!(!named, "{}: names a region", path.display());
        }
    }
}

#[test]
fn the_engine_names_no_law() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    for path in &all {
        let code = code(path);
        for law in ["CFR", "PIPL", "GDPR", "CAC Order", "OFAC", "PADFA", "E.O. 1", "152-FZ"] {
            let told = is_test(path) || path.ends_with("cli/demo.rs");
            assert!(told || !code.contains(law), "{}: names {law}", path.display());
        }
    }
}
