//! Events as a sink reads them from the journal.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::telemetry::{Event as Told, Metrics, ShipEvent};

use super::super::event::{Event, Format, Origin, Signal, write_checkpoint};
use super::super::journal::{Entry, Fault, Kind, NoteFault, Onward};
use super::super::personal::{KeyRing, Opener};
use super::batch::{Batch, Limits};
use super::cursor::Cursor;
use super::findings::Gathered;
use super::settings::{Select, ShipSettings, ShipTo};

/// The journal from a place on.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    folder: PathBuf,
    keys: KeyRing,
    /// None until something is wanted of it, and after a fault.
    reader: Option<Onward>,
    at: Cursor,
    /// What stands before this entry and cannot be told has been told of.
    told: u64,
    teller: Teller,
    /// What is told instead of events.
    gathered: Option<Gathered>,
}

/// What becomes of an entry.
#[derive(Debug)]
struct Teller {
    format: Format,
    select: Select,
    framed: Framed,
    origin: Origin,
}

/// What cannot be told.
#[derive(Debug, thiserror::Error)]
enum Strange {
    #[error(transparent)]
    Record(#[from] serde_json::Error),
    #[error(transparent)]
    Checkpoint(#[from] NoteFault),
}

/// How one event is told from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framed {
    /// It is a line.
    Line,
    /// It is a message of syslog, and the sink frames it.
    Message,
    /// It is a record of OpenTelemetry, linked to its span or not, and the sink puts many into one
    /// request.
    Record(Signal, bool),
}

// === impl Source ===

impl Source {
    pub(super) fn new(
        folder: &Path,
        keys: &KeyRing,
        settings: &ShipSettings,
        origin: Origin,
    ) -> Self {
        let framed = match &settings.to {
            ShipTo::Syslog(_) => Framed::Message,
            ShipTo::Http(http) => {
                http.signal.map_or(Framed::Line, |signal| Framed::Record(signal, http.linked))
            }
            ShipTo::File(_) | ShipTo::Metrics(_) | ShipTo::Stdout => Framed::Line,
        };
        let ShipSettings { name, format, select, findings, .. } = settings;
        let gathered = findings.map(Gathered::new);
        let teller = Teller { format: *format, select: *select, framed, origin };
        let (name, folder, keys) = (name.clone(), folder.to_owned(), keys.clone());
        let at = Cursor::START;
        Self { name, folder, keys, reader: None, at, told: 0, teller, gathered }
    }

    /// Where the journal is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads on from another place.
    pub(super) fn go(&mut self, to: Cursor) {
        (self.reader, self.at) = (None, to);
        if let Some(gathered) = &mut self.gathered {
            gathered.forget();
        }
    }

    /// Numbers of findings that are due, or all that have grown.
    pub(super) fn updates(&mut self, now: Timestamp, all: bool) -> Option<Batch> {
        let mut batch = Batch::new(self.at);
        self.gathered.as_mut()?.update(now, all, &mut batch);
        (batch.len() > 0).then_some(batch)
    }

    /// When they are due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.gathered.as_ref()?.due()
    }

    /// Reads the next events, of entries before `until` and no more than a batch takes.
    pub(super) fn read(
        &mut self,
        until: u64,
        limits: Limits,
        metrics: &Metrics,
    ) -> Result<Batch, Fault> {
        let mut batch = Batch::new(self.at);
        if let Some(gathered) = &mut self.gathered {
            let Teller { select, origin, .. } = &self.teller;
            let recalled = gathered.recall(&self.folder, self.at, *select, origin);
            if let Err(fault) = recalled {
                let why = format!("numbers of findings are too low: {fault}");
                Told::Ship(ShipEvent::Warned(&self.name, &why)).record(metrics);
            }
        }
        let result = self.fill(&mut batch, until, limits, metrics);
        if result.is_err() {
            // It may have read ahead what has been written anew since.
            self.reader = None;
        }
        // What stands before a fault is sent first.
        if batch.after == self.at {
            result?;
        }
        self.at = batch.after;
        self.told = self.told.max(self.at.next);
        Ok(batch)
    }

