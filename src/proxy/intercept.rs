//! A tunnel that is opened: the destination is met first, then the client, by a certificate of
//! our own; what is asked inside walks the same line as every other request.

use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::net::{self, Host};
use crate::telemetry::Event;
use crate::tls::{Alpn, Authority, Hello};

use super::carrier::Carrier;
use super::course::Course;
use super::error::{Error, Failed};
use super::ingress::{Ingress, Inside, Io, Pinned};
use super::relay::End;
use super::rewound::Rewound;
use super::target::{Speech, Target};
use super::tunnel::Standing;
use super::words::Words;
use super::{Proxy, connection};

/// What a tunnel that is opened needs.
pub(super) struct Opened<'p> {
    pub(super) proxy: &'p Arc<Proxy>,
    /// Who signs, where TLS is opened.
    pub(super) authority: Option<&'p Authority>,
    pub(super) ingress: &'p Ingress,
    pub(super) standing: &'p Standing,
}

impl Opened<'_> {
    /// Goes the course that the first words gave.
    pub(super) async fn follow<S: Io>(
        &self,
        client: Rewound<S>,
        upstream: Carrier,
        course: Course,
        words: &Words,
    ) -> End {
        match (course, words, self.authority) {
            (Course::Plain(http2), ..) => self.plain(client, upstream, http2).await,
            (Course::Secure(hello), _, Some(signer)) => {
                self.secure(client, upstream, &hello, signer).await
            }
            (Course::Bar(why), Words::Tls(hello), Some(signer)) => {
                // Told inside, where it can be read.
                self.refuse(client, hello, signer, why.clone()).await;
                End::Barred(why)
            }
            (Course::Bar(why), Words::Tls(_), None) => {
                refuse_name(client).await;
                End::Barred(why)
            }
            (Course::Bar(why), ..) => End::Barred(why),
            (Course::Pass | Course::Secure(_), ..) => End::Closed,
        }
    }

    /// Serves plain HTTP inside a tunnel, opened or not; its connection is the first request's.
    async fn plain<S: Io>(&self, client: Rewound<S>, upstream: Carrier, http2: bool) -> End {
        if let Err(error) = self.meet(upstream, (Speech::Http, Alpn::Http1), None).await {
            tracing::debug!(%error, "the first request will connect by itself");
        }
        let inside = self.inside(None, Speech::Http, Alpn::Http1, None);
        let (proxy, ingress) = (Arc::clone(self.proxy), self.within(inside));
        if http2 {
            connection::serve_2(proxy, client, ingress).await;
        } else {
            connection::serve_1(proxy, client, ingress).await;
        }
        End::Closed
    }

    /// Meets the destination, then the client, and serves what is asked. Whatever is wrong with
    /// the destination is told to the client inside, where it can be read.
    async fn secure<S: Io>(
        &self,
        client: Rewound<S>,
        upstream: Carrier,
        hello: &Hello,
        signer: &Authority,
    ) -> End {
        let wanted = if hello.offers(b"h2") { Alpn::Http2 } else { Alpn::Http1 };
        let (http2, trouble) = match self.meet(upstream, (Speech::Https, wanted), Some(hello)).await
        {
            Ok(http2) => (http2, None),
            Err(Error::Failed(failed)) => (false, Some(failed)),
            Err(Error::Refused(_)) => (false, None),
        };
        // A client that speaks HTTP/2 alone is served, whatever the destination speaks.
        let http2 = http2 || (wanted == Alpn::Http2 && !hello.offers(b"http/1.1"));
        let offered = if http2 { Alpn::Http2 } else { Alpn::Http1 };
        let inside = self.inside(Some(hello), Speech::Https, wanted, trouble);
        let met = self.greet(client, hello, (signer, offered)).await;
        let result = match &met {
            Ok(_) => "opened",
            Err(End::Unsigned(_)) => "unsigned",
            Err(_) => "unbelieved",
        };
        Event::Intercepted(result).record(&self.proxy.metrics);
        match met {
            Ok(stream) => self.serve(stream, inside).await,
            Err(end) => end,
        }
    }

    /// Meets the client alone, to tell it why nothing comes of it.
    async fn refuse<S: Io>(
        &self,
        client: Rewound<S>,
        hello: &Hello,
        signer: &Authority,
        why: Box<Failed>,
    ) -> End {
        let offered = if hello.offers(b"http/1.1") { Alpn::Http1 } else { Alpn::Http2 };
        let inside = self.inside(Some(hello), Speech::Https, offered, Some(why));
        match self.greet(client, hello, (signer, offered)).await {
            Ok(stream) => self.serve(stream, inside).await,
            Err(end) => end,
        }
    }

    /// Handshakes with the client by a certificate of our own.
    async fn greet<S: Io>(
        &self,
        client: Rewound<S>,
        hello: &Hello,
        (signer, offered): (&Authority, Alpn),
    ) -> Result<TlsStream<Rewound<S>>, End> {
        let name = hello.name.as_ref().unwrap_or(&self.standing.authority.host);
        let config = signer.server_config(name, offered).await.map_err(End::Unsigned)?;
        self.accept(client, config, name).await.map_err(End::Unbelieved)
    }

    async fn serve<S: Io>(&self, stream: TlsStream<Rewound<S>>, inside: Inside) -> End {
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let (proxy, ingress) = (Arc::clone(self.proxy), self.within(inside));
        if http2 {
            connection::serve_2(proxy, stream, ingress).await;
        } else {
            connection::serve_1(proxy, stream, ingress).await;
        }
        End::Closed
    }

    async fn accept<S: Io>(
        &self,
        client: Rewound<S>,
        config: Arc<ServerConfig>,
        name: &Host,
    ) -> std::io::Result<TlsStream<Rewound<S>>> {
        let accepted = TlsAcceptor::from(config).accept(client);
        let accepted = timeout(self.proxy.settings.head_timeout, accepted).await;
        let accepted = accepted.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
        if let Err(error) = &accepted {
            self.proxy.disbelief.note(self.proxy, self.ingress.client.ip(), name, error);
        }
        accepted
    }

    /// Handshakes with the destination on the connected socket, and lets the connection wait
    /// for the first request. Says whether HTTP/2 is spoken there.
    async fn meet(
        &self,
        upstream: Carrier,
        (scheme, alpn): (Speech, Alpn),
        hello: Option<&Hello>,
    ) -> Result<bool, Error> {
        let authority = self.authority(hello);
        let target = Target { authority, scheme, alpn };
        let key = target.key(&self.standing.permit, &self.proxy.active());
        let lease = self.proxy.upstream.agree(upstream, &self.standing.permit, key).await?;
        let http2 = lease.link.sender.is_shared();
        lease.rest();
        Ok(http2)
    }

    /// Where the tunnel leads. A client that resolves names itself asks for an address, and says
    /// inside which host it means.
    fn authority(&self, hello: Option<&Hello>) -> net::Authority {
        let standing = &self.standing.authority;
        let named = hello.and_then(|hello| hello.name.clone());
        match (&standing.host, named) {
            (Host::Address(_), Some(host)) => net::Authority { host, port: standing.port },
            (Host::Address(_) | Host::Name(_), _) => standing.clone(),
        }
    }

    /// What is asked inside goes to the address that the client asked for, if it asked for one,
    /// and the host that it means must have that address.
    fn within(&self, inside: Inside) -> Arc<Ingress> {
        let socket = self.standing.permit.socket();
        let by_address = match self.standing.authority.host {
            // Plain HTTP says in each request which host it means.
            Host::Address(address) if inside.speech == Speech::Http => address == socket.ip(),
            Host::Address(_) | Host::Name(_) => {
                inside.authority.host != self.standing.authority.host
            }
        };
        let pinned = by_address.then_some(Pinned { socket, verified: true });
        self.ingress.within(inside, pinned)
    }

    fn inside(
        &self,
        hello: Option<&Hello>,
        speech: Speech,
        alpn: Alpn,
        trouble: Option<Box<Failed>>,
    ) -> Inside {
        Inside {
            authority: self.authority(hello),
            speech,
            alpn,
            statement: self.standing.statement.clone(),
            relaxed: self.proxy.active().opening.relaxes(&self.standing.authority.host),
            trouble,
        }
    }
}

/// Ends TLS that has not begun, with the alert that the name is not served here
/// (RFC 6066 section 3).
async fn refuse_name(mut client: impl Io) {
    const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];
    if let Err(error) = client.write_all(&UNRECOGNIZED_NAME).await {
        tracing::debug!(%error, "the client left before it was told");
    }
}
