//! Limits and times of the proxy floor. The configuration floor fills them in.

use std::time::Duration;

use super::wire::Limits;

/// What bounds clients, destinations and ourselves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Client connections at one time; more wait in the kernel's backlog.
    pub connections: usize,
    /// Bounds on a request's head.
    pub head: Limits,
    /// How long a client connection may rest between two requests.
    pub idle_timeout: Duration,
    /// How long a head may take from its first byte to its last.
    pub head_timeout: Duration,
    /// How long a body may pause, in either direction.
    pub body_timeout: Duration,
    /// How long one name may take to resolve.
    pub resolve_timeout: Duration,
    /// How long one connection attempt, with its TLS handshake, may take.
    pub connect_timeout: Duration,
    /// How long a destination may take to answer after the last byte it was sent.
    pub response_timeout: Duration,
    /// How long a tunnel may carry nothing.
    pub tunnel_idle_timeout: Duration,
    /// How long a pooled connection to a destination may rest.
    pub pool_idle_timeout: Duration,
    /// How long requests may go on after the program was asked to stop.
    pub drain_timeout: Duration,
    /// What `borderpost explain` is to be told before a request, so that it decides as this proxy does:
    /// options, each after a space. Clients see it where no journal keeps decisions.
    pub explain: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head: Limits::default(),
            idle_timeout: Duration::from_mins(1),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_mins(1),
            resolve_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_mins(1),
            tunnel_idle_timeout: Duration::from_mins(15),
            pool_idle_timeout: Duration::from_mins(1),
            drain_timeout: Duration::from_secs(30),
            explain: String::new(),
        }
    }
}
