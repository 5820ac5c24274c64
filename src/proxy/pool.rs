//! Connections to destinations that rest between two requests. A connection is taken
//! out again only for the same address, name, way there and policy epoch, so that a request never
//! rides on a connection that its own policy did not permit.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::audit::Tls;
use crate::net::Host;
use crate::policy::Certificate;
use crate::tls::Alpn;

use super::chain::Egress;
use super::sender::Sender;

/// Connections that rest per key; more are closed.
const PER_KEY: usize = 64;

/// What a pooled connection is good for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The vetted socket.
    pub(super) socket: SocketAddr,
    /// The name that TLS was handshaken for, if it was, and what was offered in it.
    pub(super) tls: Option<(Host, Alpn)>,
    /// The way to the socket.
    pub(super) egress: Egress,
    /// The client's connection that alone may use it, where it proves who asks by itself.
    pub(super) client: Option<u64>,
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
    link: Link,
    since: Instant,
}

/// A connection in use. When its answer has been read to the end it rests again.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) key: Key,
    pub(super) link: Link,
    pool: Arc<Pool>,
}

/// A live connection and whose it is.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) sender: Sender,
    /// What the destination showed in the handshake, if there was one.
    pub(super) certificate: Option<Arc<Certificate>>,
    /// What was agreed on in it, for the record.
    pub(super) session: Option<Tls>,
}

impl Pool {
    pub(super) fn new(timeout: Duration) -> Arc<Self> {
        Arc::new(Self { resting: Mutex::default(), timeout })
    }

    /// Takes a live connection, the one that rested least. One that carries many requests at a
    /// time stays for others, and is passed over while it carries as many as it may.
    pub(super) fn take(self: &Arc<Self>, key: &Key) -> Option<Lease> {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let list = resting.get_mut(key)?;
        let fresh = |rest: &Resting| {
            !rest.link.sender.is_closed()
                && (rest.since.elapsed() < self.timeout || rest.link.sender.is_shared())
        };
        list.retain(fresh);
        let found = list.iter().rposition(|rest| rest.link.sender.has_room());
        let found = found.map(|at| list.remove(at));
        if let Some(link) = found.as_ref().and_then(|rest| rest.link.share()) {
            list.push(Resting { link, since: Instant::now() });
        }
        if list.is_empty() {
            resting.remove(key);
        }
        drop(resting);
        found.map(|rest| self.lease(key.clone(), rest.link))
    }

    /// A connection that is in use from now on; others may join one that can be shared.
    pub(super) fn lease(self: &Arc<Self>, key: Key, link: Link) -> Lease {
        Lease { key, link, pool: Arc::clone(self) }
    }

    /// Closes what has rested too long.
    pub(super) fn sweep(&self) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, list| {
            list.retain(|rest| {
                !rest.link.sender.is_closed() && rest.since.elapsed() < self.timeout
            });
            !list.is_empty()
        });
    }

    /// Closes everything at rest.
    pub(super) fn clear(&self) {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn add(&self, key: Key, link: Link) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let list = resting.entry(key).or_default();
        if list.len() < PER_KEY {
            list.push(Resting { link, since: Instant::now() });
        }
    }
}

impl Link {
    /// The same connection for one more, if it carries many requests at a time.
    fn share(&self) -> Option<Self> {
        let certificate = self.certificate.clone();
        let session = self.session.clone();
        self.sender.share().map(|sender| Self { sender, certificate, session })
    }
}

impl Lease {
    /// Lets the connection rest, if it still lives.
    pub(super) fn rest(self) {
        if !self.link.sender.is_closed() && !self.link.sender.is_shared() {
            self.pool.add(self.key, self.link);
        }
    }

    /// Lets others ride along from now on, where the connection carries many requests at a time.
    pub(super) fn share(&self) {
        if let Some(link) = self.link.share() {
            self.pool.add(self.key.clone(), link);
        }
    }
}
