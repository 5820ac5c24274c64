//! The search index: it finds what reading the whole journal finds, whatever happens to it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Config, Origin, Proxy, STAYS, act, ok, program, wait_for};

const HEALTH: &str = "X-Data-Class: health\r\n";
const CARD: &str = "X-Data-Class: financial.card\r\n";
const LAG: &str = "egress_audit_index_lag_records";

fn config() -> Config {
    Config::new().pack(&act(STAYS)).with("[state]\nfolder = \"state\"")
}

fn journal(proxy: &Proxy) -> PathBuf {
    proxy.folder.path().join("state/journal")
}

fn database(proxy: &Proxy) -> PathBuf {
    proxy.folder.path().join("state/index/requests.db")
}

#[derive(Debug, PartialEq, Eq)]
struct Said {
    out: String,
    err: String,
}

#[track_caller]
fn audit(words: &[&str], journal: &Path) -> Said {
    let output = program().arg("audit").args(words).arg("--journal").arg(journal).output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{words:?}: {out}{err}");
    Said { out, err }
}

/// What `query` and `top` say by the index and without it, which must be the same.
#[track_caller]
fn same(journal: &Path) -> usize {
    let mut lines = 0;
    let questions = [
        "query --limit 1000",
        "query --newest --json --limit 7",
        "query --limit 5",
        "query --newest --tag financial --limit 1000",
        "query --tag health --outcome block --since 1h",
        "query --host 127.1.0.1 --newest",
        "query --rule told --limit 1000",
        "query --client 127.0.0.1 --until 2020-01-01",
        "top host",
        "top tag --since 1h",
        "top rule --tag financial",
        "top outcome",
        "top client --outcome block",
        "top method --limit 1",
    ];
    for question in questions {
        let words: Vec<_> = question.split(' ').collect();
        let found = audit(&words, journal);
        let scanned = audit(&[&words[..], &["--scan"]].concat(), journal);
        assert_eq!(found.out, scanned.out, "{question}");
        assert_eq!(found.err, "", "{question}");
        lines += found.out.lines().count();
    }
    lines
}

fn ask(proxy: &Proxy, origin: &Origin, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let target = format!("{}/{number}", origin.url());
        let (method, fields) = match number % 5 {
            0 => ("GET", HEALTH),
            1 | 2 => ("POST", CARD),
            _ => ("GET", ""),
        };
        let body = if method == "POST" { "x" } else { "" };
        assert!(proxy.ask(method, &target, fields, body).status() < 500);
    }
}

/// Until all that was recorded is in the index.
fn caught_up(proxy: &Proxy, records: usize) {
    let of = journal(proxy);
    wait_for("the index", || {
        let all = audit(&["query", "--limit", "100000", "--scan"], &of).out.lines().count();
        (all >= records && proxy.metric(LAG, "") == 0.0 && database(proxy).exists()).then_some(())
    });
}

#[test]
fn the_index_finds_what_the_journal_has_across_kills() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config());
    ask(&proxy, &origin, 0..20);
    caught_up(&proxy, 20);
    assert!(same(&journal(&proxy)) > 60);
    ask(&proxy, &origin, 20..37);
    proxy.signal("KILL");
    let mut proxy = proxy.again(&config());
    ask(&proxy, &origin, 37..41);
    caught_up(&proxy, 30);
    same(&journal(&proxy));
    // At the end everything is in it, without anybody waiting.
    ask(&proxy, &origin, 41..49);
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    assert!(same(&journal(&proxy)) > 80);
    // Nobody keeps it now: it is built by the command, and is as it was.
    let said = audit(&["reindex"], &journal(&proxy));
    assert!(said.out.contains("indexed entries 0 to "), "{said:?}");
    same(&journal(&proxy));
}

#[test]
fn words_that_no_record_has_are_told() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let mut proxy = Proxy::start(&config());
    ask(&proxy, &origin, 0..5);
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    let journal = journal(&proxy);
    assert!(
        audit(&["query", "--host", "127.1.1", "--method", "get"], &journal).out.contains("GET")
    );
    for question in ["query --tag Health", "query --newest --tag Health", "top host --tag Health"] {
        let said = audit(&question.split(' ').collect::<Vec<_>>(), &journal);
        let told = "no record in the index has the tag `Health`; did you mean `health`?\n";
        assert_eq!((said.out.as_str(), said.err.as_str()), ("", told), "{question}");
    }
    for (words, why) in [
        ("query --country UK", "did you mean `GB`"),
        ("top host --country XX", "is no ISO 3166-1"),
        ("export --outcome maybe", "possible values: allow"),
        ("query --host *.example", "`.example`"),
    ] {
        let mut command = program();
        command.arg("audit").args(words.split(' ')).arg("--journal").arg(&journal);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{words}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(why), "{words}: {told}");
    }
}

#[test]
fn a_spoilt_index_is_told_and_built_anew() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let mut proxy = Proxy::start(&config());
    ask(&proxy, &origin, 0..20);
    caught_up(&proxy, 20);
    // While it runs.
    fs::write(database(&proxy), vec![7; 100_000]).unwrap();
    wait_for("news of it", || proxy.output().contains("is built anew").then_some(()));
    ask(&proxy, &origin, 20..25);
    caught_up(&proxy, 25);
    same(&journal(&proxy));
    // And while nobody looks.
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    fs::write(database(&proxy), vec![7; 100_000]).unwrap();
    let said = audit(&["query", "--limit", "100"], &journal(&proxy));
    assert_eq!(said.out.lines().count(), 25, "the journal is read instead");
    assert!(said.err.contains("without its index"), "{said:?}");
    let proxy = proxy.again(&config());
    caught_up(&proxy, 25);
    assert!(proxy.output().contains("is built anew"));
    same(&journal(&proxy));
}

#[test]
fn reindexing_does_not_stop_the_proxy() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config());
    ask(&proxy, &origin, 0..20);
    caught_up(&proxy, 20);
    let said = audit(&["reindex"], &journal(&proxy));
    assert!(said.out.contains("and builds it anew"), "{said:?}");
    ask(&proxy, &origin, 20..25);
    caught_up(&proxy, 25);
    same(&journal(&proxy));
    assert!(proxy.output().contains("it was asked for"));
}

#[test]
fn without_an_index_the_journal_is_read() {
    let origin = Origin::answering("127.1.0.1", ok("reached"));
    let proxy = Proxy::start(&config().with("[journal]\nindex = \"0\""));
    ask(&proxy, &origin, 0..10);
    wait_for("records", || {
        let all = audit(&["query"], &journal(&proxy)).out.lines().count();
        (all == 10).then_some(())
    });
    assert!(!database(&proxy).exists());
    same(&journal(&proxy));
    assert!(proxy.metric(LAG, "") < 0.5);
}
