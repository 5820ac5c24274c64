//! On what a request came in: a client's connection, or what was found inside a tunnel.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
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

/// What all requests of one connection have in common.
#[derive(Debug)]
pub(super) struct Ingress {
    /// Where the client is.
    pub(super) client: SocketAddr,
    /// Who it proved to be when it connected.
    pub(super) principal: Option<Proof>,
    /// The tunnel that it came out of, if it did.
    pub(super) inside: Option<Inside>,
    /// Its place among the connections that the limit counts.
    pub(super) slot: Arc<Slot>,
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
    pub(super) fn within(&self, inside: Inside) -> Arc<Self> {
        let (client, slot) = (self.client, Arc::clone(&self.slot));
        Arc::new(Self { client, principal: None, inside: Some(inside), slot })
    }

    /// Why nothing that comes in here reaches its destination, if that is so.
    pub(super) fn trouble(&self) -> Result<(), Error> {
        let trouble = self.inside.as_ref().and_then(|inside| inside.trouble.clone());
        trouble.map_or(Ok(()), |trouble| Err(Error::Failed(trouble)))
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
