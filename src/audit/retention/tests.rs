//! Real segments, kept and dropped.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::journal::{Kind, Log, Reader, Settings, Signer, seal, verify};
use super::super::personal::{Class, Hidden, KeyRing, Month, Sealer, key_of};
use super::*;

const START: &str = "2026-01-10T12:00:00Z";

fn at(day: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * day)
}

/// A line as records have it, of day 0.
fn line(id: &str, more: &Value) -> String {
    let mut line = json!({
        "time": START, "id": id, "client": "10.0.0.1:5000", "host": "a.example", "outcome": "allow",
    });
    let fields = line.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    line.to_string()
}

/// A journal of one sealed segment and an open one, of the same lines each.
pub(in crate::audit) fn journal(folder: &Path, lines: &[(Kind, String)]) {
    let signer = Signer::open_or_make(folder, "test").unwrap();
    let settings = Settings { segment_time: Duration::from_hours(1), ..Settings::default() };
    let (mut log, _) = Log::open(folder, settings, signer, at(0)).unwrap();
    for hour in [0, 2] {
        for (kind, line) in lines {
            log.append(*kind, at(0), line.as_bytes());
        }
        log.sync().unwrap();
        if hour == 0 {
            let done = log.tick(at(0) + SignedDuration::from_hours(2)).unwrap();
            seal(&done.closed.unwrap()).unwrap();
        }
    }
    log.close(at(1)).unwrap();
}

pub(in crate::audit) fn lines() -> Vec<(Kind, String)> {
    let tags = json!({"tags": ["health.lab"]});
    let pack = json!({"tags": ["health"], "retain_years": 10, "outcome": "block",
        "rules": [{"rule": "r", "pack": "xx-act"}]});
    vec![
        (Kind::Start, "{}".to_owned()),
        (Kind::Ended, line("plain", &json!({}))),
        (Kind::Ended, line("tagged", &tags)),
        (Kind::Decided, line("tagged", &tags)),
        (Kind::Ended, line("refused", &json!({"outcome": "hold"}))),
        (Kind::Ended, line("law", &pack)),
        (Kind::Ended, "no record".to_owned()),
        (Kind::Note, "{}".to_owned()),
    ]
}

/// The ids of what is left of the sealed segment.
fn left(folder: &Path) -> Vec<String> {
    let mut reader = Reader::open(folder);
    let mut found = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        let wanted = matches!(entry.kind(), Some(Kind::Ended | Kind::Decided));
        let payload = entry.payload().filter(|_| wanted && entry.sequence() < 10);
        let line = payload.map(|text| serde_json::from_slice::<Value>(text).unwrap_or_default());
        found.extend(line.map(|line| line["id"].as_str().unwrap_or("unread").to_owned()));
    }
    found
}

/// No keys at all.
fn ring() -> KeyRing {
    KeyRing::at(Path::new("/nowhere"))
}

fn pass(folder: &Path, retention: &Retention, day: i64) -> Passed {
    run(folder, retention, &ring(), at(day), &mut Pass::default())
}

/// A pass whose notes come into the journal.
fn run(
    folder: &Path,
    retention: &Retention,
    ring: &KeyRing,
    now: Timestamp,
    memory: &mut Pass,
) -> Passed {
    let mut announce = |note: &Value| {
        let signer = Signer::open_or_make(folder, "test").unwrap();
        let (mut log, _) = Log::open(folder, Settings::default(), signer, now).unwrap();
        log.append(Kind::Note, now, note.to_string().as_bytes());
        log.close(now).map_err(|fault| fault.to_string())
    };
    retain(folder, retention, ring, now, Some(&mut announce), memory).unwrap()
}

