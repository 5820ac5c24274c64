//! A running proxy: listeners, records, reload and drain. `run`, `exec` and `demo` share it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::admin::{self, Admin, Level, Place, Reload, Store};
use crate::audit::index::{Keeper, Keeping};
use crate::audit::journal::Left;
use crate::audit::personal::{KeyRing, Sealer};
use crate::audit::retention::Retention;
use crate::audit::ship::{Own, ShipContext, ShipSettings, ShipTo, Shippers};
use crate::audit::{self, Cause, Configured, Desk, Sink, Volumes};
use crate::config::{self, Fixed, Loaded, Origin};
use crate::policy::Mode;
use crate::proxy::{self, Active, Kind, Listener, Proxy, Resolver};
use crate::telemetry::{Database, Event, JournalEvent, Metrics, VolumeEvent};
use crate::tls::{Authority, AuthoritySettings, Trust};

use super::again::{Again, admission, warn_of_authority};
use super::service::Passed;

/// A proxy that accepts connections.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) proxy: Arc<Proxy>,
    /// What clients can connect to, the plain listener first.
    pub(super) listeners: Vec<(Kind, SocketAddr)>,
    pub(super) admin: Place,
    /// Whether it speaks TLS.
    pub(super) secure: bool,
    /// Reloads that the admin listener asks for.
    pub(super) reloads: mpsc::Receiver<Reload>,
    /// What operators ask.
    asked: Arc<Admin>,
    /// Our own listeners.
    own: Own,
    /// How long the journal is kept, until the end.
    retention: Retention,
    origin: Origin,
    drain_timeout: Duration,
    writer: oneshot::Receiver<Left>,
    shippers: Shippers,
    /// Who keeps the index of the journal.
    keeper: Option<Keeper>,
    /// Why the authority could not be read, where nothing was to be opened at the start.
    unread: Option<String>,
}

/// How a proxy ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// How many connections were cut.
    pub(super) cut: usize,
    /// Which records are lost, and why.
    pub(super) lost: Option<String>,
}

impl Serving {
    /// Binds the listeners and starts to serve. Must be called inside the runtime.
    pub(super) fn start(
        origin: Origin,
        loaded: Loaded,
        passed: Passed,
        level: Level,
    ) -> anyhow::Result<Self> {
        let Loaded { mut fixed, active, .. } = loaded;
        let doors = doors(std::mem::take(&mut fixed.listeners), passed)?;
        let door = fixed.admin.clone();
        let operators = door.bind().with_context(|| busy("admin.listen", &door.place))?;
        let listeners = listened(&doors);
        let admin = operators.place()?;
        let own: Vec<_> = doors.iter().map(|door| door.address).chain(admin.address()).collect();
        let metrics = Arc::new(Metrics::new());
        let (sink, writer) = records(&fixed, &configured(&Cause::Start, &active), &metrics)?;
        let keeper = keeper(&fixed, &metrics)?;
        let volumes = volumes(&fixed, &metrics)?;
        let desk = desk(&fixed, &metrics)?;
        let trust = Trust::load(&fixed.roots, &fixed.destinations)?;
        let context = context(&fixed, &own, &metrics);
        let secure = door.acceptor.is_some();
        let admission = admission(&door, (&admin, secure), &trust, &context.own, None)?;
        let shippers = ship(&fixed.sinks, fixed.state.as_deref(), &trust, &sink, &context)?;
        let (authority, unread) = authority(fixed.authority.as_ref(), &active)?;
        loaded_event(&active).record(&metrics);
        let proxy = Proxy::new(proxy::Parts {
            resolver: Resolver::new(&fixed.names, fixed.settings.resolve_timeout),
            own: own.into_iter().collect(),
            active,
            settings: fixed.settings.clone(),
            trust,
            sink,
            volumes,
            desk,
            authority,
            metrics,
        });
        let (asks, reloads) = mpsc::channel(1);
        let asked = Admin::new(admin::Parts {
            proxy: Arc::clone(&proxy),
            reloads: asks,
            store: store(&fixed),
            draft: draft(origin.clone()),
            level,
            proxies: listeners.iter().map(|(_, address)| *address).collect(),
            mark: admin.mark(),
            admission,
        });
        serve(doors, &proxy);
        tokio::spawn(admin::run(operators, Arc::clone(&asked)));
        Ok(Self {
            proxy,
            listeners,
            admin,
            secure,
            reloads,
            asked,
            own: context.own,
            retention: fixed.retention,
            origin,
            drain_timeout: fixed.settings.drain_timeout,
            writer,
            shippers,
            keeper,
            unread,
        })
    }

