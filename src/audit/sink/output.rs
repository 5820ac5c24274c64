//! Where plain records are written. Beside a journal that has a thread of its own: whoever reads
//! there may stall, and neither the journal nor a request waits for that.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use crate::telemetry::{Event, Metrics};

use super::target::SinkTarget;

/// So many octets wait for who reads; as much as the queue of records holds.
const MOST: usize = 8 << 20;

/// How long the end waits for who reads, who may have stalled: less than the program waits for
/// the writer.
const END: Duration = Duration::from_secs(3);

/// Writes lines.
pub(super) struct Output {
    to: Box<dyn Write + Send>,
    target: SinkTarget,
    /// Whether the last line could be written.
    open: bool,
    metrics: Arc<Metrics>,
}

/// An output with a thread of its own.
pub(super) struct Aside {
    queue: Option<Sender<Job>>,
    waiting: Arc<Waiting>,
    /// Nothing comes by it; it ends with the thread.
    ended: Receiver<()>,
    /// Whether it was told that there is no room.
    full: bool,
    target: SinkTarget,
    metrics: Arc<Metrics>,
}

enum Job {
    Lines(Vec<u8>, u32),
    Reopen,
}

/// What has not been written.
#[derive(Default)]
struct Waiting {
    octets: AtomicUsize,
    records: AtomicU32,
}

// === impl Output ===

impl Output {
    pub(super) fn new(
        to: Box<dyn Write + Send>,
        target: SinkTarget,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { to, target, open: true, metrics }
    }

    /// Writes so many records and tells of each that it was written.
    pub(super) fn put(&mut self, lines: &[u8], count: u32) -> io::Result<()> {
        // What a failed write left behind must not swallow the next good line.
        let start = if self.open { Ok(()) } else { self.to.write_all(b"\n") };
        let result = start.and_then(|()| self.to.write_all(lines)).and_then(|()| self.to.flush());
        self.open = result.is_ok();
        if self.open {
            for _ in 0..count {
                Event::AuditWritten(self.target.name()).record(&self.metrics);
            }
        }
        result
    }

    /// Where the file cannot be opened, what is open stays.
    pub(super) fn reopen(&mut self) {
        match self.target.open() {
            Ok(to) => self.to = to,
            Err(error) => {
                Event::AuditReopenFailed(self.target.name(), &error).record(&self.metrics);
            }
        }
    }

    /// Tells that so many records could not be written, which are the only ones.
    pub(super) fn failed(&self, error: &io::Error, count: u32) {
        for _ in 0..count {
            Event::AuditFailed(self.target.name(), error).record(&self.metrics);
        }
    }

    fn run(mut self, jobs: &Receiver<Job>, waiting: &Waiting) {
        let mut failing = false;
        for job in jobs {
            let Job::Lines(lines, count) = job else {
                self.reopen();
                continue;
            };
            let result = self.put(&lines, count);
            if let Err(error) = &result {
                Event::AuditMissed(self.target.name(), count).record(&self.metrics);
                if !failing {
                    let sink = self.target.name();
                    tracing::error!(%error, sink, "records cannot be written there; the journal has them");
                }
            }
            failing = result.is_err();
            waiting.octets.fetch_sub(lines.len(), Ordering::Relaxed);
            waiting.records.fetch_sub(count, Ordering::Relaxed);
        }
    }
}

// === impl Aside ===

impl Aside {
    pub(super) fn start(output: Output) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel();
        let (done, ended) = mpsc::channel();
        let waiting = Arc::<Waiting>::default();
        let (target, metrics) = (output.target.clone(), Arc::clone(&output.metrics));
        let own = Arc::clone(&waiting);
        std::thread::Builder::new().name("records".to_owned()).spawn(move || {
            output.run(&jobs, &own);
            drop(done);
        })?;
        Ok(Self { queue: Some(queue), waiting, ended, full: false, target, metrics })
    }

    /// Hands so many records over. Where there is no room they are passed over.
    pub(super) fn put(&mut self, lines: &[u8], count: u32) {
        let octets = self.waiting.octets.load(Ordering::Relaxed);
        if octets + lines.len() > MOST {
            return self.miss(count);
        }
        // Not each time that a slow reader has taken one more.
        if self.full && octets < MOST / 2 {
            self.full = false;
            tracing::info!(sink = self.target.name(), "records are taken there again");
        }
        self.waiting.octets.fetch_add(lines.len(), Ordering::Relaxed);
        self.waiting.records.fetch_add(count, Ordering::Relaxed);
        let job = Job::Lines(lines.to_vec(), count);
        if self.queue.as_ref().is_none_or(|queue| queue.send(job).is_err()) {
            self.waiting.octets.fetch_sub(lines.len(), Ordering::Relaxed);
            self.waiting.records.fetch_sub(count, Ordering::Relaxed);
            self.miss(count);
        }
    }

    pub(super) fn reopen(&self) {
        if self.queue.as_ref().is_none_or(|queue| queue.send(Job::Reopen).is_err()) {
            tracing::error!("who writes records has ended; the file was not opened anew");
        }
    }

    /// Lets the thread end when it has written what waits.
    pub(super) fn close(&mut self) {
        self.queue = None;
    }

    /// Waits for that a while, and tells what nobody took.
    pub(super) fn end(&mut self) {
        self.close();
        let stuck = self.ended.recv_timeout(END) == Err(RecvTimeoutError::Timeout);
        // Where it ended by a fault, some wait as well.
        let left = self.waiting.records.load(Ordering::Relaxed);
        if left > 0 {
            Event::AuditMissed(self.target.name(), left).record(&self.metrics);
            let sink = self.target.name();
            tracing::error!(
                left,
                stuck,
                sink,
                "the last records are not taken there; the journal has them"
            );
        }
    }

    fn miss(&mut self, count: u32) {
        Event::AuditMissed(self.target.name(), count).record(&self.metrics);
        if !std::mem::replace(&mut self.full, true) {
            let sink = self.target.name();
            tracing::error!(
                sink,
                "records are not taken there and passed over; the journal has them"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Takes nothing until the other end is dropped.
    struct Stuck(Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Write for Stuck {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            assert!(self.0.recv().is_err());
            self.1.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_nobody_takes_is_passed_over_and_counted() {
        let ((go, stuck), taken) = (mpsc::channel(), Arc::default());
        let metrics = Arc::new(Metrics::new());
        let to = Box::new(Stuck(stuck, Arc::clone(&taken)));
        let output = Output::new(to, SinkTarget::Stdout, Arc::clone(&metrics));
        let mut aside = Aside::start(output).unwrap();
        for number in 0..12_u8 {
            Event::AuditQueued.record(&metrics);
            aside.put(&vec![number; 1 << 20], 1);
        }
        let has = |name: &str, value: u8| {
            let (text, line) = (metrics.render(), format!("egress_audit_{name} {value}\n"));
            assert!(text.contains(&line), "{line} in\n{text}");
        };
        has("dropped_total{sink=\"stdout\"}", 4);
        has("queue_records", 8);
        drop(go);
        aside.end();
        has("records_total{sink=\"stdout\"}", 8);
        has("queue_records", 0);
        let taken = taken.lock().unwrap();
        assert!(taken.len() == MOST && taken.is_sorted() && taken.last() == Some(&7));
    }
}
