//! Evidence: what a law wants kept, put together from real traffic, and what retention leaves.

use std::path::{Path, PathBuf};
use std::process::Output;

use borderpost::audit::journal::{Kind, Log, Reader, Settings, Signer, seal};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Config, Origin, Proxy, ok, program};

/// A sale of genomes of so many people.
pub(crate) fn sale(subjects: u32) -> String {
    format!(
        "X-Data-Slice: omic.human.genome;of=US;subjects={subjects}\r\n\
         X-Data-Context: transaction=data-brokerage, purpose=research, contract=k-17, \
         contract_has=(dsp-onward-bar), approval=(lic-9)\r\n"
    )
}

fn audit(command: &str, proxy: &Proxy, more: &[&str]) -> Output {
    let mut audit = program();
    audit.args(["audit", command, "--config"]).arg(proxy.file()).args(more);
    audit.output().unwrap()
}

#[track_caller]
fn said(output: Output) -> String {
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

fn report(proxy: &Proxy, more: &[&str]) -> Value {
    let all = [&["--pack", "us-28cfr202", "--format", "json"], more].concat();
    serde_json::from_str(&said(audit("report", proxy, &all))).unwrap()
}

/// A proxy under the law that has sent 60 genomes, refused 50 more, and let a plain request pass.
fn traffic(state: &Path) -> (Proxy, Origin) {
    let proxy = Proxy::start(&Config::new().law(state));
    let china = Origin::answering("127.3.0.1", ok("seen"));
    let url = |path: &str| format!("{}{path}", china.url());
    assert_eq!(proxy.ask("POST", &url("/a"), &sale(60), "ACGT").status(), 200);
    assert_eq!(proxy.ask("POST", &url("/b&'x'"), &sale(50), "ACGT").status(), 451);
    assert_eq!(proxy.ask("GET", &url("/plain"), "", "").status(), 200);
    (proxy, china)
}

#[test]
fn a_report_has_every_item_that_the_law_wants_kept() {
    let state = TempDir::new().unwrap();
    let (mut proxy, china) = traffic(state.path());
    let records = proxy.wait_records(3);
    // While the proxy runs it alone has the candidates; it tells them when it is asked.
    let running = report(&proxy, &[]);
    assert_eq!(running["candidates"]["read"], false, "{:#}", running["candidates"]);
    assert!(running["candidates"]["why"].as_str().unwrap().contains("--admin"));
    let admin = proxy.admin.to_string();
    let asked = report(&proxy, &["--admin", &admin]);
    assert_eq!(asked["candidates"]["list"].as_array().unwrap().len(), 1, "{asked:#}");
    proxy.signal("TERM");
    proxy.ended();
    let report = report(&proxy, &[]);
    assert_eq!(report["schema"], "borderpost-record-set/1");
    assert_eq!(report["candidates"]["list"], asked["candidates"]["list"]);
    // What went counts towards what was refused, and is kept as long; what has no data is not.
    let kept: Vec<_> = records.iter().map(|record| &record["retain_years"]).collect();
    assert_eq!(kept, [&json!(10), &json!(10), &Value::Null]);
    let candidate = &report["candidates"]["list"][0];
    assert_eq!((&candidate["report"], &candidate["closing"]), (&json!("rejected"), &Value::Null));
    assert_eq!(candidate["decision"], records[1]["id"]);
    verified(&report);
    totals(&report);
    transactions(&report, &records);
    readable(&proxy, &records);
    drop(china);
}

/// How the journal verified, and what was in force.
fn verified(report: &Value) {
    let verified = &report["verification"];
    assert_eq!((&verified["sound"], &verified["unsigned"]), (&json!(true), &json!(0)));
    assert!(verified["root"].is_string() && verified["checkpoint"].is_string(), "{verified:#}");
    assert_eq!((&verified["key_given"], &verified["findings"]), (&json!(false), &json!([])));
    let pack = report["packs"].as_array().unwrap();
    assert!(pack.iter().any(|one| one["digest"] == report["pack"]["digest"]), "{pack:#?}");
}

fn totals(report: &Value) {
    let totals = &report["totals"];
    let of = |tally: &Value| (tally["requests"].clone(), tally["refused"].clone());
    assert_eq!(of(&totals["all"]), (json!(3), json!(1)));
    assert_eq!(of(&totals["transactions"]), (json!(2), json!(1)));
    for (table, row) in
        [("by_class", "omic.human.genome"), ("by_country", "CN"), ("by_recipient", "127.3.0.1")]
    {
        let row = &totals[table]["rows"][row];
        assert_eq!(of(row), (json!(2), json!(1)), "{table} {totals:#}");
        assert_eq!(row["subjects"], 110);
    }
    let volume = &totals["volumes"][0];
    assert_eq!((&volume["before"], &volume["after"]), (&json!(0), &json!(60)), "{totals:#}");
}

fn transactions(report: &Value, records: &[Value]) {
    // Every transaction, and in each every item, field by field as the record has it.
    let transactions = report["transactions"].as_array().unwrap();
    assert_eq!(transactions.len(), 2, "a request without data is no transaction");
    for (transaction, record) in transactions.iter().zip(records) {
        let items = transaction["items"].as_object().unwrap();
        let ids: Vec<_> = items.keys().map(String::as_str).collect();
        let wanted = ["b.10", "b.4.i", "b.4.ii", "b.4.iii", "b.5", "b.6", "b.7", "b.8", "b.9"];
        assert_eq!(ids, wanted);
        let is = |item: &str, field: &str, place: &str| {
            assert!(!record.pointer(place).unwrap().is_null(), "{place} {record:#}");
            assert_eq!(items[item][field], *record.pointer(place).unwrap(), "{item} {field}");
        };
        is("b.4.i", "data", "/data");
        is("b.4.i", "counts", "/counts");
        is("b.4.ii", "exporter", "/exporter");
        is("b.4.ii", "client", "/client");
        is("b.4.iii", "context.purpose", "/context/purpose");
        is("b.5", "host", "/host");
        is("b.5", "path", "/path");
        is("b.5", "location", "/location");
        is("b.6", "time", "/time");
        is("b.6", "ended", "/ended");
        is("b.7", "context.contract", "/context/contract");
        is("b.8", "context.approval", "/context/approval");
        is("b.10", "id", "/id");
    }
    assert_eq!(transactions[0]["items"]["b.10"]["rules"], Value::Null, "60 are not many yet");
    assert_eq!(transactions[1]["items"]["b.10"]["rules"], records[1]["rules"]);
    let attach: Vec<_> = report["attach"].as_array().unwrap().iter().collect();
    for item in ["b.1", "b.2", "b.3", "b.11"] {
        let one = attach.iter().find(|one| one["item"] == item).unwrap();
        assert!(!one["document"].as_str().unwrap().is_empty() && one["partly"] == false);
    }
}

/// What a person gets: all of it, and nothing that runs or loads.
fn readable(proxy: &Proxy, records: &[Value]) {
    let file = proxy.folder.path().join("report.html");
    let out = ["--pack", "us-28cfr202", "-o", file.to_str().unwrap()];
    assert_eq!(said(audit("report", proxy, &out)), "");
    let html = std::fs::read_to_string(file).unwrap();
    for never in
        ["<script", "javascript:", "http://", "https://", "src=", "onload", "<b>", "@import"]
    {
        assert!(!html.contains(never), "{never}");
    }
    assert!(html.contains("/b&amp;&#39;x&#39;"), "what a client sent is shown and is no markup");
    for item in [
        "(b)(1)",
        "(b)(2)",
        "(b)(3)",
        "(b)(4)(i)",
        "(b)(4)(ii)",
        "(b)(4)(iii)",
        "(b)(5)",
        "(b)(6)",
        "(b)(7)",
        "(b)(8)",
        "(b)(9)",
        "(b)(10)",
        "(b)(11)",
    ] {
        assert!(html.contains(&format!("28 CFR 202.1101{item}")), "{item}");
    }
    for record in records.iter().take(2) {
        assert!(html.contains(record["id"].as_str().unwrap()), "{record:#}");
    }
    assert_eq!(html.matches("<article").count(), 2);
    assert_eq!(html.matches("<table>").count(), html.matches("<caption>").count());
    assert_eq!(html.matches("<table>").count(), html.matches("</table>").count());
    for wanted in ["Sound:", "light-dark", "@media print", "Candidates for reports", "research"] {
        assert!(html.contains(wanted), "{wanted}");
    }
}

#[test]
fn a_report_is_of_its_period_and_says_what_it_cannot() {
    let state = TempDir::new().unwrap();
    let (mut proxy, _china) = traffic(state.path());
    proxy.wait_records(3);
    proxy.signal("TERM");
    proxy.ended();
    for period in [["--until", "2020-01-01"], ["--since", "2999-01-01"]] {
        let more = if period[0] == "--since" { vec!["--until", "2999-02-01"] } else { Vec::new() };
        let all = [&period[..], &more].concat();
        let report = report(&proxy, &all);
        assert_eq!(report["transactions"], json!([]), "{period:?}");
        assert_eq!(report["totals"]["all"]["requests"], 0);
    }
    let fails = |more: &[&str], code: i32, wanted: &str| {
        let output = audit("report", &proxy, more);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(wanted), "{told}");
    };
    fails(&["--pack", "us-28cfr203"], 64, "did you mean `us-28cfr202`?");
    fails(&["--pack", "us-padfa"], 1, "[[record]]");
    fails(&["--pack", "us-28cfr202", "--since", "2026-02-02", "--until", "2026-02-01"], 1, "ends");
}

