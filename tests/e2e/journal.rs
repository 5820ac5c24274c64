//! The journal: what was decided outlives kills, full disks and meddling, or the meddling shows.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::support::{
    Config, Message, Origin, Proxy, STAYS, Wire, act, ok, program, request, wait_for,
};

const HEALTH: &str = "X-Data-Class: health\r\n";
pub(crate) const CARD: &str = "X-Data-Class: financial.card\r\n";

/// Lets no file grow beyond some 2 MiB: what a full disk does to all.
const FULL: &str = "trap '' XFSZ; ulimit -S -f 4200";

fn config() -> Config {
    Config::new().pack(&act(STAYS)).with("[state]\nfolder = \"state\"")
}

fn origin() -> Origin {
    Origin::answering("127.1.0.1", ok("reached"))
}

pub(crate) fn folder(proxy: &Proxy) -> PathBuf {
    proxy.folder.path().join("state/journal")
}

/// What a command says of a journal, and whether it found all well.
#[track_caller]
fn audit(command: &str, folder: &Path, more: &[&str]) -> (bool, String) {
    let mut audit = program();
    audit.args(["audit", command]).args(more).arg("--journal").arg(folder);
    let output = audit.output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    let code = output.status.code().unwrap();
    assert!(code < 2, "{code}: {text:?}");
    (code == 0, text.concat())
}

#[track_caller]
pub(crate) fn sound(folder: &Path) -> String {
    let (sound, text) = audit("verify", folder, &[]);
    assert!(sound, "{text}");
    text
}

