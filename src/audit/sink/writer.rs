//! The one thread that writes: the journal, and lines where there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use uuid::Uuid;

use super::super::journal::Left;
use super::super::record::Record;
use super::ledger::Ledger;
use super::output::{Aside, Output};

/// Octets after which a batch is written.
const BATCH: usize = 48 * 1024;

/// How long the writer lets records gather before it writes them. Waking it for each one
/// cost 15 % of the program's processor time at 27,000 requests a second.
const GATHER: Duration = Duration::from_millis(2);

/// What the writer is told.
#[derive(Debug)]
pub(super) enum Message {
    Record(Box<Record>),
    /// The record of a request that a kill cut off, one line of JSON.
    Interrupted(Vec<u8>),
    /// All of those have come.
    Completed,
    /// A verdict on tagged data, which waits until it is kept.
    Verdict {
        id: Uuid,
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
    to: To,
    /// Whether the last lines could be written, where nothing else keeps them.
    open: bool,
    healthy: Arc<AtomicBool>,
    lines: Vec<u8>,
    count: u32,
}

/// Where records go.
pub(super) enum To {
    /// The only place.
    Output(Output),
    /// The journal, and beside it.
    Journal(Box<Ledger>, Aside),
}

impl Writer {
    pub(super) fn new(to: To, healthy: Arc<AtomicBool>) -> Self {
        Self { to, open: true, healthy, lines: Vec::with_capacity(64 * 1024), count: 0 }
    }

    fn ledger(&mut self) -> Option<&mut Ledger> {
        match &mut self.to {
            To::Output(_) => None,
            To::Journal(ledger, _) => Some(ledger),
        }
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
        let To::Journal(ledger, aside) = &mut self.to else { return Left::default() };
        aside.close();
        let left = ledger.close();
        aside.end();
        left
    }

    /// Waits for the next message, or until the journal owes something; after the end only for
    /// those that already wait.
    fn next(
        &self,
        records: &mut mpsc::Receiver<Message>,
        clock: Option<&Runtime>,
        ended: bool,
    ) -> Next {
        let owes = match &self.to {
            To::Output(_) => None,
            To::Journal(ledger, _) => Some(ledger.owes_in()),
        };
        let message = match (clock, owes) {
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
            Message::Interrupted(line) => self.push_line(&line),
            Message::Completed => self.ledger().into_iter().for_each(Ledger::completed),
            Message::Verdict { id, line, kept } => match self.ledger() {
                Some(ledger) => ledger.decided(id, &line, kept),
                // Nobody asks where there is no journal.
                None => drop(kept.send(false)),
            },
            Message::Note { line, kept } => match self.ledger() {
                Some(ledger) => ledger.noted(&line, kept),
                None => drop(kept.send(false)),
            },
            Message::Reopen => {
                self.put();
                match &mut self.to {
                    To::Output(output) => output.reopen(),
                    To::Journal(_, aside) => aside.reopen(),
                }
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
        if let (To::Journal(ledger, _), Some([line @ .., b'\n'])) =
            (&mut self.to, self.lines.get(start..))
        {
            ledger.ended(&record.id, line);
        }
        self.count += 1;
    }

    /// Appends a line of an earlier run.
    fn push_line(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
        if let Some(ledger) = self.ledger() {
            ledger.interrupted(line);
        }
        self.count += 1;
    }

    /// Puts everything out that has gathered, into the journal first.
    fn settle(&mut self) {
        let kept = self.ledger().is_none_or(Ledger::settle);
        self.put();
        self.healthy.store(self.open && kept, Ordering::Relaxed);
        // Who is refused may ask at once whether it is mended, and must not read what was before.
        self.ledger().into_iter().for_each(Ledger::refuse);
    }

    fn put(&mut self) {
        let count = std::mem::take(&mut self.count);
        if count == 0 {
            return;
        }
        match &mut self.to {
            To::Output(output) => {
                let result = output.put(&self.lines, count);
                self.open = result.is_ok();
                if let Err(error) = result {
                    output.failed(&error, count);
                }
            }
            To::Journal(_, aside) => aside.put(&self.lines, count),
        }
        self.lines.clear();
    }
}
