//! Requests that were cut off: one record each, whatever happens then.

use std::collections::BTreeMap;
use std::fs;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::super::super::journal::{Log, Settings, Signer, prune, seal, verify};
use super::super::super::personal::Sealer;
use super::super::ledger::{Journal, Ledger, Unwritable};
use super::*;

/// A run of the program, as far as the journal goes.
struct Run {
    ledger: Ledger,
    messages: mpsc::Receiver<Message>,
    recovery: Option<Recovery>,
}

fn line(id: Uuid, more: &Value) -> Vec<u8> {
    let mut line = json!({
        "time": "2026-11-26T08:00:00.000Z", "id": id.to_string(), "client": "192.0.2.7:4711",
        "principal": "jane", "method": "POST", "scheme": "https", "tags": ["health"],
        "outcome": "allow", "rest": "x".repeat(100),
    });
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    line.to_string().into_bytes()
}

impl Run {
    fn begin(folder: &Path, seals: bool) -> Self {
        let signer = Signer::open_or_make(folder, "proxy.example/journal").unwrap();
        let (log, _) = Log::open(folder, Settings::default(), signer, Timestamp::now()).unwrap();
        let keys = KeyRing::at(&folder.join("keys"));
        let sealer = seals.then(|| {
            keys.prepare(false).unwrap();
            Sealer::new(keys.clone())
        });
        let (unwritable, retention) = (Unwritable::Pass, None);
        let journal = Journal { log, unwritable, retention, keys: keys.clone(), sealer };
        let metrics = Arc::new(Metrics::new());
        let mut ledger = Ledger::new(journal, Arc::clone(&metrics));
        ledger.note_always();
        let (queue, messages) = mpsc::channel(10_000);
        let earlier = ledger.earlier().clone();
        let recovery = Some(Recovery { earlier, keys, queue, metrics });
        Self { ledger, messages, recovery }
    }

    fn decided(&mut self, id: Uuid, more: &Value) {
        self.ledger.decided(id, &line(id, more), oneshot::channel().0);
    }

    fn ended(&mut self, id: Uuid) {
        self.ledger.ended(&id, &line(id, &json!({ "status": 200 })));
    }

    /// Looks for records that are missing, and takes so many of them.
    fn recover(&mut self, most: usize) {
        self.recovery.take().into_iter().for_each(Recovery::run);
        for _ in 0..most {
            match self.messages.try_recv() {
                Ok(Message::Interrupted(line)) => self.ledger.interrupted(&line),
                Ok(Message::Completed) => self.ledger.completed(),
                _ => break,
            }
        }
    }
}

/// Every record and verdict of a journal.
fn all(folder: &Path) -> Vec<(u64, Kind, Vec<u8>)> {
    let (mut reader, mut found) = (Reader::open(folder), Vec::new());
    while let Some(entry) = reader.next_entry().unwrap() {
        if let Some(kind @ (Kind::Decided | Kind::Ended)) = entry.kind() {
            found.push((entry.sequence(), kind, entry.payload().unwrap().to_vec()));
        }
    }
    found
}

/// How many records each verdict has, and the records.
fn records(folder: &Path) -> (BTreeMap<String, usize>, Vec<Value>) {
    let (mut counts, mut records) = (BTreeMap::new(), Vec::new());
    for (_, kind, line) in all(folder) {
        let line: Value = serde_json::from_slice(&line).unwrap();
        let count = counts.entry(line["id"].as_str().unwrap().to_owned()).or_default();
        if kind == Kind::Ended {
            *count += 1;
            records.push(line);
        }
    }
    (counts, records)
}

#[derive(Clone, Debug)]
enum Step {
    Decide,
    Later(usize),
    End(usize),
    Settle,
    Recover(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// What was not put out is lost.
    Kill,
    Close,
    /// The note is lost with what was not put out.
    Forget,
    /// The journal is that of the begin of the run, the note is not.
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Decide),
        1 => any::<usize>().prop_map(Step::Later),
        3 => any::<usize>().prop_map(Step::End),
        3 => Just(Step::Settle),
        2 => (0_usize..6).prop_map(Step::Recover),
    ]
}

fn last() -> impl Strategy<Value = Last> {
    prop_oneof![
        4 => Just(Last::Kill),
        2 => Just(Last::Close),
        1 => Just(Last::Forget),
        1 => Just(Last::Restore),
    ]
}

