//! What the journal says beside records: what was in force, and who put it there.

use std::path::Path;

use borderpost::audit::journal::{Kind, Reader};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Config, Origin, Proxy, ok, program, wait_for};

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
    let other = config.clone().rule("late", "log", "", "hosts = [\"nowhere.example\"]");
    proxy.rewrite(&other.text());
    proxy.signal("HUP");
    wait_for("the reload", || proxy.output().contains("\nreloaded: ").then_some(()));
    let between = jiff::Timestamp::now().to_string();
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