    fn fill(
        &mut self,
        batch: &mut Batch,
        until: u64,
        limits: Limits,
        metrics: &Metrics,
    ) -> Result<(), Fault> {
        let (from, told) = (batch.after.next, self.told);
        let mut pruned = Pruned::default();
        // One for each batch: a key that was destroyed is of no use from then on.
        let mut opener = self.keys.opener();
        let begin = || Onward::open(&self.folder).from_sequence(from).following();
        let reader = self.reader.get_or_insert_with(begin);
        let known = reader.gaps().places().len();
        while batch.after.next < until && !batch.is_full(limits) {
            let Some(entry) = reader.next_entry()? else { break };
            let sequence = entry.sequence();
            if sequence > batch.after.next.max(told) {
                let first = batch.after.next.max(told);
                let gone = ShipEvent::Gone(&self.name, first, sequence - 1);
                Told::Ship(gone).record(metrics);
            }
            batch.after = Cursor { next: sequence + 1, chain: *entry.chain() };
            // Checkpoints are never dropped.
            let wanted = self.teller.select != Select::Checkpoints;
            if entry.kind().is_none() && sequence >= told && wanted {
                pruned.add(sequence);
            }
            let gathered = self.gathered.as_mut();
            if let Err(error) = self.teller.tell(&entry, &mut opener, gathered, batch)
                && sequence >= told
            {
                let why = error.to_string();
                Told::Ship(ShipEvent::Unreadable(&self.name, sequence, &why)).record(metrics);
            }
        }
        for place in reader.gaps().places().iter().skip(known) {
            Told::Ship(ShipEvent::Warned(&self.name, &place.to_string())).record(metrics);
        }
        if let Pruned { first: Some(first), last, entries } = pruned {
            Told::Ship(ShipEvent::Pruned(&self.name, first, last, entries)).record(metrics);
        }
        Ok(())
    }
}

/// Entries whose payload retention has dropped.
#[derive(Debug, Default)]
struct Pruned {
    first: Option<u64>,
    last: u64,
    entries: u64,
}

impl Pruned {
    fn add(&mut self, sequence: u64) {
        self.first = self.first.or(Some(sequence));
        self.last = sequence;
        self.entries += 1;
    }
}

// === impl Teller ===

impl Teller {
    /// Adds what an entry says, where it is about a request that has ended, or is a checkpoint and
    /// those are wanted. Others, and those whose payload retention has dropped, say nothing.
    fn tell(
        &self,
        entry: &Entry<'_>,
        opener: &mut Opener,
        gathered: Option<&mut Gathered>,
        batch: &mut Batch,
    ) -> Result<(), Strange> {
        if self.select == Select::Checkpoints {
            return self.checkpoint(entry, batch);
        }
        let ended = entry.payload().filter(|_| entry.kind() == Some(Kind::Ended));
        let Some(line) = ended else { return Ok(()) };
        let line = opener.open(line);
        let event: Event<'_> = serde_json::from_slice(&line)?;
        if !self.select.takes(&event) {
            return Ok(());
        }
        if let Some(gathered) = gathered {
            gathered.note(&event, &self.origin, batch);
            return Ok(());
        }
        batch.add(|into| match (self.framed, self.format) {
            (Framed::Message, format) => format.write_message(&event, &self.origin, into),
            (Framed::Record(signal, linked), _) => {
                signal.write(&event, &self.origin, linked, into);
            }
            (Framed::Line, Format::Record) => {
                into.extend_from_slice(&line);
                into.push(b'\n');
            }
            (Framed::Line, format) => {
                format.write(&event, &self.origin, into);
                into.push(b'\n');
            }
        });
        Ok(())
    }

