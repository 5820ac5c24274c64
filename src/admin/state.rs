//! What all questions to the admin listener share.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::audit::index::{Fault, Index};
use crate::audit::personal::KeyRing;
use crate::audit::retention::Retention;
use crate::audit::search::Journal;
use crate::audit::{give_way, index_folder, journal_folder};
use crate::policy::Policy;
use crate::proxy::Proxy;

use super::Reload;
use super::access::{Cookies, Memory};
use super::admission::Admission;
use super::answers::Answers;
use super::crowd::Rooms;
use super::history::History;
use super::level::Level;
use super::reply::Wrong;
use super::role::Who;
use super::verifier::Verifier;

/// How long an answer of the index may take. Searches give way to requests: beside those of a full
/// load one takes some ten times as long as alone.
const LIMIT: Duration = Duration::from_secs(15);

/// Searches at the same time; others wait.
const SEARCHES: usize = 4;

/// Streams and exports at the same time, of all and of each person; more are refused.
const STREAMS: [usize; 2] = [32, 8];
const EXPORTS: [usize; 2] = [4, 2];

/// A policy with a draft of a pack in it, or every mistake of the draft.
pub type Draft = Box<dyn Fn(&str) -> Result<Arc<Policy>, String> + Send + Sync>;

/// What it is made of.
pub struct Parts {
    /// The proxy that is asked about.
    pub proxy: Arc<Proxy>,
    /// Where to ask for a reload.
    pub reloads: mpsc::Sender<Reload>,
    /// The journal, if one is kept.
    pub store: Option<Store>,
    /// Reads drafts.
    pub draft: Draft,
    /// What diagnostics tell.
    pub level: Level,
    /// Where clients connect.
    pub proxies: Vec<SocketAddr>,
    /// What tells the listener from others of its host: it is in the names of cookies.
    pub mark: String,
    /// Who may ask, at first.
    pub admission: Admission,
}

/// The journal and how it is kept.
#[derive(Clone, Debug)]
pub struct Store {
    /// The folder of everything that is kept.
    pub state: PathBuf,
    /// What opens personal fields.
    pub keys: KeyRing,
    /// How the journal names itself in what it signs.
    pub origin: String,
    /// Whether there is an index.
    pub indexed: bool,
    /// How long entries are kept.
    pub retention: Retention,
    /// Whether the running program drops what is not kept any longer.
    pub sweep: bool,
}

/// What all questions share.
pub struct Admin {
    pub(super) proxy: Arc<Proxy>,
    pub(super) reloads: mpsc::Sender<Reload>,
    store: Option<Store>,
    pub(super) draft: Arc<Draft>,
    pub(super) level: Level,
    pub(super) proxies: Vec<SocketAddr>,
    /// Who may ask; streams look at it again when it changes.
    admission: watch::Sender<Arc<Admission>>,
    /// Sessions, and who has shown wrong tokens.
    pub(super) memory: Memory,
    pub(super) started: Timestamp,
    /// What the last reload did.
    pub history: History,
    pub(super) verifier: Arc<Verifier>,
    searches: Arc<Semaphore>,
    /// Rankings, which pages ask for over and over.
    pub(super) rankings: Answers,
    pub(super) streams: Rooms,
    pub(super) exports: Rooms,
    /// One draft is read at a time: it takes the databases once more.
    pub(super) drafts: Arc<Semaphore>,
}

impl Admin {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { proxy, reloads, store, draft, level, proxies, mark, admission } = parts;
        Arc::new(Self {
            proxy,
            reloads,
            store,
            draft: Arc::new(draft),
            level,
            proxies,
            admission: watch::Sender::new(Arc::new(admission)),
            memory: Memory::new(Cookies::of(&mark)),
            started: Timestamp::now(),
            history: History::default(),
            verifier: Arc::default(),
            searches: Arc::new(Semaphore::new(SEARCHES)),
            rankings: Answers::default(),
            streams: Rooms::new("streams", STREAMS),
            exports: Rooms::new("exports", EXPORTS),
            drafts: Arc::new(Semaphore::new(1)),
        })
    }

    /// Who may ask now.
    pub fn admission(&self) -> Arc<Admission> {
        Arc::clone(&self.admission.borrow())
    }

    /// Puts others in the place of who may ask. Sessions and streams whose proof counts no more end.
    pub fn admit(&self, admission: Admission) {
        self.admission.send_replace(Arc::new(admission));
    }

    /// Tells when who may ask has changed.
    pub(super) fn admitting(&self) -> watch::Receiver<Arc<Admission>> {
        self.admission.subscribe()
    }

    /// The journal, if one is kept.
    pub(super) const fn kept(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// The journal, which the question needs.
    pub(super) fn store(&self) -> Result<&Store, Wrong> {
        let detail = "no journal is kept: set `state.folder` in the configuration, and leave \
                      `journal.keep` on";
        self.store.as_ref().ok_or_else(|| Wrong::new(StatusCode::CONFLICT, detail))
    }

    /// Asks the index, where it may take its time.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Index) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Wrong> {
        let store = self.store()?;
        if !store.indexed {
            let detail = "the journal has no index: `journal.index` is \"0\" in the configuration";
            return Err(Wrong::new(StatusCode::CONFLICT, detail));
        }
        let folder = index_folder(&store.journal());
        self.work(move || {
            let index = Index::open_read_only(&folder, LIMIT)?;
            ask(&index)
        })
        .await?
        .map_err(|fault| {
            if matches!(fault, Fault::Absent(_)) {
                return Wrong::unavailable("the index of the journal is being built");
            }
            Wrong::unavailable(fault)
        })
    }

    /// Does what waits for a disk, a few at a time.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Wrong> {
        let room = Arc::clone(&self.searches).acquire_owned().await;
        let (tell, told) = oneshot::channel();
        // A thread of its own, which may give way; one of a pool would do so for ever.
        let search = move || {
            give_way();
            let done = job();
            drop(room);
            // Who asked may have left.
            drop(tell.send(done));
        };
        thread::Builder::new()
            .name("search".to_owned())
            .spawn(search)
            .map_err(Wrong::unavailable)?;
        told.await.map_err(Wrong::unavailable)
    }

    /// Notes in the journal that somebody is shown personal fields. Without the note they are not
    /// shown.
    pub(super) async fn note_reading(&self, who: &Who, what: &str) -> Result<(), Wrong> {
        if self.store.is_none() {
            return Ok(());
        }
        let mut read = who.noted();
        if let Some(read) = read.as_object_mut() {
            read.insert("at".to_owned(), json!(Timestamp::now().to_string()));
            read.insert("what".to_owned(), json!(what));
        }
        let note = json!({ "read": read }).to_string();
        if self.proxy.note(note.into_bytes()).await {
            return Ok(());
        }
        let detail = "who reads personal fields is noted in the journal, which takes nothing now";
        Err(Wrong::unavailable(detail))
    }
}

impl Store {
    /// The journal's folder.
    pub(super) fn journal(&self) -> PathBuf {
        journal_folder(&self.state)
    }

    /// The journal, with what opens its personal fields.
    pub(super) fn records(&self) -> Journal {
        Journal { folder: self.journal(), keys: self.keys.clone() }
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("store", &self.store).finish_non_exhaustive()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("store", &self.store).finish_non_exhaustive()
    }
}
