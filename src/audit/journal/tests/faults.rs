//! Whatever fails, and whenever: what a sync acknowledged is there, in order, and verifies.

use std::path::Path;

use proptest::prelude::*;

use super::failing::{Failing, How};
use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// So many entries, each of so many more octets.
    Append(u32, usize),
    Write,
    Sync,
    /// Milliseconds that pass.
    Tick(i64),
    Rotate,
}

/// What came of a script.
#[derive(Debug, Default)]
struct Outcome {
    /// Entries that were appended.
    appended: u32,
    /// Of them, those before the last sync that succeeded.
    acknowledged: u32,
    failures: usize,
}

fn run(disk: &Failing, folder: &Path, settings: Settings, script: &[Step]) -> Outcome {
    let mut outcome = Outcome::default();
    let opened = Log::open_on(Box::new(disk.clone()), folder, settings, signer(folder), at(0));
    let Ok((mut log, _)) = opened else { return outcome };
    let mut now = 0;
    for step in script {
        let done = match step {
            Step::Append(count, octets) => {
                for _ in 0..*count {
                    let text = payload(outcome.appended) + &" ".repeat(*octets);
                    log.append(Kind::Ended, at(now), text.as_bytes());
                    outcome.appended += 1;
                }
                Ok(())
            }
            Step::Write => log.write(),
            Step::Sync => {
                let done = log.sync();
                if done.is_ok() {
                    outcome.acknowledged = outcome.appended;
                }
                done
            }
            Step::Tick(time) => {
                now += time;
                log.tick(at(now)).map(|_| ())
            }
            Step::Rotate => log.rotate(at(now)).map(|_| ()),
        };
        outcome.failures += usize::from(done.is_err());
    }
    outcome
}

/// Entries lost, as the journal tells.
fn lost(folder: &Path) -> u64 {
    let gaps = all(folder).into_iter().filter(|(_, kind, _)| *kind == Some(Kind::Gap));
    let text = gaps.map(|(_, _, payload)| String::from_utf8(payload.unwrap()).unwrap());
    let gaps = text.map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap());
    gaps.map(|gap| gap["lost"].as_u64().unwrap()).sum()
}

/// Asserts that a journal is what was written. Where signing failed and hours passed in the same
/// run, more may be unsigned than a crash leaves.
fn written(folder: &Path) {
    let faults = check(folder).findings.into_iter().map(|one| one.what).filter(What::is_fault);
    let known = |what: &What| matches!(what, What::Uncovered(_) | What::Adopted(..));
    let other: Vec<_> = faults.filter(|what| !known(what)).collect();
    assert_eq!(other, []);
}

fn holds(folder: &Path, outcome: &Outcome) {
    let (log, recovered) = Log::open(folder, SMALL, signer(folder), at(0)).unwrap();
    drop(log);
    let kept = numbers(folder);
    assert!(kept.is_sorted_by(|a, b| a < b), "in order, each once: {kept:?}");
    let count = u64::from(outcome.acknowledged);
    let before = kept.iter().filter(|number| u64::from(**number) < count).count();
    let told = u64::try_from(before).unwrap() + lost(folder);
    assert!(told >= count, "{told} of {count} are there or told: {outcome:?}, {recovered:?}");
    written(folder);
    // It can be written on.
    let (mut log, again) = Log::open(folder, SMALL, signer(folder), at(0)).unwrap();
    assert_eq!(again.cut, 0);
    log.append(Kind::Note, at(1), b"more");
    log.sync().unwrap();
    log.tick(at(20_000)).unwrap();
    written(folder);
}

const SCRIPT: [Step; 22] = [
    Step::Append(3, 10),
    Step::Sync,
    Step::Append(8, 300),
    Step::Write,
    Step::Tick(10),
    Step::Append(4, 200),
    Step::Tick(10),
    Step::Sync,
    Step::Append(9, 400),
    Step::Write,
    Step::Write,
    Step::Tick(20_000),
    Step::Rotate,
    Step::Append(12, 100),
    Step::Sync,
    Step::Tick(5),
    Step::Append(1, 0),
    Step::Tick(5_000_000),
    Step::Append(30, 20),
    Step::Sync,
    Step::Sync,
    Step::Append(2, 5),
];