    fn checkpoint(&self, entry: &Entry<'_>, batch: &mut Batch) -> Result<(), Strange> {
        let note = entry.payload().filter(|_| entry.kind() == Some(Kind::Checkpoint));
        let Some(note) = note else { return Ok(()) };
        let at = entry.at().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or_default();
        let message = self.framed == Framed::Message;
        let mut line = Vec::new();
        write_checkpoint((entry.sequence(), at), note, &self.origin, message, &mut line)?;
        if !message {
            line.push(b'\n');
        }
        batch.add(|into| into.extend_from_slice(&line));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::super::journal::Reader;
    use super::super::super::state::{journal_folder, open_journal};
    use super::super::settings::{FileSettings, From};
    use super::*;

    /// Allowed, blocked, held and others; their ids end in 1 to 8.
    const RECORDS: &str = include_str!("../../../tests/golden/events/records.jsonl");
    const ALL: Limits = Limits { records: 100, octets: 1 << 20 };

    /// A journal of records and of what is none.
    fn journal(state: &Path) -> u64 {
        journal_of(state, 1)
    }

    fn journal_of(state: &Path, times: usize) -> u64 {
        let (mut log, _) =
            open_journal(state, "test", crate::audit::journal::Settings::default(), None).unwrap();
        for line in std::iter::repeat_n(RECORDS.lines(), times).flatten() {
            log.append(Kind::Decided, Timestamp::now(), line.as_bytes());
            log.append(Kind::Ended, Timestamp::now(), line.as_bytes());
        }
        log.append(Kind::Ended, Timestamp::now(), b"{}");
        log.close(Timestamp::now()).unwrap();
        log.entries()
    }

    fn source(state: &Path, format: Format, select: Select) -> Source {
        let path = state.join("none");
        let to = ShipTo::File(FileSettings { path, octets: None, age: None, keep: None });
        let (name, from) = ("test".to_owned(), From::Start);
        let settings = ShipSettings { name, format, findings: None, select, from, to };
        let keys = KeyRing::at(&state.join("keys"));
        Source::new(&journal_folder(state), &keys, &settings, Origin::new("host", "test"))
    }

    #[test]
    fn findings_follow_from_the_journal_up_to_a_place() {
        let (state, metrics) = (tempfile::tempdir().unwrap(), Metrics::new());
        let entries = journal_of(state.path(), 3);
        let mut source = source(state.path(), Format::Ocsf, Select::All);
        source.gathered = Some(Gathered::new(std::time::Duration::from_hours(1)));
        let (mut at, mut new) = (Cursor::START, Vec::new());
        for until in 0..=entries {
            // Each time as after a new start.
            source.go(at);
            let batch = source.read(until, ALL, &metrics).unwrap();
            new.extend(batch.messages().map(<[u8]>::to_vec));
            at = batch.after;
        }
        assert_eq!(new.len(), 3, "each is new once");
        let evening = "2026-11-30T23:00:00Z".parse().unwrap();
        let told = source.updates(evening, true).unwrap();
        let told: Vec<serde_json::Value> =
            told.messages().map(|line| serde_json::from_slice(line).unwrap()).collect();
        let counts: Vec<_> = told.iter().map(|one| one["count"].clone()).collect();
        assert_eq!(counts, [3, 3, 3]);
        assert!(source.updates(evening, true).is_none());
    }

    fn lines(batch: &Batch) -> Vec<&str> {
        batch.messages().map(|line| std::str::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn records_are_told_as_they_are_and_what_is_none_is_counted() {
        let (state, metrics) = (tempfile::tempdir().unwrap(), Metrics::new());
        let entries = journal(state.path());
        let mut source = source(state.path(), Format::Record, Select::All);
        let batch = source.read(entries, ALL, &metrics).unwrap();
        assert_eq!(lines(&batch).concat(), RECORDS);
        assert_eq!(batch.after.next, entries);
        let text = metrics.render();
        assert!(text.contains("egress_audit_sink_errors_total{sink=\"test\"} 1"), "{text}");
        assert_eq!(source.read(entries, ALL, &metrics).unwrap().after, batch.after);
    }

    #[test]
    fn it_goes_on_from_a_cursor_and_never_beyond_what_is_on_the_disk() {
        let (state, metrics) = (tempfile::tempdir().unwrap(), Metrics::new());
        let entries = journal(state.path());
        let mut one = source(state.path(), Format::Record, Select::All);
        let (mut all, mut at) = (String::new(), Cursor::START);
        let two = Limits { records: 2, octets: 1 << 20 };
        for until in 0..=entries {
            // Each time as after a new start.
            one.go(at);
            let batch = one.read(until, two, &metrics).unwrap();
            assert_eq!((batch.after.next, batch.len() <= 2), (until, true));
            assert!(batch.after.is_of(one.folder()).unwrap());
            all.extend(lines(&batch));
            at = batch.after;
        }
        assert_eq!(all, RECORDS);
        let other = Cursor { chain: Cursor::START.chain, ..at };
        assert!(!other.is_of(one.folder()).unwrap());
        assert!(!Cursor { next: entries + 1, ..at }.is_of(one.folder()).unwrap());
    }

    #[test]
    fn what_stands_before_damage_is_sent() {
        let (state, metrics) = (tempfile::tempdir().unwrap(), Metrics::new());
        let entries = journal(state.path());
        let mut files = std::fs::read_dir(journal_folder(state.path())).unwrap();
        let segment = files.find_map(|file| {
            Some(file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "log"))
        });
        let segment = segment.unwrap();
        let mut octets = std::fs::read(&segment).unwrap();
        let middle = octets.len() / 2;
        octets[middle] ^= 1;
        std::fs::write(&segment, octets).unwrap();
        let mut source = source(state.path(), Format::Record, Select::All);
        let batch = source.read(entries, ALL, &metrics).unwrap();
        assert!((1..8).contains(&batch.len()), "{}", batch.len());
        assert!(matches!(source.read(entries, ALL, &metrics), Err(Fault::Damaged { .. })));
    }

    #[test]
    fn checkpoints_are_told_octet_for_octet_and_nothing_else() {
        let (state, metrics) = (tempfile::tempdir().unwrap(), Metrics::new());
        let entries = journal(state.path());
        let (mut signed, mut reader) = (Vec::new(), Reader::open(&journal_folder(state.path())));
        while let Some(entry) = reader.next_entry().unwrap() {
            if entry.kind() == Some(Kind::Checkpoint) {
                let note = String::from_utf8(entry.payload().unwrap().to_vec()).unwrap();
                signed.push((entry.sequence(), note));
            }
        }
        assert!(!signed.is_empty());
        let read = |framed| {
            let mut source = source(state.path(), Format::Record, Select::Checkpoints);
            source.teller.framed = framed;
            source.read(entries, ALL, &metrics).unwrap()
        };
        let (plain, messages) = (read(Framed::Line), read(Framed::Message));
        assert_eq!((plain.len(), messages.len()), (signed.len(), signed.len()));
        for (at, (sequence, note)) in signed.iter().enumerate() {
            let line: serde_json::Value = serde_json::from_str(lines(&plain)[at]).unwrap();
            assert_eq!(
                (line["sequence"].as_u64(), line["note"].as_str()),
                (Some(*sequence), Some(&**note))
            );
            assert_eq!(line["size"].as_u64(), Some(*sequence), "each is of all before it");
            let (head, text) = lines(&messages)[at].split_once(" - CHECKPOINT - ").unwrap();
            assert!(head.starts_with("<109>1 "), "{head}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(text).unwrap(), line);
        }
    }

    #[test]
    fn damage_in_what_is_closed_is_told_counted_and_passed() {
        let (state, metrics) = (tempfile::tempdir().unwrap(), Metrics::new());
        let settings = crate::audit::journal::Settings { segment_octets: 1, ..Default::default() };
        let (mut log, _) = open_journal(state.path(), "test", settings, None).unwrap();
        let mut closed = Vec::new();
        for line in RECORDS.lines() {
            log.append(Kind::Ended, Timestamp::now(), line.as_bytes());
            log.sync().unwrap();
            closed.extend(log.tick(Timestamp::now()).unwrap().closed);
        }
        let segment = closed.get(2).unwrap();
        let mut octets = std::fs::read(segment).unwrap();
        octets[100] ^= 1;
        std::fs::write(segment, octets).unwrap();
        let mut source = source(state.path(), Format::Record, Select::All);
        let batch = source.read(log.entries(), ALL, &metrics).unwrap();
        assert_eq!((batch.len(), batch.after.next), (RECORDS.lines().count() - 1, log.entries()));
        let text = metrics.render();
        let lost = "egress_audit_sink_lost_total{sink=\"test\",reason=\"missing\"}";
        let lost = text.lines().find(|line| line.starts_with(lost));
        assert!(lost.is_some_and(|line| !line.ends_with(" 0")), "{text}");
    }

    #[test]
    fn some_are_selected() {
        let (state, metrics) = (tempfile::tempdir().unwrap(), Metrics::new());
        let entries = journal(state.path());
        let events: Vec<_> = RECORDS.lines().map(|line| Event::read(line).unwrap()).collect();
        for (select, wanted) in [
            (Select::Refused, events.iter().filter(|event| event.is_refused()).count()),
            (Select::Tagged, events.iter().filter(|event| !event.tags.is_empty()).count()),
        ] {
            let mut source = source(state.path(), Format::Ecs, select);
            let batch = source.read(entries, ALL, &metrics).unwrap();
            assert!(wanted > 0 && wanted < 8);
            assert_eq!(batch.len(), wanted, "{select:?}");
        }
    }
}
