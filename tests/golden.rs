//! What a person reads, held against files under `tests/golden`. After a wanted change:
//! `BORDERPOST_GOLDEN=write cargo test --test golden`, then read the difference.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use borderpost::audit::event::Collection;
use borderpost::audit::{self, Event, Format};
use borderpost::config::{self, Origin};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    files
}

fn hold(found: &str, golden: &Path) {
    if std::env::var_os("BORDERPOST_GOLDEN").is_some() {
        fs::write(golden, found).unwrap();
    }
    let wanted = fs::read_to_string(golden).unwrap_or_default();
    assert!(found == wanted, "{} differs; found:\n{found}", golden.display());
}

#[test]
fn every_mistake_of_a_configuration_is_told_with_its_place() {
    let files = toml_files(&root().join("tests/golden/config"));
    assert!(files.len() >= 4, "the mistakes are there");
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        match config::load(&Origin::Text { name, text }) {
            Ok(_) => panic!("{}: nothing wrong was found", path.display()),
            Err(problems) => hold(&format!("{problems}\n"), &path.with_extension("txt")),
        }
    }
}

/// What the program prints, and how it exits.
fn printed(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_borderpost"));
    let output = command.args(arguments).current_dir(root()).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn packs_are_shown_compared_and_looked_through_in_words() {
    let (old, new) = ("tests/golden/pack/old.toml", "tests/golden/pack/new.toml");
    let worn = "tests/golden/pack/lint.toml";
    for (golden, code, arguments) in [
        ("pack-show.txt", 0, &["pack", "show", new][..]),
        ("pack-diff.txt", 1, &["pack", "diff", old, new]),
        ("pack-lint.txt", 0, &["pack", "lint", worn, "--at", "2026-11-01"]),
    ] {
        let (found, text) = printed(arguments);
        assert_eq!(found, Some(code), "{text}");
        hold(&text, &root().join("tests/golden").join(golden));
    }
    let same = printed(&["pack", "diff", old, old]);
    assert_eq!(same, (Some(0), "xx-act 1: the same, byte by byte\n".to_owned()));
}

/// Allowed, blocked, held, failed beyond us, a tunnel that was not read, one that was refused, a
/// request that could not be read, and what a rule would have barred.
#[test]
fn events_in_all_formats() {
    let folder = root().join("tests/golden/events");
    let records = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    let events: Vec<_> = records.lines().map(|line| Event::read(line).unwrap()).collect();
    assert_eq!(events.len(), 8);
    let origin = audit::Origin {
        version: "0.1.0".to_owned(),
        ..audit::Origin::new("gw-ber-1.corp.example", "gw-ber-1")
    };
    let plain = |format: &Format| ![Format::Record, Format::Har].contains(format);
    for format in Format::ALL.into_iter().filter(plain) {
        let mut out = Vec::new();
        for event in &events {
            format.write(event, &origin, &mut out);
            out.push(b'\n');
        }
        let json = matches!(format, Format::Ecs | Format::Ocsf | Format::Otlp);
        let name = format!("{format}.{}", if json { "jsonl" } else { "log" });
        hold(&String::from_utf8(out).unwrap(), &folder.join(name));
    }
    let mut out = Vec::new();
    let mut collection = Collection::open(&origin, &mut out);
    events.iter().for_each(|event| collection.add(event, &origin, &mut out));
    collection.close(&mut out);
    hold(&String::from_utf8(out).unwrap(), &folder.join("all.har"));
}

#[test]
fn every_shipped_configuration_is_right() {
    let config = root().join("config");
    let examples = toml_files(&config.join("examples"));
    assert!(!examples.is_empty());
    // The commitments are no configuration; tests/commitments.rs holds them.
    let main = toml_files(&config).into_iter().filter(|path| !path.ends_with("commitments.toml"));
    for path in main.chain(examples) {
        if let Err(problems) = config::load(&Origin::File(path)) {
            panic!("{problems}");
        }
    }
    config::load(&Origin::BuiltIn).unwrap();
}

#[test]
fn no_is_norway() {
    let text = "packs = []\n[jurisdiction.nordic]\ncountries = [\"NO\"]\n[[rule]]\nid = \"r\"\noutcome = \"block\"\n\
                reason = \"r\"\n[rule.when]\nto = [\"nordic\", \"NO\"]\n";
    let origin = Origin::Text { name: "norway".to_owned(), text: text.to_owned() };
    assert_eq!(config::load(&origin).unwrap().active.policy.rules().len(), 1);
}
