//! A server with a guard before it, and a client that speaks raw bytes.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use borderpost::proxy::guard::{self, Guard, InFlight, Informer, Timeouts, Wire};
use borderpost::proxy::wire::{Fault, Limits};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// The server's end, as a test sees it.
pub(crate) struct Served {
    shared: Arc<Shared>,
    ended: watch::Receiver<bool>,
}

struct Shared {
    wire: Arc<Wire>,
    gate: Notify,
    paths: Mutex<Vec<String>>,
    informer: Mutex<Option<Informer>>,
    discord: Mutex<Option<String>>,
}

impl Served {
    pub(crate) fn wire(&self) -> &Wire {
        &self.shared.wire
    }

    /// Lets one request that waits go on.
    pub(crate) fn release(&self) {
        self.shared.gate.notify_one();
    }

    /// Sends early hints for the request that waits.
    pub(crate) fn hint(&self) {
        let informer = self.shared.informer.lock().unwrap().clone();
        assert!(informer.unwrap().inform(StatusCode::EARLY_HINTS, &HeaderMap::new()));
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.shared.paths.lock().unwrap().clone()
    }

    /// Lets the server's task run until it has nothing to do.
    pub(crate) async fn settle(&self) {
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }

    /// Waits for the end of the connection.
    pub(crate) async fn ended(self) {
        self.finish().await;
    }

    /// Waits for the end of the connection; returns what the server found wrong that the guard
    /// had let through, and how many requests it served.
    pub(crate) async fn finish(mut self) -> (Option<String>, usize) {
        self.ended.wait_for(|ended| *ended).await.unwrap();
        let discord = self.shared.discord.lock().unwrap().clone();
        (discord, self.paths().len())
    }
}

/// Starts a server on an in-memory pipe.
pub(crate) fn start() -> (Client<DuplexStream>, Served) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    (Client::new(near), serve(far, Timeouts::default()))
}

/// Starts a server on loopback.
pub(crate) async fn start_tcp(timeouts: Timeouts) -> (TcpStream, Served) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    (near, serve(far, timeouts))
}

fn serve<S>(io: S, timeouts: Timeouts) -> Served
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (guard, wire) = Guard::new(io, Limits::default(), timeouts);
    let shared = Arc::new(Shared {
        wire,
        gate: Notify::new(),
        paths: Mutex::default(),
        informer: Mutex::default(),
        discord: Mutex::default(),
    });
    let (send, ended) = watch::channel(false);
    let served = Served { shared: Arc::clone(&shared), ended };
    tokio::spawn(async move {
        let notes = Arc::clone(&shared);
        let service = service_fn(move |request| answer::<S>(Arc::clone(&shared), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(guard), service);
        // A client that breaks off is an error to hyper and none to these tests.
        if let Err(error) = connection.with_upgrades().await
            && error.is_parse()
        {
            *notes.discord.lock().unwrap() = Some(format!("{error:?}"));
        }
        send.send_replace(true);
    });
    served
}

async fn answer<S>(
    shared: Arc<Shared>,
    mut request: Request<Incoming>,
) -> Result<Response<Kept>, Infallible>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let in_flight = match shared.wire.next_request() {
        Ok(in_flight) => in_flight,
        Err(refusal) => {
            let kind = refusal.fault.kind();
            return Ok(reply(kind.status(), kind.code().into(), None));
        }
    };
    shared.paths.lock().unwrap().push(request.uri().path().to_owned());
    if request.method() == Method::CONNECT {
        if request.uri().host() == Some("denied") {
            return Ok(reply(StatusCode::FORBIDDEN, Bytes::new(), Some(in_flight.answer())));
        }
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(echo_tunnel::<S>(upgrade));
        return Ok(reply(StatusCode::OK, Bytes::new(), Some(in_flight.tunnel())));
    }
    let (status, body) = page(&shared, request, &in_flight).await;
    Ok(reply(status, body, Some(in_flight.answer())))
}

