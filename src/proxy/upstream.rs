//! The only way out: a [`Permit`] is dialled, nothing else can be.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::net::Host;
use crate::policy::Permit;
use crate::telemetry::{Event, Metrics, Side};
use crate::tls::{Trust, TrustError};

use super::error::Error;
use super::outgoing::Outgoing;
use super::pool::{Key, Lease, Pool};
use super::settings::Settings;

/// Connections to destinations.
#[derive(Debug)]
pub(super) struct Upstream {
    pool: Arc<Pool>,
    trust: Trust,
    settings: Settings,
    metrics: Arc<Metrics>,
}

/// An answer's head, and the connection that its body still comes on.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) response: Response<Incoming>,
    pub(super) lease: Lease,
    pub(super) permit: Permit,
    /// How long connecting took; absent for a pooled connection.
    pub(super) connect: Option<Duration>,
}

impl Upstream {
    pub(super) fn new(trust: Trust, settings: Settings, metrics: Arc<Metrics>) -> Arc<Self> {
        let pool = Pool::new(settings.pool_idle_timeout);
        Arc::new(Self { pool, trust, settings, metrics })
    }

    /// Connects to the permit's socket, and makes sure that it is the one.
    pub(super) async fn dial(&self, permit: &Permit) -> Result<TcpStream, Error> {
        let socket = permit.socket();
        let dialled = timeout(self.settings.connect_timeout, TcpStream::connect(socket)).await;
        let stream = match dialled {
            Err(_) => return Err(connect_timeout(permit)),
            Ok(Err(error)) => return Err(connect_failed(permit, &error)),
            Ok(Ok(stream)) => stream,
        };
        match stream.peer_addr() {
            Ok(peer) if peer == socket => {}
            Ok(peer) => {
                let text = format!("asked for {socket} but was connected to {peer}");
                return Err(failed(
                    StatusCode::BAD_GATEWAY,
                    "peer-mismatch",
                    "destination_ip_prohibited",
                    text,
                ));
            }
            Err(error) => return Err(connect_failed(permit, &error)),
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
        Ok(stream)
    }

    /// Sends the request on a pooled or a new connection, whichever permit answers.
    /// A request goes out a second time only if no byte of it had left, or if it is
    /// repeatable and the pooled connection was closed while it was on its way.
    pub(super) async fn send(
        self: &Arc<Self>,
        permits: &[Permit],
        key: impl Fn(&Permit) -> Key,
        mut request: Request<Outgoing>,
    ) -> Result<Answered, Error> {
        for permit in permits {
            while let Some(mut lease) = self.pool.take(&key(permit)) {
                let again = repeated(&request);
                request.body().hand_over(true);
                match lease.sender.try_send_request(request).await {
                    Ok(response) => {
                        return Ok(Answered {
                            response,
                            lease,
                            permit: permit.clone(),
                            connect: None,
                        });
                    }
                    Err(mut error) => {
                        let message = error.take_message();
                        let (unsent, error) = (message.is_some(), error.into_error());
                        match message.or_else(|| again.filter(|_| !error.is_parse())) {
                            Some(unanswered) => {
                                request = unanswered;
                                request.body().hand_over(!unsent);
                            }
                            None => return Err(exchange_failed(&error)),
                        }
                    }
                }
            }
        }
        let started = Instant::now();
        let (stream, permit) = self.race(permits).await?;
        let mut lease = self.handshake(stream, key(&permit)).await?;
        let connect = Some(started.elapsed());
        request.body().hand_over(true);
        let sent = lease.sender.try_send_request(request).await;
        let response = sent.map_err(|error| exchange_failed(&error.into_error()))?;
        Ok(Answered { response, lease, permit, connect })
    }

    /// Closes what is pooled: the policy has changed.
    pub(super) fn forget(&self) {
        self.pool.clear();
    }

    /// Closes pooled connections that have rested too long.
    pub(super) fn sweep(&self) {
        self.pool.sweep();
    }

    async fn handshake(&self, stream: TcpStream, key: Key) -> Result<Lease, Error> {
        let Some(host) = &key.tls else { return self.speak(stream, key).await };
        let secured =
            timeout(self.settings.connect_timeout, self.trust.connect(stream, host)).await;
        match secured {
            Err(_) => Err(tls_timeout(host)),
            Ok(Err(error)) => Err(tls_failed(&error)),
            Ok(Ok(stream)) => self.speak(stream, key).await,
        }
    }

    async fn speak<S>(&self, stream: S, key: Key) -> Result<Lease, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let spoken = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (sender, connection) = spoken.map_err(|error| exchange_failed(&error))?;
        let metrics = Arc::clone(&self.metrics);
        Event::Connection(Side::Upstream, true).record(&metrics);
        tokio::spawn(async move {
            // Its errors reach whoever waits for the answer.
            drop(connection.await);
            Event::Connection(Side::Upstream, false).record(&metrics);
        });
        Ok(self.pool.lease(key, sender))
    }
}