/// What is in the journal of some kind, as `audit query` tells it.
fn paths(proxy: &Proxy, journal: &Path) -> Vec<String> {
    let journal = ["--json", "--limit", "1000", "--journal", journal.to_str().unwrap()];
    let text = said(audit("query", proxy, &journal));
    let path = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["path"].as_str().unwrap().to_owned()
    };
    text.lines().map(path).collect()
}

#[test]
fn retention_drops_what_nothing_keeps_and_the_rest_verifies() {
    let state = TempDir::new().unwrap();
    let config = Config::new().law(state.path()).with(
        "[journal]\nsegment_time = \"1ms\"\nkeep_tagged = \"100d\"\n[[journal.hold]]\n\
         name = \"case 7\"\nreason = \"a letter\"\nhost = \"127.2.0.1\"",
    );
    let mut proxy = Proxy::start(&config);
    let (china, held) =
        (Origin::answering("127.3.0.1", ok("")), Origin::answering("127.2.0.1", ok("")));
    let url = |path: &str| format!("{}{path}", china.url());
    assert_eq!(proxy.ask("GET", &url("/plain"), "", "").status(), 200);
    assert_eq!(proxy.ask("GET", &url("/tagged"), "X-Data-Class: internal\r\n", "").status(), 200);
    assert_eq!(proxy.ask("GET", &format!("{}/held", held.url()), "", "").status(), 200);
    assert_eq!(proxy.ask("POST", &url("/law"), &sale(200), "ACGT").status(), 451);
    proxy.wait_records(4);
    // All is in sealed segments once the last is followed by another.
    let journal = state.path().join("journal");
    crate::support::wait_for("sealed segments", || {
        let names = std::fs::read_dir(&journal).unwrap().map(|one| one.unwrap().path());
        let plain = names.filter(|path| path.extension().is_some_and(|end| end == "log")).count();
        (plain == 1).then_some(())
    });
    looked_at(&proxy);
    proxy.signal("TERM");
    proxy.ended();
    let all = ["/plain", "/tagged", "/held", "/law"];
    assert_eq!(paths(&proxy, &journal), all, "a dry run drops nothing");
    let ahead = audit("retain", &proxy, &["--now", &day(95)]);
    let told = String::from_utf8(ahead.stderr).unwrap();
    assert!(ahead.status.code() == Some(64) && told.contains("--dry-run"), "{told}");
    assert_eq!(paths(&proxy, &journal).len(), 4, "what is not due stays");
    let retain = |days| {
        let folder = aged(&proxy, &journal, days);
        let text = said(audit("retain", &proxy, &["--journal", folder.to_str().unwrap()]));
        (text, folder)
    };
    let (text, folder) = retain(95);
    assert!(text.contains("dropped: 1 untagged"), "{text}");
    assert_eq!(paths(&proxy, &folder), ["/tagged", "/held", "/law"]);
    let (text, folder) = retain(9 * 365);
    assert!(text.contains("tagged (journal.keep_tagged = \"100d\")"), "{text}");
    assert_eq!(paths(&proxy, &folder), ["/held", "/law"], "ten years are not over");
    let (text, folder) = retain(3_660);
    assert!(text.contains("pack (retain_years of the record)"), "{text}");
    assert_eq!(paths(&proxy, &folder), ["/held"]);
    let after = said(audit("verify", &proxy, &["--journal", folder.to_str().unwrap()]));
    assert!(after.starts_with("sound") && after.contains("pruned"), "{after}");
    noted(&proxy, &folder);
}