async fn page(
    shared: &Shared,
    request: Request<Incoming>,
    in_flight: &InFlight,
) -> (StatusCode, Bytes) {
    match request.uri().path() {
        "/wait" => {
            shared.gate.notified().await;
            (StatusCode::OK, "waited".into())
        }
        "/hint" => {
            let informer = in_flight.informer();
            let mut headers = HeaderMap::new();
            headers.insert("link", HeaderValue::from_static("</x>"));
            let taken = informer.inform(StatusCode::EARLY_HINTS, &headers);
            assert_eq!(taken, request.version() == http::Version::HTTP_11);
            *shared.informer.lock().unwrap() = Some(informer);
            shared.gate.notified().await;
            (StatusCode::OK, "hinted".into())
        }
        "/deny" => (StatusCode::FORBIDDEN, Bytes::new()),
        "/big" => (StatusCode::OK, vec![b'x'; 1 << 20].into()),
        _ => match request.into_body().collect().await {
            Ok(body) => (StatusCode::OK, body.to_bytes()),
            Err(error) => {
                if let Some(fault) = fault_in(&error) {
                    return (fault.kind().status(), fault.kind().code().into());
                }
                *shared.discord.lock().unwrap() = Some(format!("{error:?}"));
                (StatusCode::BAD_REQUEST, Bytes::new())
            }
        },
    }
}

/// Finds the guard's fault in a body error.
fn fault_in(error: &(dyn Error + 'static)) -> Option<Fault> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && let Some(fault) = io.get_ref().and_then(|inner| inner.downcast_ref::<Fault>())
        {
            return Some(*fault);
        }
        next = error.source();
    }
    None
}

async fn echo_tunnel<S>(upgrade: hyper::upgrade::OnUpgrade)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upgraded = upgrade.await.unwrap();
    let parts = upgraded.downcast::<TokioIo<Guard<S>>>().unwrap();
    let (mut io, held) = parts.io.into_inner().into_parts();
    io.write_all(&parts.read_buf).await.unwrap();
    io.write_all(&held).await.unwrap();
    let (mut read, mut write) = tokio::io::split(io);
    drop(tokio::io::copy(&mut read, &mut write).await);
}

fn reply(status: StatusCode, body: Bytes, served: Option<guard::Served>) -> Response<Kept> {
    let mut response = Response::new(Kept { body: Full::new(body), _served: served });
    *response.status_mut() = status;
    response
}

/// A body that keeps its request in flight until it is sent.
pub(crate) struct Kept {
    body: Full<Bytes>,
    _served: Option<guard::Served>,
}

impl Body for Kept {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Writes a request.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

/// A client that speaks raw bytes.
pub(crate) struct Client<S> {
    io: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(io: S) -> Self {
        Self { io, read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    /// Reads a response head; returns its status and its text.
    pub(crate) async fn head(&mut self) -> (u16, String) {
        loop {
            if let Some(end) = memchr::memmem::find(&self.read, b"\r\n\r\n") {
                let head: Vec<u8> = self.read.drain(..end + 4).collect();
                let head = String::from_utf8(head).unwrap();
                return (head.get(9..12).unwrap().parse().unwrap(), head);
            }
            assert!(self.fill().await > 0, "closed before a response head");
        }
    }

    /// Reads a whole response; returns its status and body.
    pub(crate) async fn answer(&mut self) -> (u16, String) {
        let (status, head) = self.head().await;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body = self.bytes(length.unwrap().parse().unwrap()).await;
        (status, String::from_utf8(body).unwrap())
    }

    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert!(self.fill().await > 0, "closed before {count} bytes");
        }
        self.read.drain(..count).collect()
    }

    /// Waits for a clean end of the connection; says whether nothing came before it.
    pub(crate) async fn closed(&mut self) -> bool {
        self.read.is_empty() && self.fill().await == 0
    }

    /// Says whether no answer waits to be read.
    pub(crate) fn nothing_yet(&mut self) -> bool {
        let mut read = std::pin::pin!(self.io.read_buf(&mut self.read));
        read.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_pending()
    }

    async fn fill(&mut self) -> usize {
        self.io.read_buf(&mut self.read).await.unwrap()
    }
}
