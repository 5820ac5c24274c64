//! `config/commitments.toml`: each promise names the test that proves it, and here are those
//! that no other file has.

#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use borderpost::config::{self, Origin};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, as text.
fn sources(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_commitment_names_a_test_that_is_there() {
    let text = fs::read_to_string(root().join("config/commitments.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let commitments = table["commitment"].as_array().unwrap();
    let mut all = Vec::new();
    sources(&root().join("src"), &mut all);
    sources(&root().join("tests"), &mut all);
    let (mut ids, mut points) = (BTreeSet::new(), BTreeSet::new());
    for commitment in commitments {
        let word = |key: &str| commitment[key].as_str().unwrap();
        assert!(ids.insert(word("id")), "{} is there twice", word("id"));
        assert!(!word("text").is_empty() && !word("promise").is_empty());
        points.insert(commitment["point"].as_integer().unwrap());
        let function = format!("fn {}(", word("test"));
        let found = all.iter().any(|text| text.contains(&function));
        assert!(found, "{}: no test is called {}", word("id"), word("test"));
    }
    assert_eq!(points, (1..=8).collect(), "the initiative has eight points");
}

/// A pack with one rule, which `rule` may change.
fn pack(id: &str, binds: &str, countries: &str, rule: &str) -> String {
    format!(
        "[pack]\nid = \"{id}\"\nversion = \"1\"\nauthority = \"Act 1\"\nas_of = 2026-11-01\n\
         effective_from = 2026-01-01\n[pack.binds]\n{binds}\n\
         [territory.near]\ncountries = [{countries}]\ncite = \"s 1\"\n\
         [[rule]]\nid = \"r\"\noutcome = \"block\"\nreason = \"test\"\n{rule}\n\
         [rule.when]\ntags = [\"*\"]\nto = [\"near\"]\n"
    )
}

/// A folder with the packs and a configuration that names them.
fn load(packs: &[String]) -> Result<config::Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for (number, text) in packs.iter().enumerate() {
        names.push(format!("./p{number}.toml"));
        fs::write(folder.path().join(&names[number]), text).unwrap();
    }
    let file = folder.path().join("borderpost.toml");
    let text =
        format!("packs = {names:?}\n[signatures]\nunsigned = \"allow\"\n[geo]\ndatabase = []\n");
    fs::write(&file, text).unwrap();
    config::load(&Origin::File(file)).map_err(|problems| problems.to_string())
}

#[test]
fn a_rule_without_a_citation_is_refused() {
    assert!(load(&[pack("a", "", "\"FR\"", "cite = \"s 2\"")]).is_ok());
    let problems = load(&[pack("a", "", "\"FR\"", "")]).unwrap_err();
    assert!(problems.contains("`cite` is missing here"), "{problems}");
    for (line, told) in [
        ("authority = \"Act 1\"\n", "`authority` is missing here"),
        ("as_of = 2026-11-01\n", "`as_of` is missing here"),
        ("effective_from = 2026-01-01\n", "`effective_from` is missing here"),
    ] {
        let text = pack("a", "", "\"FR\"", "cite = \"s 2\"").replace(line, "");
        let problems = load(&[text]).unwrap_err();
        assert!(problems.contains(told), "{told} in\n{problems}");
    }
}

/// Lets the program run cases on packs, as a user would; all must be decided as they say.
fn run(packs: &[String], text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..packs.len()).map(|number| format!("./p{number}.toml")).collect();
    for (text, name) in packs.iter().zip(&names) {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let file = folder.path().join("cases.toml");
    fs::write(&file, format!("packs = {names:?}\n{text}")).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_borderpost"))
        .arg("test")
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn packs_do_not_share_territories() {
    let near = |id, countries| pack(id, "", countries, "cite = \"s 2\"");
    run(
        &[near("a", "\"FR\""), near("b", "\"HK\"")],
        r#"
[[case]]
name = "one pack's neighbour"
at = 2026-11-01
to = { country = "FR" }
data = [{ tags = ["health"] }]
expect = "block"
rule = "a/r"
[[case]]
name = "the other's"
at = 2026-11-01
to = { country = "HK" }
data = [{ tags = ["health"] }]
expect = "block"
rule = "b/r"
[[case]]
name = "nobody's"
at = 2026-11-01
to = { country = "DE" }
data = [{ tags = ["health"] }]
expect = "allow"
"#,
    );
}

#[test]
fn a_pack_binds_only_its_exporters() {
    run(
        &[pack("a", "exporters = [\"FR\"]\nattributes = [\"bank\"]", "\"HK\"", "cite = \"s 2\"")],
        r#"
[[case]]
name = "bound"
at = 2026-11-01
exporter = { jurisdiction = "FR", attributes = ["bank"] }
to = { country = "HK" }
data = [{ tags = ["health"] }]
expect = "block"
rule = "a/r"
[[case]]
name = "of another kind"
at = 2026-11-01
exporter = { jurisdiction = "FR", attributes = [] }
to = { country = "HK" }
data = [{ tags = ["health"] }]
expect = "allow"
[[case]]
name = "of another state"
at = 2026-11-01
exporter = { jurisdiction = "DE", attributes = ["bank"] }
to = { country = "HK" }
data = [{ tags = ["health"] }]
expect = "allow"
[[case]]
name = "the day before it is in force"
at = 2025-12-31
exporter = { jurisdiction = "FR", attributes = ["bank"] }
to = { country = "HK" }
data = [{ tags = ["health"] }]
expect = "allow"
"#,
    );
}

/// The keys that the readers of configuration ask for.
fn keys() -> BTreeSet<String> {
    let mut all = Vec::new();
    sources(&root().join("src/config"), &mut all);
    let asking = [
        "word",
        "words",
        "flag",
        "number",
        "numbers",
        "duration",
        "section",
        "sections",
        "choice",
        "some_words",
        "required",
        "date",
        "moment",
        "zone",
        "percent",
        "decimal",
        "lists",
        "entries_of",
    ];
    let mut keys = BTreeSet::new();
    for text in all {
        let code = text.split("#[cfg(test)]").next().unwrap();
        for method in asking {
            for (at, asked) in code.match_indices(&format!(".{method}(\"")) {
                let key = code[at + asked.len()..].split('"').next().unwrap();
                keys.insert(key.to_owned());
            }
        }
    }
    keys
}

#[test]
fn every_setting_is_in_the_commented_default() {
    let told: String = ["config/borderpost.toml", "config/packs/README.md", "README.md"]
        .map(|name| fs::read_to_string(root().join(name)).unwrap())
        .concat();
    let keys = keys();
    assert!(keys.len() > 80, "only {} keys were found", keys.len());
    // Keys of case files and of people's notes are no settings.
    let cases = fs::read_to_string(root().join("src/config/cases.rs")).unwrap();
    let apart = ["note", "title", "name", "state", "from"];
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| !apart.contains(&key.as_str()))
        .filter(|key| !told.contains(key.as_str()) && !cases.contains(&format!("\"{key}\"")))
        .collect();
    assert!(missing.is_empty(), "nothing a user reads tells of {missing:?}");
}

#[test]
fn an_idle_proxy_opens_no_connection() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let text = config::DEFAULT
        .replace("127.0.0.1:3128", "127.0.0.1:0")
        .replace("127.0.0.1:3129", "127.0.0.1:0");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("borderpost.toml");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_borderpost"));
    command.args(["run", "--config"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let started = lines.into_iter().any(|line| line.starts_with("try "));
    let sockets = sockets(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(started);
    assert_eq!(sockets.len(), 2, "two listeners and nothing else: {sockets:?}");
    // State 0A of /proc/net/tcp is LISTEN.
    assert!(sockets.iter().all(|state| state == "0A"), "{sockets:?}");
}

/// The states of a process's TCP and UDP sockets.
fn sockets(process: u32) -> Vec<String> {
    let open: BTreeSet<_> = fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| {
            let name = link.display().to_string();
            Some(name.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    let tables = ["tcp", "tcp6", "udp", "udp6"].map(|name| format!("/proc/{process}/net/{name}"));
    let tables: Vec<_> = tables.iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    let row = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        open.contains(words[9]).then(|| words[3].to_owned())
    };
    rows.filter_map(row).collect()
}