    /// Reads the configuration again; a bad one changes nothing.
    pub(super) async fn reload(&self, cause: &Cause) -> Result<String, String> {
        let again = Again {
            proxy: Arc::clone(&self.proxy),
            asked: Arc::clone(&self.asked),
            origin: self.origin.clone(),
            bound: self.admin.clone(),
            secure: self.secure,
            own: self.own.clone(),
            unread: self.unread.clone(),
        };
        // Reading and merging databases takes tens of milliseconds of one core.
        let loading = tokio::task::spawn_blocking(move || again.load()).await;
        let loaded = loading.map_err(|error| error.to_string()).flatten();
        let metrics = self.proxy.metrics();
        match loaded {
            Ok((Loaded { active, fixed, .. }, admission)) => {
                if fixed.retention != self.retention {
                    tracing::warn!("journal: other terms and legal holds count after a restart");
                }
                let digest = active.digest.to_string();
                loaded_event(&active).record(metrics);
                self.note(&configured(cause, &active).note()).await;
                let before = self.proxy.active();
                self.asked.history.reloaded(&digest, &before.policy, &active.policy);
                self.proxy.replace(active);
                self.asked.admit(admission);
                self.proxy.tell_ends();
                Ok(digest)
            }
            Err(problems) => {
                Event::ReloadFailed(&problems).record(metrics);
                self.asked.history.failed(&problems);
                self.note(&Configured::refused(cause, &self.proxy.active().digest)).await;
                Err(problems)
            }
        }
    }

    /// Tells the journal of a reload before it takes effect. A disk that takes nothing does not keep
    /// stricter rules from their effect; the note then comes with what else waits for it.
    async fn note(&self, note: &Value) {
        let kept = self.proxy.keeps_verdicts();
        if kept && !self.proxy.note(note.to_string().into_bytes()).await {
            tracing::error!(
                "the note of this reload is not on the disk; the journal takes nothing"
            );
        }
    }

    /// Stops accepting, lets requests end, cuts what is left, and writes the last
    /// records.
    pub(super) async fn finish(self) -> Ended {
        let cut = self.proxy.drain.finish(self.drain_timeout).await;
        self.proxy.end_records().await;
        let lost = match timeout(audit::PATIENCE, self.writer).await {
            Ok(Ok(Left { entries: 0, .. })) => None,
            Ok(Ok(Left { entries, why, .. })) => {
                Some(format!("{entries} entries of the journal are lost: {why}"))
            }
            Ok(Err(_)) => Some("the writer of records ended by a fault; the last are lost".into()),
            Err(_) => Some("the last records are lost: the sink does not take them".to_owned()),
        };
        self.shippers.finish().await;
        if let Some(keeper) = self.keeper
            && timeout(audit::PATIENCE, keeper.end()).await.is_err()
        {
            tracing::warn!("the index of the journal is behind; the next start goes on with it");
        }
        Ended { cut, lost }
    }
}

/// Serves clients from now on.
fn serve(doors: Vec<Opened>, proxy: &Arc<Proxy>) {
    for Opened { socket, listener, .. } in doors {
        tokio::spawn(proxy::run(socket, listener, Arc::clone(proxy)));
    }
    tokio::spawn(proxy::ask_again(Arc::clone(proxy)));
    proxy.tell_ends();
    tokio::spawn(proxy::watch_ends(Arc::clone(proxy)));
}

/// Who tells what is shipped.
fn context(fixed: &Fixed, own: &[SocketAddr], metrics: &Arc<Metrics>) -> ShipContext {
    let journal = fixed.state.as_deref().map(audit::journal_folder).unwrap_or_default();
    ShipContext {
        origin: audit::Origin::new(hostname(), &fixed.origin),
        own: Own::new(own),
        keys: fixed.keys(&journal),
        metrics: Arc::clone(metrics),
    }
}

