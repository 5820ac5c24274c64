//! Retention while the program runs: once a day, on a thread of its own; what it did the journal is
//! told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::background;
use super::super::personal::KeyRing;
use super::super::retention::{Pass, Passed, Retention, doubt, retain};

/// So often it is looked for what is due.
const DAY: Duration = Duration::from_hours(24);

/// After the start the first segments are still to be sealed.
const FIRST: Duration = Duration::from_mins(1);

/// Does so each day.
#[derive(Debug)]
pub(super) struct Sweeper {
    folder: PathBuf,
    retention: Arc<Retention>,
    keys: KeyRing,
    /// When the newest entry of an earlier run was written.
    newest: Option<Timestamp>,
    begun: Instant,
    next: Instant,
    work: Work,
}

/// What the journal is told.
#[derive(Debug)]
pub(super) enum Told {
    /// What is to be dropped; whether it is signed and on the disk is waited for.
    Begun(Value, SyncSender<bool>),
    /// What was.
    Done(Value),
}

/// What the thread says.
#[derive(Debug)]
enum Said {
    Begun(Value, SyncSender<bool>),
    /// It gives back what was learned.
    Ended(Pass, Option<Value>),
}

#[derive(Debug)]
enum Work {
    Rests(Pass),
    /// A thread has what was learned.
    Runs(Receiver<Said>),
}

impl Sweeper {
    pub(super) fn new(
        folder: &Path,
        retention: Retention,
        keys: KeyRing,
        newest: Option<Timestamp>,
    ) -> Self {
        let (folder, retention) = (folder.to_owned(), Arc::new(retention));
        let work = Work::Rests(Pass::default());
        let begun = Instant::now();
        Self { folder, retention, keys, newest, begun, next: begun + FIRST, work }
    }

    /// How long it may be left alone.
    pub(super) fn rests(&self, look: Duration) -> Duration {
        match self.work {
            Work::Rests(_) => self.next.saturating_duration_since(Instant::now()),
            Work::Runs(_) => look,
        }
    }

    /// Begins what is due; tells what the journal is to be told.
    pub(super) fn look(&mut self) -> Option<Told> {
        match &mut self.work {
            Work::Rests(pass) => {
                if self.next <= Instant::now() {
                    let pass = std::mem::take(pass);
                    self.next = Instant::now() + DAY;
                    self.begin(pass);
                }
                None
            }
            Work::Runs(ended) => match ended.try_recv() {
                Ok(Said::Begun(note, answer)) => Some(Told::Begun(note, answer)),
                Ok(Said::Ended(pass, note)) => {
                    self.work = Work::Rests(pass);
                    note.map(Told::Done)
                }
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => {
                    tracing::error!("retention of the journal ended before its time");
                    self.work = Work::Rests(Pass::default());
                    None
                }
            },
        }
    }

    fn begin(&mut self, mut pass: Pass) {
        let (done, ended) = sync_channel(1);
        let (folder, retention) = (self.folder.clone(), Arc::clone(&self.retention));
        let keys = self.keys.clone();
        let (newest, ran) = (self.newest, self.begun.elapsed());
        let sweep = move || {
            background::give_way();
            let now = Timestamp::now();
            let note = paused(&folder, newest, ran, now).or_else(|| {
                let mut announce = |note: &Value| announce(&done, note);
                match retain(&folder, &retention, &keys, now, Some(&mut announce), &mut pass) {
                    Ok(passed) => told(&passed).then(|| passed.note(&retention, now)),
                    Err(fault) => {
                        tracing::error!(%fault, "retention: the journal cannot be gone over");
                        None
                    }
                }
            });
            // Where nobody waits any more the program ends.
            drop(done.send(Said::Ended(pass, note)));
        };
        let thread = std::thread::Builder::new().name("retention".to_owned()).spawn(sweep);
        if let Err(error) = thread {
            tracing::error!(%error, "retention: there is no thread for it");
        }
        self.work = Work::Runs(ended);
    }
}

