//! On what a request came in: a client's connection, or what was found inside a tunnel.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use crate::net::Authority;
use crate::telemetry::{Event, Metrics, Side};
use crate::tls::Alpn;

use super::error::{Error, Failed};
use super::statement::Statement;
use super::target::Speech;
use super::who::Proof;

/// A stream of bytes both ways, whatever carries it.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Io for S {}

/// Lets small pieces leave at once; a connection on which that fails is only slower.
pub(super) fn leave_at_once(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
}

/// What all requests of one connection have in common.
#[derive(Debug)]
pub(super) struct Ingress {
    /// Where the client is.
    pub(super) client: SocketAddr,
    /// Who it proved to be when it connected.
    pub(super) principal: Option<Proof>,
    /// The tunnel that it came out of, if it did.
    pub(super) inside: Option<Inside>,
    /// Where it was meant to go, if it was redirected here.
    pub(super) pinned: Option<Pinned>,
    /// Its place among the connections that the limit counts.
    pub(super) slot: Arc<Slot>,
}

/// The only socket that the requests of a connection may go to, whatever host they name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pinned {
    pub(super) socket: SocketAddr,
    /// Whether a name must have that address.
    pub(super) verified: bool,
}

/// A tunnel that was opened.
#[derive(Debug)]
pub(super) struct Inside {
    /// Where it leads.
    pub(super) authority: Authority,
    /// What is spoken to the destination.
    pub(super) speech: Speech,
    /// What the client offered, and the destination is offered.
    pub(super) alpn: Alpn,
    /// What was said when it was asked for; it holds for every request inside.
    pub(super) statement: Statement,
    /// Whether others may be asked for inside.
    pub(super) relaxed: bool,
    /// Why nothing in it reaches the destination.
    pub(super) trouble: Option<Box<Failed>>,
}

impl Ingress {
    /// What comes out of a tunnel that came in here.
    pub(super) fn within(&self, inside: Inside, pinned: Option<Pinned>) -> Arc<Self> {
        let (client, slot) = (self.client, Arc::clone(&self.slot));
        let (inside, pinned) = (Some(inside), pinned.or(self.pinned));
        Arc::new(Self { client, principal: None, inside, pinned, slot })
    }

    /// Why nothing that comes in here reaches its destination, if that is so.
    pub(super) fn trouble(&self) -> Result<(), Error> {
        let trouble = self.inside.as_ref().and_then(|inside| inside.trouble.clone());
        trouble.map_or(Ok(()), |trouble| Err(Error::Failed(trouble)))
    }

    /// The same connection, meant for this socket.
    pub(super) fn meant_for(&self, pinned: Pinned) -> Self {
        let (principal, slot) = (self.principal.clone(), Arc::clone(&self.slot));
        Self { client: self.client, principal, inside: None, pinned: Some(pinned), slot }
    }

    /// The same connection, of whoever logged in on it.
    pub(super) fn known_as(&self, proof: Proof) -> Self {
        let slot = Arc::clone(&self.slot);
        let (client, pinned) = (self.client, self.pinned);
        Self { client, principal: Some(proof), inside: None, pinned, slot }
    }
}

/// One of the client connections that the limit counts; a tunnel keeps the slot of the
/// connection that it came from.
#[derive(Debug)]
pub(super) struct Slot {
    /// Unlike that of any other connection.
    pub(super) id: u64,
    metrics: Arc<Metrics>,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    pub(super) fn new(metrics: &Arc<Metrics>, permit: OwnedSemaphorePermit) -> Arc<Self> {
        static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
        let id = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        Event::Connection(Side::Client, true).record(metrics);
        Arc::new(Self { id, metrics: Arc::clone(metrics), _permit: permit })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        Event::Connection(Side::Client, false).record(&self.metrics);
    }
}
