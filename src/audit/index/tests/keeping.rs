//! What happens to the index over time: it follows, forgets, and is built anew.

use std::fs;

use super::super::tail::FULL;
use super::*;
use crate::audit::journal::seal;

/// A clock that believes every time.
const NOW: i64 = i64::MAX;

fn listed(index: &Index) -> Vec<u64> {
    let page = Page { newest: false, after: None, limit: 100_000 };
    index.sequences(&Filters::default(), page).unwrap()
}

fn kept(place: &Place) -> Vec<u64> {
    records(&place.journal()).into_iter().map(|(sequence, _)| sequence).collect()
}

#[test]
fn the_index_follows_and_goes_on_where_it_was() {
    let place = Place::new();
    let mut log = place.log();
    place.fill(&mut log, 0..2_500);
    let mut tail = place.tail();
    assert_eq!(tail.step().unwrap(), FULL, "a batch");
    let early = place.look();
    follow(&mut tail);
    place.fill(&mut log, 2_500..2_700);
    follow(&mut tail);
    assert_eq!(listed(&early).last().map(|last| *last < FULL), Some(true), "of one moment");
    drop(tail);
    // Segments are sealed and more comes while nobody keeps the index.
    place.fill(&mut log, 2_700..2_800);
    drop(log);
    for closed in place.log().unsealed().unwrap() {
        seal(&closed).unwrap();
    }
    let mut tail = place.tail();
    follow(&mut tail);
    assert_eq!(listed(&place.look()), kept(&place));
    assert_eq!(tail.next(), place.look().state().next);
    assert!(matches!(Lock::take(&place.index()), Err(Fault::InUse(_))));
}

