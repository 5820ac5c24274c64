//! On what a request came in: a client's connection, or what was found inside a tunnel.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;

use crate::telemetry::{Event, Metrics, Side};

use super::active::Principal;

/// A stream of bytes both ways, whatever carries it.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Io for S {}

/// What all requests of one connection have in common.
#[derive(Debug)]
pub(super) struct Ingress {
    /// Where the client is.
    pub(super) client: SocketAddr,
    /// Who it proved to be when it connected.
    pub(super) principal: Option<Arc<Principal>>,
    /// Its place among the connections that the limit counts.
    pub(super) slot: Arc<Slot>,
}

impl Ingress {
    /// The same connection, of whoever logged in on it.
    pub(super) fn known_as(&self, principal: Arc<Principal>) -> Self {
        Self { client: self.client, principal: Some(principal), slot: Arc::clone(&self.slot) }
    }
}

/// One of the client connections that the limit counts; a tunnel keeps the slot of the
/// connection that it came from.
#[derive(Debug)]
pub(super) struct Slot {
    metrics: Arc<Metrics>,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    pub(super) fn new(metrics: &Arc<Metrics>, permit: OwnedSemaphorePermit) -> Arc<Self> {
        Event::Connection(Side::Client, true).record(metrics);
        Arc::new(Self { metrics: Arc::clone(metrics), _permit: permit })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        Event::Connection(Side::Client, false).record(&self.metrics);
    }
}