pub(crate) fn records(folder: &Path, more: &[&str]) -> Vec<Value> {
    let all = [&["--json", "--limit", "1000000"], more].concat();
    let (found, text) = audit("query", folder, &all);
    assert!(found, "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A run that has ended: a plain request, one that was let go with a card, and one that was
/// refused, of which the id.
fn run() -> (Proxy, String) {
    let (mut proxy, origin) = (Proxy::start(&config()), origin());
    let url = |path: &str| format!("{}{path}", origin.url());
    assert_eq!(proxy.ask("GET", &url("/plain"), "", "").status(), 200);
    assert_eq!(proxy.ask("POST", &url("/card"), CARD, "x").status(), 200);
    let refused = proxy.ask("POST", &url("/health"), HEALTH, "x");
    assert_eq!(refused.status(), 451);
    let id = refused.json()["decision"].as_str().unwrap().to_owned();
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    (proxy, id)
}

#[test]
fn decisions_are_found() {
    let (proxy, _) = run();
    let folder = folder(&proxy);
    // What the journal keeps of a request is its record, octet for octet.
    let kept = records(&folder, &[]);
    assert_eq!(kept, proxy.records());
    let paths = |more: &[&str]| -> Vec<String> {
        let all = records(&folder, more);
        all.iter().map(|one| one["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(paths(&["--tag", "financial"]), ["/card"]);
    let (_, told) = audit("query", &folder, &["--json", "--tag", "fin"]);
    assert_eq!(told, "no record in the index has the tag `fin`\n");
    assert_eq!(paths(&["--outcome", "block"]), ["/health"]);
    assert_eq!(paths(&["--rule", "test-act/told", "--since", "1h"]), ["/card"]);
    assert_eq!(paths(&["--until", "2026-01-01"]), [""; 0]);
    // Verdicts on tagged data stand in it before their requests have ended, and only those.
    let both = paths(&["--verdicts"]);
    assert_eq!(both, ["/plain", "/card", "/card", "/health", "/health"]);
}

#[test]
fn decisions_are_proved_and_exported() {
    let (proxy, id) = run();
    let folder = folder(&proxy);
    let text = sound(&folder);
    let (_, key) = audit("key", &folder, &[]);
    assert!(text.contains(&format!("signed by {}", key.trim())), "{text}");
    assert!(!text.contains("not signed"), "what ends in order is signed to its end: {text}");
    assert!(audit("verify", &folder, &["--key", key.trim()]).0);
    let (proved, proof) = audit("prove", &folder, &[&id]);
    assert!(proved, "{proof}");
    assert!(by_others(&proof, key.trim()), "{proof}");
    let other = proof.replace("/health", "/HEALTH");
    assert!(!by_others(&other, key.trim()), "another payload is not proved");
    let (told, text) = audit("export", &folder, &["--format", "ocsf", "--outcome", "block"]);
    let event: Value = serde_json::from_str(&text).unwrap();
    assert!(told && event["class_uid"] == 4002 && event["action_id"] == 2, "{event:#}");
    let (_, text) = audit("export", &folder, &["--format", "har"]);
    let archive: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(archive["log"]["entries"].as_array().unwrap().len(), 3);
    let (_, text) = audit("export", &folder, &["--format", "csv", "--fields", "id,outcome"]);
    let rows: Vec<_> = text.lines().collect();
    assert_eq!((rows[0], rows.len()), ("id,outcome", 4), "{text}");
    assert!(rows.contains(&format!("{id},block").as_str()), "{text}");
}

/// Whether a proof holds for who has nothing but the public key and a general library.
pub(crate) fn by_others(proof: &str, key: &str) -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), proof).unwrap();
    let script = crate::support::script("prove.py");
    let python = crate::support::given("BORDERPOST_TEST_PYTHON");
    let mut check = std::process::Command::new(python);
    check.arg(script).arg(file.path()).arg(key);
    check.output().unwrap().status.success()
}

#[test]
fn meddling_shows() {
    let (mut proxy, origin) = (Proxy::start(&config()), origin());
    for number in 0..20 {
        proxy.ask("GET", &format!("{}/{number}", origin.url()), CARD, "");
    }
    proxy.signal("TERM");
    proxy.ended();
    let folder = folder(&proxy);
    sound(&folder);
    let segments = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let segment = segments.filter(|path| path.extension().is_some_and(|end| end == "log"));
    let segment = segment.last().unwrap();
    let whole = fs::read(&segment).unwrap();
    // A host in a record becomes another.
    let place = whole.windows(9).position(|nine| nine == b"127.1.0.1").unwrap();
    let mut other = whole.clone();
    other[place + 8] = b'2';
    fs::write(&segment, &other).unwrap();
    let (sound, text) = audit("verify", &folder, &[]);
    assert!(!sound && text.contains("NOT SOUND"), "{text}");
    assert!(text.contains(segment.file_name().unwrap().to_str().unwrap()), "{text}");
    // The proxy does not go on from there as if nothing were.
    let file = proxy.file();
    let output = program().args(["run", "--config"]).arg(file).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("journal"), "{said}");
    // Cut off at its end it is whole for who knows nothing else, and not for who kept a
    // checkpoint.
    let checkpoint = proxy.folder.path().join("kept-elsewhere");
    fs::copy(folder.join("checkpoint"), &checkpoint).unwrap();
    fs::write(&segment, &whole[..whole.len() * 2 / 3]).unwrap();
    let more = ["--checkpoint", checkpoint.to_str().unwrap()];
    let (sound, text) = audit("verify", &folder, &more);
    assert!(!sound, "{text}");
    fs::write(&segment, &whole).unwrap();
    assert!(audit("verify", &folder, &more).0);
}

/// Clients that ask without rest, until the proxy is gone.
fn load(proxy: &Proxy, origin: &Origin, round: usize, refused: &Arc<Mutex<HashSet<String>>>) {
    let over = Arc::new(AtomicBool::new(false));
    let enough = 20 + round % 7;
    let answers = Arc::new(Mutex::new(0));
    let mut clients = Vec::new();
    for client in 0..4 {
        let (to, url, over) = (proxy.listen, origin.url(), Arc::clone(&over));
        let (refused, answers) = (Arc::clone(refused), Arc::clone(&answers));
        clients.push(thread::spawn(move || {
            let mut wire = Wire::connect(to);
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                number += 1;
                let fields = if number % 3 == 0 { HEALTH } else { CARD };
                let path = format!("{url}/{round}/{client}/{number}");
                if wire.try_send(request("GET", &path, fields, "")).is_err() {
                    return;
                }
                let Some(answer) = wire.head().map(|head| wire.request_body(head)) else {
                    return;
                };
                if !answer.whole {
                    return;
                }
                if answer.status() == 451 {
                    let id = answer.json()["decision"].as_str().unwrap().to_owned();
                    refused.lock().unwrap().insert(id);
                }
                *answers.lock().unwrap() += 1;
            }
        }));
    }
    wait_for("answers", || (*answers.lock().unwrap() >= enough).then_some(()));
    proxy.signal("KILL");
    over.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().unwrap());
}

