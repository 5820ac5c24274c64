//! Floor 6: the proxy itself. `request.rs` holds the line that every request walks;
//! the other files are its steps.

mod active;
mod body;
mod calm;
mod carrier;
mod chain;
mod connection;
mod converse;
mod counting;
mod course;
mod destination;
mod dial;
mod disbelief;
mod door;
mod draft;
mod drain;
mod early;
mod error;
mod explain;
mod fields;
mod forward;
mod frame;
mod grpc;
pub mod guard;
mod hearing;
mod held;
mod ingress;
pub mod inspect;
mod intercept;
mod judge;
mod labels;
mod later;
mod listener;
mod mark;
mod meet;
mod opening;
mod outgoing;
mod own;
mod papers;
mod pool;
mod preamble;
mod principals;
mod problem;
mod race;
mod relay;
mod reply;
mod request;
mod resolve;
mod rewound;
mod sender;
mod settings;
mod socks;
mod statement;
mod streams;
mod target;
mod trace;
mod transparent;
mod tunnel;
mod upgrade;
mod upstream;
mod who;
pub mod wire;
mod without;
mod words;

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, watch};

use crate::audit::{Desk, Sink, Volumes};
use crate::auth::Gate;
use crate::telemetry::Metrics;
use crate::tls::{Authority, Trust};

pub use active::{Active, Mixed, Route, StaticNames};
pub use chain::{Chain, Chains, Credentials, Names, Parent, ParentSpeech};
pub use door::{Kind, Listener};
pub use drain::Drain;
pub use explain::{Answered, Misasked, Question, Way, counts, look, verdict};
pub use held::ask_again;
pub use listener::run;
pub use opening::{OpenMode, OpenRule, Opening, Plan};
pub use papers::watch_ends;
pub use principals::{Principal, Principals};
pub use problem::escape;
pub use resolve::{NameServers, Resolver};
pub use settings::Settings;
pub use statement::{found_beside, parse_context, parse_slices};
pub use transparent::{By, Claimed, Transparent, Unrecognised};

use mark::Mark;
use own::Own;
use upstream::Upstream;

/// Everything that requests share.
#[derive(Debug)]
pub struct Proxy {
    /// Policy, databases and what else a reload replaces; loaded once per request.
    active: ArcSwap<Active>,
    /// Tells live tunnels of a new policy.
    epoch: watch::Sender<u64>,
    settings: Settings,
    /// Our own listeners: a request to them would go round for ever.
    own: Own,
    /// Room for connections of clients, of all listeners together.
    room: Arc<Semaphore>,
    /// Proves credentials.
    gate: Gate,
    resolver: Resolver,
    upstream: Arc<Upstream>,
    sink: Sink,
    /// Who has been counted, where packs count.
    volumes: Option<Arc<Volumes>>,
    desk: Desk,
    authority: Option<Arc<Authority>>,
    /// Who does not believe it.
    disbelief: disbelief::Disbelief,
    metrics: Arc<Metrics>,
    /// Our mark in `Via`, unlike that of any other proxy on the way.
    via: Mark,
    /// How much of all bodies is held.
    held: inspect::Room,
    /// How requests and tunnels end when the program stops.
    pub drain: Drain,
}

/// What a proxy is made of.
#[derive(Debug)]
pub struct Parts {
    /// The first policy and databases.
    pub active: Active,
    /// Limits and times.
    pub settings: Settings,
    /// The addresses that this program listens on, that of clients first.
    pub own: Vec<SocketAddr>,
    /// Names to addresses.
    pub resolver: Resolver,
    /// Trust towards `https` destinations.
    pub trust: Trust,
    /// Where records go.
    pub sink: Sink,
    /// Who has been counted.
    pub volumes: Option<Arc<Volumes>>,
    /// Where waits what a person decides.
    pub desk: Desk,
    /// Who signs for hosts whose TLS is opened.
    pub authority: Option<Arc<Authority>>,
    /// Where events are counted.
    pub metrics: Arc<Metrics>,
}

impl Proxy {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts {
            active,
            settings,
            own,
            resolver,
            trust,
            sink,
            volumes,
            desk,
            authority,
            metrics,
        } = parts;
        let (own, via) = (Own::new(own), Mark::new());
        let upstream = Upstream::new(upstream::Parts {
            trust,
            settings: settings.clone(),
            metrics: Arc::clone(&metrics),
            resolver: resolver.clone(),
            own: own.clone(),
            via: via.clone(),
        });
        let (epoch, _) = watch::channel(active.epoch);
        let drain = Drain::default();
        let active = ArcSwap::from_pointee(active);
        let room = Arc::new(Semaphore::new(settings.connections));
        let gate = Gate::new(std::thread::available_parallelism().map_or(1, NonZero::get));
        Arc::new(Self {
            active,
            epoch,
            settings,
            own,
            room,
            gate,
            resolver,
            upstream,
            sink,
            volumes,
            desk,
            authority,
            disbelief: disbelief::Disbelief::default(),
            metrics,
            via,
            held: inspect::Room::default(),
            drain,
        })
    }

    /// Puts a new policy in force for every request that begins from now on, drops the
    /// pooled connections of the old one and makes live tunnels ask again.
    pub fn replace(&self, active: Active) {
        let epoch = active.epoch;
        self.active.store(Arc::new(active));
        self.upstream.forget();
        self.epoch.send_replace(epoch);
    }

    /// What is in force now.
    pub fn active(&self) -> Arc<Active> {
        self.active.load_full()
    }

    /// Whether some tunnels can be looked into.
    fn may_open(&self) -> bool {
        self.authority.is_some()
    }

    /// Whether records can be written.
    pub fn records_healthy(&self) -> bool {
        self.sink.is_healthy()
    }

    /// Whether the writer of records takes what it is told.
    pub async fn writer_answers(&self) -> bool {
        self.sink.answers().await
    }

    /// Lets the writer of records open its file anew.
    pub async fn reopen_records(&self) {
        self.sink.reopen().await;
    }

    /// Who signs for hosts whose TLS is opened.
    pub fn authority(&self) -> Option<&Arc<Authority>> {
        self.authority.as_ref()
    }

    /// Trust towards servers.
    pub fn trust(&self) -> &Trust {
        self.upstream.trust()
    }

    /// Where clients connect.
    pub fn listens_on(&self) -> Option<SocketAddr> {
        self.own.first()
    }

    /// Whether a journal is kept, which takes notes.
    pub const fn keeps_verdicts(&self) -> bool {
        self.sink.keeps_verdicts()
    }

    /// Notes something in the journal; whether it is on the disk. Where none is kept it is not.
    pub async fn note(&self, line: Vec<u8>) -> bool {
        self.sink.keeps_verdicts() && self.sink.note(line).await
    }

    /// How many entries of the journal are on the disk, if one is kept.
    pub fn synced(&self) -> Option<watch::Receiver<u64>> {
        self.sink.synced()
    }

    /// Who has been counted, where that is kept.
    pub fn volumes(&self) -> Option<Arc<Volumes>> {
        self.volumes.clone()
    }

    /// What waits for a person.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Lets the writers of records and of holds end; called when all requests have ended.
    pub async fn end_records(&self) {
        self.desk.end().await;
        self.sink.end().await;
    }

    /// The metrics that the admin listener shows.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