fn restore(from: &Path, to: &Path) {
    for file in fs::read_dir(to).unwrap().map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap();
        if file.is_file() && name != "completed" && name != "lock" {
            fs::remove_file(&file).unwrap();
        }
    }
    for file in fs::read_dir(from).unwrap().map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap();
        if file.is_file() && name != "completed" && name != "lock" {
            fs::copy(&file, to.join(name)).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn after_any_end_each_verdict_has_exactly_one_record(
        runs in prop::collection::vec((prop::collection::vec(step(), 0..40), last()), 1..6),
    ) {
        let (place, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = place.path();
        for (steps, last) in runs {
            let mut run = Run::begin(folder, false);
            run.ledger.settle();
            restore(folder, before.path());
            let mut open = Vec::new();
            for step in steps {
                match step {
                    Step::Decide => {
                        let id = Uuid::now_v7();
                        run.decided(id, &json!({}));
                        open.push(id);
                    }
                    Step::Later(at) if !open.is_empty() => {
                        let id = open[at % open.len()];
                        run.decided(id, &json!({ "outcome": "log" }));
                    }
                    Step::End(at) if !open.is_empty() => {
                        let id = open.swap_remove(at % open.len());
                        run.ended(id);
                    }
                    Step::Settle => drop(run.ledger.settle()),
                    Step::Recover(most) => run.recover(most),
                    Step::Later(_) | Step::End(_) => {}
                }
            }
            if last == Last::Close {
                run.ledger.close();
            }
            drop(run);
            match last {
                Last::Forget => drop(fs::remove_file(folder.join("completed"))),
                Last::Restore => restore(before.path(), folder),
                Last::Kill | Last::Close => {}
            }
        }
        let mut run = Run::begin(folder, false);
        run.recover(usize::MAX);
        run.ledger.close();
        drop(run);
        let (counts, _) = records(folder);
        prop_assert!(counts.values().all(|count| *count == 1), "{counts:?}");
        prop_assert!(verify(folder, None, None, &mut |_| ()).unwrap().is_sound());
        // Nothing is left to be looked at.
        let run = Run::begin(folder, false);
        prop_assert!(run.ledger.earlier().range().is_empty());
    }
}

#[test]
fn what_a_run_has_not_ended_is_looked_for_from_its_first_verdict_on() {
    let place = tempfile::tempdir().unwrap();
    let mut run = Run::begin(place.path(), false);
    run.recover(usize::MAX);
    for _ in 0..20 {
        let id = Uuid::now_v7();
        run.decided(id, &json!({}));
        run.ended(id);
    }
    run.ledger.settle();
    let (open, other) = (Uuid::now_v7(), Uuid::now_v7());
    run.decided(open, &json!({}));
    run.decided(other, &json!({}));
    run.ended(other);
    run.ledger.settle();
    // It is noted before the run ends, which may be any time.
    drop(run);
    let mut run = Run::begin(place.path(), false);
    let range = run.ledger.earlier().range();
    assert!(range.start > 40 && range.start < range.end, "{range:?}");
    run.recover(usize::MAX);
    run.ledger.settle();
    let (counts, records) = records(place.path());
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let last = records.last().unwrap();
    assert_eq!(
        (&last["id"], &last["error"]["code"]),
        (&open.to_string().into(), &"interrupted".into())
    );
}

#[test]
fn personal_fields_are_opened_and_sealed_again() {
    for destroyed in [false, true] {
        let place = tempfile::tempdir().unwrap();
        let mut run = Run::begin(place.path(), true);
        let id = Uuid::now_v7();
        run.decided(id, &json!({}));
        run.ledger.settle();
        drop(run);
        let ring = KeyRing::at(&place.path().join("keys"));
        if destroyed {
            for key in ring.keys().unwrap() {
                ring.destroy(&key, "a request", Timestamp::now()).unwrap();
            }
        }
        let mut run = Run::begin(place.path(), true);
        run.recover(usize::MAX);
        run.ledger.settle();
        let (_, records) = records(place.path());
        let [stored] = &records[..] else { panic!("{records:?}") };
        assert_eq!(stored["principal"], "[sealed]");
        let shown = ring.opener().open(stored.to_string().as_bytes()).into_owned();
        // What is read here was put in another order, which the seal is over.
        assert!(serde_json::from_slice::<Value>(&shown).is_ok());
        let mut reader = Reader::open(place.path());
        let mut shown = Vec::new();
        while let Some(entry) = reader.next_entry().unwrap() {
            if entry.kind() == Some(Kind::Ended) {
                shown = ring.opener().open(entry.payload().unwrap()).into_owned();
            }
        }
        let shown: Value = serde_json::from_slice(&shown).unwrap();
        let wanted = if destroyed { "[erased]" } else { "jane" };
        assert_eq!(
            (&shown["principal"], &shown["error"]["code"]),
            (&wanted.into(), &"interrupted".into())
        );
    }
}

/// A journal of several segments with a verdict in each, none of which has a record; the ids by
/// their entries.
fn several(folder: &Path) -> Vec<(u64, Uuid)> {
    let signer = Signer::open_or_make(folder, "proxy.example/journal").unwrap();
    let settings = Settings { segment_octets: 8_000, ..Settings::default() };
    let (mut log, _) = Log::open(folder, settings, signer, Timestamp::now()).unwrap();
    while segments(folder).unwrap().len() < 4 {
        let line = line(Uuid::now_v7(), &json!({}));
        log.append(Kind::Decided, Timestamp::now(), &line);
        log.sync().unwrap();
        log.tick(Timestamp::now()).unwrap();
    }
    drop(log);
    let id = |line: &[u8]| serde_json::from_slice::<Named<'_>>(line).unwrap().id.parse().unwrap();
    all(folder).iter().map(|(sequence, _, line)| (*sequence, id(line))).collect()
}

/// The number of the first entry of the last segment.
fn end(folder: &Path) -> u64 {
    segments(folder).unwrap().last().unwrap().first
}

#[test]
fn what_is_damaged_is_passed_over() {
    let place = tempfile::tempdir().unwrap();
    let all = several(place.path());
    let files = segments(place.path()).unwrap();
    let after = files[2].first;
    let path = fs::read_dir(place.path()).unwrap().map(|file| file.unwrap().path());
    let name = format!("{:020}.", files[1].first);
    let path = path
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&name))
        .find(|path| path.extension().is_some_and(|end| end == "log" || end == "zst"));
    let path = path.unwrap();
    let mut octets = fs::read(&path).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 0x55;
    fs::write(&path, octets).unwrap();
    let mut found = Found::default();
    found.look(place.path(), 0..end(place.path())).unwrap();
    let doubtful = found.leave_doubtful();
    let later: Vec<_> = all.iter().filter(|(sequence, _)| *sequence >= after).collect();
    assert!(doubtful > 0 && !later.is_empty(), "{doubtful} of {}", all.len());
    assert_eq!(found.open.len(), later.len());
    assert!(later.iter().all(|(_, id)| found.open.contains_key(id)));
    // One that is missing is passed over as well.
    fs::remove_file(&path).unwrap();
    drop(fs::remove_file(path.with_extension("idx")));
    let mut found = Found::default();
    found.look(place.path(), 0..end(place.path())).unwrap();
    found.leave_doubtful();
    assert_eq!(found.open.len(), later.len());
}

#[test]
fn what_retention_dropped_needs_no_record() {
    let place = tempfile::tempdir().unwrap();
    let all = several(place.path());
    let files = segments(place.path()).unwrap();
    for file in &files[..2] {
        let plain = place.path().join(format!("{:020}.log", file.first));
        if plain.exists() {
            seal(&plain).unwrap();
        }
        prune(&plain.with_extension("zst"), |_| false).unwrap();
    }
    let mut found = Found::default();
    found.look(place.path(), 0..end(place.path())).unwrap();
    let left: Vec<_> = all.iter().filter(|(at, _)| *at >= files[2].first).collect();
    assert_eq!((found.open.len(), found.unread, found.damaged), (left.len(), 0, 0));
    let mut made = 0;
    let keys = KeyRing::at(place.path());
    let mut take = |_| {
        made += 1;
        true
    };
    found.each(place.path(), &keys, &mut take).unwrap();
    assert_eq!((made, found.unread, found.open.len()), (left.len(), 0, 0));
}
