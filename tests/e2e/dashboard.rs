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
    ["abroad", "stream", "away"]
        .iter()
        .fold(config, |config, name| config.name(&format!("{name}.example"), &["127.1.0.1"]))
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
    // Nobody can tell where it was to go.
    assert_eq!(proxy.ask("GET", "http://:1/", "", "").status(), 400);
    proxy.wait_records(sent + 1);
    wait_for("the index and a checkpoint", || {
        let status = proxy.ask_admin("GET", "/api/v1/status").json();
        let signed = status["journal"]["checkpoint"]["size"].as_u64() > Some(12);
        (status["index"]["lag"] == 0 && signed).then_some(())
    });
    let told = browse(&proxy, &[]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.status.success(), "{out}{err}");
    // What was decided is decided again by the pack that stands beside it.
    std::fs::write(pictures().join("act.toml"), PACK).unwrap();
    for name in ["block", "observed", "counted", "law-0", "law-1"] {
        let file = pictures().join(format!("copied-{name}.toml"));
        let output = program().arg("test").arg(&file).output().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(said(&output).contains("1 passed, 0 failed"), "{}\n{text}", said(&output));
    }
}

#[test]
fn a_viewer_is_shown_what_a_viewer_may_see() {
    let (config, [token, ..]) = guarded("");
    let proxy = Proxy::start(&config);
    let told = browse(&proxy, &["viewer", &token]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.status.success(), "{out}{err}");
}

#[test]
fn a_stream_that_is_refused_says_why_and_goes_on() {
    let proxy = Proxy::start(&config());
    let told = browse(&proxy, &["refused"]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.status.success(), "{out}{err}");
}

#[test]
fn what_is_not_live_says_why() {
    let proxy = Proxy::start(&Config::new());
    let told = browse(&proxy, &["bare"]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.status.success(), "{out}{err}");
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
