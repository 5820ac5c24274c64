//! Sinks: every event reaches files, syslog and HTTP collectors at least once, whatever dies on the way.

mod collectors;

use std::collections::HashSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use borderpost::audit::retention::{Days, Retention, Terms};
use serde_json::Value;

use crate::support::{
    Config, Origin, Proxy, closed_port, ok, program, request, retain_in, wait_for,
};

use collectors::{collector, http};

fn config(sink: &str) -> Config {
    let rule = "tags = [\"health\"]";
    Config::new()
        .rule("no-health", "block", "", rule)
        .with(&format!("[state]\nfolder = \"state\"\n{sink}"))
}

fn sink(name: &str, kind: &str, to: &str, more: &str) -> String {
    format!("[[sink]]\nname = \"{name}\"\nkind = \"{kind}\"\nto = \"{to}\"\n{more}\n")
}

fn origin() -> Origin {
    Origin::answering("127.1.0.1", ok("reached"))
}

/// Asks for `/FIRST` to `/LAST - 1`.
fn ask(proxy: &Proxy, origin: &Origin, numbers: std::ops::Range<usize>) {
    let mut wire = proxy.client();
    for number in numbers {
        wire.send(request("GET", &format!("{}/{number}", origin.url()), "", ""));
        assert_eq!(wire.response("GET").status(), 200);
    }
}

/// The ids of the records, in their order, once there are so many.
#[track_caller]
fn ids(proxy: &Proxy, count: usize) -> Vec<String> {
    proxy.wait_records(count).iter().map(id).collect()
}

fn id(event: &Value) -> String {
    event["id"].as_str().unwrap().to_owned()
}

fn events(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Those that have not come.
fn missing(wanted: &[String], found: &[String]) -> Vec<String> {
    let found: HashSet<_> = found.iter().collect();
    wanted.iter().filter(|id| !found.contains(id)).cloned().collect()
}

#[test]
fn files_are_rotated_and_nothing_is_missing() {
    let more = "rotate = \"64KiB\"\nkeep = 100";
    let small = sink("small", "file", "small.jsonl", "rotate = \"4KiB\"\nkeep = 2");
    let config = config(&(sink("all", "file", "events.jsonl", more) + &small));
    let (mut proxy, origin) = (Proxy::start(&config), origin());
    ask(&proxy, &origin, 0..300);
    proxy.signal("TERM");
    assert!(proxy.ended().success(), "{}", proxy.output());
    let read = |name: &str| fs::read_to_string(proxy.folder.path().join(name)).ok();
    let mut files: Vec<_> = (1..).map_while(|at| read(&format!("events.jsonl.{at}"))).collect();
    files.reverse();
    assert!(files.len() >= 2, "{}", files.len());
    assert!(files.iter().all(|text| text.len() <= 64 * 1024));
    files.push(read("events.jsonl").unwrap());
    // Octet for octet, in order, and once: nothing died.
    assert_eq!(events(&files.concat()), proxy.records());
    assert!(read("small.jsonl.2").is_some() && read("small.jsonl.3").is_none());
    let last = proxy.records().pop().unwrap();
    assert_eq!(events(&read("small.jsonl").unwrap()).pop().unwrap(), last);
}

#[test]
fn only_what_was_selected_is_shipped_in_its_format() {
    let sinks = [
        sink("refused", "file", "refused.cef", "select = \"refused\"\nformat = \"cef\""),
        sink("tagged", "file", "tagged.jsonl", "select = \"tagged\"\nformat = \"ocsf\""),
        "[[sink]]\nname = \"out\"\nkind = \"stdout\"\nformat = \"squid\"\n".to_owned(),
    ];
    let (mut proxy, origin) = (Proxy::start(&config(&sinks.concat())), origin());
    let tagged = |tag: &str| {
        let fields = format!("X-Data-Class: {tag}\r\n");
        proxy.ask("GET", &format!("{}/{tag}", origin.url()), &fields, "").status()
    };
    assert_eq!((tagged("health"), tagged("financial")), (403, 200));
    assert_eq!(proxy.get(&origin, "/plain").status(), 200);
    assert!(proxy.metric("egress_audit_sink_lag_records", "sink=\"refused\"") >= 0.0);
    wait_for("the metrics", || {
        let shipped =
            |sink: &str| proxy.metric("egress_audit_records_total", &format!("sink=\"{sink}\""));
        let (refused, tagged, out) = (shipped("refused"), shipped("tagged"), shipped("out"));
        (refused >= 1.0 && tagged >= 2.0 && out >= 3.0).then_some(())
    });
    proxy.signal("TERM");
    proxy.ended();
    let read = |name: &str| fs::read_to_string(proxy.folder.path().join(name)).unwrap();
    let refused = read("refused.cef");
    assert!(refused.lines().count() == 1 && refused.contains("/health"), "{refused}");
    let tagged = events(&read("tagged.jsonl"));
    assert!(tagged.len() == 2 && tagged.iter().all(|event| event["class_uid"] == 4002));
    let out = proxy.stdout();
    let lines: Vec<_> = out.lines().collect();
    assert!(lines.len() == 3 && lines[0].contains("TCP_DENIED/403"), "{out}");
}

#[test]
fn a_damaged_cursor_stops_nothing_and_all_is_sent_again() {
    let config = config(&sink("all", "file", "events.jsonl", ""));
    let (mut proxy, origin) = (Proxy::start(&config), origin());
    ask(&proxy, &origin, 0..5);
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    let cursor = proxy.folder.path().join("state/sinks/all.cursor");
    fs::write(&cursor, "\u{fffd}garbage\n").unwrap();
    let mut proxy = proxy.again(&config);
    ask(&proxy, &origin, 5..8);
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    let text = fs::read_to_string(proxy.folder.path().join("events.jsonl")).unwrap();
    let mut sent: Vec<_> = events(&text).iter().map(id).collect();
    let all: Vec<_> = proxy.records().iter().map(id).collect();
    assert_eq!(sent.split_off(5), all);
    assert_eq!(sent, all[..5]);
    assert!(proxy.output().contains("not the cursor of a sink"), "{}", proxy.output());
    let aside = fs::read_to_string(cursor.with_extension("cursor.damaged")).unwrap();
    assert_eq!(aside, "\u{fffd}garbage\n");
}

#[test]
fn nothing_is_missing_after_kills() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (collected, _) = collector(listener, 0);
    let file = sink("archive", "file", "events.jsonl", "rotate = \"16KiB\"");
    let config = http(address).with(&file);
    let (mut proxy, origin) = (Proxy::start(&config), origin());
    let mut asked = 0;
    for _ in 0..6 {
        ask(&proxy, &origin, asked..asked + 50);
        asked += 50;
        // In the middle of what it ships: some of the round has come, all of it has been asked.
        wait_for("some of it", || (collected.all().len() > asked - 50).then_some(()));
        ask(&proxy, &origin, asked..asked + 30);
        asked += 30;
        proxy.signal("KILL");
        proxy = proxy.again(&config);
    }
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    // What the journal has is what counts: the record file may have lost its last lines.
    let mut export = program();
    export.args(["audit", "export", "--journal"]).arg(proxy.folder.path().join("state/journal"));
    let kept = String::from_utf8(export.output().unwrap().stdout).unwrap();
    let kept: Vec<_> = events(&kept).iter().map(id).collect();
    assert!(kept.len() > 300, "{}", kept.len());
    let found: Vec<_> = events(&collected.all().join("\n")).iter().map(id).collect();
    assert_eq!(missing(&kept, &found), [""; 0]);
    let files = fs::read_dir(proxy.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.to_string_lossy().contains("events.jsonl"));
    let text: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    let found: Vec<_> = events(&text).iter().map(id).collect();
    assert_eq!(missing(&kept, &found), [""; 0]);
}

