//! How many distinct subjects' data has left: exact, durable, and without a name in clear.
//!
//! A reservation is one entry of the file's journal, and counts with the first moment; what has
//! left is folded into the table later. To take the later day of two is the only merge there is.

mod account;
mod ask;
mod book;
mod create;
mod day;
mod entry;
mod fault;
mod file;
mod forecast;
#[cfg(test)]
mod laws;
mod reservation;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use jiff::Timestamp;
use jiff::civil::Date;

pub use ask::{Ask, Counted, HmacKey, Meter, Subjects};
pub use day::Window;
pub use fault::VolumeError;
pub use reservation::Reservation;

use ask::{Draft, drafts};
use book::Book;
use file::{Change, File};
use writer::{Job, Pace, Writer};

/// The store of volumes. Its calls read and wait for a disk: call them where that is allowed.
/// Dropping it ends its thread and frees the file.
pub struct Volumes {
    key: HmacKey,
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

/// One meter as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// What is counted.
    pub meter: Meter,
    /// The window it was last reserved with.
    pub window: Window,
    /// Distinct subjects within the window.
    pub count: u64,
    /// The earliest day within the window on which one of them was last seen: the next to age
    /// out.
    pub oldest: Option<Date>,
    /// The day on which that was asked, in the zone of the meter.
    pub today: Date,
    /// How many of them were last seen on each day, in the order of the days.
    pub seen: Vec<(Date, u64)>,
}

/// What requests, reservations and the writer have in common.
struct Shared {
    path: PathBuf,
    file: File,
    book: Mutex<Book>,
    /// `None` when the volumes close. Sent to under the book's lock, so that the journal is in
    /// the book's order.
    jobs: Mutex<Option<Sender<Job>>>,
}

// === impl Volumes ===

impl Volumes {
    /// Opens the file, or makes it where there is none; its folder must exist. Refuses a file
    /// that another key made, that another process has open, or that is damaged: an empty one
    /// too.
    pub fn open(path: &Path, key: HmacKey) -> Result<Self, VolumeError> {
        Self::open_at(path, key, Pace::USUAL)
    }

    fn open_at(path: &Path, key: HmacKey, pace: Pace) -> Result<Self, VolumeError> {
        let file = create::open(path, &key)?;
        let book = file
            .load()
            .and_then(|loaded| Book::new(loaded, &file.seen()?, pace.use_days))
            .map_err(|error| create::unreadable(path, error))?;
        let (sender, jobs) = mpsc::channel();
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            file,
            book: Mutex::new(book),
            jobs: Mutex::new(Some(sender)),
        });
        let writer = Writer::new(Arc::clone(&shared), jobs, pace);
        let thread = std::thread::Builder::new().name("volumes".to_owned());
        let writer = thread
            .spawn(move || writer.run())
            .map_err(|source| VolumeError::File { path: path.to_owned(), source })?;
        Ok(Self { key, shared, writer: Some(writer) })
    }

    /// How many count, in the order of the asks. Changes nothing.
    pub fn count(&self, asks: &[Ask<'_>], at: Timestamp) -> Result<Vec<Counted>, VolumeError> {
        let drafts = drafts(&self.key, asks)?;
        let book = self.shared.book();
        let seen = self.shared.file.seen();
        let counted = seen.and_then(|seen| book.count(&drafts, at, &seen));
        counted.map_err(|error| create::unreadable(&self.shared.path, error))
    }

    /// Counts, and adds the subjects. They count for every other request from this moment, and
    /// are on the disk when it returns. On an error the request must not leave.
    pub fn reserve(
        &self,
        asks: &[Ask<'_>],
        at: Timestamp,
    ) -> Result<(Reservation, Vec<Counted>), VolumeError> {
        let drafts = drafts(&self.key, asks)?;
        let (entry, counted, written) = self.shared.reserve(&drafts, at)?;
        // What the disk refuses stays in the book and counts; nothing else is reserved then.
        let reservation = Reservation::new(Arc::downgrade(&self.shared), entry);
        if let Some(written) = written {
            let gone = |_| Err("its writer has ended".to_owned());
            let written = written.recv().unwrap_or_else(gone);
            written.map_err(|what| self.shared.stopped(what))?;
        }
        Ok((reservation, counted))
    }

    /// Every meter that was reserved from, until all that it held is forgotten.
    pub fn meters(&self, at: Timestamp) -> Vec<Gauge> {
        self.shared.book().gauges(at)
    }
}

impl Drop for Volumes {
    fn drop(&mut self) {
        if let Ok(mut jobs) = self.shared.jobs.lock() {
            jobs.take();
        }
        // What it would have to say it has said to those who waited.
        self.writer.take().map(JoinHandle::join);
    }
}

impl fmt::Debug for Volumes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Volumes").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

// === impl Shared ===

/// The entry, what was counted, and who tells when it is written.
type Reserved = (Option<u64>, Vec<Counted>, Option<mpsc::Receiver<Result<(), String>>>);

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no thread panics with the book")
    }

    fn reserve(&self, drafts: &[Draft<'_>], at: Timestamp) -> Result<Reserved, VolumeError> {
        let mut book = self.book();
        if let Some(what) = &book.stopped {
            return Err(self.stopped(what.clone()));
        }
        let seen = self.file.seen();
        let (change, counted) = seen
            .and_then(|seen| book.reserve(drafts, at, &seen))
            .map_err(|error| create::unreadable(&self.path, error))?;
        let entry = change.append.as_ref().map(|(entry, _)| *entry);
        let (done, written) = mpsc::sync_channel(1);
        if entry.is_some() {
            self.send(Job { change, done: Some(done) })?;
            return Ok((entry, counted, Some(written)));
        }
        if change.use_days.is_some() {
            self.send(Job { change, done: None })?;
        }
        Ok((entry, counted, None))
    }

    fn give_back(&self, entry: u64) -> Result<(), VolumeError> {
        let mut book = self.book();
        let seen = self.file.seen();
        let change = seen
            .and_then(|seen| book.give_back(entry, &seen))
            .map_err(|error| create::unreadable(&self.path, error))?;
        change.map_or(Ok(()), |change: Change| self.send(Job { change, done: None }))
    }

    fn send(&self, job: Job) -> Result<(), VolumeError> {
        let jobs = self.jobs.lock().expect("no thread panics with the sender");
        let sender = jobs.as_ref().ok_or(VolumeError::Closed)?;
        sender.send(job).map_err(|_| self.stopped("its writer has ended".to_owned()))
    }

    fn stopped(&self, what: String) -> VolumeError {
        VolumeError::Stopped { path: self.path.clone(), what }
    }
}
