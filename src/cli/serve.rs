//! A running proxy: listeners, records, reload and drain. `run` and `demo` share it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::admin::{self, Reload};
use crate::audit::{self, Desk, Sink};
use crate::config::{self, Fixed, Listener, Loaded, Origin, Problems};
use crate::proxy::{self, Active, Kind, Proxy, Resolver};
use crate::telemetry::{Database, Event, Metrics};
use crate::tls::Trust;

/// A proxy that accepts connections.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) proxy: Arc<Proxy>,
    pub(super) listen: SocketAddr,
    /// The listeners beside that one, and what is spoken there.
    pub(super) others: Vec<Listener>,
    pub(super) admin: SocketAddr,
    /// Reloads that the admin listener asks for.
    pub(super) reloads: mpsc::Receiver<Reload>,
    origin: Origin,
    drain_timeout: Duration,
    writer: oneshot::Receiver<()>,
}

impl Serving {
    /// Binds the listeners and starts to serve. Must be called inside the runtime.
    pub(super) fn start(origin: Origin, loaded: Loaded) -> anyhow::Result<Self> {
        let Loaded { fixed, active, .. } = loaded;
        let clients =
            bind(Kind::Http, fixed.listen).with_context(|| busy("proxy.listen", fixed.listen))?;
        let operators =
            bind(Kind::Http, fixed.admin).with_context(|| busy("admin.listen", fixed.admin))?;
        let (listen, admin) = (clients.local_addr()?, operators.local_addr()?);
        let sockets = bind_all(&fixed.listeners)?;
        let others: Vec<_> = sockets.iter().map(|(_, listener)| *listener).collect();
        let metrics = Arc::new(Metrics::new());
        let (sink, writer) =
            Sink::open(&fixed.record, Arc::clone(&metrics)).context("record.to")?;
        let volumes = fixed.state.as_deref().map(audit::open_volumes).transpose();
        let volumes = volumes.context("state.folder")?.map(Arc::new);
        let holds = fixed.state.as_ref().map(|folder| folder.join("holds.redb"));
        let desk = Desk::open(holds.as_deref(), Arc::clone(&metrics))?;
        let trust = Trust::with_roots(&fixed.roots)?;
        loaded_event(&active).record(&metrics);
        let drain_timeout = fixed.settings.drain_timeout;
        let proxy = Proxy::new(proxy::Parts {
            resolver: Resolver::new(&fixed.names, fixed.settings.resolve_timeout),
            own: [listen, admin].into_iter().chain(others.iter().map(|one| one.address)).collect(),
            active,
            settings: fixed.settings,
            trust,
            sink,
            volumes,
            desk,
            metrics,
        });
        let (asks, reloads) = mpsc::channel(1);
        tokio::spawn(proxy::run(clients, Kind::Http, Arc::clone(&proxy)));
        for (socket, listener) in sockets {
            tokio::spawn(proxy::run(socket, listener.kind, Arc::clone(&proxy)));
        }
        tokio::spawn(proxy::ask_again(Arc::clone(&proxy)));
        tokio::spawn(admin::run(operators, Arc::clone(&proxy), asks));
        Ok(Self { proxy, listen, others, admin, reloads, origin, drain_timeout, writer })
    }

    /// Reads the configuration again; a bad one changes nothing.
    pub(super) async fn reload(&self) -> Result<String, String> {
        let origin = self.origin.clone();
        // Reading and merging databases takes tens of milliseconds of one core.
        let loading = tokio::task::spawn_blocking(move || config::load(&origin)).await;
        let loaded = loading
            .map_err(|error| error.to_string())
            .and_then(|loaded| loaded.map_err(|problems: Problems| problems.to_string()));
        let metrics = self.proxy.metrics();
        match loaded {
            Ok(Loaded { active, .. }) => {
                let digest = active.digest.to_string();
                loaded_event(&active).record(metrics);
                self.proxy.replace(active);
                Ok(digest)
            }
            Err(problems) => {
                Event::ReloadFailed(&problems).record(metrics);
                Err(problems)
            }
        }
    }

    /// Stops accepting, lets requests end, cuts what is left, and writes the last
    /// records. Returns how many connections were cut.
    pub(super) async fn finish(self) -> usize {
        let cut = self.proxy.drain.finish(self.drain_timeout).await;
        self.proxy.end_records().await;
        // The writer's end drops the sender, which is what is waited for.
        if timeout(audit::PATIENCE, self.writer).await.is_err() {
            tracing::error!("the sink does not take the last records; they are lost");
        }
        cut
    }
}

/// Events borrow; this keeps what one borrows.
struct LoadedEvent {
    databases: Vec<(Database, i64)>,
    now: f64,
}

impl LoadedEvent {
    fn record(&self, metrics: &Metrics) {
        Event::Loaded(&self.databases, self.now).record(metrics);
    }
}

fn loaded_event(active: &Active) -> LoadedEvent {
    let databases = active.atlas.databases().iter();
    let databases = databases.map(|db| (Database { db: db.name.clone() }, db.build.as_second()));
    LoadedEvent {
        databases: databases.collect(),
        now: Timestamp::now().as_duration().as_secs_f64(),
    }
}

/// Binds the further listeners; each is returned with the address that it got.
fn bind_all(listeners: &[Listener]) -> anyhow::Result<Vec<(TcpListener, Listener)>> {
    let bind_one = |listener: &Listener| {
        let socket = bind(listener.kind, listener.address);
        let socket = socket.with_context(|| busy("listener.address", listener.address))?;
        let address = socket.local_addr()?;
        Ok((socket, Listener { address, ..*listener }))
    };
    listeners.iter().map(bind_one).collect()
}

/// A listening socket that a restarted program can bind at once.
fn bind(kind: Kind, address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    kind.prepare(&socket, address)?;
    socket.bind(address)?;
    socket.listen(4096)
}

fn busy(key: &str, address: SocketAddr) -> String {
    format!(
        "cannot listen on {address}; is another borderpost running? `{key}` names another address"
    )
}

/// What a reload does not change, for the first lines on the terminal.
pub(super) fn threads(fixed: &Fixed) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    fixed.threads.unwrap_or(cores)
}
