//! One client connection from accept to close, in HTTP/1 or HTTP/2.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::telemetry::{ClientEvent, Event};

use super::body::Body;
use super::calm::Calm;
use super::guard::{Guard, Timeouts, Wire};
use super::ingress::{Ingress, Io};
use super::streams::Streams;
use super::{Proxy, request};

/// Streams that one HTTP/2 client may have open at a time (RFC 9113 section 6.5.2 advises at
/// least 100).
const STREAMS: u32 = 128;

/// What a client may send ahead of its destination: of one stream, and of all.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// What of an answer may wait for the client, of one stream: its windows may be as large as it
/// likes.
const SEND_BUFFER: usize = 64 * 1024;

/// Streams that the client has reset and that we have not let go of yet; more end the connection
/// (rapid reset, CVE-2023-44487).
const RESET_STREAMS: usize = 32;

/// Streams that we reset for faults of the client; more end the connection.
const FAULTY_STREAMS: usize = 64;

/// How an HTTP/2 connection begins that was not agreed on before (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI";

/// Serves what the client speaks: HTTP/2 with prior knowledge, else HTTP/1.
pub(super) async fn serve(proxy: Arc<Proxy>, stream: TcpStream, ingress: Arc<Ingress>) {
    // The rest of the time for a head begins when the guard has read its first byte.
    let begun = tokio::select! {
        begun = timeout(proxy.settings.idle_timeout, begins_http2(&stream)) => begun,
        // Whoever has not asked for anything yet is not waited for long.
        () = proxy.drain.greeted() => return,
    };
    match begun {
        Ok(true) => serve_2(proxy, stream, ingress).await,
        Ok(false) => serve_1(proxy, stream, ingress).await,
        Err(_) => {}
    }
}

