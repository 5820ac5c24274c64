//! Personal fields in the journal: enciphered, read by who has the keys, and gone with them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use borderpost::audit::journal::Reader;
use borderpost::audit::personal::Class;
use borderpost::audit::retention::{Days, LegalHold, Retention};
use serde_json::Value;

use crate::journal::by_others;
use crate::support::{Config, Origin, Proxy, Wire, ok, program, request, retain_in, wait_for};

/// What nobody else is called, sends or comes from.
const USER: &str = "rosalind.quartz";
const PATH: &str = "/people/zebulon-marsh";
const TRACE: &str = "7a6c5e4d3b2a19087f6e5d4c3b2a1908";
const FROM: &str = "127.77.66.55";
const SPAN: &str = "00f067aa0ba902b7";
const PLANTED: [&str; 5] = [USER, PATH, TRACE, SPAN, FROM];

const CARD: &str = "X-Data-Class: financial.card\r\n";

/// A file of users with one in it.
fn users() -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("users");
    let mut command = program();
    command.arg("passwd").arg(&file).arg(USER).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"secret").unwrap();
    assert!(child.wait().unwrap().success());
    fs::read_to_string(file).unwrap()
}

fn config(journal: &str) -> Config {
    let tables = format!(
        "[auth]\nusers = \"users\"\n[state]\nfolder = \"state\"\n\
         [journal]\nseal_personal = true\n{journal}"
    );
    Config::new().file("users", &users()).with(&tables)
}

fn state(proxy: &Proxy) -> PathBuf {
    proxy.folder.path().join("state")
}

/// Asks as the user, from the address, within the trace.
fn ask(proxy: &Proxy, origin: &Origin, path: &str, fields: &str) -> u16 {
    let pair = STANDARD.encode(format!("{USER}:secret"));
    let fields = format!(
        "Proxy-Authorization: Basic {pair}\r\n\
         traceparent: 00-{TRACE}-{SPAN}-01\r\n{fields}"
    );
    let url = format!("{}{path}", origin.url());
    let mut wire = Wire::new(from(proxy.listen));
    wire.send(request("POST", &url, &fields, "x"));
    wire.response("POST").status()
}

fn from(to: SocketAddr) -> std::net::TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{FROM}:0").parse().unwrap()).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
}

/// What a command says, and whether it found all well.
#[track_caller]
fn audit(proxy: &Proxy, words: &[&str]) -> (bool, String) {
    let mut audit = program();
    audit.arg("audit").args(words).arg("--config").arg(proxy.file());
    let output = audit.output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.success(), text.concat())
}

#[track_caller]
fn said(proxy: &Proxy, words: &[&str]) -> String {
    let (done, text) = audit(proxy, words);
    assert!(done, "{words:?}: {text}");
    text
}