#[test]
fn nothing_that_was_acknowledged_is_lost_by_kills() {
    let origin = origin();
    let refused = Arc::default();
    let mut proxy = Proxy::start(&config());
    for round in 0..50 {
        load(&proxy, &origin, round, &refused);
        proxy = proxy.again(&config());
    }
    proxy.signal("TERM");
    proxy.ended();
    let folder = folder(&proxy);
    let text = sound(&folder);
    let all = records(&folder, &["--verdicts"]);
    let told = |field: &str| -> HashSet<String> {
        all.iter().map(|one| one[field].as_str().unwrap_or_default().to_owned()).collect()
    };
    // What was refused was told of by its id; what went out, the destination saw.
    let (ids, paths) = (told("id"), told("path"));
    let refused = refused.lock().unwrap();
    let lost: Vec<_> = refused.iter().filter(|id| !ids.contains(*id)).collect();
    assert!(lost.is_empty() && !refused.is_empty(), "{lost:?}\n{text}");
    let seen = origin.requests();
    let gone = seen.iter().map(|one| one.head.line.split(' ').nth(1).unwrap());
    let lost: Vec<_> = gone.filter(|path| !paths.contains(*path)).collect();
    assert!(lost.is_empty() && seen.len() > 500, "{} {lost:?}\n{text}", seen.len());
}

/// Asks until the journal takes nothing; the answer that says so.
fn fill(proxy: &Proxy, target: &str) -> Message {
    wait_for("a disk that is full", || {
        let more: Vec<_> = (0..60).map(|at| format!("k{at}.{at:0>120}")).collect();
        let fields = format!("X-Data-Class: financial, {}\r\n", more.join(", "));
        let answer = proxy.ask("GET", target, &fields, "");
        (answer.status() == 503).then_some(answer)
    })
}

#[test]
fn a_full_disk_stops_tagged_data_and_by_setting_the_rest() {
    for (setting, untagged) in [("pass", 200), ("refuse", 503)] {
        let config =
            config().with(&format!("[journal]\nunwritable = \"{setting}\"")).record("stdout");
        let (proxy, origin) = (Proxy::start_limited(&config, FULL), origin());
        let target = format!("{}/x", origin.url());
        assert!(proxy.metric("egress_audit_journal_up", "") > 0.0);
        let answer = fill(&proxy, &target);
        assert_eq!(answer.json()["code"], "record-unwritable");
        assert!(answer.json()["remedy"].as_str().unwrap().contains("state.folder"));
        // What is small may still fit: whatever is taken leaves less room.
        wait_for("the journal to be told of as down", || {
            fill(&proxy, &target);
            (proxy.metric("egress_audit_journal_up", "") < 0.5).then_some(())
        });
        wait_for("what becomes of the rest", || {
            (proxy.ask("GET", &target, "", "").status() == untagged).then_some(())
        });
        // Room again: it goes on, and nothing that was taken is missing.
        let id = proxy.id().to_string();
        let more = ["--pid", &id, "--fsize=unlimited"];
        assert!(std::process::Command::new("prlimit").args(more).status().unwrap().success());
        wait_for("the journal", || {
            (proxy.metric("egress_audit_journal_up", "") > 0.0).then_some(())
        });
        assert_eq!(proxy.ask("GET", &target, CARD, "").status(), 200);
        sound(&folder(&proxy));
    }
}

#[test]
fn an_end_while_the_disk_is_full_tells_what_it_loses() {
    let (mut proxy, origin) = (Proxy::start_limited(&config().record("stdout"), FULL), origin());
    fill(&proxy, &format!("{}/x", origin.url()));
    for number in 0..50 {
        assert_eq!(proxy.get(&origin, &format!("/plain/{number}")).status(), 200);
    }
    proxy.signal("TERM");
    assert_eq!(proxy.ended().code(), Some(1), "{}", proxy.output());
    let said = proxy.output();
    let told = said.lines().find_map(|line| line.split_once(" entries of the journal are lost"));
    let (before, _) = told.unwrap_or_else(|| panic!("nothing is told in\n{said}"));
    let lost: u64 = before.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(lost >= 50, "{lost}");
    // Whoever reads the journal is told as well, once.
    let mut proxy = proxy.again(&config());
    let text = sound(&folder(&proxy));
    assert_eq!(text.matches(&format!("\"lost\":{lost},")).count(), 1, "{text}");
    assert!(proxy.metric("egress_audit_dropped_total", "journal") >= 50.0);
    proxy.signal("TERM");
    assert!(proxy.ended().success(), "{}", proxy.output());
    let proxy = proxy.again(&config());
    assert_eq!(sound(&folder(&proxy)).matches("entries were lost").count(), 1);
    assert!(proxy.metric("egress_audit_dropped_total", "journal") < 0.5);
}

#[test]
fn a_kill_while_the_disk_is_full_is_told_at_the_next_start() {
    let (proxy, origin) = (Proxy::start_limited(&config().record("stdout"), FULL), origin());
    fill(&proxy, &format!("{}/x", origin.url()));
    wait_for("the number on the disk", || {
        proxy.get(&origin, "/plain");
        let kept = fs::read_to_string(folder(&proxy).join("unsaved")).unwrap();
        let kept: Value = serde_json::from_str(kept.trim()).ok()?;
        (kept["lost"].as_u64()? > 3).then_some(())
    });
    proxy.signal("KILL");
    let proxy = proxy.again(&config());
    assert!(sound(&folder(&proxy)).contains("\"lost\":"));
}