/// The same records in a journal of so many days ago.
fn aged(proxy: &Proxy, journal: &Path, days: i64) -> PathBuf {
    let by = jiff::SignedDuration::from_hours(24 * days);
    let then = jiff::Timestamp::now() - by;
    let folder = proxy.folder.path().join(format!("aged-{days}/journal"));
    let signer = Signer::open_or_make(&folder, "aged").unwrap();
    let (mut log, _) = Log::open(&folder, Settings::default(), signer, then).unwrap();
    let mut reader = Reader::open(journal);
    while let Some(entry) = reader.next_entry().unwrap() {
        let Some(kind @ (Kind::Ended | Kind::Decided)) = entry.kind() else { continue };
        let mut record: Value = serde_json::from_slice(entry.payload().unwrap()).unwrap();
        for field in ["time", "ended"] {
            if let Some(time) = record[field].as_str() {
                let time: jiff::Timestamp = time.parse().unwrap();
                record[field] = json!((time - by).to_string());
            }
        }
        log.append(kind, then, record.to_string().as_bytes());
    }
    let later = then + jiff::SignedDuration::from_hours(2);
    seal(&log.tick(later).unwrap().closed.unwrap()).unwrap();
    log.close(later).unwrap();
    folder
}

/// So many days from now.
fn day(days: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).to_string()
}

