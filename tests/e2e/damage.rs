//! One octet of an old file that flipped: what else is there is found, what is not is told, and the
//! proxy starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Config, Origin, Proxy, ok, program, wait_for};

/// What a command says that knows only a part of the answer.
const NOT_WHOLE: i32 = 65;

fn audit(proxy: &Proxy, command: &str, more: &[&str]) -> Output {
    let mut audit = program();
    audit.args(["audit", command, "--config"]).arg(proxy.file()).args(more);
    audit.output().unwrap()
}

/// The paths of the records that it prints, its exit code, and what it says beside them.
fn told(output: Output) -> (Vec<String>, Option<i32>, String) {
    let text = String::from_utf8(output.stdout).unwrap();
    let path = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["path"].as_str().unwrap().to_owned()
    };
    let said = String::from_utf8(output.stderr).unwrap();
    (text.lines().map(path).collect(), output.status.code(), said)
}

/// A request, in a segment of its own that is sealed.
fn ask(proxy: &Proxy, origin: &Origin, path: &str, journal: &Path) -> PathBuf {
    assert_eq!(proxy.get(origin, path).status(), 200);
    wait_for("the segment to be sealed", || segment(proxy, path, journal))
}

/// The sealed segment with the record of a path.
fn segment(proxy: &Proxy, path: &str, journal: &Path) -> Option<PathBuf> {
    let table = audit(proxy, "export", &["--format", "csv", "--fields", "sequence,path"]);
    let table = String::from_utf8(table.stdout).unwrap();
    let end = format!(",{path}");
    let sequence: u64 = table.lines().find_map(|row| row.strip_suffix(&end)?.parse().ok())?;
    let first = |path: &Path| path.file_stem()?.to_str()?.parse::<u64>().ok();
    let all = fs::read_dir(journal).unwrap().map(|one| one.unwrap().path());
    let begun = all.filter(|path| first(path).is_some_and(|first| first <= sequence));
    let last = begun.max_by_key(|path| (first(path), path.extension().is_some_and(|e| e == "zst")));
    last.filter(|path| path.extension().is_some_and(|end| end == "zst"))
}

#[test]
fn damage_in_an_old_segment_hides_neither_what_came_later_nor_itself() {
    let state = TempDir::new().unwrap();
    let config = Config::new().law(state.path()).with("[journal]\nsegment_time = \"1ms\"");
    let (mut proxy, origin) = (Proxy::start(&config), Origin::answering("127.1.0.1", ok("seen")));
    let journal = state.path().join("journal");
    let paths = ["/a", "/b", "/c", "/d"];
    let mut ends = Vec::new();
    for path in paths {
        let segment = ask(&proxy, &origin, path, &journal);
        // Records tell milliseconds.
        ends.push((segment, format!("{:.3}", jiff::Timestamp::now())));
    }
    proxy.signal("TERM");
    proxy.ended();
    // Whatever stands in the segment of the second request.
    let mut octets = fs::read(&ends[1].0).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 0x10;
    fs::write(&ends[1].0, octets).unwrap();
    let rest = ["/a", "/c", "/d"];
    let (found, code, said) = told(audit(&proxy, "query", &["--json", "--scan"]));
    assert_eq!((found.as_slice(), code), (&rest.map(str::to_owned)[..], Some(NOT_WHOLE)), "{said}");
    assert_eq!(said.matches("not whole: entries ").count(), said.lines().count(), "{said}");
    assert!(said.contains("damaged at octet") && said.contains("audit verify"), "{said}");
    let newest = ["--json", "--scan", "--newest", "--limit", "1"];
    let (found, code, _) = told(audit(&proxy, "query", &newest));
    assert_eq!((found.as_slice(), code), (&["/d".to_owned()][..], Some(NOT_WHOLE)));
    // What was not asked for is not missed.
    let since = ["--json", "--scan", "--since", &ends[2].1];
    let (found, code, said) = told(audit(&proxy, "query", &since));
    assert_eq!((found.as_slice(), code), (&["/d".to_owned()][..], Some(0)), "{said}");
    let (found, code, _) = told(audit(&proxy, "export", &[]));
    assert_eq!((found.as_slice(), code), (&rest.map(str::to_owned)[..], Some(NOT_WHOLE)));
    let report = audit(&proxy, "report", &["--pack", "us-28cfr202", "--format", "json"]);
    assert_eq!(report.status.code(), Some(NOT_WHOLE));
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert!(report["unread"][0]["from"].as_u64().is_some_and(|from| from > 0), "{report:#}");
    assert_eq!(report["totals"]["all"]["requests"], 3);
    assert_eq!(audit(&proxy, "reindex", &[]).status.code(), Some(NOT_WHOLE));
    let (found, _, _) = told(audit(&proxy, "query", &["--json"]));
    assert_eq!(found, rest, "the index has what there is");
    assert_eq!(audit(&proxy, "verify", &[]).status.code(), Some(1));
    goes_on(proxy, &config, &origin, &journal);
}

/// The proxy starts, though no file has the tree, and says what it cannot read.
fn goes_on(proxy: Proxy, config: &Config, origin: &Origin, journal: &Path) {
    drop(fs::remove_file(journal.join("tree")));
    let proxy = proxy.again(config);
    assert!(proxy.output().contains("cannot be read"), "{}", proxy.output());
    assert_eq!(proxy.get(origin, "/e").status(), 200);
    let found = wait_for("the record", || {
        let (found, ..) = told(audit(&proxy, "query", &["--json", "--scan"]));
        found.contains(&"/e".to_owned()).then_some(found)
    });
    assert_eq!(found, ["/a", "/c", "/d", "/e"]);
    let notes = audit(&proxy, "notes", &["--about", "unread"]);
    assert!(String::from_utf8(notes.stdout).unwrap().contains("\"from\":"));
}
