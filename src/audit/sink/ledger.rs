//! The journal as the writer drives it: verdicts on tagged data are on the disk before anybody is
//! told, the rest within a second.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::telemetry::{Event, JournalEvent, Metrics, Signed};

use super::super::background;
use super::super::event::begun;
use super::super::journal::{Done, Earlier, Fault, Kind, Left, Log, seal};
use super::super::personal::{KeyRing, Sealer};
use super::super::retention::Retention;
use super::envelope::Envelope;
use super::sweeper::{Sweeper, Told};
use super::unended::Unended;

/// For so long what is written may be on no disk.
const UNSYNCED: Duration = Duration::from_secs(1);

/// So often what is due by time is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// What happens to requests without tags while the journal takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritable {
    /// They go on; what is lost is a gap that the journal tells.
    Pass,
    /// They are refused as those with tags are.
    Refuse,
}

/// A journal, and how it is kept.
#[derive(Debug)]
pub struct Journal {
    /// The open journal.
    pub log: Log,
    /// What happens to requests without tags while it takes nothing.
    pub unwritable: Unwritable,
    /// What is dropped from it each day; nothing if there is none.
    pub retention: Option<Retention>,
    /// Where the keys of personal fields are.
    pub keys: KeyRing,
    /// What enciphers those fields; they stand in the clear if there is none.
    pub sealer: Option<Sealer>,
}

/// The journal, and who waits for it.
pub(super) struct Ledger {
    log: Log,
    waiting: Vec<oneshot::Sender<bool>>,
    /// Who is told no, whatever becomes of the rest.
    refused: Vec<oneshot::Sender<bool>>,
    /// Since when something is not on the disk.
    unsynced: Option<Instant>,
    /// When it was last looked whether the segment is still there.
    looked: Instant,
    failing: bool,
    /// Until when a journal that could not be written is left alone: each attempt takes all that
    /// waits, and what comes in between must not wait for it.
    rests_until: Option<Instant>,
    /// Who compresses what was closed.
    sealing: Option<JoinHandle<()>>,
    /// Whether something was closed while it worked.
    unsealed: bool,
    /// How many entries are on the disk, for who reads on from there.
    synced: watch::Sender<u64>,
    /// How many lost entries have been told of.
    lost: u64,
    /// How many were told of that stand in it, and that wait for it.
    standing: (u64, u64),
    /// The verdicts that have no record yet.
    unended: Unended,
    sweeper: Option<Sweeper>,
    envelope: Envelope,
    metrics: Arc<Metrics>,
}

impl Ledger {
    pub(super) fn new(journal: Journal, metrics: Arc<Metrics>) -> Self {
        Event::AuditOpened("journal").record(&metrics);
        let Journal { log, retention, keys, sealer, .. } = journal;
        let newest = log.newest();
        let sweeper =
            retention.map(|retention| Sweeper::new(log.folder(), retention, keys, newest));
        let synced = watch::Sender::new(log.entries());
        let standing = (log.entries(), 0);
        let unended = Unended::new(&log);
        let mut ledger = Self {
            log,
            waiting: Vec::new(),
            refused: Vec::new(),
            unsynced: None,
            looked: Instant::now(),
            failing: false,
            rests_until: None,
            sealing: None,
            unsealed: false,
            synced,
            lost: 0,
            standing,
            unended,
            sweeper,
            envelope: Envelope::new(sealer, Arc::clone(&metrics)),
            metrics,
        };
        // Those of a run that was killed between closing and sealing.
        ledger.seal();
        // What the last run left is lost now.
        ledger.tell_standing();
        ledger
    }

    /// The entries of earlier runs.
    pub(super) const fn earlier(&self) -> &Earlier {
        self.log.earlier()
    }

    /// Tells how many entries are on the disk, and by its end that there will be no more.
    pub(super) fn synced(&self) -> watch::Receiver<u64> {
        self.synced.subscribe()
    }

    /// Appends the record of a request that has ended.
    pub(super) fn ended(&mut self, id: &Uuid, line: &[u8]) {
        self.record(Kind::Ended, line);
        self.unended.ended(id);
    }

    /// Appends the record of a request of an earlier run.
    pub(super) fn interrupted(&mut self, line: &[u8]) {
        self.record(Kind::Ended, line);
    }

    /// Notes what the next run needs each time, not from time to time.
    #[cfg(test)]
    pub(super) const fn note_always(&mut self) {
        self.unended.note_always();
    }

    /// All requests of earlier runs have their record.
    pub(super) const fn completed(&mut self) {
        self.unended.completed();
    }

