//! What clients do that no record of a request can tell of.

use std::net::{IpAddr, SocketAddr};

use tracing::{debug, info, warn};

use crate::net::Host;

use super::labels::{Broken, Login};
use super::metrics::Metrics;

/// One thing that a client did.
#[derive(Debug)]
pub enum ClientEvent<'a> {
    /// Its connection of HTTP/2 was ended for what came on it: the error code of RFC 9113
    /// section 7 that it was told.
    Broke(SocketAddr, &'static str),
    /// It did not prove who it is, or no longer does: why.
    Unproved(SocketAddr, &'static str),
    /// Its connection came to no request: why, and whether somebody should look at it.
    Unopened(SocketAddr, &'a dyn std::error::Error, bool),
    /// It has refused our certificate of a host so many times.
    Pinned(IpAddr, &'a Host, u32),
}

impl ClientEvent<'_> {
    pub(super) fn record(self, metrics: &Metrics) {
        match self {
            Self::Broke(client, reason) => {
                metrics.protocol_errors.get_or_create(&Broken { reason }).inc();
                info!(%client, reason, "a client broke HTTP/2, its connection was ended");
            }
            Self::Unproved(client, kind) => {
                metrics.failed_logins.get_or_create(&Login { kind }).inc();
                debug!(%client, kind, "a client did not prove who it is");
            }
            Self::Unopened(peer, error, true) => warn!(%peer, %error, "connection refused"),
            Self::Unopened(peer, error, false) => debug!(%peer, %error, "connection refused"),
            Self::Pinned(client, host, times) => {
                metrics.pinned.inc();
                warn!(%client, %host, times, "a client does not take our certificate: pinned?");
            }
        }
    }
}
