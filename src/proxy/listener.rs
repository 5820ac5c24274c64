//! The accept loop. It survives what the machine runs out of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{interval, sleep};

use crate::telemetry::Event;

use super::ingress::{Ingress, Slot};
use super::transparent::{self, By, Transparent};
use super::{Proxy, connection, socks};

/// How long accepting rests after a failure: long enough for descriptors to come free,
/// short enough that clients do not notice.
const REST: Duration = Duration::from_millis(50);

/// What clients speak on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP/1 and HTTP/2.
    Http,
    /// SOCKS 5 (RFC 1928).
    Socks5,
    /// Whatever they speak to destinations: the packet filter brings them here.
    Transparent(Transparent),
}

impl Kind {
    /// Serves one connection.
    async fn serve(self, proxy: Arc<Proxy>, stream: TcpStream, ingress: Arc<Ingress>) {
        match self {
            Self::Http => connection::serve(proxy, stream, ingress).await,
            Self::Socks5 => socks::serve(proxy, stream, ingress).await,
            Self::Transparent(how) => transparent::serve(proxy, stream, ingress, how).await,
        }
    }

    /// Prepares a socket of this kind before it is bound to the address.
    pub fn prepare(self, socket: &TcpSocket, address: SocketAddr) -> std::io::Result<()> {
        match self {
            Self::Transparent(Transparent { by: By::Tproxy, .. }) => {
                transparent::prepare(socket, address)
            }
            Self::Http | Self::Socks5 | Self::Transparent(_) => Ok(()),
        }
    }
}

/// Accepts connections until the drain begins. The caller then waits for
/// [`super::Drain::finish`].
pub async fn run(listener: TcpListener, kind: Kind, proxy: Arc<Proxy>) {
    let stop = proxy.drain.stop.clone();
    let mut sweep = interval(proxy.settings.pool_idle_timeout / 2);
    loop {
        // Beyond the limit, clients wait in the kernel's backlog instead of being refused.
        let permit = tokio::select! {
            permit = Arc::clone(&proxy.room).acquire_owned() => permit.expect("nobody closes the semaphore"),
            () = stop.cancelled() => return,
        };
        let accepted = loop {
            tokio::select! {
                accepted = listener.accept() => break accepted,
                _ = sweep.tick() => proxy.upstream.sweep(),
                () = stop.cancelled() => return,
            }
        };
        match accepted {
            Ok((stream, client)) => {
                let slot = Slot::new(&proxy.metrics, permit);
                let ingress = Arc::new(Ingress { client, principal: None, pinned: None, slot });
                let served = kind.serve(Arc::clone(&proxy), stream, ingress);
                proxy.drain.tasks.spawn(served);
            }
            Err(error) => {
                Event::AcceptFailed(&error).record(&proxy.metrics);
                // A client that hung up while it waited costs no rest.
                if error.kind() != std::io::ErrorKind::ConnectionAborted {
                    sleep(REST).await;
                }
            }
        }
    }
}