#[test]
fn a_dead_sink_delays_no_request_and_no_end() {
    // It accepts, and never reads or answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let held = Arc::<Mutex<Vec<TcpStream>>>::default();
    let into = Arc::clone(&held);
    thread::spawn(move || {
        for stream in silent.incoming() {
            into.lock().unwrap().push(stream.unwrap());
        }
    });
    let dead = sink("dead", "syslog", &format!("tcp://{}", closed_port("127.0.0.1")), "");
    let config = http(address).with(&dead);
    let (mut proxy, origin) = (Proxy::start(&config), origin());
    ask(&proxy, &origin, 0..2_000);
    wait_for("a connection", || (!held.lock().unwrap().is_empty()).then_some(()));
    ask(&proxy, &origin, 0..10);
    assert_eq!(proxy.get(&origin, "/x").status(), 200);
    proxy.signal("TERM");
    assert!(proxy.ended().success(), "{}", proxy.output());
    // The next start has them still.
    let more = sink("archive", "file", "events.jsonl", "");
    let mut proxy = proxy.again(&config.with(&more));
    proxy.signal("TERM");
    proxy.ended();
    let text = fs::read_to_string(proxy.folder.path().join("events.jsonl")).unwrap();
    assert_eq!(events(&text).len(), 2_011);
}

#[test]
fn a_cursor_into_another_journal_is_known() {
    let config = config(&sink("archive", "file", "events.jsonl", ""));
    let (mut proxy, origin) = (Proxy::start(&config), origin());
    ask(&proxy, &origin, 0..30);
    proxy.signal("TERM");
    proxy.ended();
    let path = |name: &str, proxy: &Proxy| proxy.folder.path().join(name);
    fs::rename(path("state/journal", &proxy), path("state/old", &proxy)).unwrap();
    fs::remove_file(path("events.jsonl", &proxy)).unwrap();
    let mut proxy = proxy.again(&config);
    ask(&proxy, &origin, 100..103);
    proxy.signal("TERM");
    proxy.ended();
    let text = fs::read_to_string(path("events.jsonl", &proxy)).unwrap();
    assert_eq!(paths(&text), ["/100", "/101", "/102"]);
    assert!(proxy.output().contains("not this journal"), "{}", proxy.output());
}