#[test]
fn every_single_call_may_fail() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Failing::new(usize::MAX, How::Forever, 0);
    let outcome = run(&disk, folder.path(), SMALL, &SCRIPT);
    assert_eq!((outcome.acknowledged, outcome.failures), (67, 0));
    holds(folder.path(), &outcome);
    let calls = disk.calls();
    assert!(calls > 60, "{calls} calls");
    for call in 0..calls {
        for how in [How::For(1), How::For(2), How::For(5), How::Forever] {
            let part = u8::try_from(call * 37 % 256).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let disk = Failing::new(call, how, part);
            let outcome = run(&disk, folder.path(), SMALL, &SCRIPT);
            if how == How::Forever {
                disk.lose_power(part.wrapping_mul(31));
            }
            holds(folder.path(), &outcome);
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..12_u32, 0..600_usize).prop_map(|(count, octets)| Step::Append(count, octets)),
        2 => Just(Step::Write),
        3 => Just(Step::Sync),
        3 => (0..15_000_i64).prop_map(Step::Tick),
        1 => Just(Step::Rotate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn any_failures_leave_what_was_acknowledged(
        script in proptest::collection::vec(step(), 1..30),
        first in 0..120_usize,
        count in 1..40_usize,
        forever in any::<bool>(),
        part in any::<u8>(),
        power in any::<Option<u8>>(),
        small in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let how = if forever { How::Forever } else { How::For(count) };
        let disk = Failing::new(first, how, part);
        let buffer_octets = if small { 2_000 } else { 1 << 20 };
        let settings = Settings { buffer_octets, ..SMALL };
        let outcome = run(&disk, folder.path(), settings, &script);
        if let (Some(part), How::Forever) = (power, how) {
            disk.lose_power(part);
        }
        holds(folder.path(), &outcome);
    }
}

/// A disk that fails between a new key's first checkpoint and its file left the key in a segment that
/// was then closed: the next start signed with the old one.
#[test]
fn r0025_a_new_key_is_in_its_place_before_a_segment_is_begun() {
    let script = [
        Step::Rotate,
        Step::Rotate,
        Step::Append(3, 239),
        Step::Rotate,
        Step::Tick(0),
        Step::Tick(0),
        Step::Append(1, 0),
        Step::Write,
    ];
    for first in 0..120 {
        for count in [1, usize::MAX >> 1] {
            let folder = tempfile::tempdir().unwrap();
            let disk = Failing::new(first, How::For(count), 0);
            let outcome = run(&disk, folder.path(), SMALL, &script);
            holds(folder.path(), &outcome);
        }
    }
}

#[test]
fn what_a_full_disk_lost_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let settings = Settings { buffer_octets: 4_000, ..SMALL };
    let opening = {
        let probe = tempfile::tempdir().unwrap();
        let disk = Failing::new(usize::MAX, How::Forever, 0);
        run(&disk, probe.path(), settings, &[]);
        disk.calls()
    };
    let disk = Failing::new(opening, How::For(60), 100);
    let (mut log, _) = Log::open_on(Box::new(disk), path, settings, signer(path), at(0)).unwrap();
    let mut refused = 0;
    for number in 0..100 {
        log.append(Kind::Ended, at(i64::from(number)), payload(number).as_bytes());
        refused += u32::from(log.write().is_err());
    }
    assert!(refused > 5, "{refused}");
    log.append(Kind::Ended, at(100), &vec![b'x'; LONGEST + 1]);
    log.sync().unwrap();
    let kept = numbers(path);
    assert_eq!(lost(path), 101 - u64::try_from(kept.len()).unwrap());
    assert!(kept.ends_with(&[98, 99]) && kept.is_sorted());
    let gaps: Vec<_> =
        all(path).into_iter().filter(|(_, kind, _)| *kind == Some(Kind::Gap)).collect();
    let text = String::from_utf8(gaps[0].2.clone().unwrap()).unwrap();
    let gap: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(gap["from"], at(0).as_millisecond());
    assert_eq!(gap["why"], "no space left");
    assert!(gap["until"].as_i64().unwrap() > at(0).as_millisecond());
    let report = sound(path);
    assert!(
        report
            .findings
            .iter()
            .any(|one| matches!(&one.what, What::Gap(why) if why.contains("lost")))
    );
}

#[test]
fn of_a_backlog_what_fits_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let settings = Settings { buffer_octets: 8 << 20, ..SMALL };
    let disk = Failing::new(usize::MAX, How::Forever, 0);
    let own = Box::new(disk.clone());
    let (mut log, _) = Log::open_on(own, path, settings, signer(path), at(0)).unwrap();
    disk.has_room(0);
    for number in 0..2_000 {
        let text = payload(number) + &" ".repeat(1_000);
        log.append(Kind::Ended, at(i64::from(number)), text.as_bytes());
    }
    assert!(log.sync().is_err());
    let mut kept = 0;
    for _ in 0..3 {
        disk.has_room(500_000);
        assert!(log.sync().is_err());
        // It is on the disk, and what could not be written is whole.
        disk.lose_power(0);
        let now = numbers(path).len();
        assert!(now > kept + 300, "{now} after {kept}");
        kept = now;
    }
    // More is lost meanwhile: it is told where it would stand, and what was kept stays.
    for number in 2_000..9_000 {
        let text = payload(number) + &" ".repeat(1_000);
        log.append(Kind::Ended, at(i64::from(number)), text.as_bytes());
    }
    disk.has_room(u64::MAX);
    log.sync().unwrap();
    let numbers = numbers(path);
    assert!(numbers.is_sorted() && numbers.last() == Some(&8_999));
    assert!(numbers[..kept].iter().copied().eq(0..u32::try_from(kept).unwrap()));
    assert!(lost(path) > 0);
    assert_eq!(u64::try_from(numbers.len()).unwrap() + lost(path), 9_000);
    log.tick(at(9_000)).unwrap();
    sound(path);
}
