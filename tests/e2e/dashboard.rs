//! The dashboard in a real browser, over the running program with real requests. The clicks are in
//! `tests/data/dashboard.cjs`; its pictures go to `target/dashboard`.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::access::guarded;
use crate::support::{Config, Origin, Proxy, given, ok, program, request, said, script, wait_for};

const PACK: &str = r#"
[pack]
id = "act"
version = "1"
title = "Test"
authority = "Test Act"
as_of = 2026-01-01
effective_from = 2026-01-01
zone = "UTC"

[class.card]
tags = ["financial"]
unit = "subject"
over = 1000
cite = "Test Act 2"

[counter.bulk]
classes = ["card"]
keyed_by = ["recipient"]
window = { rolling_months = 12 }
warn_at = [50, 80, 95]
cite = "Test Act 3"

[[rule]]
id = "abroad"
outcome = "block"
reason = "health data stays"
cite = "Test Act 7"
[rule.when]
tags = ["health"]

[[rule]]
id = "look-first"
outcome = "hold"
reason = "a person looks first"
cite = "Test Act 8"
[rule.when]
tags = ["label"]
to = ["US"]

[[rule]]
id = "bulk"
outcome = "block"
reason = "many cards"
cite = "Test Act 9"
[rule.when]
tags = ["financial"]
bulk = { counter = "bulk", classes = ["card"] }

[[rule]]
id = "watched"
outcome = "hold"
mode = "observe"
reason = "a person would look"
cite = "Test Act 12"
[rule.when]
tags = ["geo"]

[[rule]]
id = "told"
outcome = "log"
reason = "the authority may want to know"
cite = "Test Act 10"
report = ["annual"]
[rule.when]
tags = ["dual"]

[[report]]
id = "annual"
due_business_days = 10
cite = "Test Act 11"
"#;

/// As long as names of hosts come to be.
const LONG: &str = "a-very-long-name-of-a-host-that-goes-on-and-on.region-europe-west-1.storage.internal.cloud.vendor.example";

/// What requests say of their data, and how often each is sent.
const SENT: [(&str, usize); 6] = [
    ("X-Data-Class: geo\r\n", 2),
    ("", 6),
    ("X-Data-Class: health\r\n", 3),
    ("X-Data-Class: label\r\n", 1),
    ("X-Data-Class: dual\r\n", 1),
    ("X-Data-Slice: financial.card;subjects=60\r\n", 1),
];

fn config() -> Config {
    let config = Config::new().pack(PACK).with("[state]\nfolder = \"state\"");
    ["abroad.example", "stream.example", "away.example", LONG]
        .iter()
        .fold(config, |config, name| config.name(name, &["127.1.0.1"]))
}

fn url(origin: &Origin, host: &str) -> String {
    format!("http://{host}:{}/path", origin.address.port())
}

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../dashboard")
}

fn browse(proxy: &Proxy, more: &[&str]) -> Command {
    let mut node = Command::new("node");
    node.env("NODE_PATH", given("BORDERPOST_TEST_NODE_PATH").join("node_modules"));
    node.arg(script("dashboard.cjs")).arg(format!("http://{}", proxy.admin));
    node.arg(pictures()).arg(given("BORDERPOST_TEST_BROWSER")).args(more);
    node
}

/// What is wrong is told a line each, and none is the proof.
fn clicked(proxy: &Proxy, more: &[&str]) {
    let told = browse(proxy, more).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.status.success(), "{out}{err}");
}

/// Waits until all is in the index, and so much is signed.
fn indexed(proxy: &Proxy, entries: u64) {
    wait_for("the index and a checkpoint", || {
        let status = proxy.ask_admin("GET", "/api/v1/status").json();
        let signed = status["journal"]["checkpoint"]["size"].as_u64();
        let signed = entries == 0 || signed > Some(entries);
        (status["index"]["lag"] == 0 && signed).then_some(())
    });
}

/// Runs a case that was copied from a page, and returns it.
fn passes(name: &str) -> String {
    let file = pictures().join(format!("copied-{name}.toml"));
    let output = program().arg("test").arg(&file).output().unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(said(&output).contains("1 passed, 0 failed"), "{}\n{text}", said(&output));
    text
}