#[test]
fn each_entry_is_kept_as_long_as_the_longest_wants() {
    let place = tempfile::tempdir().unwrap();
    let folder = &place.path().join("journal");
    journal(folder, &lines());
    let retention = Retention::default();
    let all = ["plain", "tagged", "tagged", "refused", "law", "unread"];
    for (day, wanted) in [
        (89, &all[..]),
        (90, &all[1..]),
        (364, &all[1..]),
        (365, &all[4..]),
        (3_652, &all[4..]),
        (3_655, &all[5..]),
        (36_500, &all[5..]),
    ] {
        let dry = retain(folder, &retention, &ring(), at(day), None, &mut Pass::default()).unwrap();
        let passed = pass(folder, &retention, day);
        assert_eq!(dry.dropped, passed.dropped, "{day}: a dry run tells what a run does");
        assert_eq!(left(folder), wanted, "{day}");
        let report = verify(folder, None, None, &mut |_| ()).unwrap();
        assert!(report.is_sound(), "{day}: {:?}", report.findings);
    }
    let mut reader = Reader::open(folder);
    let mut open = 0;
    while let Some(entry) = reader.next_entry().unwrap() {
        open += u64::from(entry.sequence() >= 10 && entry.kind() == Some(Kind::Ended));
    }
    assert_eq!(open, 5, "what is not sealed yet is left");
}

#[test]
fn a_note_says_how_many_of_what_class_and_why() {
    let place = tempfile::tempdir().unwrap();
    let folder = &place.path().join("journal");
    journal(folder, &lines());
    let retention = Retention::default();
    let passed = pass(folder, &retention, 400);
    assert_eq!((passed.unread, passed.segments), (1, 1));
    let note = passed.note(&retention, at(400));
    let dropped = json!([
        {"class": "untagged", "entries": 1, "by": "journal.keep_untagged = \"90d\""},
        {"class": "tagged", "entries": 2, "by": "journal.keep_tagged = \"365d\""},
        {"class": "refused", "entries": 1, "by": "journal.keep_refused = \"365d\""},
    ]);
    assert_eq!(note["retention"]["dropped"], dropped);
    assert!(pass(folder, &retention, 400).is_empty(), "nothing is dropped twice");
}

#[test]
fn a_legal_hold_stops_deletion_while_it_is_open() {
    let hold = |fill: fn(&mut LegalHold)| {
        let mut hold = LegalHold { name: "case 7".to_owned(), ..LegalHold::default() };
        fill(&mut hold);
        hold
    };
    for (hold, kept) in [
        (hold(|_| {}), &["plain", "tagged", "tagged", "refused"][..]),
        (hold(|one| one.tag = Some("health".to_owned())), &["tagged", "tagged"]),
        (hold(|one| one.tag = Some("heal".to_owned())), &[]),
        (
            hold(|one| one.host = Some(".example".to_owned())),
            &["plain", "tagged", "tagged", "refused"],
        ),
        (hold(|one| one.host = Some("b.example".to_owned())), &[]),
        (
            hold(|one| one.client = Some("10.0.0.1".to_owned())),
            &["plain", "tagged", "tagged", "refused"],
        ),
        (hold(|one| one.client = Some("10.0.0.2".to_owned())), &[]),
        (hold(|one| one.rule = Some("xx-act/r".to_owned())), &[]),
        (hold(|one| one.from = Some(at(401))), &[]),
        (hold(|one| one.until = Some(at(400))), &[]),
    ] {
        let place = tempfile::tempdir().unwrap();
        let folder = &place.path().join("journal");
        journal(folder, &lines());
        let retention = Retention { holds: vec![hold.clone()], ..Retention::default() };
        let passed = pass(folder, &retention, 400);
        let wanted = [kept, &["law", "unread"]].concat();
        assert_eq!(left(folder), wanted, "{hold:?}");
        let held = u64::try_from(kept.len()).unwrap();
        assert_eq!(passed.held.values().sum::<u64>(), held, "{hold:?}");
    }
}

