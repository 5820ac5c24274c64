//! Connections that were meant for a destination and redirected here by the packet filter. The
//! first bytes say what is spoken; whatever name they claim, the connection goes to the address
//! that the client itself dialled, and is judged with that address alone.

mod first;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::net::{Authority, Host};
use crate::tls::Alpn;

use super::draft::Draft;
use super::error::Error;
use super::ingress::{Ingress, Pinned, leave_at_once};
use super::relay::ClientSide;
use super::rewound::Rewound;
use super::target::{Speech, Target};
use super::{Proxy, connection, held, reply, request};

use first::First;
pub(super) use socket::prepare;

/// How connections come to a transparent listener, and what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transparent {
    /// How they come.
    pub by: By,
    /// What becomes of what is neither TLS nor HTTP.
    pub unrecognised: Unrecognised,
    /// Whether a name is believed.
    pub names: Claimed,
}

impl Transparent {
    /// The natural settings.
    pub const fn by(by: By) -> Self {
        Self { by, unrecognised: Unrecognised::Refuse, names: Claimed::Verify }
    }
}

/// How the packet filter brings connections here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `REDIRECT`: the kernel remembers where each was meant to go.
    Redirect,
    /// `TPROXY`: the connection's own end is where it was meant to go.
    Tproxy,
}

/// What becomes of what is neither TLS nor HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unrecognised {
    /// It is closed.
    #[default]
    Refuse,
    /// It is a tunnel to the address, as far as rules permit.
    Tunnel,
}

/// Whether the name that a client gives for an address is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Claimed {
    /// Only if our name servers give that address for it.
    #[default]
    Verify,
    /// Always: rules on hosts then hold for whatever name the client makes up.
    Trust,
}

/// How long the client may take for our last word.
const LINGER: Duration = Duration::from_secs(2);

/// TLS alerts (RFC 8446 section 6.2).
const ACCESS_DENIED: u8 = 49;
const INTERNAL_ERROR: u8 = 80;

/// A redirected connection, and what was read of it.
struct Redirected {
    stream: TcpStream,
    read: Bytes,
    ingress: Arc<Ingress>,
    original: SocketAddr,
}

/// Serves one connection to its end.
pub(super) async fn serve(
    proxy: Arc<Proxy>,
    mut stream: TcpStream,
    ingress: Arc<Ingress>,
    how: Transparent,
) {
    let original = socket::original(&stream, how.by);
    let Some(original) = original.filter(|original| !proxy.own.contains(*original)) else {
        return close(begin(&proxy, &ingress), stream, not_redirected(), None).await;
    };
    leave_at_once(&stream);
    let mut read = BytesMut::new();
    let looking = first::read(&mut stream, &mut read, proxy.settings.head.request_line);
    let first = tokio::select! {
        first = timeout(proxy.settings.head_timeout, looking) => first.unwrap_or(First::Incomplete),
        () = proxy.drain.stop.cancelled() => return,
    };
    let pinned = Pinned { socket: original, verified: how.names == Claimed::Verify };
    let ingress = Arc::new(ingress.meant_for(pinned));
    let redirected = Redirected { stream, read: read.freeze(), ingress, original };
    redirected.serve(proxy, first, how.unrecognised).await;
}

impl Redirected {
    async fn serve(self, proxy: Arc<Proxy>, first: First, unrecognised: Unrecognised) {
        let Self { stream, read, ingress, .. } = self;
        match first {
            First::Gone => {}
            First::Http1 => {
                connection::serve_1(proxy, Rewound::new(stream, &[read]), ingress).await;
            }
            First::Http2 => {
                connection::serve_2(proxy, Rewound::new(stream, &[read]), ingress).await;
            }
            First::Hello(name) => {
                let host = name.unwrap_or_else(|| Host::from(self.original.ip()));
                let target = target(host, self.original);
                run(begin(&proxy, &ingress), stream, read, &ingress, &target, true).await;
            }
            First::Unknown | First::Incomplete => {
                let target = target(Host::from(self.original.ip()), self.original);
                let mut draft = begin(&proxy, &ingress);
                draft.set_target(&target);
                // Half of something known is not unknown, so that nothing gets by in halves.
                let unknown = first == First::Unknown || read.is_empty();
                match unrecognised {
                    Unrecognised::Tunnel if unknown => {
                        run(draft, stream, read, &ingress, &target, false).await;
                    }
                    Unrecognised::Tunnel | Unrecognised::Refuse => {
                        close(draft, stream, not_recognised(), None).await;
                    }
                }
            }
        }
    }
}

fn begin(proxy: &Arc<Proxy>, ingress: &Ingress) -> Draft {
    Draft::open(proxy, &proxy.active(), ingress.client, Speech::Transparent)
}

/// Walks the line as a tunnel; what was read already is the first that passes.
async fn run(
    mut draft: Draft,
    stream: TcpStream,
    read: Bytes,
    ingress: &Ingress,
    target: &Target,
    tls: bool,
) {
    let proxy = Arc::clone(draft.proxy());
    let tunnel = tokio::select! {
        tunnel = request::tunnel(&mut draft, ingress, target) => tunnel,
        () = proxy.drain.cut.cancelled() => return,
    };
    match tunnel {
        Ok(tunnel) => {
            draft.record().status = Some(StatusCode::OK.as_u16());
            let client = ClientSide::Bare(Rewound::new(stream, &[read]));
            tunnel.run(client, draft, ingress).await;
        }
        Err(error) => {
            let error = held::refused(&mut draft, error).await;
            let alert = match &error {
                Error::Refused(_) => ACCESS_DENIED,
                Error::Failed(_) => INTERNAL_ERROR,
            };
            close(draft, stream, error, tls.then_some(alert)).await;
        }
    }
}

/// Puts the error on record and closes, with an alert where the client speaks TLS.
async fn close(mut draft: Draft, mut stream: TcpStream, error: Error, alert: Option<u8>) {
    reply::note(&error, &mut draft);
    drop(draft);
    if let Some(alert) = alert {
        // A fatal alert in the clear, as before any key is agreed on.
        let record = [0x15, 3, 3, 0, 2, 2, alert];
        let told = timeout(LINGER, stream.write_all(&record)).await;
        tracing::debug!(?told, "told a TLS client that its connection ends");
    }
}

fn target(host: Host, original: SocketAddr) -> Target {
    let authority = Authority { host, port: original.port() };
    Target { authority, scheme: Speech::Transparent, alpn: Alpn::Http1 }
}

fn not_redirected() -> Error {
    Error::looped("the connection was meant for this listener itself and not redirected to it")
}

fn not_recognised() -> Error {
    let text = "the connection began with neither TLS nor HTTP";
    wrong(StatusCode::BAD_REQUEST, "unrecognised", text, "RFC 9110 section 7.7")
}

fn wrong(
    status: StatusCode,
    code: &'static str,
    text: impl Into<String>,
    rfc: &'static str,
) -> Error {
    Error::client(status, code, text, rfc)
}