    /// Appends a verdict, for which somebody waits.
    pub(super) fn decided(&mut self, id: Uuid, line: &[u8], kept: oneshot::Sender<bool>) {
        self.unended.decided(id, &self.log);
        let whole = self.record(Kind::Decided, line);
        if whole { &mut self.waiting } else { &mut self.refused }.push(kept);
    }

    /// Appends what tells of a person; whether all of it is kept.
    fn record(&mut self, kind: Kind, line: &[u8]) -> bool {
        // An entry is never before what it tells of, so that whoever reads from a time on finds it,
        // too, where the clock was set back meanwhile.
        let now = Timestamp::now();
        let at = begun(line).map_or(now, |begun| begun.max(now));
        let (line, whole) = self.envelope.put(line);
        self.append_at(at, kind, &line);
        whole
    }

    /// Appends a note, for which somebody waits.
    pub(super) fn noted(&mut self, line: &[u8], kept: oneshot::Sender<bool>) {
        self.append(Kind::Note, line);
        self.waiting.push(kept);
    }

    /// Notes what retention is about to drop, on the disk and signed before it does.
    fn begun(&mut self, note: &Value, answer: &SyncSender<bool>) {
        self.append(Kind::Note, note.to_string().as_bytes());
        let closed = self.log.close(Timestamp::now()).and_then(|()| self.sync());
        if let Err(fault) = &closed {
            self.tell(fault);
        }
        if answer.send(closed.is_ok()).is_err() {
            tracing::trace!("retention has ended before its time");
        }
    }

    fn append(&mut self, kind: Kind, line: &[u8]) {
        self.append_at(Timestamp::now(), kind, line);
    }

    fn append_at(&mut self, at: Timestamp, kind: Kind, line: &[u8]) {
        self.log.append(kind, at, line);
        self.unsynced.get_or_insert_with(Instant::now);
    }

    /// Tells what became of entries since it was last told: how many were lost, were written, and
    /// wait.
    fn tell_standing(&mut self) {
        let (stands, waits) = self.log.standing();
        let (stood, waited) = std::mem::replace(&mut self.standing, (stands, waits));
        if stands > stood {
            Event::Journal(JournalEvent::Written(stands - stood)).record(&self.metrics);
        }
        if waits != waited {
            let more = waits.cast_signed().saturating_sub(waited.cast_signed());
            Event::Journal(JournalEvent::Waits(more)).record(&self.metrics);
        }
        let lost = self.log.lost();
        if lost > self.lost {
            Event::Journal(JournalEvent::Lost(lost - self.lost)).record(&self.metrics);
            self.lost = lost;
        }
    }

    /// Puts out what was appended, and to the disk where somebody waits or a second is over.
    /// Returns whether the journal takes what comes. Who waits for what is kept is told; for the
    /// others [`Ledger::refuse`] is called when all can see that it takes nothing.
    pub(super) fn settle(&mut self) -> bool {
        if self.rests_until.is_some_and(|until| Instant::now() < until) {
            self.tell_standing();
            return false;
        }
        let due = self.unsynced.is_some_and(|since| since.elapsed() >= UNSYNCED);
        let sync = due || !self.waiting.is_empty();
        // What had to be dropped may be what somebody waits for.
        let lost = self.log.loses();
        let result = if sync { self.sync() } else { self.write() };
        if result.is_ok() {
            Event::Journal(JournalEvent::Holds(self.log.entries())).record(&self.metrics);
        }
        if result.is_ok() && !lost {
            tell_all(&mut self.waiting, true);
        }
        match self.sweeper.as_mut().and_then(Sweeper::look) {
            Some(Told::Done(note)) => self.append(Kind::Note, note.to_string().as_bytes()),
            Some(Told::Begun(note, answer)) => self.begun(&note, &answer),
            None => {}
        }
        let keyed = self.envelope.mend();
        if let Some(note) = self.envelope.asked() {
            self.append(Kind::Note, &note);
            if self.sync().is_ok() {
                self.envelope.answer(&note);
            }
        }
        let now = Timestamp::now();
        match result.and_then(|()| self.log.tick(now)) {
            Ok(done) => self.done(done, now),
            Err(fault) => self.tell(&fault),
        }
        if !self.failing {
            self.unended.note(&mut self.log, false);
        }
        self.tell_standing();
        !self.failing && keyed
    }

    /// Tells who still waits that it is not kept.
    pub(super) fn refuse(&mut self) {
        tell_all(&mut self.waiting, false);
        tell_all(&mut self.refused, false);
    }