#[test]
fn what_is_dropped_is_noted_before_with_its_sequences() {
    let place = tempfile::tempdir().unwrap();
    let folder = &place.path().join("journal");
    journal(folder, &lines());
    let (retention, mut notes) = (Retention::default(), Vec::new());
    let mut refuse = |note: &Value| {
        notes.push(note.clone());
        Err("no room".to_owned())
    };
    let passed =
        retain(folder, &retention, &ring(), at(400), Some(&mut refuse), &mut Pass::default());
    let passed = passed.unwrap();
    assert!(passed.is_empty() && passed.failed == ["no room"], "{passed:?}");
    assert_eq!(left(folder).len(), 6, "what cannot be noted is not dropped");
    let said = &notes[0]["retention"];
    assert_eq!((&said["stage"], &said["entries"]), (&json!("begun"), &json!(4)));
    assert_eq!(said["sequences"], json!([[2, 5]]));
    // One that drops something else than it says is told.
    pass(folder, &retention, 90);
    let sound = verify(folder, None, None, &mut |_| ()).unwrap();
    assert!(sound.is_sound() && sound.pruned == 1, "{:?}", sound.findings);
    let sealed = &super::super::journal::sealed_segments(folder).unwrap()[0];
    super::super::journal::prune(sealed, |entry| entry.sequence() != 5).unwrap();
    assert!(!verify(folder, None, None, &mut |_| ()).unwrap().is_sound());
}

#[test]
fn the_index_forgets_what_was_dropped_also_after_a_kill() {
    let place = tempfile::tempdir().unwrap();
    let folder = &place.path().join("journal");
    journal(folder, &lines());
    let index = place.path().join("index");
    std::fs::create_dir(&index).unwrap();
    let (retention, rows) = (Retention::default(), index.join("requests.db"));
    std::fs::write(&rows, "jane.doe").unwrap();
    assert!(pass(folder, &retention, 89).is_empty() && rows.exists());
    retain(folder, &retention, &ring(), at(90), None, &mut Pass::default()).unwrap();
    assert!(rows.exists(), "a dry run drops nothing");
    assert!(!pass(folder, &retention, 90).is_empty() && !rows.exists());
    // A run that ended between dropping and that: the next one makes up for it, once.
    std::fs::write(&rows, "jane.doe").unwrap();
    std::fs::write(folder.join("index-forgets"), "").unwrap();
    assert!(pass(folder, &retention, 90).is_empty() && !rows.exists());
    std::fs::write(&rows, "john.roe").unwrap();
    assert!(pass(folder, &retention, 90).is_empty() && rows.exists());
}

#[test]
fn what_cannot_be_due_is_not_read_again() {
    let place = tempfile::tempdir().unwrap();
    let folder = &place.path().join("journal");
    journal(folder, &lines());
    let (retention, mut memory) = (Retention::default(), Pass::default());
    let mut run = |day| run(folder, &retention, &ring(), at(day), &mut memory);
    assert_eq!((run(10).unread, run(89).unread), (0, 0));
    assert_eq!(run(90).dropped.values().sum::<u64>(), 1);
    assert_eq!(run(91).unread, 0, "the segment is not opened");
    assert_eq!(run(365).dropped.values().sum::<u64>(), 3);
}

/// The same journal with its personal fields sealed, on day 0, and its keys.
fn sealed(folder: &Path) -> KeyRing {
    let ring = KeyRing::at(&folder.with_file_name("keys"));
    ring.prepare(false).unwrap();
    let mut sealer = Sealer::new(ring.clone());
    let mut seal = |(kind, line): (Kind, String)| {
        let record = matches!(kind, Kind::Ended | Kind::Decided) && line.starts_with('{');
        if !record {
            return (kind, line);
        }
        let (line, sealed) = sealer.seal(line.as_bytes(), at(0));
        sealed.unwrap();
        (kind, String::from_utf8(line).unwrap())
    };
    journal(folder, &lines().into_iter().map(&mut seal).collect::<Vec<_>>());
    ring
}

fn classes(ring: &KeyRing) -> Vec<Class> {
    ring.keys().unwrap().iter().map(|id| id.class).collect()
}

