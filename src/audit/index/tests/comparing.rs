//! Rows that somebody took out of the index, or put in, are seen by who verifies the journal.

use super::super::compare::{Check, Compared, Tally};
use super::*;
use crate::audit::journal::{Demands, seal, verify_by};
use crate::audit::search::Journal;

fn journal(place: &Place) -> Journal {
    Journal { folder: place.journal(), keys: KeyRing::at(&place.root.path().join("keys")) }
}

fn check(place: &Place) -> Check {
    let mut tally = Tally::default();
    let report = verify_by(&place.journal(), Demands::default(), &mut tally).unwrap();
    assert!(report.is_sound());
    Check::of(&tally, &journal(place))
}

fn compared(place: &Place) -> Compared {
    let check = check(place);
    let Check::Compared(compared) = check else { panic!("{check}") };
    compared
}

/// Does something to the index behind everybody's back, tells what is seen of it, and undoes it.
fn after(place: &Place, sql: &str) -> Compared {
    let path = place.index().join("requests.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.pragma_update(None, "wal_checkpoint", "TRUNCATE").unwrap_or_default();
    let whole = std::fs::read(&path).unwrap();
    let changed = database.execute(sql, []).unwrap();
    assert!(changed > 0, "{sql}");
    drop(database);
    let check = check(place);
    let found = compared(place);
    assert_eq!((check.is_wrong(), check.name()), (true, "differs"), "{sql}");
    assert!(check.to_string().contains("borderpost audit reindex"), "{check}");
    schema::remove(&place.index()).unwrap();
    std::fs::write(&path, whole).unwrap();
    found
}

#[test]
fn rows_that_are_deleted_moved_or_made_up_are_told() {
    let place = Place::new();
    let mut log = place.log();
    place.fill(&mut log, 0..3_200);
    for closed in log.unsealed().unwrap().iter().take(2) {
        seal(closed).unwrap();
    }
    follow(&mut place.tail());
    let same = compared(&place);
    assert!(same.is_same(), "{same:?}");
    let count = u64::try_from(records(&place.journal()).len()).unwrap();
    assert_eq!(same.records, count);
    let one = listed(&place, 1_234);
    let less = after(&place, &format!("DELETE FROM request WHERE seq = {one}"));
    assert_eq!((less.records, less.missing, less.first), (count, 1, Some(one)));
    assert_eq!((less.strange, less.hours), (0, 1), "{less:?}");
    let less = after(&place, "DELETE FROM request WHERE time % 7 = 3");
    assert!(less.missing > 100 && less.strange == 0, "{less:?}");
    let all = after(&place, "DELETE FROM request");
    assert_eq!((all.missing, all.strange), (count, 0));
    let moved =
        after(&place, &format!("UPDATE request SET time = time - 99999999 WHERE seq = {one}"));
    assert_eq!((moved.missing, moved.strange, moved.first), (1, 0, Some(one)));
    let made = "INSERT INTO request SELECT 0, time, x'00', host, client, port, principal, outcome, \
                mode, status, method, scheme, fault, config, 0, 0, x'' FROM request LIMIT 1";
    let made = after(&place, made);
    assert_eq!((made.missing, made.strange, made.first), (0, 1, Some(0)));
    let labels = after(&place, "DELETE FROM label WHERE seq % 100 = 1 AND kind = 2");
    assert!(labels.labels > 0 && labels.missing == 0, "{labels:?}");
    let passed = after(&place, "UPDATE pace SET seq = seq + 3 WHERE minute % 60 = 7");
    assert!(passed.passed > 0 && passed.missing == 0, "{passed:?}");
    let sums = after(&place, "DELETE FROM sums WHERE span = 0 AND begin % 3600000 = 60000");
    assert!(sums.hours > 0 && sums.missing == 0, "{sums:?}");
    // What says that the index covers more than it does.
    let state = format!("UPDATE state SET first = {one}");
    assert!(compared(&place).is_same());
    let path = place.index().join("requests.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute(&state, []).unwrap();
    database.execute("DELETE FROM request WHERE seq < 500", []).unwrap();
    drop(database);
    assert!(compared(&place).missing > 0);
}

fn listed(place: &Place, at: usize) -> u64 {
    records(&place.journal())[at].0
}

#[test]
fn what_the_index_does_not_have_yet_or_any_more_is_no_finding() {
    let place = Place::new();
    assert_eq!(Check::of(&Tally::default(), &journal(&place)), Check::Absent);
    let mut log = place.log();
    place.fill(&mut log, 0..1_500);
    assert_eq!(check(&place).name(), "none");
    let mut tail = place.tail();
    tail.step().unwrap();
    // It lags; and it goes on after the journal was read.
    place.fill(&mut log, 1_500..1_700);
    log.append(Kind::Ended, place.at(0), b"{}");
    log.close(place.at(0)).unwrap();
    assert!(compared(&place).is_same());
    let mut tally = Tally::default();
    verify_by(&place.journal(), Demands::default(), &mut tally).unwrap();
    place.fill(&mut log, 1_700..1_800);
    follow(&mut tail);
    let Check::Compared(early) = Check::of(&tally, &journal(&place)) else { panic!() };
    assert!(early.is_same() && early.records == 1_700, "{early:?}");
    // The old ones are dropped, at once or in part.
    let mut writer = Writer::open(&place.index()).unwrap();
    let limit = place.begin + 2 * 3_600_000;
    for _ in 0..3 {
        assert!(writer.drop_before(limit, i64::MAX, 50).unwrap());
        assert!(compared(&place).is_same());
    }
    while writer.drop_before(limit, i64::MAX, 500).unwrap() {}
    let late = compared(&place);
    assert!(late.is_same() && late.records < 1_300, "{late:?}");
    // Somebody has asked for another, or retention owes one.
    let owed = place.journal().join("index-forgets");
    std::fs::write(&owed, "").unwrap();
    assert_eq!(check(&place), Check::Awaited);
    std::fs::remove_file(owed).unwrap();
    lock::ask(&place.index()).unwrap();
    assert_eq!(check(&place), Check::Awaited);
}
