//! The one thread that writes: lines where they are wanted, and the journal.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::telemetry::{Event, Metrics};

use super::super::journal::Left;
use super::super::record::Record;
use super::ledger::Ledger;
use super::target::SinkTarget;

/// Octets after which a batch is written.
const BATCH: usize = 48 * 1024;

/// How long the writer lets records gather before it writes them. Waking it for each one
/// cost 15 % of the program's processor time at 27,000 requests a second.
const GATHER: Duration = Duration::from_millis(2);

/// What the writer is told.
#[derive(Debug)]
pub(super) enum Message {
    Record(Box<Record>),
    /// A verdict on tagged data, which waits until it is kept.
    Verdict {
        line: Vec<u8>,
        kept: oneshot::Sender<bool>,
    },
    /// What else must be on record, which waits until it is kept.
    Note {
        line: Vec<u8>,
        kept: oneshot::Sender<bool>,
    },
    /// Open the file anew: the one that is open has been moved away.
    Reopen,
    /// Say that this has been heard.
    Call(oneshot::Sender<()>),
    /// Write what waits, then end.
    End,
}

/// What there is to do next.
enum Next {
    Message(Message),
    /// The journal owes something.
    Due,
    Over,
}

/// Writes.
pub(super) struct Writer {
    output: Box<dyn Write + Send>,
    target: SinkTarget,
    ledger: Option<Ledger>,
    /// Whether the last line could be written.
    open: bool,
    healthy: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    lines: Vec<u8>,
    count: u32,
}

impl Writer {
    pub(super) fn new(
        output: Box<dyn Write + Send>,
        target: SinkTarget,
        ledger: Option<Ledger>,
        healthy: Arc<AtomicBool>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let lines = Vec::with_capacity(64 * 1024);
        Self { output, target, ledger, open: true, healthy, metrics, lines, count: 0 }
    }

    /// Writes what waits in one go, then waits again. Returns what the journal could not keep at
    /// the end.
    pub(super) fn run(mut self, mut records: mpsc::Receiver<Message>) -> Left {
        // To wait no longer than until the journal owes something.
        let clock = Builder::new_current_thread().enable_time().build();
        let clock = clock.inspect_err(|error| tracing::error!(%error, "the writer has no clock"));
        let (mut ended, mut full) = (false, false);
        loop {
            let mut next = match self.next(&mut records, clock.as_ref().ok(), ended) {
                Next::Message(message) => Some(message),
                Next::Due => None,
                Next::Over => break,
            };
            // After a full batch more is waiting: a rest would cap the rate at 30,000 a second.
            let urgent =
                matches!(next, Some(Message::Verdict { .. } | Message::Note { .. }) | None);
            if !ended && !full && !urgent {
                std::thread::park_timeout(GATHER);
            }
            while let Some(message) = next {
                ended |= self.take(message);
                next = (self.lines.len() < BATCH).then(|| records.try_recv().ok()).flatten();
            }
            full = self.lines.len() >= BATCH;
            self.settle();
        }
        self.ledger.as_mut().map(Ledger::close).unwrap_or_default()
    }

    /// Waits for the next message, or until the journal owes something; after the end only for
    /// those that already wait.
    fn next(
        &self,
        records: &mut mpsc::Receiver<Message>,
        clock: Option<&Runtime>,
        ended: bool,
    ) -> Next {
        let message = match (clock, self.ledger.as_ref().and_then(Ledger::owes_in)) {
            _ if ended => records.try_recv().ok(),
            (Some(clock), Some(rest)) => {
                match clock.block_on(async { timeout(rest, records.recv()).await }) {
                    Ok(message) => message,
                    Err(_) => return Next::Due,
                }
            }
            _ => records.blocking_recv(),
        };
        message.map_or(Next::Over, Next::Message)
    }

    /// Takes a message; whether it was the last.
    fn take(&mut self, message: Message) -> bool {
        match message {
            Message::Record(record) => self.push(&record),
            Message::Verdict { line, kept } => match &mut self.ledger {
                Some(ledger) => ledger.decided(&line, kept),
                // Nobody asks where there is no journal.
                None => drop(kept.send(false)),
            },
            Message::Note { line, kept } => match &mut self.ledger {
                Some(ledger) => ledger.noted(&line, kept),
                None => drop(kept.send(false)),
            },
            Message::Reopen => {
                self.put();
                self.reopen();
            }
            // Who asked may have waited long enough.
            Message::Call(heard) => drop(heard.send(())),
            Message::End => return true,
        }
        false
    }

    /// Appends one line.
    fn push(&mut self, record: &Record) {
        let start = self.lines.len();
        record
            .write_line(&mut self.lines)
            .expect("a record has only string keys and a Vec takes every write");
        if let (Some(ledger), Some([line @ .., b'\n'])) =
            (&mut self.ledger, self.lines.get(start..))
        {
            ledger.ended(line);
        }
        self.count += 1;
    }

    /// Puts everything out that has gathered.
    fn settle(&mut self) {
        self.put();
        let kept = self.ledger.as_mut().is_none_or(Ledger::settle);
        self.healthy.store(self.open && kept, Ordering::Relaxed);
    }

    /// Where the file cannot be opened, what is open stays.
    fn reopen(&mut self) {
        match self.target.open() {
            Ok(output) => self.output = output,
            Err(error) => {
                Event::AuditReopenFailed(self.target.name(), &error).record(&self.metrics);
            }
        }
    }

    fn put(&mut self) {
        let count = std::mem::take(&mut self.count);
        if count == 0 {
            return;
        }
        // What a failed write left behind must not swallow the next good line.
        let start = if self.open { Ok(()) } else { self.output.write_all(b"\n") };
        let lines = &self.lines;
        let result =
            start.and_then(|()| self.output.write_all(lines)).and_then(|()| self.output.flush());
        self.lines.clear();
        self.open = result.is_ok();
        for _ in 0..count {
            match &result {
                Ok(()) => Event::AuditWritten(self.target.name()).record(&self.metrics),
                Err(error) => Event::AuditFailed(self.target.name(), error).record(&self.metrics),
            }
        }
    }
}