#[test]
fn keys_go_at_the_end_of_their_month_and_term() {
    let place = tempfile::tempdir().unwrap();
    let folder = &place.path().join("journal");
    let ring = sealed(folder);
    let personal = PersonalTerms { pack: Some(Days(400)), ..PersonalTerms::default() };
    let personal = PersonalTerms { tagged: Some(Days(10)), ..personal };
    let retention = Retention { personal, ..Retention::default() };
    let mut memory = Pass::default();
    // January ends 22 days after the first.
    for (day, wanted) in [
        (31, &Class::ALL[..]),
        (32, &[Class::Untagged, Class::Refused, Class::Pack]),
        (111, &[Class::Untagged, Class::Refused, Class::Pack]),
        (112, &[Class::Refused, Class::Pack]),
        (387, &[Class::Pack]),
        (422, &[]),
    ] {
        let dry = retain(folder, &retention, &ring, at(day), None, &mut memory).unwrap();
        let passed = run(folder, &retention, &ring, at(day), &mut memory);
        assert_eq!((&dry.keys, &dry.failed), (&passed.keys, &Vec::new()), "{day}");
        assert_eq!(classes(&ring), wanted, "{day}");
        let report = verify(folder, None, None, &mut |_| ()).unwrap();
        assert!(report.is_sound(), "{day}: {:?}", report.findings);
    }
    assert_eq!(ring.erased().unwrap().len(), 4);
    assert_eq!(left(folder), ["law", "unread"], "ids are not sealed");
}

#[test]
fn a_hold_keeps_the_key_of_what_it_means_and_what_nobody_can_read() {
    let hold = |client: &str| LegalHold {
        name: "case 7".to_owned(),
        client: Some(client.to_owned()),
        ..LegalHold::default()
    };
    let place = tempfile::tempdir().unwrap();
    let folder = &place.path().join("journal");
    let ring = sealed(folder);
    let held = Retention { holds: vec![hold("10.0.0.1")], ..Retention::default() };
    let other = Retention { holds: vec![hold("10.0.0.2")], ..Retention::default() };
    let now = at(400);
    let mut memory = Pass::default();
    for _ in 0..2 {
        let passed = run(folder, &held, &ring, now, &mut memory);
        assert_eq!((passed.keys.len(), passed.keys_held.len(), passed.dropped.len()), (0, 3, 0));
    }
    let month = Month::of(at(0));
    let erasure =
        |class, retention| Erasure::of((class, month), "why", folder, retention, &ring, now);
    assert!(erasure(Class::Pack, &held).unwrap_err().contains("`case 7`"));
    assert!(erasure(Class::Pack, &held).is_err());
    let done = erasure(Class::Untagged, &other).unwrap();
    assert_eq!(done.note(now)["erasure"]["reason"], "why");
    done.run(&ring, now).unwrap();
    assert!(erasure(Class::Untagged, &other).unwrap_err().contains("no key"));
    // Whether the other hold means what was erased nobody knows any more.
    let passed = run(folder, &other, &ring, now, &mut Pass::default());
    assert_eq!((passed.held["case 7"], passed.keys.len()), (1, 2));
    assert_eq!(passed.dropped.values().sum::<u64>(), 3);
    let note = passed.note(&other, now);
    let first = note.pointer("/retention/keys/0/by").and_then(Value::as_str);
    assert_eq!(first, Some("journal.keep_tagged = \"365d\""));
    let mut reader = Reader::open(folder);
    let mut erased = 0;
    while let Some(entry) = reader.next_entry().unwrap() {
        let sealed = entry.payload().filter(|line| key_of(line).is_some());
        let why = sealed.and_then(|line| ring.opener().look(line).1);
        erased += u32::from(why == Some(Hidden::Erased));
    }
    assert_eq!(erased, 5, "one that the hold keeps, and four that are not sealed away yet");
}