/// Serves the connection's requests one after the other.
pub(super) async fn serve_1<S: Io>(proxy: Arc<Proxy>, stream: S, ingress: Arc<Ingress>) {
    let (guard, wire) = Guard::new(stream, proxy.settings.head, proxy.settings.timeouts());
    let (served, from) = (Arc::clone(&proxy), Arc::clone(&ingress));
    let service = service_fn(move |request: Request<Incoming>| {
        let from = request::Caller { ingress: Arc::clone(&from), wire: Arc::clone(&wire) };
        let (served, is_tunnel) = (Arc::clone(&served), request.method() == Method::CONNECT);
        async move {
            let mut answer = request::serve(Arc::clone(&served), from, request).await?;
            if served.drain.is_draining() && !(is_tunnel && answer.status().is_success()) {
                last(&mut answer);
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .half_close(true)
        .max_headers(proxy.settings.head.headers)
        // hyper must not refuse a head that the guard lets through: nobody would record it.
        .max_buf_size(proxy.settings.head.head + 64 * 1024)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(guard), service)
        .with_upgrades();
    let end = |connection: Pin<&mut http1::UpgradeableConnection<_, _>>| {
        connection.graceful_shutdown();
    };
    run(&proxy, &ingress, connection, end, None).await;
}

/// Serves the connection's streams, each by itself.
pub(super) async fn serve_2<S: Io>(proxy: Arc<Proxy>, stream: S, ingress: Arc<Ingress>) {
    let wire = Wire::unguarded();
    let shared = Arc::clone(&wire);
    let (served, from) = (Arc::clone(&proxy), Arc::clone(&ingress));
    let service = service_fn(move |request| {
        let from = request::Caller { ingress: Arc::clone(&from), wire: Arc::clone(&wire) };
        request::serve(Arc::clone(&served), from, request)
    });
    let head = u32::try_from(proxy.settings.head.head).unwrap_or(u32::MAX);
    let streams = Streams::new(&proxy.drain.tasks, proxy.settings.body_timeout);
    let connection = http2::Builder::new(streams)
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(head)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESET_STREAMS)
        .max_local_error_reset_streams(FAULTY_STREAMS)
        .keep_alive_interval(proxy.settings.idle_timeout)
        .keep_alive_timeout(proxy.settings.head_timeout)
        .enable_connect_protocol()
        .serve_connection(TokioIo::new(Calm::new(stream)), service);
    let end = |connection: Pin<&mut http2::Connection<_, _, _>>| connection.graceful_shutdown();
    run(&proxy, &ingress, connection, end, Some(&shared)).await;
}

/// Says that no request is answered after this one on its connection (RFC 9112 section 9.6).
fn last(answer: &mut Response<Body>) {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Lets a connection run to its end: its own, of the program, or of rest where nobody else looks
/// after that. A client that does not take what it was left is not waited for.
async fn run<C: Future<Output = hyper::Result<()>>>(
    proxy: &Proxy,
    ingress: &Ingress,
    connection: C,
    end: impl Fn(Pin<&mut C>),
    wire: Option<&Wire>,
) {
    let settings = &proxy.settings;
    let stop = async {
        match wire {
            // HTTP/2 says which streams it will still answer.
            Some(_) => proxy.drain.stop.cancelled().await,
            // HTTP/1 can say so in an answer alone.
            None => proxy.drain.greeted().await,
        }
    };
    let rest = async {
        tokio::select! {
            () = idle(wire, settings.idle_timeout) => {}
            () = stop => {}
        }
    };
    tokio::pin!(connection);
    let ended = tokio::select! {
        // A request that is already there comes before the end.
        biased;
        ended = connection.as_mut() => ended,
        () = rest => {
            end(connection.as_mut());
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = proxy.drain.cut.cancelled() => return,
                () = idle(wire, settings.head_timeout) => return,
            }
        }
    };
    let Err(error) = ended else { return };
    let event = match broken(&error) {
        Some(reason) => Event::Client(ClientEvent::Broke(ingress.client, reason)),
        None => Event::ConnectionFailed(ingress.client, &error),
    };
    event.record(&proxy.metrics);
}

/// What an HTTP/2 client was told that we ended the connection for (RFC 9113 section 7). No
/// request can tell of it: it may have come between two, or before the first.
fn broken(error: &hyper::Error) -> Option<&'static str> {
    let error: &h2::Error = std::error::Error::source(error)?.downcast_ref()?;
    let reason = error.reason().filter(|_| error.is_library() && error.is_go_away())?;
    Some(match reason {
        h2::Reason::PROTOCOL_ERROR => "protocol-error",
        h2::Reason::FLOW_CONTROL_ERROR => "flow-control-error",
        h2::Reason::SETTINGS_TIMEOUT => "settings-timeout",
        h2::Reason::STREAM_CLOSED => "stream-closed",
        h2::Reason::FRAME_SIZE_ERROR => "frame-size-error",
        h2::Reason::COMPRESSION_ERROR => "compression-error",
        h2::Reason::ENHANCE_YOUR_CALM => "enhance-your-calm",
        _ => "other",
    })
}

/// Ends when no stream has been open for the limit (and at most twice as long).
async fn idle(wire: Option<&Wire>, limit: Duration) {
    let Some(wire) = wire else { return std::future::pending().await };
    let mut before = None;
    loop {
        sleep(limit).await;
        let rested = wire.rests();
        if rested.is_some() && rested == before {
            return;
        }
        before = rested;
    }
}

/// Looks whether the client begins with the preface of HTTP/2, and leaves the bytes where they
/// are. No method of HTTP/1 begins with its first three octets (RFC 9113 section 3.4).
async fn begins_http2(stream: &TcpStream) -> bool {
    let mut pause = Duration::from_millis(1);
    let mut first = [0; PREFACE.len()];
    loop {
        let seen = stream.peek(&mut first).await.unwrap_or(0);
        let seen = first.get(..seen).unwrap_or_default();
        if seen == PREFACE || seen.is_empty() || !PREFACE.starts_with(seen) {
            return seen == PREFACE;
        }
        // `P` or `PR` alone: the kernel does not tell of the next byte while these wait.
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}

impl super::Settings {
    fn timeouts(&self) -> Timeouts {
        Timeouts {
            idle: self.idle_timeout,
            head: self.head_timeout,
            body: self.body_timeout,
            write: self.body_timeout,
            ..Timeouts::default()
        }
    }
}
