//! Connections to destinations that rest between two requests. A connection is taken
//! out again only for the same address, name and policy epoch, so that a request never
//! rides on a connection that its own policy did not permit.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::SendRequest;

use crate::net::Host;

use super::outgoing::Outgoing;

/// Connections that rest per key; more are closed.
const PER_KEY: usize = 64;

/// What a pooled connection is good for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The vetted socket.
    pub(super) socket: SocketAddr,
    /// The name that TLS was handshaken for, if it was.
    pub(super) tls: Option<Host>,
    /// The policy under which it was dialled.
    pub(super) epoch: u64,
}

/// The connections at rest.
#[derive(Debug)]
pub(super) struct Pool {
    resting: Mutex<HashMap<Key, Vec<Resting>>>,
    timeout: Duration,
}

#[derive(Debug)]
struct Resting {
    sender: SendRequest<Outgoing>,
    since: Instant,
}

/// A connection in use. When its answer has been read to the end it rests again.
#[derive(Debug)]
pub(super) struct Lease {
    key: Key,
    pub(super) sender: SendRequest<Outgoing>,
    pool: Arc<Pool>,
}

impl Pool {
    pub(super) fn new(timeout: Duration) -> Arc<Self> {
        Arc::new(Self { resting: Mutex::default(), timeout })
    }

    /// Takes a live connection, the one that rested least.
    pub(super) fn take(self: &Arc<Self>, key: &Key) -> Option<Lease> {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let list = resting.get_mut(key)?;
        let found = std::iter::from_fn(|| list.pop())
            .find(|rest| !rest.sender.is_closed() && rest.since.elapsed() < self.timeout);
        if list.is_empty() {
            resting.remove(key);
        }
        drop(resting);
        found.map(|rest| self.lease(key.clone(), rest.sender))
    }

    /// A connection that is in use from now on.
    pub(super) fn lease(self: &Arc<Self>, key: Key, sender: SendRequest<Outgoing>) -> Lease {
        Lease { key, sender, pool: Arc::clone(self) }
    }

    /// Closes what has rested too long.
    pub(super) fn sweep(&self) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, list| {
            list.retain(|rest| !rest.sender.is_closed() && rest.since.elapsed() < self.timeout);
            !list.is_empty()
        });
    }

    /// Closes everything at rest.
    pub(super) fn clear(&self) {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Lease {
    /// Lets the connection rest, if it still lives.
    pub(super) fn rest(self) {
        if self.sender.is_closed() {
            return;
        }
        let mut resting = self.pool.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let list = resting.entry(self.key).or_default();
        if list.len() < PER_KEY {
            list.push(Resting { sender: self.sender, since: Instant::now() });
        }
    }
}
