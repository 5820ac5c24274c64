//! Retention while the program runs: once a day, on a thread of its own; what it did the journal is
//! told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::super::background;
use super::super::personal::KeyRing;
use super::super::retention::{Pass, Passed, Retention, retain};

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
    next: Instant,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Rests(Pass),
    /// A thread has what was learned, and gives it back.
    Runs(Receiver<(Pass, Option<Value>)>),
}

impl Sweeper {
    pub(super) fn new(folder: &Path, retention: Retention, keys: KeyRing) -> Self {
        let (folder, retention) = (folder.to_owned(), Arc::new(retention));
        let work = Work::Rests(Pass::default());
        Self { folder, retention, keys, next: Instant::now() + FIRST, work }
    }

    /// How long it may be left alone.
    pub(super) fn rests(&self, look: Duration) -> Duration {
        match self.work {
            Work::Rests(_) => self.next.saturating_duration_since(Instant::now()),
            Work::Runs(_) => look,
        }
    }

    /// Begins what is due; tells what the journal is to be told of what has ended.
    pub(super) fn look(&mut self) -> Option<Value> {
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
                Ok((pass, note)) => {
                    self.work = Work::Rests(pass);
                    note
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
        let sweep = move || {
            background::give_way();
            let now = Timestamp::now();
            let note = match retain(&folder, &retention, &keys, now, false, &mut pass) {
                Ok(passed) => told(&passed).then(|| passed.note(&retention, now)),
                Err(fault) => {
                    tracing::error!(%fault, "retention: the journal cannot be gone over");
                    None
                }
            };
            // Where nobody waits any more the program ends.
            drop(done.send((pass, note)));
        };
        let thread = std::thread::Builder::new().name("retention".to_owned()).spawn(sweep);
        if let Err(error) = thread {
            tracing::error!(%error, "retention: there is no thread for it");
        }
        self.work = Work::Runs(ended);
    }
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
    use super::super::super::personal::Sealer;
    use super::super::super::retention::tests::{journal, lines};
    use super::*;

    /// Waits for the thread, as the writer does by looking again.
    fn ended(sweeper: &mut Sweeper) -> Option<Value> {
        let Work::Runs(running) = &sweeper.work else { panic!("nothing runs") };
        let result = running.recv().unwrap();
        let (done, ended) = sync_channel(1);
        done.send(result).unwrap();
        sweeper.work = Work::Runs(ended);
        sweeper.look()
    }

    #[test]
    fn what_is_due_is_dropped_once_a_day_and_noted() {
        let folder = tempfile::tempdir().unwrap();
        journal(folder.path(), &lines());
        let mut sweeper = {
            let keys = KeyRing::at(&folder.path().join("keys"));
            Sweeper::new(folder.path(), Retention::default(), keys)
        };
        assert_eq!(sweeper.look(), None);
        assert!(matches!(sweeper.work, Work::Rests(_)), "it rests at first");
        for wanted in [true, false] {
            sweeper.next = Instant::now();
            assert_eq!(sweeper.look(), None);
            assert!(sweeper.rests(Duration::from_secs(1)) <= Duration::from_secs(1));
            let note = ended(&mut sweeper);
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
        let mut sweeper = Sweeper::new(&folder, Retention::default(), ring.clone());
        sweeper.next = Instant::now();
        assert_eq!(sweeper.look(), None);
        let note = ended(&mut sweeper).unwrap();
        let key = note.pointer("/retention/keys/0/key").and_then(Value::as_str).unwrap();
        assert!(key.starts_with("untagged-2020-01-"), "{note}");
        assert_eq!((ring.keys().unwrap().len(), ring.erased().unwrap().len()), (1, 1));
        assert!(!index.join("requests.db").exists());
    }
}
