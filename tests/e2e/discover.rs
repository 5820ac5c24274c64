//! `borderpost discover`: from what went through the real program to a draft, and to a program that
//! holds back what was not seen.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::{Config, Origin, Proxy, ok, program, said};

const HEALTH: &str = "X-Data-Class: health\r\n";

fn origin(ip: &str) -> Origin {
    Origin::answering(ip, ok("reached"))
}

/// Asks, and what the status is.
#[track_caller]
fn ask(proxy: &Proxy, origin: &Origin, fields: &str) -> u16 {
    proxy.ask("POST", &format!("{}/", origin.url()), fields, "body").status()
}

fn discover(words: &[&str], folder: &Path) -> Output {
    program().current_dir(folder).arg("discover").args(words).output().unwrap()
}

/// A program through which health data went to two countries and was refused towards a third.
fn seen() -> (Proxy, [Origin; 3]) {
    let origins = ["127.1.0.1", "127.2.0.1", "127.3.0.1"].map(origin);
    let [us, de, cn] = &origins;
    let proxy = Proxy::start(&Config::new().rules().with("[state]\nfolder = \"state\""));
    for (origin, fields, status) in
        [(us, HEALTH, 200), (us, HEALTH, 200), (de, HEALTH, 200), (cn, HEALTH, 451), (cn, "", 200)]
    {
        assert_eq!(ask(&proxy, origin, fields), status);
    }
    proxy.wait_records(5);
    (proxy, origins)
}

#[test]
fn journal_and_records_say_the_same() {
    let (mut proxy, _origins) = seen();
    let folder = proxy.folder.path().to_owned();
    let records = said(&discover(&["records.jsonl"], &folder));
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    assert_eq!(said(&discover(&["--journal", "state/journal"], &folder)), records);
    for told in [
        "5 requests, 4 with tagged data, 1 refused, 0 failed.",
        "# Refused: 1 request towards CN, by default/us-country-of-concern.",
        "    \"US\",  # 2 requests, 8 B",
        "    \"127.2.0.1\",  # 1 request, 4 B, DE",
    ] {
        assert!(records.contains(told), "{told}\nin\n{records}");
    }
    let counts = said(&discover(&["records.jsonl", "--json"], &folder));
    let counts: Value = serde_json::from_str(&counts).unwrap();
    assert_eq!(counts["tags"]["health"]["places"]["US"]["requests"], 2);
    assert_eq!(counts["tags"]["health"]["refused"][0]["requests"], 1);
    assert_eq!(counts["all"]["places"]["CN"]["requests"], 1);
    let some = said(&discover(&["records.jsonl", "--country", "DE", "--json"], &folder));
    let some: Value = serde_json::from_str(&some).unwrap();
    assert_eq!((&some["requests"], &some["refused"]), (&1.into(), &0.into()));
}

#[test]
fn what_was_seen_becomes_a_draft_that_holds_back_the_rest() {
    let (proxy, [us, de, cn]) = seen();
    let folder = proxy.folder.path();
    let told = said(&discover(&["records.jsonl", "--out", "draft.toml"], folder));
    assert!(told.starts_with("draft.toml is written: 5 requests"), "{told}");
    // What a person may have edited is not written over.
    let again = discover(&["records.jsonl", "--out", "draft.toml"], folder);
    assert_eq!(again.status.code(), Some(1));
    let mut lint = program();
    let lint =
        said(&lint.current_dir(folder).args(["pack", "lint", "draft.toml"]).output().unwrap());
    assert!(lint.starts_with("0 findings in 1 pack "), "{lint}");

    // As it is written it only observes ...
    let draft = fs::read_to_string(folder.join("draft.toml")).unwrap();
    let observing = Proxy::start(&Config::new().pack(&draft));
    let hk = origin("127.4.0.1");
    assert_eq!(ask(&observing, &hk, HEALTH), 200);
    let record = observing.record();
    let wanted = ("observe".into(), "health-elsewhere".into());
    assert_eq!((&record["mode"], &record["rules"][0]["rule"]), (&wanted.0, &wanted.1));

    // ... and in force it lets go what was seen, and that alone.
    let enforced = draft.replace("mode = \"observe\"\n", "");
    let proxy = Proxy::start(&Config::new().pack(&enforced));
    let us_too = origin("127.1.0.2");
    for (origin, fields, status) in [
        (&us, HEALTH, 200),
        (&de, HEALTH, 200),
        (&cn, "", 200),
        (&cn, HEALTH, 403),
        (&hk, HEALTH, 403),
        (&hk, "", 403),
        (&us_too, "", 200),
        (&us_too, HEALTH, 403),
        (&us, "X-Data-Class: biometric\r\n", 403),
    ] {
        assert_eq!(ask(&proxy, origin, fields), status, "{} {fields}", origin.url());
    }
}

/// Data that may go where only one name is known must not go to all that a client made look like it.
#[test]
fn a_name_that_is_a_pattern_opens_nothing() {
    let de = origin("127.2.0.1");
    let config = Config::new().rules().name("*.example", &["127.2.0.1"]);
    let proxy = Proxy::start(&config);
    let port = de.address.port();
    assert_eq!(ask(&proxy, &de, HEALTH), 200);
    let wild = format!("http://*.example:{port}/");
    assert_eq!(proxy.ask("POST", &wild, HEALTH, "body").status(), 200);
    proxy.wait_records(2);
    let folder = proxy.folder.path();
    let draft = said(&discover(&["records.jsonl"], folder));
    assert!(draft.contains("    # \"*.example\",  # 1 request"), "{draft}");
    let enforced = draft.replace("mode = \"observe\"\n", "");
    let other = Config::new().pack(&enforced).name("other.example", &["127.2.0.1"]);
    let proxy = Proxy::start(&other);
    let other = format!("http://other.example:{port}/");
    assert_eq!(proxy.ask("POST", &other, HEALTH, "body").status(), 403);
    assert_eq!(ask(&proxy, &de, HEALTH), 200);
}

#[test]
fn what_no_draft_can_be_made_of_is_told() {
    let folder = tempfile::TempDir::new().unwrap();
    fs::write(folder.path().join("bad.jsonl"), "{\"time\": 7}\n").unwrap();
    fs::write(folder.path().join("none.jsonl"), "").unwrap();
    for (words, code, why) in [
        (&["bad.jsonl"][..], 64, "bad.jsonl:1: no record: "),
        (&["none.jsonl"][..], 1, "no record is meant"),
        (&["absent.jsonl"][..], 1, "cannot read absent.jsonl"),
        (&["none.jsonl", "--journal", "j"][..], 64, "cannot be used with"),
        (&["--name", "Mine!", "none.jsonl"][..], 64, "is not an id"),
        (&["--journal", "j"][..], 1, "j: there is no journal"),
    ] {
        let output = discover(words, folder.path());
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        assert!(told.contains(why), "{words:?}: {told}");
    }
}