/// While the proxy runs nothing is dropped, and it is told what would be.
fn looked_at(proxy: &Proxy) {
    let output = audit("retain", proxy, &[]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("a running proxy"), "{told}");
    let dry = |now: &str| said(audit("retain", proxy, &["--dry-run", "--now", now]));
    assert!(dry("2026-11-26").starts_with("nothing is due"));
    let before = said(audit("verify", proxy, &[]));
    assert!(before.starts_with("sound") && !before.contains("pruned"), "{before}");
    let text = dry(&day(95));
    assert!(
        text.contains("would be dropped: 1 untagged (journal.keep_untagged = \"90d\")"),
        "{text}"
    );
    assert!(text.contains("hold case 7 (open): a letter; keeps 1 that are due"), "{text}");
}

fn noted(proxy: &Proxy, journal: &Path) {
    // The notes are evidence themselves, and part of a report.
    let more = ["--until", "2999-01-01", "--journal", journal.to_str().unwrap()];
    let report = report(proxy, &more);
    let notes = report["notes"]["list"].as_array().unwrap();
    let stage = |note: &Value| note["says"]["retention"]["stage"].clone();
    let stages: Vec<_> = notes.iter().map(stage).collect();
    assert_eq!(stages, ["begun", "done"], "{notes:#?}");
    let first = &notes[1]["says"]["retention"]["dropped"][0];
    assert_eq!((&first["class"], &first["entries"]), (&json!("untagged"), &json!(1)));
    assert_eq!(report["verification"]["pruned"], notes[0]["says"]["retention"]["entries"]);
}

#[test]
fn mistakes_in_retention_are_told() {
    let folder = TempDir::new().unwrap();
    for (text, wanted) in [
        ("keep_tagged = \"1 month\"", "is not a time such as"),
        ("retain = \"weekly\"", "none of daily, off"),
        ("[[journal.hold]]\nname = \"x\"", "`reason` is missing"),
        (
            "[[journal.hold]]\nname = \"x\"\nreason = \"y\"\nfrom = 2026-02-02\nuntil = 2026-02-01",
            "ends before",
        ),
        ("[[journal.hold]]\nname = \"x\"\nreason = \"y\"\nhosts = \"a\"", "did you mean `host`"),
    ] {
        let path = folder.path().join("borderpost.toml");
        let config = Config::new().with(&format!("[journal]\n{text}"));
        std::fs::write(&path, config.text()).unwrap();
        let output = program().arg("check").arg(&path).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(64) && told.contains(wanted), "{told}");
    }
}