    fn write(&mut self) -> Result<(), Fault> {
        // Once a second, also where nothing comes: who asks how it is must hear it.
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.log.linked()?;
        }
        self.log.write()
    }

    fn sync(&mut self) -> Result<(), Fault> {
        let started = Instant::now();
        self.log.sync()?;
        self.unsynced = None;
        self.synced.send_replace(self.log.entries());
        Event::Journal(JournalEvent::Synced(started.elapsed())).record(&self.metrics);
        Ok(())
    }

    fn done(&mut self, Done { checkpoint, closed }: Done, now: Timestamp) {
        self.rests_until = None;
        if std::mem::take(&mut self.failing) {
            Event::Journal(JournalEvent::Mended).record(&self.metrics);
        }
        if let Some(note) = &checkpoint {
            // It is on the disk, and whoever keeps it elsewhere should not wait for the next entry.
            self.synced.send_replace(self.log.entries());
            let sequence = self.log.entries().saturating_sub(1);
            let signed = Signed { sequence, at: now.as_millisecond() };
            Event::Journal(JournalEvent::Signed(signed, note)).record(&self.metrics);
        }
        if closed.is_some() || self.unsealed {
            self.seal();
        }
    }

    /// Seals closed segments beside everything else, also those at which it failed before. What
    /// is not sealed now is when the next one is closed, or at the next start.
    fn seal(&mut self) {
        self.unsealed = self.sealing.as_ref().is_some_and(|sealing| !sealing.is_finished());
        if self.unsealed {
            return;
        }
        match self.log.unsealed() {
            Ok(closed) if closed.is_empty() => {}
            Ok(closed) => self.sealing = seal_all(closed),
            Err(fault) => tracing::error!(%fault, "closed segments of the journal are not found"),
        }
    }

    fn tell(&mut self, fault: &Fault) {
        self.rests_until = Some(Instant::now() + LOOK);
        // Once, not for each batch: until it is mended.
        if !std::mem::replace(&mut self.failing, true) {
            Event::Journal(JournalEvent::Failed(&fault.to_string())).record(&self.metrics);
        }
        // For the case that the process does not live to write it.
        self.leave();
    }

    /// Notes for the next start what is not on the disk, and returns it.
    fn leave(&mut self) -> Left {
        match self.log.leave() {
            Ok(left) => left.unwrap_or_default(),
            Err((left, fault)) => {
                tracing::error!(%fault, "the next start will not tell what is lost now");
                left
            }
        }
    }

    /// How long the writer may rest.
    pub(super) fn owes_in(&self) -> Duration {
        if let Some(until) = self.rests_until {
            return until.saturating_duration_since(Instant::now());
        }
        let owed = self.unsynced.map_or(LOOK, |since| UNSYNCED.saturating_sub(since.elapsed()));
        let sweep = self.sweeper.as_ref().map(|sweeper| sweeper.rests(LOOK));
        sweep.map_or(owed, |sweep| sweep.min(owed))
    }

    /// Puts everything on the disk and signs it: the program ends. Returns what could not be put
    /// there.
    pub(super) fn close(&mut self) -> Left {
        match self.log.close(Timestamp::now()) {
            Ok(()) => drop(self.synced.send_replace(self.log.entries())),
            Err(fault) => self.tell(&fault),
        }
        self.unended.note(&mut self.log, true);
        let left = self.leave();
        self.tell_standing();
        let lost = left.entries.saturating_sub(left.counted);
        if lost > 0 {
            Event::Journal(JournalEvent::Lost(lost)).record(&self.metrics);
        }
        left
    }
}

fn tell_all(waiting: &mut Vec<oneshot::Sender<bool>>, kept: bool) {
    for waiting in waiting.drain(..) {
        if waiting.send(kept).is_err() {
            tracing::trace!("who asked for the verdict has gone");
        }
    }
}

fn seal_all(closed: Vec<PathBuf>) -> Option<JoinHandle<()>> {
    let all = move || {
        background::give_way();
        closed.iter().for_each(|path| sealed(path));
    };
    let thread = std::thread::Builder::new().name("seal".to_owned()).spawn(all);
    let told = |error: &_| {
        tracing::error!(%error, "closed segments of the journal are not compressed yet");
    };
    thread.inspect_err(told).ok()
}