#[test]
fn findings_are_told_at_once_and_counted_over_restarts() {
    let more = "format = \"ocsf-findings\"\nfindings_every = \"1h\"";
    let config = config(&sink("findings", "file", "findings.jsonl", more));
    let (proxy, origin) = (Proxy::start(&config), origin());
    let refused = |proxy: &Proxy, times: usize| {
        for _ in 0..times {
            let url = format!("{}/x", origin.url());
            assert_eq!(proxy.ask("GET", &url, "X-Data-Class: health\r\n", "").status(), 403);
        }
        assert_eq!(proxy.get(&origin, "/plain").status(), 200);
    };
    let told = |proxy: &Proxy| {
        let text = fs::read_to_string(proxy.folder.path().join("findings.jsonl")).ok();
        events(text.as_deref().unwrap_or_default())
    };
    refused(&proxy, 4);
    let first = wait_for("the finding", || told(&proxy).into_iter().next());
    assert_eq!(
        (&first["class_uid"], &first["type_uid"], &first["count"]),
        (&2006.into(), &200_601.into(), &1.into())
    );
    // The journal has all of them before it dies.
    wait_for("the sink", || {
        (proxy.metric("egress_audit_sink_lag_records", "findings") == 0.0).then_some(())
    });
    proxy.wait_records(5);
    proxy.signal("KILL");
    let mut proxy = proxy.again(&config);
    refused(&proxy, 3);
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    let last = told(&proxy).pop().unwrap();
    assert_eq!(
        (&last["type_uid"], &last["finding_info"]["uid"]),
        (&200_602.into(), &first["finding_info"]["uid"])
    );
    // The end of the first run may have been lost with it.
    assert!((4..=7).contains(&last["count"].as_u64().unwrap()), "{last:#}");
    // After an end in order nothing is: the day is gathered anew from the journal.
    let kept = last["count"].as_u64().unwrap();
    let mut proxy = proxy.again(&config);
    refused(&proxy, 2);
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    let all = told(&proxy);
    assert_eq!(all.last().unwrap()["count"], kept + 2);
    assert_eq!(all.iter().filter(|one| one["type_uid"] == 200_601).count(), 1, "{all:#?}");
}

#[test]
fn a_sink_can_begin_now() {
    let first = config("");
    let (mut proxy, origin) = (Proxy::start(&first), origin());
    ask(&proxy, &origin, 0..10);
    proxy.signal("TERM");
    proxy.ended();
    let both =
        sink("old", "file", "old.jsonl", "") + &sink("new", "file", "new.jsonl", "from = \"now\"");
    let later = config(&both);
    let proxy = proxy.again(&later);
    ask(&proxy, &origin, 10..13);
    // Whatever it has shipped: where it began is kept.
    proxy.signal("KILL");
    let mut proxy = proxy.again(&later);
    ask(&proxy, &origin, 13..15);
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    let read = |name: &str| fs::read_to_string(proxy.folder.path().join(name)).unwrap();
    let mut old = paths(&read("old.jsonl"));
    old.dedup();
    assert!(old.len() >= 12 && old[0] == "/0", "{old:?}");
    let new = paths(&read("new.jsonl"));
    assert!(new.iter().all(|path| !old[..10].contains(path)), "{new:?}");
    assert_eq!(new[new.len() - 2..], ["/13", "/14"]);
}

#[test]
fn what_retention_dropped_before_a_sink_came_to_it_is_told() {
    let retained = |sink: &str| {
        config(sink)
            .with("[journal]\nretain = \"off\"\nkeep_untagged = \"1d\"\nsegment_size = \"64KiB\"")
    };
    let (mut proxy, origin) = (Proxy::start(&retained("")), origin());
    ask(&proxy, &origin, 0..400);
    proxy.signal("TERM");
    proxy.ended();
    let terms = Terms { untagged: Days(1), ..Terms::default() };
    let retention = Retention { terms, ..Retention::default() };
    assert!(!retain_in(&proxy, 400, &retention).is_empty());
    let late = retained(&sink("late", "file", "late.jsonl", ""));
    let mut proxy = proxy.again(&late);
    ask(&proxy, &origin, 400..401);
    let lost = wait_for("what is lost", || {
        let lost = proxy.metric("egress_audit_sink_lost_total", "reason=\"pruned\"");
        (lost > 0.0).then_some(lost)
    });
    // It is counted before it is told.
    wait_for("a word of it", || {
        proxy.output().contains("retention had dropped entries").then_some(())
    });
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    let text = fs::read_to_string(proxy.folder.path().join("late.jsonl")).unwrap();
    let (shipped, count) = (events(&text).len(), |number: usize| u32::try_from(number).unwrap());
    assert!((lost - f64::from(count(401 - shipped))).abs() < 0.5, "{lost} {shipped}");
    assert!(shipped < 401);
}

fn paths(text: &str) -> Vec<String> {
    events(text).iter().map(|event| event["path"].as_str().unwrap().to_owned()).collect()
}

/// What the program says that does not start.
#[track_caller]
fn started(file: &Path) -> String {
    let output = program().args(["run", "--config"]).arg(file).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}