#[test]
fn every_page_is_clicked_through() {
    let (proxy, origin) = (Proxy::start(&config()), Origin::answering("127.1.0.1", ok("four")));
    let mut sent = 0;
    for (fields, times) in SENT {
        for _ in 0..times {
            let answer = proxy.ask("POST", &url(&origin, "abroad.example"), fields, "body");
            assert!(answer.status() < 500, "{}", answer.text());
            sent += 1;
        }
    }
    assert_eq!(proxy.ask("GET", &url(&origin, LONG), "", "").status(), 200);
    // Nobody can tell where it was to go.
    assert_eq!(proxy.ask("GET", "http://:1/", "", "").status(), 400);
    proxy.wait_records(sent + 2);
    indexed(&proxy, 12);
    clicked(&proxy, &[]);
    // What was decided is decided again by the pack that stands beside it.
    std::fs::write(pictures().join("act.toml"), PACK).unwrap();
    for name in ["block", "observed", "counted", "law-0", "law-1"] {
        passes(name);
    }
}

/// By the packs of the program with a home, and databases that say the same twice; a party is known by
/// the name of its host, before any address is.
#[test]
fn what_shipped_packs_decide_is_copied_as_it_is() {
    let config = Config::new()
        .shipped("\"default\", \"us-padfa\"")
        .databases()
        .with("[state]\nfolder = \"state\"")
        .name("far.example", &["114.114.114.114"])
        .name("lab.example", &["114.114.114.114"])
        .with(
            "[[exporter]]\nid = \"acme\"\njurisdiction = \"US\"\nattributes = [\"data-broker\"]\ndefault = true\n\
             [[party]]\nid = \"lab\"\nname = \"Lab\"\nkind = \"company\"\norganised_in = \"CN\"\nhosts = [\"lab.example\"]",
        );
    let proxy = Proxy::start(&config);
    for (host, class) in [("far", "financial.card"), ("lab", "omic.human.genome")] {
        let fields = format!("X-Data-Class: {class}\r\n");
        let answer = proxy.ask("GET", &format!("http://{host}.example:1/path"), &fields, "");
        assert_eq!(answer.status(), 451, "{}", answer.text());
    }
    proxy.wait_records(2);
    indexed(&proxy, 0);
    clicked(&proxy, &["shipped"]);
    for name in ["far", "lab"] {
        let text = passes(name);
        assert!(text.contains("[jurisdiction.\"home\"]\ncountries = [\"US\"]"), "{text}");
        assert!(!text.contains("\"CN\", \"CN\""), "{text}");
    }
}

#[test]
fn a_viewer_is_shown_what_a_viewer_may_see() {
    let (config, [token, ..]) = guarded("");
    let proxy = Proxy::start(&config);
    clicked(&proxy, &["viewer", &token]);
}

#[test]
fn nobody_is_shown_what_was_there_for_somebody_else() {
    let (config, [viewer, _, admin]) = guarded("");
    let proxy = Proxy::start(&config);
    clicked(&proxy, &["sessions", &viewer, &admin]);
}

#[test]
fn a_stream_that_is_refused_says_why_and_goes_on() {
    let proxy = Proxy::start(&config());
    clicked(&proxy, &["refused"]);
}

#[test]
fn without_a_journal_there_is_one_calm_hint() {
    let proxy = Proxy::start(&Config::new());
    clicked(&proxy, &["bare"]);
}

#[test]
fn everything_is_shown_or_counted_live() {
    const EACH: usize = 1_000;
    let (proxy, origin) = (Proxy::start(&config()), Origin::answering("127.1.0.1", ok("four")));
    let all = 4 * EACH;
    let mut node = browse(&proxy, &["live", &all.to_string()]);
    let mut node = node.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(node.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = proxy.client();
                for _ in 0..EACH {
                    client.send(request("GET", &url(&origin, "stream.example"), "", ""));
                    assert_eq!(client.response("GET").status(), 200);
                }
            });
        }
    });
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(node.wait().unwrap().success(), "{rest}");
}