#[test]
fn what_the_journal_takes_and_what_waits_for_it_is_counted() {
    let (proxy, origin) = (Proxy::start_limited(&config().record("stdout"), FULL), origin());
    let count = |name: &str, label: &str| proxy.metric(&format!("egress_audit_{name}"), label);
    assert_eq!(proxy.ask("GET", &format!("{}/x", origin.url()), CARD, "").status(), 200);
    wait_for("the entries", || (count("records_total", "journal") > 1.5).then_some(()));
    fill(&proxy, &format!("{}/x", origin.url()));
    for number in 0..50 {
        assert_eq!(proxy.get(&origin, &format!("/plain/{number}")).status(), 200);
    }
    wait_for("what waits", || (count("queue_records", "") > 49.5).then_some(()));
    let id = proxy.id().to_string();
    let more = ["--pid", &id, "--fsize=unlimited"];
    assert!(std::process::Command::new("prlimit").args(more).status().unwrap().success());
    wait_for("an empty queue", || (count("queue_records", "") < 0.5).then_some(()));
}

#[test]
fn who_takes_no_records_holds_up_neither_the_journal_nor_requests() {
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("records");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Both ends are open, and nobody ever reads.
    let _reader = fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let config = config().record(pipe.to_str().unwrap());
    let (mut proxy, origin) = (Proxy::start(&config), origin());
    let long = "x".repeat(2_000);
    for number in 0..100 {
        assert_eq!(proxy.get(&origin, &format!("/{number}/{long}")).status(), 200);
    }
    let target = format!("{}/card", origin.url());
    assert_eq!(proxy.ask("GET", &target, CARD, "").status(), 200);
    assert_eq!(proxy.ask_admin("GET", "/readyz").status(), 200);
    wait_for("the records in the journal", || {
        (records(&folder(&proxy), &[]).len() == 101).then_some(())
    });
    proxy.signal("TERM");
    // The journal has all of it, so that nothing is lost.
    assert!(proxy.ended().success(), "{}", proxy.output());
    assert!(proxy.output().contains("the journal has them"), "{}", proxy.output());
    sound(&folder(&proxy));
}

#[test]
fn a_journal_that_vanishes_is_told_and_goes_on_when_it_is_back() {
    const UP: &str = "egress_audit_journal_up";
    const INDEX: &str = "egress_audit_index_up";
    for (setting, untagged) in [("pass", 200), ("refuse", 503)] {
        let config = config().with(&format!("[journal]\nunwritable = \"{setting}\""));
        let (proxy, origin) = (Proxy::start(&config), origin());
        let target = format!("{}/x", origin.url());
        let is = |name: &'static str, up: bool| {
            wait_for(name, || ((proxy.metric(name, "") > 0.5) == up).then_some(()));
        };
        let folder = folder(&proxy);
        let away = folder.with_file_name("away");
        assert_eq!(proxy.ask("GET", &target, CARD, "").status(), 200);
        is(INDEX, true);
        fs::rename(&folder, &away).unwrap();
        // Also where nobody asks for anything.
        is(UP, false);
        is(INDEX, false);
        wait_for("the answer", || {
            (proxy.ask_admin("GET", "/readyz").status() == 503).then_some(())
        });
        let status = proxy.ask_admin("GET", "/api/v1/status").json();
        assert_eq!(
            (&status["ready"], &status["journal"]["healthy"]),
            (&false.into(), &false.into())
        );
        assert_eq!(status["index"]["healthy"], false);
        assert_eq!(proxy.ask("GET", &target, CARD, "").json()["code"], "record-unwritable");
        assert_eq!(proxy.ask("GET", &target, "", "").status(), untagged, "{setting}");
        assert!(proxy.output().contains("move it back"), "{}", proxy.output());
        fs::rename(&away, &folder).unwrap();
        is(UP, true);
        assert_eq!(proxy.ask("GET", &target, CARD, "").status(), 200);
        is(INDEX, true);
        wait_for("the index", || {
            (proxy.metric("egress_audit_index_lag_records", "") < 0.5).then_some(())
        });
        sound(&folder);
        // What is gone for good, a restart begins anew.
        fs::remove_dir_all(&folder).unwrap();
        is(UP, false);
        proxy.signal("TERM");
        let proxy = proxy.again(&config);
        assert_eq!(proxy.ask("GET", &target, CARD, "").status(), 200);
        sound(&folder);
    }
}
