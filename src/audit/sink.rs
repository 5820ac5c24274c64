//! Where records go: a bounded queue and one writer thread, so that no request waits
//! for a disk. A full queue makes finished requests wait, never drops a record.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::telemetry::{Event, Metrics};

use super::record::Record;

/// How many records may wait for the writer; at about 1 KiB each this bounds 8 MiB.
const QUEUE: usize = 8_192;

/// Octets after which a batch is written.
const BATCH: usize = 48 * 1024;

/// How long the writer lets records gather before it writes them. Waking it for each one
/// cost 15 % of the program's processor time at 27,000 requests a second.
const GATHER: Duration = Duration::from_millis(2);

/// How long a request, or the end of the program, waits for a sink that does not move.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Where lines are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkTarget {
    /// Standard output.
    Stdout,
    /// A file, appended to.
    File(PathBuf),
}

impl SinkTarget {
    const fn name(&self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::File(_) => "file",
        }
    }

    fn open(&self) -> io::Result<Box<dyn Write + Send>> {
        Ok(match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::File(path) => Box::new(append(path)?),
        })
    }
}

/// What the writer is told.
#[derive(Debug)]
enum Message {
    Record(Box<Record>),
    /// Open the file anew: the one that is open has been moved away.
    Reopen,
    /// Write what waits, then end.
    End,
}

/// The way records take; cloned freely.
#[derive(Clone, Debug)]
pub struct Sink {
    queue: mpsc::Sender<Message>,
    healthy: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
}

impl Sink {
    /// Opens the target and starts the writer. The receiver ends after [`Sink::end`], when
    /// all records are written.
    pub fn open(
        target: &SinkTarget,
        metrics: Arc<Metrics>,
    ) -> io::Result<(Self, oneshot::Receiver<()>)> {
        let output = target.open()?;
        Event::AuditOpened(target.name()).record(&metrics);
        let (queue, records) = mpsc::channel(QUEUE);
        let healthy = Arc::new(AtomicBool::new(true));
        let writer = Writer {
            output,
            target: target.clone(),
            name: target.name(),
            healthy: Arc::clone(&healthy),
            metrics: Arc::clone(&metrics),
        };
        let (done, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("audit".to_owned());
        thread.spawn(move || {
            writer.run(records);
            // Nobody listens where the program ends without waiting.
            drop(done);
        })?;
        Ok((Self { queue, healthy, metrics }, ended))
    }

    /// Whether the last write succeeded and the writer keeps up. Tagged requests are refused
    /// while it has not.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed) && self.queue.capacity() > 0
    }

    /// Waits where the queue is full: a sink that nobody empties must not fill the memory.
    /// Returns whether there is room now.
    pub async fn room(&self) -> bool {
        self.queue.capacity() > 0
            || timeout(PATIENCE, self.queue.reserve()).await.is_ok_and(|room| room.is_ok())
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

    /// Lets the writer end when it has written what waits.
    pub async fn end(&self) {
        match timeout(PATIENCE, self.queue.send(Message::End)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::error!("the writer of records ended before it was asked to"),
            Err(_) => tracing::error!("the queue of records stays full; the last ones are lost"),
        }
    }
}

fn append(path: &PathBuf) -> io::Result<File> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

struct Writer {
    output: Box<dyn Write + Send>,
    target: SinkTarget,
    name: &'static str,
    healthy: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
}

impl Writer {
    /// Writes what waits in one go, then waits again.
    fn run(mut self, mut records: mpsc::Receiver<Message>) {
        let mut lines = Vec::with_capacity(64 * 1024);
        let (mut ended, mut full) = (false, false);
        while let Some(first) = Self::next(&mut records, ended) {
            // After a full batch more is waiting: a rest would cap the rate at 30,000 a second.
            if !ended && !full {
                std::thread::park_timeout(GATHER);
            }
            let mut next = Some(first);
            let mut count = 0;
            while let Some(message) = next {
                match message {
                    Message::Record(record) => count += push(&record, &mut lines),
                    Message::Reopen => {
                        self.put(&lines, std::mem::take(&mut count));
                        lines.clear();
                        self.reopen();
                    }
                    Message::End => ended = true,
                }
                next = (lines.len() < BATCH).then(|| records.try_recv().ok()).flatten();
            }
            full = lines.len() >= BATCH;
            self.put(&lines, count);
            lines.clear();
        }
    }

    /// Waits for the next message; after the end only for those that already wait.
    fn next(records: &mut mpsc::Receiver<Message>, ended: bool) -> Option<Message> {
        if ended { records.try_recv().ok() } else { records.blocking_recv() }
    }

    /// Where the file cannot be opened, what is open stays.
    fn reopen(&mut self) {
        match self.target.open() {
            Ok(output) => self.output = output,
            Err(error) => Event::AuditReopenFailed(self.name, &error).record(&self.metrics),
        }
    }

    fn put(&mut self, lines: &[u8], count: u32) {
        if count == 0 {
            return;
        }
        // What a failed write left behind must not swallow the next good line.
        let torn = !self.healthy.load(Ordering::Relaxed);
        let start = if torn { self.output.write_all(b"\n") } else { Ok(()) };
        let result =
            start.and_then(|()| self.output.write_all(lines)).and_then(|()| self.output.flush());
        self.healthy.store(result.is_ok(), Ordering::Relaxed);
        for _ in 0..count {
            match &result {
                Ok(()) => Event::AuditWritten(self.name).record(&self.metrics),
                Err(error) => Event::AuditFailed(self.name, error).record(&self.metrics),
            }
        }
    }
}

/// Appends one line; returns 1, the number of records taken off the queue.
fn push(record: &Record, lines: &mut Vec<u8>) -> u32 {
    record.write_line(lines).expect("a record has only string keys and a Vec takes every write");
    1
}
