//! Where records go: a bounded queue and one writer thread, so that no request waits for a disk
//! but that with tagged data, which waits until its verdict is in the journal. A full queue makes
//! finished requests wait, never drops a record. Beside a journal the plain output may drop some.

mod envelope;
mod ledger;
mod output;
mod recovery;
mod sweeper;
mod target;
mod unended;
mod writer;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use uuid::Uuid;

use crate::telemetry::{Event, Metrics};

use super::journal::Left;
use super::record::Record;

use ledger::Ledger;
pub use ledger::{Journal, Unwritable};
use output::{Aside, Output};
use recovery::Recovery;
pub use target::SinkTarget;
use writer::{Message, To, Writer};

/// How many records may wait for the writer; at about 1 KiB each this bounds 8 MiB.
const QUEUE: usize = 8_192;

/// How long a request, or the end of the program, waits for a sink that does not move.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The way records take; cloned freely.
#[derive(Clone, Debug)]
pub struct Sink {
    queue: mpsc::Sender<Message>,
    healthy: Arc<AtomicBool>,
    /// Whether there is a journal, and what happens to requests without tags while it takes
    /// nothing.
    journal: Option<Unwritable>,
    writer: Thread,
    /// How many entries of the journal are on the disk.
    synced: Option<watch::Receiver<u64>>,
    metrics: Arc<Metrics>,
}

impl Sink {
    /// Opens the target and starts the writer. The receiver is told after [`Sink::end`], when
    /// all records are written, what the journal could not keep.
    pub fn open(
        target: &SinkTarget,
        journal: Option<Journal>,
        metrics: Arc<Metrics>,
    ) -> io::Result<(Self, oneshot::Receiver<Left>)> {
        let output = target.open()?;
        Event::AuditOpened(target.name()).record(&metrics);
        let (queue, records) = mpsc::channel(QUEUE);
        let healthy = Arc::new(AtomicBool::new(true));
        let unwritable = journal.as_ref().map(|journal| journal.unwritable);
        let keys = journal.as_ref().map(|journal| journal.keys.clone());
        let ledger = journal.map(|journal| Ledger::new(journal, Arc::clone(&metrics)));
        let recovery = ledger.as_ref().zip(keys).map(|(ledger, keys)| Recovery {
            earlier: ledger.earlier().clone(),
            keys,
            queue: queue.clone(),
            metrics: Arc::clone(&metrics),
        });
        let synced = ledger.as_ref().map(Ledger::synced);
        let output = Output::new(output, target.clone(), Arc::clone(&metrics));
        let to = match ledger {
            None => To::Output(output),
            Some(ledger) => To::Journal(Box::new(ledger), Aside::start(output)?),
        };
        let writer = Writer::new(to, Arc::clone(&healthy));
        let (done, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("audit".to_owned());
        let thread = thread.spawn(move || {
            // Nobody listens where the program ends without waiting.
            drop(done.send(writer.run(records)));
        })?;
        let writer = thread.thread().clone();
        recovery.into_iter().for_each(Recovery::start);
        Ok((Self { queue, healthy, journal: unwritable, writer, synced, metrics }, ended))
    }

    /// Whether the last write succeeded and the writer keeps up. Tagged requests are refused
    /// while it has not.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed) && self.queue.capacity() > 0
    }

    /// Whether a request may go on, as far as records go; one with tags only where they are
    /// written.
    pub fn takes(&self, tagged: bool) -> bool {
        let strict = tagged || self.journal == Some(Unwritable::Refuse);
        !strict || self.is_healthy()
    }

    /// Waits where the queue is full: a sink that nobody empties must not fill the memory.
    /// Returns whether there is room now.
    pub async fn room(&self) -> bool {
        self.queue.capacity() > 0
            || timeout(PATIENCE, self.queue.reserve()).await.is_ok_and(|room| room.is_ok())
    }

    /// Whether verdicts on tagged data wait until they are kept.
    pub const fn keeps_verdicts(&self) -> bool {
        self.journal.is_some()
    }

    /// How many entries of the journal are on the disk, told whenever there are more; it ends with
    /// the writer, after the last.
    pub fn synced(&self) -> Option<watch::Receiver<u64>> {
        self.synced.clone()
    }

    /// Keeps a verdict on a request, one line of JSON: when this returns `true`, it outlives the
    /// machine. It is asked only where [`Sink::keeps_verdicts`], and before the request's record is
    /// written: a verdict that none follows is that of a request which a kill cut off.
    pub async fn keep(&self, id: Uuid, line: Vec<u8>) -> bool {
        self.wait_for(|kept| Message::Verdict { id, line, kept }).await
    }

    /// Keeps a note, one line of JSON: who read what, and the like. When this returns `true`, it
    /// outlives the machine. It is asked only where [`Sink::keeps_verdicts`].
    pub async fn note(&self, line: Vec<u8>) -> bool {
        self.wait_for(|kept| Message::Note { line, kept }).await
    }

    async fn wait_for(&self, message: impl FnOnce(oneshot::Sender<bool>) -> Message) -> bool {
        let (kept, answer) = oneshot::channel();
        let asked = async {
            self.queue.send(message(kept)).await.ok()?;
            // Verdicts do not wait until more have gathered.
            self.writer.unpark();
            answer.await.ok()
        };
        timeout(PATIENCE, asked).await.ok().flatten().unwrap_or(false)
    }

    /// Hands a record over. Must be called inside the runtime: where the queue is full,
    /// a task waits for it.
    pub fn write(&self, record: Box<Record>) {
        Event::AuditQueued.record(&self.metrics);
        match self.queue.try_send(Message::Record(record)) {
            Ok(()) => {}
            Err(TrySendError::Full(message)) => {
                let queue = self.queue.clone();
                // Bounded by the connection limit: the next request of each connection waits
                // for room before it is served.
                tokio::spawn(async move { queue.send(message).await });
            }
            Err(TrySendError::Closed(_)) => {
                self.healthy.store(false, Ordering::Relaxed);
                let error = io::Error::new(io::ErrorKind::BrokenPipe, "the writer is gone");
                Event::AuditFailed("writer", &error).record(&self.metrics);
            }
        }
    }
}

impl Sink {
    /// Lets the writer open its file anew, after the records that already wait: whoever
    /// rotates files moves the old one away first.
    pub async fn reopen(&self) {
        if timeout(PATIENCE, self.queue.send(Message::Reopen)).await.is_err() {
            tracing::error!("the queue of records stays full; the file was not opened anew");
        }
    }

    /// Whether the writer, and with it what it writes to, still moves.
    pub async fn answers(&self) -> bool {
        let (heard, answer) = oneshot::channel();
        let asked = async {
            self.queue.send(Message::Call(heard)).await.ok()?;
            answer.await.ok()
        };
        timeout(PATIENCE, asked).await.ok().flatten().is_some()
    }

    /// Lets the writer end when it has written what waits.
    pub async fn end(&self) {
        match timeout(PATIENCE, self.queue.send(Message::End)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::error!("the writer of records ended before it was asked to"),
            Err(_) => tracing::error!("the queue of records stays full; the last ones are lost"),
        }
    }
}