#[test]
fn nobody_else_reads_the_files_of_the_index() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.fill(&mut place.log(), 0..3);
    let mut tail = place.tail();
    follow(&mut tail);
    for name in ["requests.db", "requests.db-wal", "requests.db-shm"] {
        let mode = fs::metadata(place.index().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn old_records_are_forgotten_in_steps_and_nothing_else() {
    let place = Place::new();
    place.fill(&mut place.log(), 0..2_000);
    follow(&mut place.tail());
    let mut writer = Writer::open(&place.index()).unwrap();
    let at = place.begin + 2 * 3_600_000;
    let mut steps = 0;
    while writer.drop_before(at, NOW, 50).unwrap() {
        steps += 1;
        assert!(steps < 100);
    }
    assert!(steps > 10, "{steps}");
    let mut from = Some(0);
    while let Some(next) = from {
        from = writer.drop_texts(Texts::Clients, next, 2).unwrap();
    }
    let (index, all) = (place.look(), records(&place.journal()));
    let first = index.state().first;
    let expected: Vec<_> =
        all.iter().map(|(sequence, _)| *sequence).filter(|one| *one >= first).collect();
    assert_eq!(listed(&index), expected);
    assert!((1_000..1_990).contains(&expected.len()), "{}", expected.len());
    // From the time on that the index names, it knows all.
    let since = Some(Timestamp::from_millisecond(index.state().since).unwrap());
    let filters = Filters { since, ..Filters::default() };
    let meant = all.iter().filter(|(_, event)| filters.means(event));
    let meant: Vec<_> = meant.map(|(sequence, _)| *sequence).collect();
    let page = Page { newest: false, after: None, limit: 100_000 };
    assert_eq!(index.sequences(&filters, page).unwrap(), meant);
    for dimension in [Dimension::Outcome, Dimension::Host] {
        let count = |filters: &Filters| -> u64 {
            let ranked = index.top(dimension, filters, 100).unwrap();
            ranked.iter().map(|one| one.sums.requests).sum()
        };
        assert_eq!(count(&filters), u64::try_from(meant.len()).unwrap());
        assert_eq!(count(&Filters::default()), count(&filters), "before that nothing counts");
    }
    assert!(!writer.drop_before(at, NOW, 100).unwrap());
    // What is left of the texts is still found under its name.
    let names = |all: &[Listed]| all.iter().map(|one| one.client.clone()).collect::<Vec<_>>();
    let clients = index.list(&Filters::default(), page).unwrap();
    let known = all.iter().filter(|(sequence, _)| *sequence >= first);
    let known: Vec<_> = known.map(|(_, event)| event.client.address()).collect();
    assert_eq!(names(&clients), known);
}

#[test]
fn texts_that_nobody_uses_are_dropped() {
    let place = Place::new();
    drop(Lock::take(&place.index()).unwrap());
    let mut writer = Writer::open(&place.index()).unwrap();
    let mut state = writer.state().unwrap();
    let lines: Vec<_> = (0..200).map(|number| place.record(number)).collect();
    writer
        .enter(&mut state, |batch, state| {
            for (sequence, line) in (0..).zip(&lines) {
                let mut event = Event::read(line).unwrap();
                event.host = Some(format!("h{sequence}.example").into());
                batch.pass(sequence, place.begin + i64::try_from(sequence).unwrap() * 60_000)?;
                batch.add(sequence, &event)?;
                state.next = sequence + 1;
            }
            Ok(())
        })
        .unwrap();
    while writer.drop_before(place.begin + 100 * 60_000, NOW, 7).unwrap() {}
    let mut from = Some(0);
    while let Some(next) = from {
        from = writer.drop_texts(Texts::Hosts, next, 9).unwrap();
    }
    let left = place.look().state().first;
    let hosts = place.look();
    let count = "SELECT count(*) FROM host";
    let count: i64 = hosts.connection().query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(u64::try_from(count).unwrap(), 200 - left);
    assert!(left >= 99, "{left}");
}

#[test]
fn what_is_no_index_of_this_journal_is_told_apart() {
    let place = Place::new();
    place.fill(&mut place.log(), 0..300);
    follow(&mut place.tail());
    let path = place.index().join("requests.db");
    let reopened = || {
        let lock = Lock::take(&place.index()).unwrap();
        Tail::open(lock, &place.keeping(MONTH)).map_err(|(_, fault)| fault)
    };
    assert!(reopened().is_ok());
    // Garbage over it, at once or later, and cut.
    let whole = fs::read(&path).unwrap();
    for bad in [vec![7; 70_000], whole[..whole.len() / 2].to_vec(), b"SQLite format 3\0".to_vec()] {
        fs::write(&path, &bad).unwrap();
        let fault = match reopened() {
            Err(fault) => fault,
            Ok(mut tail) => {
                place.fill(&mut place.log(), 300..301);
                tail.step().unwrap_err()
            }
        };
        assert!(fault.spoils(), "{fault}");
        schema::remove(&place.index()).unwrap();
        fs::write(&path, &whole).unwrap();
    }
    // Another version.
    let other = rusqlite::Connection::open(&path).unwrap();
    other.pragma_update(None, "user_version", 77).unwrap();
    drop(other);
    assert!(reopened().unwrap_err().spoils());
    assert!(Index::open_read_only(&place.index(), ANSWER).unwrap_err().spoils());
    // Another journal.
    fs::write(&path, &whole).unwrap();
    fs::remove_dir_all(place.journal()).unwrap();
    place.fill(&mut place.log(), 1..300);
    assert!(reopened().unwrap_err().spoils());
    // None at all.
    schema::remove(&place.index()).unwrap();
    let none = Index::open_read_only(&place.index(), ANSWER);
    assert!(matches!(none, Err(Fault::Absent(_))));
}

#[test]
fn an_index_that_is_lost_while_it_is_kept_is_seen() {
    let place = Place::new();
    place.fill(&mut place.log(), 0..30);
    let mut tail = place.tail();
    follow(&mut tail);
    assert!(!tail.is_lost() && !tail.asked());
    let path = place.index().join("requests.db");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, vec![1; whole.len()]).unwrap();
    assert!(tail.is_lost());
    fs::remove_file(&path).unwrap();
    assert!(tail.is_lost());
    lock::ask(&place.index()).unwrap();
    assert!(tail.asked());
    let keeping = place.keeping(MONTH);
    assert_eq!(rebuild(&keeping, |_| {}).unwrap(), None, "somebody keeps it");
    drop(tail);
    let mut told = 0;
    let gaps = rebuild(&keeping, |next| told = next).unwrap();
    assert!(gaps.is_some_and(|gaps| gaps.is_empty()));
    assert!(!is_asked(&place.index()));
    assert_eq!((listed(&place.look()), told), (kept(&place), place.look().state().next));
}

#[test]
fn only_the_hot_part_of_an_old_journal_is_entered() {
    let place = Place::new();
    place.fill(&mut place.log(), 0..2_000);
    let keep = Duration::from_hours(5);
    let lock = Lock::take(&place.index()).unwrap();
    let tail = Tail::open(lock, &place.keeping(keep));
    follow(&mut tail.map_err(|(_, fault)| fault).unwrap());
    let index = place.look();
    let first = index.state().first;
    assert!(first > 400, "{first}");
    let kept: Vec<_> = kept(&place).into_iter().filter(|one| *one >= first).collect();
    assert_eq!(listed(&index), kept);
    assert!(index.state().since > place.begin + 3_600_000);
}
