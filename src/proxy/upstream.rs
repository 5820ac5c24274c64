//! The only way out: a [`Permit`] is dialled, nothing else can be.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::policy::Permit;
use crate::telemetry::{Event, Metrics, Side};
use crate::tls::{Alpn, Secured, Trust};

use super::carrier::Carrier;
use super::dial::{exchange_failed, is_no_protocol, may_go_again, tls_failed, tls_timeout};
use super::error::Error;
use super::hearing::Hearing;
use super::mark::Mark;
use super::outgoing::Outgoing;
use super::own::Own;
use super::pool::{Key, Lease, Link, Pool};
use super::resolve::Resolver;
use super::sender::{Address, Room, Sender};
use super::settings::Settings;
use super::upgrade::Upgrade;

/// What a stream of HTTP/2 may hold for us unread. The connection as a whole is not limited: it
/// is shared, and clients that read slowly must not stop the others.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// What may be read ahead of an answer over HTTP/1, or wait to go out on a stream of HTTP/2.
const BUFFER: usize = 64 * 1024;

/// How long an HTTP/2 connection in use may be silent before it is asked whether it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Connections to destinations.
#[derive(Debug)]
pub(super) struct Upstream {
    pool: Arc<Pool>,
    parts: Parts,
}

/// What connections are made with.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) trust: Trust,
    pub(super) settings: Settings,
    pub(super) metrics: Arc<Metrics>,
    /// Names of proxies in between.
    pub(super) resolver: Resolver,
    pub(super) own: Own,
    /// Our own mark in `Via`.
    pub(super) via: Mark,
}

/// A connection to a destination that a permit led to, before anything is sent on it.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) lease: Lease,
    pub(super) permit: Permit,
    /// How long connecting took; absent for a pooled connection.
    pub(super) connect: Option<Duration>,
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

/// What came of sending on one connection: the answer, or the request that came back unsent, or
/// may be sent again because the pooled connection had closed.
type Sent = ControlFlow<Answered, Request<Outgoing>>;