/// The journal, for who asks of it.
fn store(fixed: &Fixed) -> Option<Store> {
    let state = fixed.state.clone().filter(|_| fixed.journal)?;
    let keys = fixed.keys(&audit::journal_folder(&state));
    Some(Store {
        state,
        keys,
        origin: fixed.origin.clone(),
        indexed: fixed.indexed.is_some(),
        retention: fixed.retention.clone(),
        sweep: fixed.sweep,
    })
}

/// Reads drafts as if they were packs of the configuration.
fn draft(origin: Origin) -> admin::Draft {
    Box::new(move |text| {
        let drafts = [("draft".to_owned(), text.to_owned())];
        let loaded =
            config::load_with(&origin, &drafts).map_err(|problems| problems.to_string())?;
        Ok(loaded.active.policy)
    })
}

/// Opens the journal and what records are written to.
fn records(
    fixed: &Fixed,
    configured: &Configured,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<(Sink, oneshot::Receiver<Left>)> {
    let state = fixed.state.as_deref().filter(|_| fixed.journal);
    let journal = state
        .map(|state| audit::open_journal(state, &fixed.origin, fixed.segments, Some(configured)));
    let journal = journal.transpose().context("the journal in state.folder")?;
    let journal = journal.map(|(log, recovered)| {
        Event::Journal(JournalEvent::Opened(recovered.entries, recovered.cut)).record(metrics);
        let retention = fixed.sweep.then(|| fixed.retention.clone());
        let keys = fixed.keys(log.folder());
        let sealer = fixed.seal_personal.then(|| sealer(fixed, &keys)).transpose()?;
        anyhow::Ok(audit::Journal { log, unwritable: fixed.unwritable, retention, keys, sealer })
    });
    let journal = journal.transpose().context("journal.seal_personal")?;
    Sink::open(&fixed.record, journal, Arc::clone(metrics)).context("record.to")
}

/// What is in force, for who reads the journal later.
fn configured(cause: &Cause, active: &Active) -> Configured {
    let packs = (&active.packs[..], &*active.policy);
    Configured::new(cause, &active.digest, packs, active.atlas.databases())
}

/// What enciphers personal fields, with the keys that it makes.
fn sealer(fixed: &Fixed, keys: &KeyRing) -> anyhow::Result<Sealer> {
    keys.prepare(fixed.keys.is_some())?;
    keys.finish()?;
    Ok(Sealer::new(keys.clone()))
}

/// Starts the sinks: those that ship from the journal, where there is one, and those of metrics.
fn ship(
    sinks: &[ShipSettings],
    state: Option<&Path>,
    trust: &Trust,
    records: &Sink,
    context: &ShipContext,
) -> anyhow::Result<Shippers> {
    let mut shippers = Shippers::default();
    let journal = state.zip(records.synced());
    for settings in sinks {
        let mut started = || {
            let tls = settings.roots().map(|roots| trust.client(roots)).transpose()?;
            if let ShipTo::Metrics(push) = &settings.to {
                shippers.start_push(settings, push, tls, context);
            } else if let Some((state, synced)) = &journal {
                shippers.start(settings, tls, state, synced, context)?;
            }
            anyhow::Ok(())
        };
        started().with_context(|| format!("the sink `{}`", settings.name))?;
    }
    Ok(shippers)
}

/// The name of this machine, as events have it.
pub(super) fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

/// Starts who keeps the index beside the journal.
fn keeper(fixed: &Fixed, metrics: &Arc<Metrics>) -> anyhow::Result<Option<Keeper>> {
    let kept = fixed.state.as_deref().filter(|_| fixed.journal).zip(fixed.indexed);
    let keeper = kept.map(|(state, keep)| {
        let journal = audit::journal_folder(state);
        let keys = fixed.keys(&journal);
        let keeping = Keeping { folder: audit::index_folder(&journal), journal, keys, keep };
        Keeper::start(keeping, Arc::clone(metrics))
    });
    keeper.transpose().context("the index of the journal")
}

/// Opens who has been counted.
fn volumes(fixed: &Fixed, metrics: &Metrics) -> anyhow::Result<Option<Arc<Volumes>>> {
    let volumes = fixed.state.as_deref().map(audit::open_volumes).transpose();
    let volumes = volumes.context("state.folder")?.map(Arc::new);
    if volumes.is_some() {
        Event::Volume(VolumeEvent::Store(true)).record(metrics);
    }
    Ok(volumes)
}

/// Opens what waits for people.
fn desk(fixed: &Fixed, metrics: &Arc<Metrics>) -> anyhow::Result<Desk> {
    let holds = fixed.state.as_ref().map(|folder| folder.join("holds.redb"));
    Ok(Desk::open(holds.as_deref(), Arc::clone(metrics))?)
}

/// Who signs for opened tunnels. Where none can come to be opened, a fault of it stops nothing.
fn authority(
    settings: Option<&AuthoritySettings>,
    active: &Active,
) -> anyhow::Result<(Option<Arc<Authority>>, Option<String>)> {
    match settings.map(Authority::find).transpose() {
        Ok(found) => Ok((found.flatten().map(Arc::new), None)),
        Err(error) if active.opening.opens() => Err(error).context("tls.authority"),
        Err(error) => {
            warn_of_authority(&error.to_string());
            Ok((None, Some(error.to_string())))
        }
    }
}

/// Events borrow; this keeps what one borrows.
struct LoadedEvent {
    databases: Vec<(Database, i64)>,
    now: f64,
    /// Rules that want somebody told, by pack and rule.
    alerts: Vec<(String, String)>,
    /// What rules make of requests: verdict, mode and pack.
    verdicts: Vec<(&'static str, &'static str, String)>,
}

impl LoadedEvent {
    fn record(&self, metrics: &Metrics) {
        Event::Loaded(&self.databases, self.now).record(metrics);
        Event::Ruled(&self.alerts, &self.verdicts).record(metrics);
    }
}

fn loaded_event(active: &Active) -> LoadedEvent {
    let databases = active.atlas.databases().iter();
    let databases = databases.map(|db| (Database { db: db.name.clone() }, db.build.as_second()));
    let rules = active.policy.rules().iter();
    let alerts = rules.clone().filter(|rule| rule.alert && rule.mode == Mode::Enforce);
    let verdicts: BTreeSet<_> =
        rules.map(|rule| (rule.outcome.name(), rule.mode.name(), rule.pack.clone())).collect();
    LoadedEvent {
        databases: databases.collect(),
        now: Timestamp::now().as_duration().as_secs_f64(),
        alerts: alerts.map(|rule| (rule.pack.clone(), rule.id.clone())).collect(),
        verdicts: verdicts.into_iter().collect(),
    }
}

/// A listener whose socket is bound.
struct Opened {
    socket: TcpListener,
    listener: Listener,
    /// Where it listens; the system may have chosen the port.
    address: SocketAddr,
}

/// The sockets that were passed come first, in the order of the listeners.
fn doors(listeners: Vec<Listener>, mut passed: Passed) -> anyhow::Result<Vec<Opened>> {
    passed.fit(listeners.len())?;
    let open = |listener: Listener| {
        let wanted = listener.address;
        let bind = || {
            let busy = || busy("proxy.listen` or `[[listener]]", wanted);
            bind(listener.kind, wanted).with_context(busy)
        };
        let socket = passed.next()?.map_or_else(bind, Ok)?;
        let address = socket.local_addr()?;
        Ok(Opened { socket, listener, address })
    };
    listeners.into_iter().map(open).collect()
}

/// Where clients connect.
fn listened(doors: &[Opened]) -> Vec<(Kind, SocketAddr)> {
    doors.iter().map(|door| (door.listener.kind, door.address)).collect()
}

/// A listening socket that a restarted program can bind at once.
fn bind(kind: Kind, address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    kind.prepare(&socket, address)?;
    socket.bind(address)?;
    socket.listen(4096)
}

fn busy(key: &str, address: impl std::fmt::Display) -> String {
    format!(
        "cannot listen on {address}; is another borderpost running? `{key}` names another address"
    )
}

/// What a reload does not change, for the first lines on the terminal.
pub(super) fn threads(fixed: &Fixed) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    fixed.threads.unwrap_or(cores)
}
