//! Real segments, kept and dropped.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::journal::{Kind, Log, Reader, Settings, Signer, seal, verify};
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

fn pass(folder: &Path, retention: &Retention, day: i64) -> Passed {
    retain(folder, retention, at(day), false, &mut Pass::default()).unwrap()
}

#[test]
fn each_entry_is_kept_as_long_as_the_longest_wants() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    journal(folder, &lines());
    let retention = Retention::default();
    let all = ["plain", "tagged", "tagged", "refused", "law", "unread"];
    let root = verify(folder, None, None, &mut |_| ()).unwrap().root;
    for (day, wanted) in [
        (89, &all[..]),
        (90, &all[1..]),
        (364, &all[1..]),
        (365, &all[4..]),
        (3_652, &all[4..]),
        (3_655, &all[5..]),
        (36_500, &all[5..]),
    ] {
        let dry = retain(folder, &retention, at(day), true, &mut Pass::default()).unwrap();
        let passed = pass(folder, &retention, day);
        assert_eq!(dry.dropped, passed.dropped, "{day}: a dry run tells what a run does");
        assert_eq!(left(folder), wanted, "{day}");
        let report = verify(folder, None, None, &mut |_| ()).unwrap();
        assert!(report.is_sound() && report.root == root, "{day}: {:?}", report.findings);
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
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path(), &lines());
    let retention = Retention::default();
    let passed = pass(folder.path(), &retention, 400);
    assert_eq!((passed.unread, passed.segments), (1, 1));
    let note = passed.note(&retention, at(400));
    let dropped = json!([
        {"class": "untagged", "entries": 1, "by": "journal.keep_untagged = \"90d\""},
        {"class": "tagged", "entries": 2, "by": "journal.keep_tagged = \"365d\""},
        {"class": "refused", "entries": 1, "by": "journal.keep_refused = \"365d\""},
    ]);
    assert_eq!(note["retention"]["dropped"], dropped);
    assert!(pass(folder.path(), &retention, 400).is_empty(), "nothing is dropped twice");
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
        let folder = tempfile::tempdir().unwrap();
        journal(folder.path(), &lines());
        let retention = Retention { holds: vec![hold.clone()], ..Retention::default() };
        let passed = pass(folder.path(), &retention, 400);
        let wanted = [kept, &["law", "unread"]].concat();
        assert_eq!(left(folder.path()), wanted, "{hold:?}");
        let held = u64::try_from(kept.len()).unwrap();
        assert_eq!(passed.held.values().sum::<u64>(), held, "{hold:?}");
    }
}

#[test]
fn what_cannot_be_due_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path(), &lines());
    let (retention, mut memory) = (Retention::default(), Pass::default());
    let mut run = |day| retain(folder.path(), &retention, at(day), false, &mut memory).unwrap();
    assert_eq!((run(10).unread, run(89).unread), (0, 0));
    assert_eq!(run(90).dropped.values().sum::<u64>(), 1);
    assert_eq!(run(91).unread, 0, "the segment is not opened");
    assert_eq!(run(365).dropped.values().sum::<u64>(), 3);
}
