//! The index's own thread: it follows the journal, and builds the index anew where it is lost or
//! spoilt. It reads files that the writer has written and shares no lock with it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, Thread};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::telemetry::{Event, IndexEvent, Metrics};

use super::super::background;
use super::super::journal::Gaps;
use super::super::personal::KeyRing;
use super::fault::Fault;
use super::lock::Lock;
use super::tail::{FULL, Tail};

/// So often the journal is looked at for more.
const LOOK: Duration = Duration::from_millis(250);

/// How long it waits after something has failed.
const PAUSE: Duration = Duration::from_secs(2);

/// How long the last records may take at the end of the program; the rest comes at the next start.
const LAST: Duration = Duration::from_secs(2);

/// Where an index is kept, of what and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// The index's folder.
    pub folder: PathBuf,
    /// The journal's.
    pub journal: PathBuf,
    /// The keys of personal fields, which stand in the index in the clear.
    pub keys: KeyRing,
    /// For how long records stay in the index.
    pub keep: Duration,
}

/// The thread that keeps the index.
#[derive(Debug)]
pub struct Keeper {
    over: Arc<AtomicBool>,
    thread: Thread,
    ended: oneshot::Receiver<()>,
}

impl Keeper {
    /// Starts it. Nothing that is wrong with the index is an error for anybody else.
    pub fn start(keeping: Keeping, metrics: Arc<Metrics>) -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        Event::Index(IndexEvent::Opened).record(&metrics);
        let (done, ended) = oneshot::channel();
        let keeping = Work { keeping, metrics, over: Arc::clone(&over), failing: false };
        let thread = Builder::new().name("index".to_owned()).spawn(move || {
            background::give_way();
            keeping.run();
            // Nobody listens where the program ends without waiting.
            drop(done);
        })?;
        Ok(Self { over, thread: thread.thread().clone(), ended })
    }

    /// Lets it enter what the journal has, and end; to be waited for with patience.
    pub async fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.unpark();
        // It ends by dropping the sender, which is no error here.
        drop(self.ended.await);
    }
}

struct Work {
    keeping: Keeping,
    metrics: Arc<Metrics>,
    over: Arc<AtomicBool>,
    failing: bool,
}

impl Work {
    fn run(mut self) {
        while !self.is_over() {
            match Lock::take(&self.keeping.folder) {
                Ok(lock) => self.keep(lock),
                Err(fault) => self.failed(&fault),
            }
        }
    }

    /// Follows the journal until the end, with as many new indexes as are needed.
    fn keep(&mut self, mut lock: Lock) {
        let mut built: Option<Instant> = None;
        while !self.is_over() {
            let (back, why) = match Tail::open(lock, &self.keeping) {
                Ok(mut tail) => match self.follow(&mut tail) {
                    Some(why) => (tail.close(), why),
                    None => return,
                },
                Err((back, fault)) if fault.spoils() => (back, fault.to_string()),
                Err((back, fault)) => {
                    self.failed(&fault);
                    lock = back;
                    continue;
                }
            };
            lock = back;
            Event::Index(IndexEvent::Rebuilding(&why)).record(&self.metrics);
            // A disk that spoils everything must not have all of a processor.
            if built.replace(Instant::now()).is_some_and(|last| last.elapsed() < 5 * PAUSE) {
                thread::park_timeout(PAUSE);
            }
            if let Err(fault) = lock.clear() {
                self.failed(&fault);
            }
        }
    }

    /// Follows the journal until the end, or until a new index is needed: why.
    fn follow(&mut self, tail: &mut Tail) -> Option<String> {
        let mut last: Option<Instant> = None;
        loop {
            if tail.asked() {
                return Some("it was asked for".to_owned());
            }
            if tail.is_lost() {
                return Some("its file was lost or overwritten".to_owned());
            }
            let ending = self.is_over();
            let begun = *last.get_or_insert_with(Instant::now);
            if !ending {
                last = None;
            } else if begun.elapsed() > LAST {
                return None;
            }
            let step = tail.step();
            Event::Index(IndexEvent::Reached(tail.next())).record(&self.metrics);
            match step {
                Ok(0) if ending => return None,
                // Not full: the rest gathers, so that a busy proxy has few transactions.
                Ok(count) if count < FULL && !ending => {
                    self.mended();
                    match tail.drop_old() {
                        Ok(true) => {}
                        Ok(false) => thread::park_timeout(LOOK),
                        Err(fault) if fault.spoils() => return Some(fault.to_string()),
                        Err(fault) => self.failed(&fault),
                    }
                }
                Ok(_) => self.mended(),
                Err(fault) if fault.spoils() => return Some(fault.to_string()),
                Err(_) if ending => return None,
                Err(fault) => self.failed(&fault),
            }
        }
    }

    /// Tells once, until it works again, and rests.
    fn failed(&mut self, fault: &Fault) {
        if !std::mem::replace(&mut self.failing, true) {
            Event::Index(IndexEvent::Failed(&fault.to_string())).record(&self.metrics);
        }
        thread::park_timeout(PAUSE);
    }

    fn mended(&mut self) {
        if std::mem::take(&mut self.failing) {
            Event::Index(IndexEvent::Mended).record(&self.metrics);
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Builds an index anew. Where another process keeps it, that is asked to, and nothing returned;
/// else it is done when this returns what the journal could not tell, and `tell` hears how far it is.
pub fn rebuild(keeping: &Keeping, mut tell: impl FnMut(u64)) -> Result<Option<Gaps>, Fault> {
    let folder = &keeping.folder;
    let lock = match Lock::take(folder) {
        Ok(lock) => lock,
        Err(Fault::InUse(_)) => {
            super::lock::ask(folder)?;
            return Ok(None);
        }
        Err(fault) => return Err(fault),
    };
    lock.clear()?;
    let mut tail = Tail::open(lock, keeping).map_err(|(_, fault)| fault)?;
    while tail.step()? > 0 {
        tell(tail.next());
    }
    Ok(Some(tail.into_gaps()))
}

/// Makes an index forget what was erased: it is removed, or whoever keeps it is asked to build it
/// anew. A row that is deleted may stay in the file for long; a file that is gone holds none.
pub fn forget(folder: &std::path::Path) -> Result<(), Fault> {
    if !folder.try_exists().map_err(Fault::file(folder))? {
        return Ok(());
    }
    match Lock::take(folder) {
        Ok(lock) => lock.clear(),
        Err(Fault::InUse(_)) => super::lock::ask(folder),
        Err(fault) => Err(fault),
    }
}

/// Whether an index that another process was asked to build is not begun yet.
pub fn is_asked(folder: &std::path::Path) -> bool {
    super::lock::is_asked(folder)
}
