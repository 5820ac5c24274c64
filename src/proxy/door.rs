//! What stands before the first request of a connection: the word of a load balancer, TLS, and
//! whatever else a kind of listener wants. Here a kind is told apart, and nowhere else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::net::NetworkSet;
use crate::telemetry::{ClientEvent, Event};
use crate::tls::{AcceptError, Accepted, Acceptor};

use super::ingress::{Ingress, Slot, leave_at_once};
use super::preamble::{self, PreambleError};
use super::transparent::{self, By, Transparent};
use super::who::Proof;
use super::{Proxy, connection, socks};

/// Where clients connect, and how.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The address, as the configuration gives it.
    pub address: SocketAddr,
    /// What is spoken there.
    pub kind: Kind,
    /// Whence each connection begins with a header of the PROXY protocol.
    pub proxy_protocol_from: NetworkSet,
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP/1 or HTTP/2 on bare TCP.
    Http,
    /// The same under TLS.
    Https,
    /// SOCKS 5 (RFC 1928).
    Socks5,
    /// Whatever clients speak to destinations: the packet filter brings them here.
    Transparent(Transparent),
}

impl Kind {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("http", Self::Http),
        ("https", Self::Https),
        ("socks5", Self::Socks5),
        ("transparent", Self::Transparent(Transparent::by(By::Redirect))),
        ("tproxy", Self::Transparent(Transparent::by(By::Tproxy))),
    ];

    /// Its word, which is the scheme of the proxy's URL, too.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Transparent(Transparent { by: By::Redirect, .. }) => "transparent",
            Self::Transparent(Transparent { by: By::Tproxy, .. }) => "tproxy",
        }
    }

    /// Prepares a socket of this kind before it is bound to the address.
    pub fn prepare(self, socket: &TcpSocket, address: SocketAddr) -> std::io::Result<()> {
        match self {
            Self::Transparent(Transparent { by: By::Tproxy, .. }) => {
                transparent::prepare(socket, address)
            }
            Self::Http | Self::Https | Self::Socks5 | Self::Transparent(_) => Ok(()),
        }
    }
}

/// A listener at work.
#[derive(Debug)]
pub(super) struct Door {
    listener: Listener,
    /// How it handshakes: of the last configuration that knew it.
    acceptor: Mutex<Option<Arc<Acceptor>>>,
}

/// Why a connection came to no request.
#[derive(Debug, thiserror::Error)]
enum Unopened {
    #[error(transparent)]
    Preamble(#[from] PreambleError),
    #[error(transparent)]
    Tls(#[from] AcceptError),
    #[error("nothing came in time")]
    Late,
}

impl Door {
    pub(super) fn new(listener: Listener) -> Self {
        Self { listener, acceptor: Mutex::default() }
    }

    /// Serves a connection from its first byte to its last.
    pub(super) async fn enter(
        self: Arc<Self>,
        proxy: Arc<Proxy>,
        mut stream: TcpStream,
        peer: SocketAddr,
        slot: Arc<Slot>,
    ) {
        leave_at_once(&stream);
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let drain = proxy.drain.clone();
        let entered = async {
            let client = self.client(&proxy, &mut stream, peer).await?;
            self.open(&proxy, stream, client, slot).await
        };
        // Whoever has not asked for anything yet is not waited for long.
        let entered = tokio::select! {
            entered = entered => entered,
            () = drain.greeted() => return,
        };
        match entered {
            Ok(opened) => opened.serve(proxy).await,
            Err(unopened) => unopened.tell(&proxy, peer),
        }
    }

    /// Where the client is: at the other end, or where the load balancer says.
    async fn client(
        &self,
        proxy: &Proxy,
        stream: &mut TcpStream,
        peer: SocketAddr,
    ) -> Result<SocketAddr, Unopened> {
        if !self.listener.proxy_protocol_from.contains(peer.ip()) {
            return Ok(peer);
        }
        let read = timeout(proxy.settings.head_timeout, preamble::read(stream)).await;
        let found = read.map_err(|_| Unopened::Late)??;
        let canonical =
            |found: SocketAddr| SocketAddr::new(found.ip().to_canonical(), found.port());
        Ok(found.map_or(peer, canonical))
    }

    /// THE KINDS: what each does before its first request.
    async fn open(
        &self,
        proxy: &Arc<Proxy>,
        stream: TcpStream,
        client: SocketAddr,
        slot: Arc<Slot>,
    ) -> Result<Opened, Unopened> {
        let ingress =
            |principal| Arc::new(Ingress { client, principal, inside: None, pinned: None, slot });
        match self.listener.kind {
            Kind::Http => Ok(Opened::Bare(stream, ingress(None))),
            Kind::Socks5 => Ok(Opened::Socks(stream, ingress(None))),
            Kind::Transparent(how) => Ok(Opened::Redirected(stream, ingress(None), how)),
            Kind::Https => {
                let acceptor = self.acceptor(proxy);
                let accepted = timeout(proxy.settings.head_timeout, acceptor.accept(stream)).await;
                let accepted = accepted.map_err(|_| Unopened::Late)??;
                let Accepted { stream, http2, shown } = accepted;
                let proof = shown.map(|shown| Proof::shown(shown, self.listener.address));
                Ok(Opened::Secured(Box::new(stream), http2, ingress(proof)))
            }
        }
    }

    /// How it handshakes now.
    fn acceptor(&self, proxy: &Proxy) -> Arc<Acceptor> {
        let mut last = self.acceptor.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(now) = proxy.active.load().acceptors.get(&self.listener.address) {
            *last = Some(Arc::clone(now));
        }
        let last = last.as_ref().map(Arc::clone);
        last.expect("the first configuration has an acceptor for each of its listeners of TLS")
    }
}

/// A connection whose first request may come.
enum Opened {
    Bare(TcpStream, Arc<Ingress>),
    Socks(TcpStream, Arc<Ingress>),
    Redirected(TcpStream, Arc<Ingress>, Transparent),
    Secured(Box<tokio_rustls::server::TlsStream<TcpStream>>, bool, Arc<Ingress>),
}

impl Opened {
    async fn serve(self, proxy: Arc<Proxy>) {
        match self {
            Self::Bare(stream, ingress) => connection::serve(proxy, stream, ingress).await,
            Self::Socks(stream, ingress) => socks::serve(proxy, stream, ingress).await,
            Self::Redirected(stream, ingress, how) => {
                transparent::serve(proxy, stream, ingress, how).await;
            }
            Self::Secured(stream, true, ingress) => {
                connection::serve_2(proxy, stream, ingress).await;
            }
            Self::Secured(stream, false, ingress) => {
                connection::serve_1(proxy, stream, ingress).await;
            }
        }
    }
}

impl Unopened {
    fn tell(&self, proxy: &Proxy, peer: SocketAddr) {
        // A wrong header comes from a network that the configuration trusts: somebody has to
        // look at it. Everything else anybody can bring about.
        let configured = matches!(
            self,
            Self::Preamble(PreambleError::Malformed(_)) | Self::Tls(AcceptError::Nameless(_))
        );
        Event::Client(ClientEvent::Unopened(peer, self, configured)).record(&proxy.metrics);
        if let Self::Tls(error) = self
            && let Some(code) = error.code()
        {
            Event::Client(ClientEvent::Unproved(peer, code)).record(&proxy.metrics);
        }
    }
}
