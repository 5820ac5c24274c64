//! What stands outside of the journal: checkpoints that were kept elsewhere tell a journal that was
//! rewritten with its own key, and rows that somebody took out of the index are missed.

use std::fs;
use std::path::{Path, PathBuf};

use borderpost::audit::journal::{Kind, Log, Reader, Settings, Signer, first_key};
use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Config, Origin, Proxy, STAYS, act, ok, program, wait_for};

const CARD: &str = "X-Data-Class: financial.card\r\n";

fn config(more: &str) -> Config {
    let state = format!("[state]\nfolder = \"state\"\n{more}");
    Config::new().pack(&act(STAYS)).with(&state)
}

fn journal(proxy: &Proxy) -> PathBuf {
    proxy.folder.path().join("state/journal")
}

fn ask(proxy: &Proxy, origin: &Origin, count: usize) {
    for number in 0..count {
        let answer = proxy.ask("GET", &format!("{}/{number}", origin.url()), CARD, "");
        assert_eq!(answer.status(), 200);
    }
}

/// What `audit verify` says, and whether it found all well.
fn verify(folder: &Path, more: &[&str]) -> (bool, String) {
    let mut audit = program();
    audit.args(["audit", "verify"]).args(more).arg("--journal").arg(folder);
    let output = audit.output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.success(), text.concat())
}

/// The journal once more, with its own key: what who has the machine can make of it.
fn rewritten(from: &Path, change: impl Fn(u64, &[u8]) -> Option<Vec<u8>>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(from.join("key.pem"), folder.path().join("key.pem")).unwrap();
    let origin = first_key(from).unwrap().unwrap().name().to_owned();
    let signer = Signer::open_or_make(folder.path(), &origin).unwrap();
    let now = Timestamp::now();
    let (mut log, _) = Log::open(folder.path(), Settings::default(), signer, now).unwrap();
    let mut reader = Reader::open(from);
    while let Some(entry) = reader.next_entry().unwrap() {
        let (Some(kind), Some(payload)) = (entry.kind(), entry.payload()) else { panic!() };
        if matches!(kind, Kind::Key | Kind::Checkpoint) {
            continue;
        }
        if let Some(payload) = change(entry.sequence(), payload) {
            log.append(kind, now, &payload);
        }
    }
    log.close(now).unwrap();
    folder
}

#[test]
fn checkpoints_that_left_the_machine_tell_a_journal_that_was_rewritten() {
    let sink = "[[sink]]\nname = \"anchor\"\nkind = \"file\"\nto = \"anchor.jsonl\"\n\
                select = \"checkpoints\"";
    let (mut proxy, origin) =
        (Proxy::start(&config(sink)), Origin::answering("127.1.0.1", ok("reached")));
    let anchor = proxy.folder.path().join("anchor.jsonl");
    let lines = || fs::read_to_string(&anchor).unwrap_or_default();
    // The first was signed at the start, before anything came.
    wait_for("the first checkpoint", || lines().lines().next().map(str::to_owned));
    ask(&proxy, &origin, 12);
    proxy.signal("TERM");
    assert!(proxy.ended().success());
    let folder = journal(&proxy);
    let text = lines();
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(all.len() >= 2, "{text}");
    // Each is the note, octet for octet; the last one is the journal's own.
    let own = fs::read_to_string(folder.join("checkpoint")).unwrap();
    assert_eq!(all.last().unwrap()["note"], own);
    assert_eq!(all[0]["sequence"], all[0]["size"]);
    let key = first_key(&folder).unwrap().unwrap().to_string();
    let file = anchor.to_str().unwrap();
    let by = |folder: &Path, more: &[&str]| verify(folder, &[&["--key", &key], more].concat());
    let (sound, told) = by(&folder, &["--checkpoint", file]);
    assert!(
        sound && told.contains(&format!("{} checkpoints kept elsewhere hold", all.len())),
        "{told}"
    );
    // As a collector of syslog keeps them, and with a line that is none.
    let logged = proxy.folder.path().join("logged");
    let line = |line: &str| format!("<109>1 2026-11-26T08:00:00.000Z a b - CHECKPOINT - {line}\n");
    let logged_lines: Vec<_> = text.lines().map(line).collect();
    fs::write(&logged, format!("{}torn", logged_lines.concat())).unwrap();
    let (sound, told) = by(&folder, &["--checkpoint", logged.to_str().unwrap()]);
    assert!(sound && told.contains("1 lines are no checkpoints"), "{told}");
    // Another entry, and all signed anew: whole in itself, and not what was signed before.
    let changed = rewritten(&folder, |_, payload| {
        let text = String::from_utf8_lossy(payload);
        Some(text.replace("127.1.0.1", "127.1.0.9").into_bytes())
    });
    let (sound, told) = by(changed.path(), &[]);
    assert!(sound, "{told}");
    let (sound, told) = by(changed.path(), &["--checkpoint", file]);
    assert!(!sound && told.contains("NOT SOUND") && told.contains("anchor.jsonl"), "{told}");
    // Fewer entries, signed to their end.
    let less = rewritten(&folder, |number, payload| (number < 9).then(|| payload.to_vec()));
    let (sound, told) = by(less.path(), &[]);
    assert!(sound, "{told}");
    let (sound, told) = by(less.path(), &["--checkpoint", file]);
    assert!(!sound && told.contains("the end of the journal was cut off"), "{told}");
}

#[test]
fn a_journal_verifies_by_its_key_from_its_first_second_on() {
    let (proxy, origin) =
        (Proxy::start(&config("")), Origin::answering("127.1.0.1", ok("reached")));
    let folder = journal(&proxy);
    let key = first_key(&folder).unwrap().unwrap().to_string();
    for _ in 0..3 {
        let (sound, told) = verify(&folder, &["--key", &key]);
        assert!(sound && told.contains(&format!("signed by {key}")), "{told}");
        ask(&proxy, &origin, 4);
    }
    // Without what was signed it is not, however young.
    let stranger = tempfile::tempdir().unwrap();
    let other = Signer::open_or_make(stranger.path(), "other").unwrap().verifier().to_string();
    assert!(!verify(&folder, &["--key", &other]).0);
}

#[test]
fn rows_that_somebody_took_out_of_the_index_are_missed() {
    let (proxy, origin) =
        (Proxy::start(&config("")), Origin::answering("127.1.0.1", ok("reached")));
    ask(&proxy, &origin, 20);
    let folder = journal(&proxy);
    let path = proxy.folder.path().join("state/index/requests.db");
    let rows = || {
        let database = rusqlite::Connection::open(&path).ok()?;
        let count = "SELECT count(*) FROM request";
        let count: i64 = database.query_row(count, [], |row| row.get(0)).ok()?;
        (count == 20).then_some(database)
    };
    let database = wait_for("all in the index", rows);
    let (sound, told) = verify(&folder, &[]);
    assert!(sound && told.contains("index: it has 20 records"), "{told}");
    database.execute("DELETE FROM request WHERE seq % 2 = 0", []).unwrap();
    drop(database);
    let (good, told) = verify(&folder, &[]);
    assert!(!good, "{told}");
    // The journal is what was written.
    assert!(told.starts_with("sound: ") || told.contains("\nsound: "), "{told}");
    assert!(told.contains("of 20 records are missing"), "{told}");
    assert!(told.contains("borderpost audit reindex"), "{told}");
    // A copy of the journal alone, as an auditor has it.
    let alone = tempfile::tempdir().unwrap();
    let copy = alone.path().join("journal");
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let (sound, told) = verify(&copy, &[]);
    assert!(sound && told.contains("index: there is none"), "{told}");
}
