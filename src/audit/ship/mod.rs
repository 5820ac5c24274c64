//! Sinks that ship events from the journal, each on a thread of its own. What waits stays in the
//! journal, so that a dead destination costs no request anything; how far a sink has come is kept in a
//! file, so that each event arrives at least once and those that come twice are known by their id.

mod answer;
mod backoff;
mod batch;
mod cursor;
mod dial;
mod doubts;
mod file;
mod findings;
mod http;
mod outlet;
mod push;
mod settings;
mod shipper;
mod source;
mod supervisor;
mod syslog;

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::telemetry::Metrics;

use super::event::{Envelope, Origin, Signal};
use super::personal::KeyRing;
use super::sink::PATIENCE;
use super::state::journal_folder;
use cursor::{Cursor, CursorFile};
use http::Http;
use push::Pusher;
use supervisor::Plan;

pub use dial::{Stream, Way};
pub use settings::{
    FileSettings, From, HttpSettings, PushSettings, Select, ShipSettings, ShipTo, SyslogSettings,
    SyslogTo,
};

/// What all sinks share.
#[derive(Clone, Debug)]
pub struct ShipContext {
    /// Who tells.
    pub origin: Origin,
    /// Whether this is one of our own listeners, to which no sink may send.
    pub own: Own,
    /// The keys of personal fields, which are shipped in the clear.
    pub keys: KeyRing,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

/// The addresses at which this program listens itself.
#[derive(Clone, Debug, Default)]
pub struct Own(Arc<[std::net::SocketAddr]>);

/// The sinks that run.
#[derive(Debug, Default)]
pub struct Shippers {
    running: Vec<oneshot::Receiver<()>>,
    /// Told to those that do not end with the journal.
    stop: CancellationToken,
}

// === impl Own ===

impl Own {
    /// These addresses.
    pub fn new(addresses: &[std::net::SocketAddr]) -> Self {
        Self(addresses.into())
    }

    fn has(&self, address: std::net::SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        self.0.iter().filter(|own| own.port() == address.port()).any(|own| {
            own.ip().to_canonical() == ip || (own.ip().is_unspecified() && ip.is_loopback())
        })
    }
}

// === impl Shippers ===

impl Shippers {
    /// Starts a sink that reads the journal in the folder of everything that is kept. `synced`
    /// tells how much of it is on the disk, `tls` is what a destination under TLS needs.
    pub fn start(
        &mut self,
        settings: &ShipSettings,
        tls: Option<Arc<ClientConfig>>,
        state: &Path,
        synced: &watch::Receiver<u64>,
        context: &ShipContext,
    ) -> io::Result<()> {
        if !settings.to.needs_journal() {
            return Ok(());
        }
        // What is wrong with it from the start stops the start.
        let mut cursor = CursorFile::open(&state.join("sinks"), &settings.name)?;
        if cursor.is_new() && settings.from == From::Now {
            let journal = journal_folder(state);
            let now = Cursor::before(*synced.borrow(), &journal).map_err(io::Error::other)?;
            // Before anything comes, so that no start passes over it.
            cursor.keep(now)?;
        }
        let plan = Plan {
            settings: settings.clone(),
            tls,
            state: state.to_owned(),
            synced: synced.clone(),
            context: context.clone(),
        };
        let (done, ended) = oneshot::channel();
        let run = move || {
            plan.supervise();
            // Nobody listens where the program ends without waiting.
            drop(done);
        };
        let thread = format!("sink {}", settings.name);
        std::thread::Builder::new().name(thread).spawn(run)?;
        self.running.push(ended);
        Ok(())
    }

    /// Starts a sink that is told the metrics. Must be called inside the runtime.
    pub fn start_push(
        &mut self,
        settings: &ShipSettings,
        push: &PushSettings,
        tls: Option<Arc<ClientConfig>>,
        context: &ShipContext,
    ) {
        let pusher = Pusher {
            name: settings.name.clone(),
            http: Http::new(push.http.clone(), tls, context),
            envelope: Envelope::new(Signal::Metrics, &context.origin),
            metrics: Arc::clone(&context.metrics),
            every: push.every,
            stop: self.stop.clone(),
        };
        let (done, ended) = oneshot::channel();
        tokio::spawn(async move {
            pusher.run().await;
            // Nobody listens where the program ends without waiting.
            drop(done);
        });
        self.running.push(ended);
    }

    /// Waits until each has shipped what is there, after the writer of the journal has ended. Those
    /// that cannot go on with it at the next start.
    pub async fn finish(self) {
        self.stop.cancel();
        let all = async {
            for ended in self.running {
                // Its end drops the sender, which is what is waited for.
                drop(ended.await);
            }
        };
        if timeout(PATIENCE, all).await.is_err() {
            tracing::warn!(
                "a sink does not take the last events; it gets them after the next start"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_listeners_are_known() {
        let own = Own::new(&["0.0.0.0:3128", "127.0.0.1:3129"].map(|one| one.parse().unwrap()));
        let has = |address: &str| own.has(address.parse().unwrap());
        assert!(has("127.0.0.1:3128") && has("[::ffff:127.0.0.1]:3129") && has("127.9.9.9:3128"));
        assert!(!has("127.0.0.2:3129") && !has("192.0.2.1:3128") && !has("127.0.0.1:514"));
    }
}
