//! A clock that was set back, or was ahead for a while: what is asked for by its time is found.

use proptest::prelude::*;

use super::super::writer::{HOUR, MINUTE};
use super::*;
use crate::audit::journal::seal;
use crate::audit::search::{Found, Journal, Scan, covers};

/// One record: where the clock goes before it, and when its request began by it.
#[derive(Clone, Copy, Debug)]
struct Step {
    by: i64,
    /// Before the entry, or after it: the clock was set back meanwhile.
    began: i64,
}

fn step() -> impl Strategy<Value = Step> {
    let by = prop_oneof![
        6 => 0..2 * MINUTE,
        1 => -5 * HOUR..5 * HOUR,
        1 => -400 * 24 * HOUR..400 * 24 * HOUR,
    ];
    let began = prop_oneof![8 => -2 * MINUTE..=0, 1 => 0..3 * HOUR, 1 => -9 * HOUR..0];
    (by, began).prop_map(|(by, began)| Step { by, began })
}

/// Entry, time of the entry, and of its request.
type Made = (u64, i64, i64);

fn made(begin: i64, steps: &[Step]) -> Vec<Made> {
    let mut at = begin;
    let numbered = (0..).zip(steps);
    numbered
        .map(|(sequence, step)| {
            at += step.by;
            (sequence, at, at + step.began)
        })
        .collect()
}

fn enter(place: &Place, all: &[Made]) -> Writer {
    drop(Lock::take(&place.index()).unwrap());
    let mut writer = Writer::open(&place.index()).unwrap();
    let mut state = writer.state().unwrap();
    let line = place.record(1);
    // In several transactions, each of which begins anew with its minutes.
    for part in all.chunks(17) {
        let add = |batch: &mut Batch<'_>, state: &mut State| {
            for (sequence, at, began) in part {
                let mut event = Event::read(&line).unwrap();
                event.time = Timestamp::from_millisecond(*began).unwrap();
                batch.pass(*sequence, *at)?;
                batch.add(*sequence, &event)?;
                state.next = sequence + 1;
            }
            Ok(())
        };
        writer.enter(&mut state, add).unwrap();
    }
    writer
}

fn between(since: Option<i64>, until: Option<i64>) -> Filters {
    let at = |millis: Option<i64>| millis.map(|at| Timestamp::from_millisecond(at).unwrap());
    Filters { since: at(since), until: at(until), ..Filters::default() }
}

/// What is meant, from an entry on.
fn brute(all: &[Made], filters: &Filters, from: u64) -> Vec<u64> {
    let is_within = |(sequence, _, began): &&Made| {
        let at = Timestamp::from_millisecond(*began).unwrap();
        *sequence >= from
            && filters.since.is_none_or(|since| at >= since)
            && filters.until.is_none_or(|until| at < until)
    };
    all.iter().filter(is_within).map(|(sequence, ..)| *sequence).collect()
}

fn paged(index: &Index, filters: &Filters, newest: bool) -> Vec<u64> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = index.sequences(filters, Page { newest, after, limit: 7 }).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(*last);
        pages.extend(page);
    }
    if newest {
        pages.reverse();
    }
    pages
}