/// Lets the journal tell what is to be dropped, and waits until it is signed.
fn announce(done: &SyncSender<Said>, note: &Value) -> Result<(), String> {
    let (answer, kept) = sync_channel(1);
    let asked = done.send(Said::Begun(note.clone(), answer));
    let kept = asked.is_ok() && kept.recv().unwrap_or(false);
    if kept {
        Ok(())
    } else {
        Err("nothing is dropped: the journal takes no note of it".to_owned())
    }
}

/// The note where the clock is doubted, and nothing is dropped.
fn paused(
    folder: &Path,
    newest: Option<Timestamp>,
    ran: Duration,
    now: Timestamp,
) -> Option<Value> {
    let why = match doubt(folder, newest, ran, now) {
        Ok(why) => why?,
        Err(error) => format!("whether the clock was doubted cannot be read: {error}"),
    };
    tracing::error!("retention: {why}");
    Some(json!({ "retention": { "stage": "paused", "as_of": now.to_string(), "why": why } }))
}

/// Says what went wrong; whether something was dropped.
fn told(passed: &Passed) -> bool {
    for why in &passed.failed {
        tracing::error!("retention: {why}");
    }
    if passed.unread > 0 {
        tracing::warn!("retention: {} entries are kept, for nobody can read them", passed.unread);
    }
    !passed.is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::super::journal::verify;
    use super::super::super::personal::Sealer;
    use super::super::super::retention::tests::{journal, lines};
    use super::*;

    /// Waits for the thread, as the writer does by looking again.
    fn next(sweeper: &mut Sweeper) -> Option<Told> {
        let work = std::mem::replace(&mut sweeper.work, Work::Rests(Pass::default()));
        let Work::Runs(running) = work else { panic!("nothing runs") };
        match running.recv().unwrap() {
            Said::Begun(note, answer) => {
                sweeper.work = Work::Runs(running);
                Some(Told::Begun(note, answer))
            }
            Said::Ended(_, note) => note.map(Told::Done),
        }
    }

    /// What was begun, and what was done; `kept` says whether the journal takes notes.
    fn ended(sweeper: &mut Sweeper, kept: bool) -> (Vec<Value>, Option<Value>) {
        let mut begun = Vec::new();
        loop {
            match next(sweeper) {
                Some(Told::Begun(note, answer)) => {
                    begun.push(note);
                    answer.send(kept).unwrap();
                }
                Some(Told::Done(note)) => return (begun, Some(note)),
                None => return (begun, None),
            }
        }
    }

    #[test]
    fn nothing_is_dropped_before_the_journal_says_so() {
        let place = tempfile::tempdir().unwrap();
        let folder = &place.path().join("journal");
        journal(folder, &lines());
        let keys = KeyRing::at(&place.path().join("keys"));
        let mut sweeper = Sweeper::new(folder, Retention::default(), keys, None);
        let pruned = || verify(folder, None, None, &mut |_| ()).unwrap().pruned;
        sweeper.next = Instant::now();
        assert!(sweeper.look().is_none());
        let Some(Told::Begun(note, answer)) = next(&mut sweeper) else { panic!("no note") };
        assert_eq!(pruned(), 0, "{note}");
        answer.send(true).unwrap();
        let Some(Told::Done(done)) = next(&mut sweeper) else { panic!("no note") };
        assert_eq!(done.pointer("/retention/stage"), Some(&json!("done")));
        assert_eq!(note.pointer("/retention/entries"), Some(&json!(pruned())));
        assert!(pruned() > 0);
        // Where it cannot say so nothing is.
        let place = tempfile::tempdir().unwrap();
        let folder = &place.path().join("journal");
        journal(folder, &lines());
        let keys = KeyRing::at(&place.path().join("keys"));
        let mut sweeper = Sweeper::new(folder, Retention::default(), keys, None);
        sweeper.next = Instant::now();
        assert!(sweeper.look().is_none());
        let (begun, done) = ended(&mut sweeper, false);
        assert_eq!((begun.len(), done), (1, None));
        assert_eq!(verify(folder, None, None, &mut |_| ()).unwrap().pruned, 0);
    }

    #[test]
    fn a_clock_far_ahead_of_the_journal_drops_nothing() {
        let place = tempfile::tempdir().unwrap();
        let folder = &place.path().join("journal");
        journal(folder, &lines());
        let keys = KeyRing::at(&place.path().join("keys"));
        let newest = "2010-01-01T00:00:00Z".parse().unwrap();
        for newest in [newest, Timestamp::now()] {
            let mut sweeper =
                Sweeper::new(folder, Retention::default(), keys.clone(), Some(newest));
            sweeper.next = Instant::now();
            assert!(sweeper.look().is_none());
            let (begun, note) = ended(&mut sweeper, true);
            assert_eq!(begun, Vec::<Value>::new(), "nor after a restart");
            assert_eq!(note.unwrap().pointer("/retention/stage"), Some(&json!("paused")));
        }
        assert_eq!(verify(folder, None, None, &mut |_| ()).unwrap().pruned, 0);
    }

    #[test]
    fn what_is_due_is_dropped_once_a_day_and_noted() {
        let place = tempfile::tempdir().unwrap();
        let folder = &place.path().join("journal");
        journal(folder, &lines());
        let mut sweeper = {
            let keys = KeyRing::at(&folder.join("keys"));
            Sweeper::new(folder, Retention::default(), keys, None)
        };
        assert!(sweeper.look().is_none());
        assert!(matches!(sweeper.work, Work::Rests(_)), "it rests at first");
        for wanted in [true, false] {
            sweeper.next = Instant::now();
            assert!(sweeper.look().is_none());
            assert!(sweeper.rests(Duration::from_secs(1)) <= Duration::from_secs(1));
            let (_, note) = ended(&mut sweeper, true);
            assert_eq!(note.is_some(), wanted, "{note:?}");
            if let Some(note) = note {
                let first = note.pointer("/retention/dropped/0/class");
                assert_eq!(first.and_then(Value::as_str), Some("untagged"));
            }
            assert!(sweeper.rests(Duration::from_secs(1)) > Duration::from_secs(1));
        }
    }

    #[test]
    fn a_key_that_is_due_goes_and_the_index_is_to_forget() {
        let state = tempfile::tempdir().unwrap();
        let [folder, index, keys] =
            ["journal", "index", "keys"].map(|name| state.path().join(name));
        let ring = KeyRing::at(&keys);
        ring.prepare(false).unwrap();
        std::fs::create_dir(&index).unwrap();
        std::fs::write(index.join("requests.db"), "jane.doe").unwrap();
        let old = "2020-01-31T12:00:00Z".parse().unwrap();
        let (line, now) = (br#"{"client":"10.0.0.1:1"}"#, Timestamp::now());
        for at in [old, now] {
            Sealer::new(ring.clone()).seal(line, at).1.unwrap();
        }
        journal(&folder, &[]);
        let mut sweeper = Sweeper::new(&folder, Retention::default(), ring.clone(), None);
        sweeper.next = Instant::now();
        assert!(sweeper.look().is_none());
        let (begun, note) = ended(&mut sweeper, true);
        let note = note.unwrap();
        assert_eq!(begun[0].pointer("/retention/keys"), note.pointer("/retention/keys"));
        let key = note.pointer("/retention/keys/0/key").and_then(Value::as_str).unwrap();
        assert!(key.starts_with("untagged-2020-01-"), "{note}");
        assert_eq!((ring.keys().unwrap().len(), ring.erased().unwrap().len()), (1, 1));
        assert!(!index.join("requests.db").exists());
    }
}