fn sealed(path: &Path) {
    match seal(path) {
        Ok(_) => tracing::debug!(path = %path.display(), "a segment of the journal is sealed"),
        Err(fault) => tracing::error!(%fault, "a segment of the journal is not compressed"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::journal::{LONGEST, Settings, Signer};
    use super::*;

    fn ledger(folder: &Path, settings: Settings, metrics: &Arc<Metrics>) -> Ledger {
        let signer = Signer::open_or_make(folder, "proxy.example/journal").unwrap();
        let (log, _) = Log::open(folder, settings, signer, Timestamp::now()).unwrap();
        let journal = Journal {
            log,
            unwritable: Unwritable::Pass,
            retention: None,
            keys: KeyRing::at(&folder.join("keys")),
            sealer: None,
        };
        Ledger::new(journal, Arc::clone(metrics))
    }

    #[test]
    fn who_reads_on_is_told_of_the_checkpoint_too() {
        let (folder, metrics) = (tempfile::tempdir().unwrap(), Arc::new(Metrics::new()));
        let settings = Settings { checkpoint_entries: 1, ..Settings::default() };
        let mut ledger = ledger(folder.path(), settings, &metrics);
        let synced = ledger.synced();
        let (kept, _answer) = oneshot::channel();
        ledger.noted(b"{}", kept);
        assert!(ledger.settle());
        // The key, the note, and the checkpoint over both.
        assert_eq!((*synced.borrow(), ledger.log.entries()), (3, 3), "nothing waits for a sink");
    }

    #[test]
    fn r0024_nobody_is_refused_before_all_can_see_why() {
        let (folder, metrics) = (tempfile::tempdir().unwrap(), Arc::new(Metrics::new()));
        let mut ledger = ledger(folder.path(), Settings::default(), &metrics);
        let segment = folder.path().join("00000000000000000000.log");
        std::fs::rename(&segment, folder.path().join("away")).unwrap();
        let ((note, mut noted), (verdict, mut decided)) = (oneshot::channel(), oneshot::channel());
        ledger.noted(b"{}", note);
        ledger.decided(Uuid::nil(), b"{}", verdict);
        assert!(!ledger.settle());
        assert!(noted.try_recv().is_err() && decided.try_recv().is_err(), "it stands as ready yet");
        ledger.refuse();
        assert_eq!((noted.try_recv(), decided.try_recv()), (Ok(false), Ok(false)));
    }

    #[test]
    fn what_the_journal_takes_and_loses_is_counted() {
        let (folder, metrics) = (tempfile::tempdir().unwrap(), Arc::new(Metrics::new()));
        let mut ledger = ledger(folder.path(), Settings::default(), &metrics);
        let count = |name: &str| {
            let start = format!("egress_audit_{name}_total{{sink=\"journal\"}} ");
            let text = metrics.render();
            text.lines().find_map(|line| Some(line.strip_prefix(&start)?.to_owned())).unwrap()
        };
        assert_eq!((count("dropped"), count("records")), ("0".into(), "0".into()));
        ledger.ended(&Uuid::nil(), b"{}");
        ledger.ended(&Uuid::nil(), &vec![b'x'; LONGEST + 1]);
        assert!(ledger.settle());
        // The record, and the gap.
        assert_eq!((count("dropped"), count("records")), ("1".into(), "2".into()));
        assert_eq!(ledger.close(), Left::default());
    }

    #[test]
    fn an_entry_is_never_of_before_what_it_tells_of() {
        use super::super::super::journal::Reader;
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::open_or_make(folder.path(), "proxy.example/journal").unwrap();
        let now = Timestamp::now();
        let (log, _) = Log::open(folder.path(), Settings::default(), signer, now).unwrap();
        let keys = KeyRing::at(&folder.path().join("keys"));
        let (unwritable, retention, sealer) = (Unwritable::Pass, None, None);
        let journal = Journal { log, unwritable, retention, keys, sealer };
        let mut ledger = Ledger::new(journal, Arc::new(Metrics::new()));
        // The clock was set back by an hour while this ran.
        let ahead = now + jiff::SignedDuration::from_hours(1);
        ledger.ended(&Uuid::nil(), format!("{{\"time\":\"{ahead:.3}\"}}").as_bytes());
        ledger.ended(&Uuid::nil(), b"{\"time\":\"2026-01-01T00:00:00.000Z\"}");
        assert!(ledger.settle());
        let mut times = Vec::new();
        let mut reader = Reader::open(folder.path());
        while let Some(entry) = reader.next_entry().unwrap() {
            times.extend(entry.at().filter(|_| entry.kind() == Some(Kind::Ended)));
        }
        assert_eq!(times.first(), Some(&ahead.as_millisecond()));
        assert!(
            times
                .get(1)
                .is_some_and(|at| (now.as_millisecond()..ahead.as_millisecond()).contains(at))
        );
    }
}
