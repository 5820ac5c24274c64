//! An origin that speaks HTTP/2 over TLS, and HTTP/1.1 where a client wants that.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::wait_for;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) version: Version,
    pub(crate) method: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The origin; its threads end with the process.
#[derive(Clone, Debug)]
pub(crate) struct H2Origin {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl H2Origin {
    /// Answers every request with its own body, and a trailer `x-digest: end`.
    pub(crate) fn echo(ip: &str, config: &ServerConfig, protocols: &[&str]) -> Self {
        let mut config = config.clone();
        config.alpn_protocols = protocols.iter().map(|one| one.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((ip, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        std::thread::spawn(move || runtime.block_on(serve(&listener, &acceptor, &noted)));
        Self { address, seen }
    }

    /// Waits for the request with this number, from 0.
    #[track_caller]
    pub(crate) fn request(&self, number: usize) -> Seen {
        wait_for("a request at the origin", || self.seen.lock().unwrap().get(number).cloned())
    }
}

async fn serve(listener: &TcpListener, acceptor: &TlsAcceptor, seen: &Arc<Mutex<Vec<Seen>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(seen));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = service_fn(move |request| answer(request, Arc::clone(&seen)));
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

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Echoed>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(collected) = body.collect().await else {
        return Ok(Response::new(Echoed { data: None, trailers: None }));
    };
    let body = collected.to_bytes();
    seen.lock().unwrap().push(Seen {
        version: head.version,
        method: head.method.to_string(),
        headers: head.headers,
        body: body.to_vec(),
    });
    let mut end = HeaderMap::new();
    end.insert("x-digest", "end".parse().unwrap());
    let response = Response::builder().header("trailer", "x-digest");
    Ok(response.body(Echoed { data: Some(body), trailers: Some(end) }).unwrap())
}

/// A body, and a trailer behind it.
#[derive(Debug)]
struct Echoed {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Body for Echoed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.data.take().map(Frame::data);
        let frame = data.or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }
}