impl Upstream {
    pub(super) fn new(parts: Parts) -> Arc<Self> {
        let pool = Pool::new(parts.settings.pool_idle_timeout);
        Arc::new(Self { pool, parts })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    pub(super) fn trust(&self) -> &Trust {
        &self.parts.trust
    }

    pub(super) fn resolver(&self) -> &Resolver {
        &self.parts.resolver
    }

    pub(super) fn own(&self) -> &Own {
        &self.parts.own
    }

    /// Our own mark in `Via`.
    pub(super) fn mark(&self) -> &Mark {
        &self.parts.via
    }

    /// Takes a pooled or makes a new connection to whichever permit answers.
    pub(super) async fn meet(
        self: &Arc<Self>,
        permits: &[Permit],
        key: impl Fn(&Permit) -> Key,
    ) -> Result<Met, Error> {
        for permit in permits {
            if let Some(lease) = self.pool.take(&key(permit)) {
                return Ok(Met { lease, permit: permit.clone(), connect: None });
            }
        }
        Box::pin(self.connect(permits, key)).await
    }

    /// Sends the request on a pooled or a new connection, whichever permit answers.
    /// A request goes out a second time only if no byte of it had left, or if it is
    /// repeatable and the pooled connection was closed while it was on its way.
    pub(super) async fn send(
        self: &Arc<Self>,
        permits: &[Permit],
        key: impl Fn(&Permit) -> Key,
        mut request: Request<Outgoing>,
        address: &Address,
    ) -> Result<Answered, Error> {
        for permit in permits {
            while let Some(lease) = self.pool.take(&key(permit)) {
                let shared = lease.link.sender.is_shared();
                let met = Met { lease, permit: permit.clone(), connect: None };
                match Self::send_on(met, request, address).await? {
                    Sent::Break(answered) => return Ok(answered),
                    Sent::Continue(back) => request = back,
                }
                if shared {
                    // It may live on, and refuse every stream.
                    break;
                }
            }
        }
        let met = Box::pin(self.connect(permits, key)).await?;
        Self::send_once(met, request, address).await
    }

    /// Sends the request on the connection whose certificate was judged, or on another that
    /// shows the same one.
    pub(super) async fn send_to(
        self: &Arc<Self>,
        met: Met,
        request: Request<Outgoing>,
        address: &Address,
    ) -> Result<Answered, Error> {
        let (judged, key, permit) =
            (met.lease.link.certificate.clone(), met.lease.key.clone(), met.permit.clone());
        let pooled = met.connect.is_none();
        let request = match Self::send_on(met, request, address).await? {
            Sent::Break(answered) => return Ok(answered),
            Sent::Continue(request) => request,
        };
        if !pooled {
            return Err(closed_at_once());
        }
        let met = Box::pin(self.connect(&[permit], |_| key.clone())).await?;
        if met.lease.link.certificate != judged {
            return Err(another_certificate());
        }
        Self::send_once(met, request, address).await
    }

    /// Closes what is pooled: the policy has changed.
    pub(super) fn forget(&self) {
        self.pool.clear();
    }

    /// Closes pooled connections that have rested too long.
    pub(super) fn sweep(&self) {
        self.pool.sweep();
    }

    async fn send_on(
        met: Met,
        request: Request<Outgoing>,
        address: &Address,
    ) -> Result<Sent, Error> {
        let Met { mut lease, permit, connect } = met;
        fits(&lease, &request)?;
        let again = repeated(&request).filter(|_| connect.is_none());
        request.body().hand_over(&permit);
        match lease.link.sender.send(request, address).await {
            Ok(response) => Ok(Sent::Break(Answered { response, lease, permit, connect })),
            Err(mut error) => {
                let message = error.take_message();
                let (unsent, error) = (message.is_some(), error.into_error());
                let back = message.or_else(|| again.filter(|_| may_go_again(&error)));
                let back = back.ok_or_else(|| exchange_failed(&error))?;
                back.body().came_back(unsent);
                Ok(Sent::Continue(back))
            }
        }
    }

    async fn send_once(
        met: Met,
        request: Request<Outgoing>,
        address: &Address,
    ) -> Result<Answered, Error> {
        let Met { mut lease, permit, connect } = met;
        fits(&lease, &request)?;
        request.body().hand_over(&permit);
        let sent = lease.link.sender.send(request, address).await;
        let response = sent.map_err(|error| exchange_failed(&error.into_error()))?;
        Ok(Answered { response, lease, permit, connect })
    }

    /// Boxed by its callers: a request on a pooled connection does not carry, nor move, the 8 KiB
    /// of state that a new one takes (moving them was 5 % of the user time of a small request).
    async fn connect(
        self: &Arc<Self>,
        permits: &[Permit],
        key: impl Fn(&Permit) -> Key,
    ) -> Result<Met, Error> {
        let started = Instant::now();
        let (stream, permit) = self.race(permits, |permit| key(permit).egress).await?;
        let lease = self.agree(stream, &permit, key(&permit)).await?;
        Ok(Met { lease, permit, connect: Some(started.elapsed()) })
    }

    /// Makes a connection that requests can be sent on of a socket that is connected to a permit's.
    /// A destination that speaks HTTP/2 alone, and was offered HTTP/1.1 alone since the client knows
    /// no other, is connected to once more.
    pub(super) async fn agree(
        self: &Arc<Self>,
        stream: Carrier,
        permit: &Permit,
        key: Key,
    ) -> Result<Lease, Error> {
        let alpn = key.tls.as_ref().map_or(Alpn::Http1, |(_, alpn)| *alpn);
        match self.handshake(stream, key.clone(), alpn).await {
            Err(error) if is_no_protocol(&error) && alpn == Alpn::Http1 => {}
            agreed => return agreed,
        }
        let way = |_: &Permit| key.egress.clone();
        let (stream, _) = self.race(std::slice::from_ref(permit), way).await?;
        self.handshake(stream, key, Alpn::Http2).await
    }

    async fn handshake(&self, stream: Carrier, key: Key, alpn: Alpn) -> Result<Lease, Error> {
        let Some((host, _)) = &key.tls else {
            let sender = self.speak_1(stream).await?;
            return Ok(self.pool.lease(key, Link { sender, certificate: None, session: None }));
        };
        let secured = self.trust().connect(stream, host, alpn);
        let secured = match timeout(self.settings().connect_timeout, secured).await {
            Err(_) => return Err(tls_timeout(host)),
            Ok(secured) => secured.map_err(|error| tls_failed(&error))?,
        };
        let Secured { stream, certificate, http2, session } = secured;
        let sender = if http2 { self.speak_2(stream).await? } else { self.speak_1(stream).await? };
        let lease = self.pool.lease(key, Link { sender, certificate, session: Some(session) });
        lease.share();
        Ok(lease)
    }

    async fn speak_1<S>(&self, stream: S) -> Result<Sender, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TokioIo::new(Hearing::new(stream));
        let spoken = http1::Builder::new().max_buf_size(BUFFER).handshake(stream).await;
        let (sender, connection) = spoken.map_err(|error| exchange_failed(&error))?;
        self.drive(connection.with_upgrades());
        Ok(Sender::Http1(sender))
    }

    async fn speak_2<S>(&self, stream: S) -> Result<Sender, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let spoken = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(BUFFER)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(self.settings().connect_timeout)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, mut connection) = spoken.map_err(|error| exchange_failed(&error))?;
        let room = Arc::new(Room::default());
        let told = Arc::clone(&room);
        self.drive(poll_fn(move |cx| {
            let ended = Pin::new(&mut connection).poll(cx);
            told.note(connection.current_max_send_streams());
            ended
        }));
        Ok(Sender::Http2(sender, room))
    }

    /// Lets a connection run by itself. Its errors reach whoever waits for the answer.
    fn drive<E: Send>(&self, connection: impl Future<Output = Result<(), E>> + Send + 'static) {
        let metrics = Arc::clone(&self.parts.metrics);
        Event::Connection(Side::Upstream, true).record(&metrics);
        tokio::spawn(async move {
            drop(connection.await);
            Event::Connection(Side::Upstream, false).record(&metrics);
        });
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

/// Whether the connection can carry the request.
fn fits(lease: &Lease, request: &Request<Outgoing>) -> Result<(), Error> {
    if !lease.link.sender.is_shared() || request.extensions().get::<Upgrade>().is_none() {
        return Ok(());
    }
    let text = "the destination speaks HTTP/2 alone, and WebSocket needs HTTP/1.1 there";
    let status = StatusCode::BAD_GATEWAY;
    Err(Error::upstream(status, "tls", "websocket-unsupported", "http_upgrade_failed", text))
}

fn closed_at_once() -> Error {
    let text = "the destination closed the connection as soon as it stood";
    let status = StatusCode::BAD_GATEWAY;
    Error::upstream(status, "response", "answer-cut", "connection_terminated", text)
}

fn another_certificate() -> Error {
    let text = "the destination showed another certificate than the one that was judged";
    let status = StatusCode::BAD_GATEWAY;
    Error::upstream(status, "tls", "tls-certificate-changed", "tls_certificate_error", text)
}