fn records(proxy: &Proxy, more: &[&str]) -> Vec<Value> {
    let text = said(proxy, &[&["query", "--json", "--limit", "1000"], more].concat());
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn fields(record: &Value) -> [&str; 4] {
    ["client", "principal", "path", "trace"].map(|field| record[field].as_str().unwrap())
}

/// Every file in a folder and below.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The files of a folder that have one of the planted words in the clear.
fn planted(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    files(folder, &mut all);
    let has = |path: &PathBuf| {
        let octets = fs::read(path).unwrap();
        PLANTED.iter().any(|word| octets.windows(word.len()).any(|at| at == word.as_bytes()))
    };
    let found = all.iter().filter(|path| has(path));
    found.map(|path| path.strip_prefix(folder).unwrap().display().to_string()).collect()
}

/// The same of what compressed segments hold.
fn in_entries(journal: &Path) -> usize {
    let (mut reader, mut found) = (Reader::open(journal), 0);
    while let Some(entry) = reader.next_entry().unwrap() {
        let text = String::from_utf8_lossy(entry.payload().unwrap_or_default()).into_owned();
        found += usize::from(PLANTED.iter().any(|word| text.contains(word)));
    }
    found
}

/// The month in which a record was made, which is that of its key.
fn month(record: &Value) -> String {
    record["ended"].as_str().unwrap().chars().take(7).collect()
}

fn erase(proxy: &Proxy, class: &str, month: &str) {
    let words =
        ["erase", "--class", class, "--month", month, "--reason", "request 4711 of a person"];
    let text = said(proxy, &words);
    assert!(text.starts_with(&format!("destroyed: the key {class}-{month}-")), "{text}");
}

/// A run that has ended, with its records: one without a tag, one with a tag.
fn run(config: &Config, origin: &Origin) -> (Proxy, Vec<Value>) {
    let mut proxy = Proxy::start(config);
    assert_eq!(ask(&proxy, origin, PATH, ""), 200);
    assert_eq!(ask(&proxy, origin, PATH, CARD), 200);
    let plain = proxy.wait_records(2);
    end(&mut proxy);
    assert!(fields(&plain[0])[0].starts_with(FROM), "{:#}", plain[0]);
    assert_eq!(fields(&plain[0])[1..], [USER, PATH, TRACE]);
    (proxy, plain)
}

/// Ends the proxy when its index has all.
fn end(proxy: &mut Proxy) {
    wait_for("the index", || {
        (proxy.metric("egress_audit_index_lag_records", "") < 1.0).then_some(())
    });
    proxy.signal("TERM");
    assert!(proxy.ended().success());
}

#[test]
fn what_was_erased_is_in_no_file_and_the_journal_holds() {
    let config = config(
        "segment_time = \"1ms\"\n[[sink]]\nname = \"out\"\nkind = \"file\"\nto = \"out.jsonl\"",
    );
    let origin = Origin::answering("127.1.0.1", ok("seen"));
    let (proxy, plain) = run(&config, &origin);
    open(&proxy, &plain);

    // One class goes, the other stays.
    erase(&proxy, "untagged", &month(&plain[0]));
    let shown = records(&proxy, &[]);
    assert_eq!(fields(&shown[0]), ["[erased]"; 4]);
    assert_eq!(shown[1], plain[1]);
    let mut rest = shown[0].clone();
    for field in ["client", "principal", "path", "trace", "span"] {
        rest[field] = plain[0][field].clone();
    }
    assert_eq!(rest, plain[0], "all else is as it was");
    erase(&proxy, "tagged", &month(&plain[1]));
    gone(&proxy, &plain);

    // The next run goes on, with keys of its own, and its index knows no more than the journal.
    let mut proxy = proxy.again(&config);
    assert_eq!(ask(&proxy, &origin, "/after", ""), 200);
    end(&mut proxy);
    assert_eq!(records(&proxy, &["--client", "[erased]"]).len(), 2);
    let shown = records(&proxy, &["--scan"]);
    assert_eq!((shown.len(), fields(&shown[1]), fields(&shown[2])[1]), (3, ["[erased]"; 4], USER));
    assert_eq!(records(&proxy, &[]), shown);
    assert!(said(&proxy, &["verify"]).contains("personal fields: 1 can be read, 3 [erased]"));
}

/// Who has the keys sees what was recorded, octet for octet, whichever way it is found.
fn open(proxy: &Proxy, plain: &[Value]) {
    for way in [&[][..], &["--scan"], &["--client", USER], &["--client", FROM, "--scan"]] {
        assert_eq!(records(proxy, way), plain, "{way:?}");
    }
    let read = |name: &str| fs::read_to_string(proxy.folder.path().join(name)).unwrap();
    assert_eq!(read("out.jsonl"), read("records.jsonl"), "sinks get records as they were made");
    assert_eq!(said(proxy, &["export", "--format", "record"]), read("records.jsonl"));
    assert_eq!(said(proxy, &["top", "principal"]).split_whitespace().last(), Some(USER));
    // In the journal nobody stands in the clear; in the index they do, until then.
    let state = state(proxy);
    assert_eq!(planted(&state), ["index/requests.db"]);
    assert_eq!(in_entries(&state.join("journal")), 0);
    assert!(said(proxy, &["verify"]).contains("personal fields: 3 can be read"));
}

/// Nothing of a person is left, and all that is evidence is.
fn gone(proxy: &Proxy, plain: &[Value]) {
    let state = state(proxy);
    assert_eq!((planted(&state), in_entries(&state.join("journal"))), (Vec::<String>::new(), 0));
    for words in [
        &["export", "--format", "ecs"][..],
        &["export", "--format", "squid"],
        &["top", "client"],
        &["top", "principal", "--scan"],
        &["query", "--json", "--verdicts"],
        &["reindex"],
        &["top", "principal"],
    ] {
        let text = said(proxy, words);
        assert!(words[0] == "reindex" || text.contains("[erased]"), "{words:?}: {text}");
        assert!(PLANTED.iter().all(|word| !text.contains(word)), "{words:?}: {text}");
    }
    assert_eq!(planted(&state), Vec::<String>::new(), "not in a new index either");
    let text = said(proxy, &["verify"]);
    assert!(
        text.contains("sound:") && text.contains("personal fields: 0 can be read, 3 [erased]"),
        "{text}"
    );
    let key = said(proxy, &["key"]);
    let proof = said(proxy, &["prove", plain[0]["id"].as_str().unwrap()]);
    assert!(by_others(&proof, key.trim()), "{proof}");
    let proof: Value = serde_json::from_str(&proof).unwrap();
    assert_eq!(proof["opened"]["principal"], "[erased]");
    // It was told who wanted it.
    let (mut reader, mut notes) = (Reader::open(&state.join("journal")), Vec::new());
    while let Some(entry) = reader.next_entry().unwrap() {
        let payload = String::from_utf8_lossy(entry.payload().unwrap_or_default()).into_owned();
        notes.extend(payload.contains("\"erasure\"").then_some(payload));
    }
    assert!(notes.len() == 2 && notes[0].contains("request 4711 of a person"), "{notes:?}");
    let (done, text) = audit(
        proxy,
        &["erase", "--class", "untagged", "--month", &month(&plain[0]), "--reason", "again"],
    );
    assert!(!done && text.contains("there is no key"), "{text}");
}

#[test]
fn a_running_proxy_notes_an_erasure_and_goes_on_with_another_key() {
    let config = config("");
    let (mut proxy, origin) = (Proxy::start(&config), Origin::answering("127.1.0.1", ok("seen")));
    assert_eq!(ask(&proxy, &origin, PATH, ""), 200);
    let month = month(&proxy.wait_records(1)[0]);
    let names = |proxy: &Proxy| {
        let all = records(proxy, &["--scan"]);
        all.iter().map(|one| one["principal"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    wait_for("a record", || (names(&proxy) == [USER]).then_some(()));
    // What is no erasure is not noted, and keeps nobody from one.
    let request = state(&proxy).join("keys/erase.request");
    fs::write(&request, "{\"erasure\":").unwrap();
    wait_for("an answer", || (!request.exists()).then_some(()));
    erase(&proxy, "untagged", &month);
    assert_eq!(names(&proxy), ["[erased]"]);
    // What comes within the second is of that month still, and erased with it.
    wait_for("another key", || {
        assert_eq!(ask(&proxy, &origin, PATH, ""), 200);
        names(&proxy).contains(&USER.to_owned()).then_some(())
    });
    erase(&proxy, "untagged", &month);
    end(&mut proxy);
    assert!(names(&proxy).iter().all(|name| name == "[erased]"));
    assert_eq!(planted(&state(&proxy)), Vec::<String>::new(), "nor in the index, built anew");
    assert!(said(&proxy, &["verify"]).contains("sound:"));
    assert!(!request.exists());
}

#[test]
fn r0027_who_erases_at_the_same_time_takes_nobodys_answer() {
    let origin = Origin::answering("127.1.0.1", ok("seen"));
    let config = config("");
    let (proxy, plain) = run(&config, &origin);
    let (proxy, month) = (proxy.again(&config), month(&plain[0]));
    let begin = |class: &str| {
        let mut command = program();
        command.args(["audit", "erase", "--class", class, "--month", &month, "--reason", class]);
        command.arg("--config").arg(proxy.file()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let begun: Vec<_> = ["untagged", "tagged", "untagged", "tagged"].map(begin).into();
    let ended = begun.into_iter().map(|one| one.wait_with_output().unwrap()).collect::<Vec<_>>();
    let destroyed = ended.iter().flat_map(|one| {
        let text = String::from_utf8_lossy(&one.stdout).into_owned();
        let key = |line: &str| Some(line.split_once("the key ")?.1.split(' ').next()?.to_owned());
        text.lines().filter_map(key).collect::<Vec<_>>()
    });
    let destroyed: BTreeSet<_> = destroyed.collect();
    assert!(!destroyed.is_empty(), "{ended:?}");
    for one in ended.iter().filter(|one| !one.status.success()) {
        let why = String::from_utf8_lossy(&one.stderr);
        let known =
            ["another erasure is under way", "no key"].iter().any(|word| why.contains(word));
        assert!(known, "{why}");
    }
    let notes = said(&proxy, &["notes", "--about", "erasure", "--json"]);
    let noted = notes.lines().flat_map(|line| {
        let note: Value = serde_json::from_str(line).unwrap();
        let keys = note["says"]["erasure"]["keys"].as_array().unwrap().clone();
        keys.into_iter().map(|key| key.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    });
    assert_eq!(noted.collect::<BTreeSet<_>>(), destroyed, "{notes}");
}

#[test]
fn a_key_that_does_not_open_is_told_and_no_erasure() {
    let origin = Origin::answering("127.1.0.1", ok("seen"));
    let (proxy, plain) = run(&config(""), &origin);
    let mut files = Vec::new();
    self::files(&state(&proxy).join("keys"), &mut files);
    let name = |path: &&PathBuf| path.to_str().unwrap().contains("untagged-");
    let path = files.iter().find(name).unwrap();
    let key = fs::read(path).unwrap();
    fs::write(path, [7; 32]).unwrap();
    let shown = records(&proxy, &["--scan"]);
    assert_eq!((fields(&shown[0]), &shown[1]), (["[damaged]"; 4], &plain[1]));
    let (sound, text) = audit(&proxy, &["verify"]);
    assert!(!sound && text.contains("1 [damaged]") && text.contains("does not open"), "{text}");
    // Keys that are elsewhere can be named.
    fs::write(path, key).unwrap();
    fs::rename(state(&proxy).join("keys"), proxy.folder.path().join("mounted")).unwrap();
    assert_eq!(fields(&records(&proxy, &["--scan"])[0]), ["[no-key]"; 4]);
    let mounted = proxy.folder.path().join("mounted");
    let with = ["--scan", "--keys", mounted.to_str().unwrap()];
    assert_eq!(records(&proxy, &with), plain);
    assert!(audit(&proxy, &["verify"]).0, "what cannot be read is no fault");
}

/// So many days from now.
fn day(days: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).to_string()
}

#[test]
fn keys_go_when_their_term_is_over_unless_a_hold_keeps_them() {
    let hold = |client: &str| {
        format!(
            "personal_untagged = \"1d\"\npersonal_tagged = \"2d\"\n[[journal.hold]]\n\
             name = \"case 7\"\nreason = \"a letter\"\nclient = \"{client}\""
        )
    };
    let config = config(&hold(USER));
    let (mut proxy, origin) = (Proxy::start(&config), Origin::answering("127.1.0.1", ok("seen")));
    assert_eq!(ask(&proxy, &origin, PATH, ""), 200);
    proxy.get(&origin, "/nobody");
    assert_eq!(proxy.ask("GET", &format!("{}/x", origin.url()), CARD, "").status(), 200);
    proxy.wait_records(3);
    proxy.signal("TERM");
    proxy.ended();
    assert!(said(&proxy, &["retain"]).starts_with("nothing is due"));
    let dry = said(&proxy, &["retain", "--dry-run", "--now", &day(70)]);
    assert!(dry.contains("would be destroyed: the key tagged-"), "{dry}");
    assert!(dry.contains("hold case 7 keeps the key untagged-"), "{dry}");
    assert_eq!(records(&proxy, &["--client", USER]).len(), 1);
    let mut retention = Retention::default();
    (retention.personal.untagged, retention.personal.tagged) = (Some(Days(1)), Some(Days(2)));
    let (name, reason) = ("case 7".to_owned(), "a letter".to_owned());
    let hold = LegalHold { name, reason, client: Some(USER.to_owned()), ..LegalHold::default() };
    retention.holds.push(hold);
    let passed = retain_in(&proxy, 70, &retention);
    let settings: Vec<_> = passed.keys.values().collect();
    assert_eq!(settings, ["journal.personal_tagged = \"2d\""]);
    let whom = || {
        let all = records(&proxy, &[]);
        all.iter().map(|one| one["client"] == "[erased]").collect::<Vec<_>>()
    };
    assert_eq!(whom(), [false, false, true], "one key is for all records of its class and month");
    let month = month(&records(&proxy, &[])[0]);
    let words = ["erase", "--class", "untagged", "--month", &month, "--reason", "x"];
    let (done, text) = audit(&proxy, &words);
    assert!(!done && text.contains("`case 7`"), "{text}");
    // The hold is of somebody else now.
    proxy.rewrite(&fs::read_to_string(proxy.file()).unwrap().replace(USER, "somebody"));
    retention.holds[0].client = Some("somebody".to_owned());
    let passed = retain_in(&proxy, 70, &retention);
    assert!(passed.keys.keys().all(|id| id.class == Class::Untagged) && passed.keys.len() == 1);
    assert_eq!(whom(), [true; 3], "the records themselves stay");
    assert!(said(&proxy, &["verify"]).contains("sound:"));
}

/// The keys that are there.
fn keys(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let ends = |path: PathBuf| path.extension().is_some_and(|end| end == "key");
    entries.filter(|entry| ends(entry.as_ref().unwrap().path())).count()
}

#[test]
fn a_kill_when_a_key_was_just_made_loses_nothing() {
    let config = config("");
    let origin = Origin::answering("127.1.0.1", ok("seen"));
    let mut proxy = Proxy::start(&config);
    let folder = state(&proxy).join("keys");
    for (round, fields) in [CARD, ""].into_iter().enumerate() {
        let (listen, url) = (proxy.listen, format!("{}/{round}", origin.url()));
        let client = std::thread::spawn(move || {
            let mut wire = Wire::connect(listen);
            // The proxy may be gone already.
            wire.try_send(request("GET", &url, fields, "")).is_ok() && wire.head().is_some()
        });
        wait_for("a key", || (keys(&folder) > round).then_some(()));
        proxy.signal("KILL");
        proxy.ended();
        let answered = client.join().unwrap();
        let all = records(&proxy, &["--verdicts", "--scan"]);
        let own = all.iter().filter(|one| one["path"] == format!("/{round}")).count();
        let tagged = !fields.is_empty();
        assert!(!(answered && tagged) || own > 0, "what was answered is on record: {all:#?}");
        assert!(all.iter().all(|one| one["client"].as_str().unwrap().starts_with("127.")));
        assert!(said(&proxy, &["verify"]).contains("sound:"));
        proxy = proxy.again(&config);
    }
    for fields in [CARD, ""] {
        let url = format!("{}/again", origin.url());
        assert_eq!(proxy.ask("GET", &url, fields, "").status(), 200);
    }
    proxy.signal("TERM");
    proxy.ended();
    assert!(records(&proxy, &[]).iter().filter(|one| one["path"] == "/again").count() == 2);
    assert_eq!(keys(&folder), 2, "keys that were made are the ones that are used");
}

#[test]
fn without_keys_tagged_requests_are_refused_and_nobody_is_written_in_the_clear() {
    let config = config("keys = \"volume\"");
    // A volume that is not mounted is not taken for one that is new.
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("borderpost.toml");
    fs::write(&path, config.text()).unwrap();
    for (name, text) in config.files() {
        crate::support::private(&folder.path().join(name), text);
    }
    let output = program().args(["run", "--config"]).arg(&path).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("there is no such folder"), "{told}");

    let bare = self::config("");
    let (proxy, origin) = (Proxy::start(&bare), Origin::answering("127.1.0.1", ok("seen")));
    let (volume, away) = (state(&proxy).join("keys"), proxy.folder.path().join("away"));
    assert_eq!(ask(&proxy, &origin, PATH, CARD), 200);
    fs::rename(&volume, &away).unwrap();
    wait_for("a refusal", || (ask(&proxy, &origin, PATH, CARD) == 503).then_some(()));
    assert_eq!(ask(&proxy, &origin, PATH, ""), 200, "what has no tags goes on");
    assert!(proxy.metric("egress_audit_journal_up", "") < 1.0);
    assert_eq!(records(&proxy, &["--scan"])[0]["principal"], "[no-key]");
    fs::rename(&away, &volume).unwrap();
    wait_for("an answer", || (ask(&proxy, &origin, PATH, CARD) == 200).then_some(()));
    wait_for("the journal", || (proxy.metric("egress_audit_journal_up", "") > 0.0).then_some(()));
    let lost = wait_for("records", || {
        let all = records(&proxy, &["--scan"]);
        all.iter().find(|one| one["principal"] == "[lost]").cloned()
    });
    assert_eq!(fields(&lost), ["[lost]"; 4]);
    assert!(proxy.metric("egress_audit_personal_lost_total", "") > 0.0);
    assert!(said(&proxy, &["verify"]).contains("[lost]"), "how many is told");
    assert_eq!(in_entries(&state(&proxy).join("journal")), 0);
}

#[test]
fn mistakes_are_told() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("borderpost.toml");
    for (text, wanted) in [
        ("seal_personal = \"yes\"", "true or false"),
        ("personal_pack = \"a while\"", "is not a time such as"),
        ("personal = \"400d\"", "unknown key `personal`"),
    ] {
        let config = Config::new().with(&format!("[journal]\n{text}"));
        fs::write(&path, config.text()).unwrap();
        let output = program().arg("check").arg(&path).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(64) && told.contains(wanted), "{told}");
    }
    for (words, wanted) in [
        (["--class", "all", "--month", "2026-11", "--reason", "x"], "one of untagged"),
        (["--class", "pack", "--month", "2026-13", "--reason", "x"], "a month such as"),
        (["--class", "pack", "--month", "2026-11", "--reason", " "], "is empty"),
    ] {
        let output = program().args(["audit", "erase"]).args(words).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && told.contains(wanted), "{told}");
    }
}