/// Lists, rankings and counts over time, of what the index says that it covers.
fn same(index: &Index, all: &[Made], ranges: &[Filters]) {
    for filters in ranges {
        let covered = covers(index.state(), filters);
        let from = if covered { 0 } else { index.state().first };
        let meant = brute(all, filters, from);
        for newest in [false, true] {
            assert_eq!(paged(index, filters, newest), meant, "{filters:?} {newest}");
        }
        if !covered {
            continue;
        }
        let count = u64::try_from(meant.len()).unwrap();
        for dimension in [Dimension::Outcome, Dimension::Client] {
            let ranked = index.top(dimension, filters, 100).unwrap();
            assert_eq!(ranked.iter().map(|one| one.sums.requests).sum::<u64>(), count);
        }
        for step in [60_000, 7_001] {
            let buckets = index.over_time(filters, step).unwrap();
            assert_eq!(buckets.iter().map(|one| one.sums.requests).sum::<u64>(), count);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_the_clock_does_the_index_finds_what_the_journal_has(
        steps in proptest::collection::vec(step(), 1..90),
        ranges in proptest::collection::vec((any::<prop::sample::Index>(), -HOUR..HOUR, 0..48 * HOUR), 5),
        old in any::<prop::sample::Index>(),
        now in any::<prop::sample::Index>(),
    ) {
        let place = Place::new();
        let all = made(place.begin, &steps);
        let near = |index: &prop::sample::Index| index.get(&all).2;
        let mut wanted = vec![Filters::default()];
        for (index, by, long) in &ranges {
            let since = near(index) + by;
            wanted.push(between(Some(since), None));
            wanted.push(between(None, Some(since)));
            wanted.push(between(Some(since), Some(since + long)));
        }
        let mut writer = enter(&place, &all);
        same(&place.look(), &all, &wanted);
        // What is old goes, in small steps, and nothing that is not.
        let (limit, now) = (near(&old), near(&now));
        while writer.drop_before(limit, now, 5).unwrap() {
            same(&place.look(), &all, &wanted);
        }
        same(&place.look(), &all, &wanted);
        let newer = |(_, _, began): &&Made| *began >= limit;
        let left = "SELECT count(*) FROM request WHERE time >= ?";
        let look = place.look();
        let left: i64 = look.connection().query_row(left, [limit], |row| row.get(0)).unwrap();
        prop_assert_eq!(usize::try_from(left).unwrap(), all.iter().filter(newer).count());
        // Labels go with their requests, and only with them.
        let stray = "SELECT count(*) FROM label WHERE seq NOT IN (SELECT seq FROM request)";
        let stray: i64 = look.connection().query_row(stray, [], |row| row.get(0)).unwrap();
        prop_assert_eq!(stray, 0);
    }
}

#[test]
fn one_time_to_come_does_not_keep_what_is_old() {
    let place = Place::new();
    let day = 24 * HOUR;
    // A clock that was a year ahead for one entry, and an hour behind for another.
    let mut all: Vec<Made> =
        (0..200).map(|one| (one, place.begin + i64::try_from(one).unwrap() * HOUR, 0)).collect();
    all.iter_mut().for_each(|(_, at, began)| *began = *at);
    (all[20].1, all[20].2) = (place.begin + 365 * day, place.begin + 365 * day);
    (all[40].1, all[40].2) = (all[40].1 - 2 * day, all[40].2 - 2 * day);
    let mut writer = enter(&place, &all);
    let (limit, now) = (place.begin + 100 * HOUR, place.begin + 199 * HOUR);
    while writer.drop_before(limit, now, 7).unwrap() {}
    let look = place.look();
    assert_eq!((look.state().first, look.state().next), (100, 200));
    assert_eq!(look.state().since, limit.div_euclid(HOUR) * HOUR + HOUR);
    // It is still found by its time, and goes with it.
    let ahead = between(Some(place.begin + 364 * day), None);
    assert_eq!(paged(&look, &ahead, false), [20]);
    let covered = between(Some(look.state().since), None);
    assert_eq!(paged(&look, &covered, false).first(), Some(&20));
    let later = place.begin + 400 * day;
    while writer.drop_before(later, later + 30 * day, 7).unwrap() {}
    let rows = "SELECT (SELECT count(*) FROM request), (SELECT count(*) FROM pace)";
    let left: (i64, i64) = place
        .look()
        .connection()
        .query_row(rows, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(left, (1, 1), "the minute of the last entry stays");
}

/// A journal whose clock was ahead by ten days, and behind by a hundred, and was set right.
fn jumping(place: &Place, log: &mut Log) -> Vec<Made> {
    let mut all = Vec::new();
    let day = 24 * HOUR;
    for number in 0..600_u32 {
        let wrong = match number {
            150..250 => 10 * day,
            350..400 => -100 * day,
            _ => 0,
        };
        let at = place.begin + i64::from(number) * 20_000 + wrong;
        let began = at - i64::from(number % 7) * 15_000;
        let mut record: serde_json::Value = serde_json::from_str(&place.record(number)).unwrap();
        record["time"] = format!("{:.3}", Timestamp::from_millisecond(began).unwrap()).into();
        let at = Timestamp::from_millisecond(at).unwrap();
        let sequence = log.append(Kind::Ended, at, record.to_string().as_bytes());
        all.push((sequence, at.as_millisecond(), began));
        log.tick(at).unwrap();
    }
    log.sync().unwrap();
    all
}

#[test]
fn a_clock_that_was_set_back_hides_no_record() {
    let place = Place::new();
    let mut log = place.log();
    let all = jumping(&place, &mut log);
    let closed = log.unsealed().unwrap();
    assert!(closed.len() > 1);
    let (sealed, open) = closed.split_at(closed.len() / 2);
    assert!(!open.is_empty());
    for path in sealed {
        seal(path).unwrap();
    }
    follow(&mut place.tail());
    let index = place.look();
    let journal =
        Journal { folder: place.journal(), keys: KeyRing::at(&place.root.path().join("keys")) };
    let mut ranges = vec![Filters::default()];
    for (number, (_, _, began)) in (0..).zip(&all).step_by(23) {
        ranges.push(between(Some(began + number % 3), None));
        ranges.push(between(Some(*began), Some(began + 5 * HOUR)));
    }
    for filters in &ranges {
        let mut scanned = Vec::new();
        let tell = |found: Found<'_>| {
            scanned.push(found.sequence);
            Ok::<_, crate::audit::search::Fault>(true)
        };
        assert!(Scan::all(&journal, filters).each(tell).unwrap().is_empty());
        assert_eq!(scanned, brute(&all, filters, 0), "{filters:?}");
    }
    same(&index, &all, &ranges);
}

#[test]
fn an_index_goes_on_where_the_clock_is_set_back_by_more_than_it_keeps() {
    let place = Place::new();
    // So that the index does not begin with the first entry.
    let old = place.at(-40 * 24 * HOUR);
    let signer = Signer::open_or_make(&place.journal(), "proxy.example/journal").unwrap();
    let mut log = Log::open(&place.journal(), Settings::default(), signer, old).unwrap().0;
    let lock = Lock::take(&place.index()).unwrap();
    log.append(Kind::Ended, old, place.record(0).as_bytes());
    log.append(Kind::Ended, place.at(0), place.record(1).as_bytes());
    log.sync().unwrap();
    let mut tail = Tail::open(lock, &place.keeping(MONTH)).map_err(|(_, fault)| fault).unwrap();
    follow(&mut tail);
    let first = place.look().state().first;
    let set_back = log.append(Kind::Ended, old, place.record(2).as_bytes());
    log.sync().unwrap();
    follow(&mut tail);
    assert_eq!(paged(&place.look(), &Filters::default(), false), [first, set_back]);
}

#[test]
fn an_index_that_begins_at_a_time_to_come_is_built_anew() {
    let place = Place::new();
    place.fill(&mut place.log(), 0..300);
    let mut tail = place.tail();
    follow(&mut tail);
    assert!(!tail.drop_old().unwrap());
    drop(tail);
    // As a clock that was years ahead leaves it.
    let far = Timestamp::now().as_millisecond() + 900 * 24 * HOUR;
    let mut writer = Writer::open(&place.index()).unwrap();
    while writer.drop_before(far, far + 30 * 24 * HOUR, 1_000).unwrap() {}
    drop(writer);
    let lock = Lock::take(&place.index()).unwrap();
    let (lock, fault) = Tail::open(lock, &place.keeping(MONTH)).unwrap_err();
    assert!(fault.spoils() && fault.to_string().contains("time to come"), "{fault}");
    lock.clear().unwrap();
    let mut tail = Tail::open(lock, &place.keeping(MONTH)).map_err(|(_, fault)| fault).unwrap();
    follow(&mut tail);
    assert_eq!(paged(&place.look(), &Filters::default(), false).len(), 300);
}
