//! One client connection from accept to close.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::telemetry::{Event, Side};

use super::guard::{Guard, Timeouts};
use super::{Proxy, request};

/// Serves the connection's requests one after the other.
pub(super) async fn serve(proxy: Arc<Proxy>, stream: TcpStream, client: SocketAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
    let _open = Open::new(&proxy);
    let (guard, wire) = Guard::new(stream, proxy.settings.head, proxy.settings.timeouts());
    let served = Arc::clone(&proxy);
    let service = service_fn(move |request| {
        request::serve(Arc::clone(&served), client, Arc::clone(&wire), request)
    });
    let connection = http1::Builder::new()
        .half_close(true)
        .max_headers(proxy.settings.head.headers)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(guard), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = proxy.drain.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = proxy.drain.cut.cancelled() => return,
            }
        }
    };
    if let Err(error) = ended {
        Event::ConnectionFailed(client, &error).record(&proxy.metrics);
    }
}

/// Counts the connection as long as it lives.
struct Open<'p>(&'p Proxy);

impl<'p> Open<'p> {
    fn new(proxy: &'p Proxy) -> Self {
        Event::Connection(Side::Client, true).record(&proxy.metrics);
        Self(proxy)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        Event::Connection(Side::Client, false).record(&self.0.metrics);
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
