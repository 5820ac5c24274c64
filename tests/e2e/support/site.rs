//! An origin for real programs: HTTP/1.1 and HTTP/2 over TLS, and bodies that stream.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// What is answered with.
pub(crate) type Flow = UnsyncBoxBody<Bytes, Infallible>;

/// An answer on its way.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response<Flow>> + Send>>;

type Script = dyn Fn(Request<Incoming>) -> Answer + Send + Sync;

/// The head of a request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) version: Version,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

/// The origin; its threads end with the process.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    visits: Arc<Mutex<Vec<Visit>>>,
}

/// Both versions, the better one first.
pub(crate) const BOTH: &[&str] = &["h2", "http/1.1"];

impl Site {
    /// Calls `script` for every request.
    pub(crate) fn start(
        ip: &str,
        config: &ServerConfig,
        protocols: &[&str],
        script: impl Fn(Request<Incoming>) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let mut config = config.clone();
        config.alpn_protocols = protocols.iter().map(|one| one.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((ip, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let visits = Arc::new(Mutex::new(Vec::new()));
        let (noted, script): (_, Arc<Script>) = (Arc::clone(&visits), Arc::new(script));
        std::thread::spawn(move || runtime.block_on(serve(&listener, &acceptor, &noted, &script)));
        Self { address, visits }
    }

    /// The requests so far.
    pub(crate) fn visits(&self) -> Vec<Visit> {
        self.visits.lock().unwrap().clone()
    }
}

async fn serve(
    listener: &TcpListener,
    acceptor: &TlsAcceptor,
    visits: &Arc<Mutex<Vec<Visit>>>,
    script: &Arc<Script>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, visits, script) = (acceptor.clone(), Arc::clone(visits), Arc::clone(script));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = service_fn(move |request: Request<Incoming>| {
                visits.lock().unwrap().push(Visit::of(&request));
                let answer = script(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let stream = TokioIo::new(stream);
            if http2 {
                let builder = http2::Builder::new(TokioExecutor::new());
                drop(builder.serve_connection(stream, service).await);
            } else {
                drop(http1::Builder::new().serve_connection(stream, service).await);
            }
        });
    }
}

impl Visit {
    fn of(request: &Request<Incoming>) -> Self {
        Self {
            version: request.version(),
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            headers: request.headers().clone(),
        }
    }
}

/// A body that is there as a whole.
pub(crate) fn whole(body: impl Into<Bytes>) -> Flow {
    Full::new(body.into()).boxed_unsync()
}

/// An answer of one type.
pub(crate) fn answer(status: u16, kind: &str, body: Flow) -> Response<Flow> {
    let builder = Response::builder().status(status).header("content-type", kind);
    builder.body(body).unwrap()
}

/// A body of what is sent into the channel; it ends when the sender goes.
pub(crate) fn flowing() -> (mpsc::Sender<Bytes>, Flow) {
    let (sender, receiver) = mpsc::channel(4);
    (sender, Flowing(receiver).boxed_unsync())
}

struct Flowing(mpsc::Receiver<Bytes>);

impl Body for Flowing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
