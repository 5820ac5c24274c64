//! The shipped packs against their cases, through the real `borderpost test`: every case has the
//! outcome that the law demands, every rule is reached, and a case that is wrong is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use borderpost::config;

/// The conformance vectors of the survey of laws, as its table has them; cases begin so.
const VECTORS: [&str; 27] = [
    "US 101 genomes to CN vendor, CISA met: still barred",
    "US exactly 100 genomes: not MORE than 100",
    "US 10001 health, HK, brokerage",
    "US same, Taiwan: not concern, but foreign brokerage needs onward bar",
    "US same, Taiwan, onward bar signed",
    "US encrypted health 10001 to RU: encryption does not lift",
    "US combined: 1001 devices geo + 500 identifiers linked",
    "US combined: 1001 identifiers + 5 geo linked -> lowest (1000)",
    "US vendor to CN with CISA set",
    "US kind unstated to CN, bulk",
    "US-organised data centre, 60% owned from CN, not listed: not covered",
    "same, but designated on the list: covered although IP is in the US",
    "CN-organised vendor hosted in Singapore: geo says SG, still covered",
    "Singapore company 50% owned from CN",
    "US government-related 1 record",
    "US exempt 506 group payroll",
    "US unknown geo",
    "CN 99,999 PI to US with consent",
    "CN 100,000 PI to US, no mechanism",
    "CN 1,000,000 PI with standard contract: needs assessment",
    "CN 1 sensitive PI to HK: HK is outside",
    "CN same, GBA contract",
    "CN anonymised PI 5M: not PI",
    "CN encrypted PI 5M: still PI",
    "CN to foreign court, no approval",
    "CN contract exemption, 2M PI, consent tag missing",
    "CN entity sending to RU health of US persons: US pack does not bind it",
];

/// A pack with two rules, and what is said of it.
const PACK: &str = "[pack]\nid = \"own\"\nversion = \"1\"\nauthority = \"Standard 7\"\n\
    as_of = 2026-11-01\neffective_from = 2026-01-01\n\
    [[rule]]\nid = \"health\"\noutcome = \"block\"\nreason = \"stays here\"\ncite = \"7.1\"\n\
    [rule.when]\ntags = [\"health\"]\n\
    [[rule]]\nid = \"card\"\noutcome = \"log\"\nreason = \"is told\"\ncite = \"7.2\"\n\
    [rule.when]\ntags = [\"financial\"]\n";
const HEALTH: &str = "[[case]]\nname = \"health\"\nat = 2026-11-01\nto = { country = \"US\" }\n\
    data = [{ tags = [\"health\"] }]\nexpect = \"block\"\nrule = \"own/health\"\ncite = \"7.1\"\n";
const CARD: &str = "[[case]]\nname = \"card\"\nat = 2026-11-01\nto = { country = \"US\" }\n\
    data = [{ tags = [\"financial\"] }]\nexpect = \"log\"\nrule = \"own/card\"\ncite = \"7.2\"\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs")
}

/// The exit code of `borderpost test`, and all that it says.
fn test(cases: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_borderpost"));
    let output = command.arg("test").arg(cases).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// Runs cases of a pack of one's own.
fn own(cases: &str) -> (Option<i32>, String) {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("pack.toml"), PACK).unwrap();
    let file = folder.path().join("own.toml");
    std::fs::write(&file, format!("packs = [\"pack.toml\"]\n{cases}")).unwrap();
    test(&file)
}

/// The names of all cases.
fn names() -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let suite = config::read_cases(path.display().to_string(), text).unwrap();
        names.extend(suite.cases.into_iter().map(|case| case.name));
    }
    names
}

#[test]
fn every_case_of_the_packs_has_its_outcome() {
    let (code, said) = test(&folder());
    assert_eq!(code, Some(0), "{said}");
    let passed = said.lines().last().unwrap().split(' ').next().unwrap();
    assert!(passed.parse::<usize>().unwrap() >= 177, "{said}");
    assert!(said.ends_with(" passed, 0 failed\n"), "{said}");
}

#[test]
fn every_conformance_vector_is_a_case() {
    let names = names();
    assert!(names.len() >= 177, "{} cases", names.len());
    assert_eq!(VECTORS.iter().collect::<BTreeSet<_>>().len(), 27);
    for vector in VECTORS {
        assert!(names.iter().any(|name| name.starts_with(vector)), "no case `{vector}`");
    }
}

#[test]
fn every_shipped_pack_has_cases() {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/packs");
    let ending = |path: &Path| path.extension().is_some_and(|ending| ending == "toml");
    let shipped = std::fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path());
    for pack in shipped.filter(|path| ending(path)) {
        let name = pack.file_name().unwrap();
        // The default pack is what tests/e2e drives the program with.
        let tested = name == "default.toml" || folder().join(name).exists();
        assert!(tested, "no cases for {}", pack.display());
    }
}

#[test]
fn a_wrong_expectation_fails() {
    assert_eq!(own(&format!("{HEALTH}{CARD}")).0, Some(0));
    for (right, wrong, said) in [
        ("expect = \"block\"", "expect = \"log\"", "expected log, found block by own/health"),
        ("own/health", "own/card", "expected own/card to decide, found own/health"),
        ("7.1", "7.3", "expected citation 7.3, found 7.1"),
    ] {
        let (code, found) = own(&format!("{}{CARD}", HEALTH.replace(right, wrong)));
        assert_eq!(code, Some(1), "{found}");
        assert!(found.contains(said) && found.contains("1 passed, 1 failed"), "{found}");
    }
}

#[test]
fn a_rule_that_no_case_reaches_fails() {
    let (code, said) = own(HEALTH);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no case reaches rule own/card"), "{said}");
}
