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
    &["tls"],
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

#[test]
fn the_engine_holds_no_country_name() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for floor in ["policy", "proxy", "data", "audit"] {
        let mut all = Vec::new();
        files(&source.join(floor), &mut all);
        for path in all.iter().filter(|path| !path.ends_with("tests.rs")) {
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for code_name in ["\"CN\"", "\"US\"", "\"RU\"", "\"HK\"", "28 CFR"] {
                assert!(!code.contains(code_name), "{}: names {code_name}", path.display());
            }
        }
    }
}
