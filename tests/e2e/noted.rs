//! What the journal says beside records: what was in force, and who put it there.

use std::path::Path;

use borderpost::audit::journal::{Kind, Reader};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Config, Origin, Proxy, act, ok, program, wait_for};

/// The entries of some kind, parsed.
fn entries(state: &Path, kind: Kind) -> Vec<Value> {
    let (mut reader, mut found) = (Reader::open(&state.join("journal")), Vec::new());
    while let Some(entry) = reader.next_entry().unwrap() {
        if entry.kind() == Some(kind) {
            found.push(serde_json::from_slice(entry.payload().unwrap()).unwrap());
        }
    }
    found
}

fn report(proxy: &Proxy, form: &str, since: &str) -> String {
    let mut report = program();
    report.args(["audit", "report", "--pack", "us-28cfr202", "--format", form]);
    report.args(["--since", since, "--config"]).arg(proxy.file());
    let output = report.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_allowed_request_is_told_by_the_packs_that_let_it_out() {
    let (state, china) = (TempDir::new().unwrap(), Origin::answering("127.3.0.1", ok("seen")));
    let config = Config::new().law(state.path()).databases();
    let proxy = Proxy::start(&config);
    assert_eq!(proxy.get(&china, "/before").status(), 200);
    let other = config.rule("late", "log", "", "hosts = [\"nowhere.example\"]");
    proxy.rewrite(&other.text());
    proxy.signal("HUP");
    wait_for("the reload", || proxy.output().contains("\nreloaded: ").then_some(()));
    // Records tell milliseconds.
    let between = format!("{:.3}", jiff::Timestamp::now());
    assert_eq!(proxy.get(&china, "/after").status(), 200);
    proxy.rewrite("packs = [\"nothing\"]\n");
    assert_eq!(proxy.ask_admin("POST", "/api/v1/reload").status(), 422);
    proxy.reload(&other);
    let records = proxy.wait_records(2);
    assert!(records.iter().all(|record| record["rules"] == json!([])), "{records:#?}");
    said_in_the_journal(state.path(), &records);
    told(&proxy, &records, &between);
}

/// What a start and each reload have entered.
fn said_in_the_journal(state: &Path, records: &[Value]) {
    let starts = entries(state, Kind::Start);
    let start = &starts[0]["configuration"];
    assert_eq!(starts[0]["version"], start["program"], "what was there before stays");
    assert_eq!((&start["by"], &start["digest"]), (&json!("start"), &records[0]["config"]));
    let law = start["packs"].as_array().unwrap().iter().find(|one| one["id"] == "us-28cfr202");
    let law = law.unwrap_or_else(|| panic!("{start:#}"));
    assert!(law["digest"].as_str().unwrap().starts_with("sha256:"), "{law:#}");
    assert_eq!((&law["signer"], &law["mode"]), (&json!("built in"), &json!("enforce")));
    let database = &start["databases"][0];
    assert_eq!(database["sha256"].as_str().unwrap().len(), 64, "{start:#}");
    assert!(database["build"].is_string() && database["name"].is_string());
    let notes = entries(state, Kind::Note);
    let notes: Vec<_> = notes.iter().filter_map(|note| note.get("configuration")).collect();
    let by: Vec<_> = notes.iter().map(|note| note["by"].as_str().unwrap()).collect();
    assert_eq!(by, ["signal", "api", "api"], "{notes:#?}");
    assert_eq!(notes[0]["digest"], records[1]["config"]);
    assert_eq!((&notes[1]["refused"], &notes[1]["stays"]), (&json!(true), &notes[0]["digest"]));
    assert!(!notes[1].to_string().contains("nothing"), "what it says is told to who asked");
    assert_eq!(notes[2]["who"]["who"], "local");
    assert_eq!(notes[2]["packs"], notes[0]["packs"]);
}

/// What the report says of the same, also for a period that begins after the start.
fn told(proxy: &Proxy, records: &[Value], between: &str) {
    let whole: Value = serde_json::from_str(&report(proxy, "json", "2020-01-01")).unwrap();
    let law = |report: &Value| {
        let packs = report["packs"].as_array().unwrap();
        let law = packs.iter().find(|one| one["id"] == "us-28cfr202").cloned();
        law.unwrap_or_else(|| panic!("{packs:#?}"))
    };
    let found = law(&whole);
    assert_eq!(found["digest"], whole["pack"]["digest"], "{found:#}");
    assert_eq!((&found["held"], &found["signer"]), (&json!(false), &json!("built in")));
    let configurations = whole["configurations"].as_array().unwrap();
    assert_eq!(configurations.len(), 2, "{configurations:#?}");
    for record in records {
        let of = configurations.iter().find(|one| one["digest"] == record["config"]).unwrap();
        assert_eq!(of["loads"].as_array().unwrap().len(), 1, "{of:#}");
        assert_eq!(of["loads"][0]["packs"][0]["id"], "us-28cfr202", "{of:#}");
    }
    let late: Value = serde_json::from_str(&report(proxy, "json", between)).unwrap();
    assert_eq!(late["configurations"].as_array().unwrap().len(), 1, "{late:#}");
    assert_eq!(law(&late)["digest"], found["digest"], "what was in force before the period");
    let html = report(proxy, "html", "2020-01-01");
    let digest = found["digest"].as_str().unwrap();
    assert!(html.contains("Packs in force") && html.contains(digest));
    assert!(!html.contains("the journal does not say"), "{html}");
}

const RULES: &str = r#"[[rule]]
id = "look-first"
outcome = "hold"
reason = "a person looks at health data first"
cite = "Test Act 7"
[rule.when]
tags = ["health"]

[[rule]]
id = "tell"
outcome = "log"
reason = "the authority may want to know"
cite = "Test Act 9"
report = ["told"]
[rule.when]
tags = ["label"]

[[report]]
id = "told"
due_business_days = 10
cite = "Test Act 9(2)"
"#;

fn held(name: &str) -> (Proxy, Origin, String) {
    let config = Config::new()
        .pack(&act(RULES))
        .name(name, &["127.1.0.1"])
        .with("[state]\nfolder = \"state\"");
    let (proxy, origin) = (Proxy::start(&config), Origin::answering("127.1.0.1", ok("reached")));
    let url = format!("http://{name}:{}/", origin.address.port());
    let hold = proxy.ask("POST", &url, "X-Data-Class: health\r\n", "x").json()["hold"].clone();
    (proxy, origin, hold.as_str().unwrap().to_owned())
}

fn decide(proxy: &Proxy, path: &str, body: &Value) -> u16 {
    proxy.tell_admin(&format!("/api/v1/{path}"), body).status()
}

/// The notes about holds or reports, in order.
fn decisions(proxy: &Proxy, kind: &str) -> Vec<Value> {
    let notes = entries(&proxy.folder.path().join("state"), Kind::Note);
    notes.into_iter().filter_map(|note| note.get(kind).cloned()).collect()
}

#[test]
fn who_let_held_data_pass_is_in_the_journal_before_it_does() {
    let (proxy, origin, hold) = held("a.example");
    let approve = json!({"by": "J. Doe", "reason": "contract K 17", "expires": "8h"});
    assert_eq!(decide(&proxy, &format!("holds/{hold}/approve"), &approve), 200);
    approved(&proxy, &hold);
    let deny = json!({"by": "J. Doe", "reason": "it was another contract"});
    assert_eq!(decide(&proxy, &format!("holds/{hold}/deny"), &deny), 200);
    assert_eq!(decide(&proxy, &format!("holds/{hold}/deny"), &deny), 200);
    let said = decisions(&proxy, "ruling");
    let words: Vec<_> = said.iter().map(|one| one["decision"].as_str().unwrap()).collect();
    assert_eq!(words, ["approve", "revoke", "deny"]);
    closed(&proxy, &origin);
}

/// What the entry of an approval says.
fn approved(proxy: &Proxy, hold: &str) {
    let said = decisions(proxy, "ruling");
    let [one] = &said[..] else { panic!("{said:#?}") };
    assert_eq!(one["hold"], hold);
    assert_eq!((&one["decision"], &one["by"]), (&json!("approve"), &json!("J. Doe")));
    assert_eq!((&one["reason"], &one["host"]), (&json!("contract K 17"), &json!("a.example")));
    assert_eq!(
        (&one["tags"], &one["rules"]),
        (&json!(["health"]), &json!(["test-act/look-first"]))
    );
    assert_eq!(one["asked"], json!({"who": "local", "role": "admin", "by": "local"}));
    assert!(one["expires"].is_string() && one["at"].is_string(), "{one:#}");
    assert!(
        !one.to_string().contains("127.0.0.1"),
        "the client is told by the hold alone: {one:#}"
    );
    let mut notes = program();
    notes.args(["audit", "notes", "--about", "ruling", "--json", "--config"]).arg(proxy.file());
    let listed = notes.output().unwrap().stdout;
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!((&listed["about"], &listed["says"]["ruling"]), (&json!("ruling"), one));
}

/// The same of a report that a person closes, once.
fn closed(proxy: &Proxy, origin: &Origin) {
    let url = format!("http://a.example:{}/", origin.address.port());
    assert_eq!(proxy.ask("POST", &url, "X-Data-Class: label.secret\r\n", "x").status(), 200);
    let reports = proxy.ask_admin("GET", "/api/v1/reports").json();
    let report = reports["reports"][0]["id"].as_str().unwrap();
    let close = json!({"by": "J. Doe", "outcome": "reported", "evidence": "DMS 2231"});
    let path = format!("reports/{report}/close");
    assert_eq!((decide(proxy, &path, &close), decide(proxy, &path, &close)), (200, 409));
    let closed = wait_for("the note that it was closed already", || {
        Some(decisions(proxy, "closing")).filter(|all| all.len() == 3)
    });
    assert_eq!((&closed[0]["report"], &closed[0]["of"]), (&json!(report), &json!("test-act/told")));
    assert_eq!(
        (&closed[0]["outcome"], &closed[0]["evidence"]),
        (&json!("reported"), &json!("DMS 2231"))
    );
    assert_eq!((&closed[2]["report"], &closed[2]["taken"]), (&json!(report), &json!(false)));
}

#[test]
fn an_approval_that_the_journal_cannot_keep_is_refused() {
    let (proxy, _origin, hold) = held("a.example");
    let (journal, away) =
        (proxy.folder.path().join("state/journal"), proxy.folder.path().join("away"));
    std::fs::rename(&journal, &away).unwrap();
    let approve = json!({"by": "J. Doe", "reason": "contract K 17", "expires": "8h"});
    let path = format!("/api/v1/holds/{hold}/approve");
    let refused = proxy.tell_admin(&path, &approve);
    assert_eq!(refused.status(), 503);
    assert!(refused.text().contains("nothing was decided"), "{}", refused.text());
    let open = || proxy.ask_admin("GET", "/api/v1/holds?state=open&personal=false").json();
    assert_eq!(open()["holds"].as_array().unwrap().len(), 1, "it still waits");
    std::fs::rename(&away, &journal).unwrap();
    wait_for("the journal", || (proxy.ask_admin("GET", "/readyz").status() == 200).then_some(()));
    assert_eq!(proxy.tell_admin(&path, &approve).status(), 200);
    assert_eq!(open()["holds"].as_array().unwrap().len(), 0);
    let said = decisions(&proxy, "ruling");
    let taken: Vec<_> = said.iter().map(|one| one.get("taken").is_none()).collect();
    assert_eq!(taken, [true, false, true], "{said:#?}");
}