/// A copy of a request that may be sent again when a connection that had rested turns out to
/// be closed: idempotent, and without a body (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
fn repeated(request: &Request<Outgoing>) -> Option<Request<Outgoing>> {
    let body = Some(request).filter(|r| r.method().is_idempotent())?.body().again()?;
    let mut again = Request::new(body);
    again.method_mut().clone_from(request.method());
    again.uri_mut().clone_from(request.uri());
    *again.version_mut() = request.version();
    again.headers_mut().clone_from(request.headers());
    again.extensions_mut().clone_from(request.extensions());
    Some(again)
}

fn connect_timeout(permit: &Permit) -> Error {
    let text = format!("{} did not answer the connection in time", permit.socket());
    failed(StatusCode::GATEWAY_TIMEOUT, "connect-timeout", "connection_timeout", text)
}

fn connect_failed(permit: &Permit, error: &io::Error) -> Error {
    let socket = permit.socket();
    let kind = error.kind();
    if kind == io::ErrorKind::TimedOut {
        return connect_timeout(permit);
    }
    let unreachable = [io::ErrorKind::HostUnreachable, io::ErrorKind::NetworkUnreachable];
    let (code, proxy_status, text) = if kind == io::ErrorKind::ConnectionRefused {
        ("connect-refused", "connection_refused", format!("{socket} refuses connections"))
    } else if unreachable.contains(&kind) {
        ("connect-unreachable", "destination_ip_unroutable", format!("no route to {socket}"))
    } else {
        let text = format!("could not connect to {socket}: {error}");
        ("connect-failed", "connection_terminated", text)
    };
    failed(StatusCode::BAD_GATEWAY, code, proxy_status, text)
}

fn failed(
    status: StatusCode,
    code: &'static str,
    proxy_status: &'static str,
    text: String,
) -> Error {
    Error::upstream(status, "connect", code, proxy_status, text)
}

fn tls_timeout(host: &Host) -> Error {
    let text = format!("{host} did not finish the TLS handshake in time");
    Error::upstream(StatusCode::GATEWAY_TIMEOUT, "tls", "tls-timeout", "connection_timeout", text)
}

fn tls_failed(error: &TrustError) -> Error {
    let (code, proxy_status) = match error {
        TrustError::Handshake { source, .. } if is_certificate(source) => {
            ("tls-certificate", "tls_certificate_error")
        }
        TrustError::Handshake { .. } | TrustError::Name(_) | TrustError::Roots { .. } => {
            ("tls-failed", "tls_protocol_error")
        }
    };
    Error::upstream(StatusCode::BAD_GATEWAY, "tls", code, proxy_status, error.to_string())
}

fn is_certificate(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}

/// An exchange that broke off before the answer's head.
fn exchange_failed(error: &hyper::Error) -> Error {
    let because =
        std::error::Error::source(error).map_or(String::new(), |source| format!(": {source}"));
    let text = format!("the destination's answer could not be read: {error}{because}");
    let (code, proxy_status) = if error.is_parse() {
        ("answer-malformed", "http_protocol_error")
    } else {
        ("answer-cut", "connection_terminated")
    };
    Error::upstream(StatusCode::BAD_GATEWAY, "response", code, proxy_status, text)
}
