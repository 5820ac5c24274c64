//! One client connection from accept to close.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use crate::telemetry::{Event, Metrics, Side};

use super::guard::{Guard, Timeouts};
use super::{Proxy, request};

/// Serves the connection's requests one after the other.
pub(super) async fn serve(
    proxy: Arc<Proxy>,
    stream: TcpStream,
    client: SocketAddr,
    slot: Arc<Slot>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
    let (guard, wire) = Guard::new(stream, proxy.settings.head, proxy.settings.timeouts());
    let served = Arc::clone(&proxy);
    let service = service_fn(move |request| {
        let from = request::Caller { client, wire: Arc::clone(&wire), slot: Arc::clone(&slot) };
        request::serve(Arc::clone(&served), from, request)
    });
    let connection = http1::Builder::new()
        .half_close(true)
        .max_headers(proxy.settings.head.headers)
        // hyper must not refuse a head that the guard lets through: nobody would record it.
        .max_buf_size(proxy.settings.head.head + 64 * 1024)
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

/// One of the client connections that the limit counts; a tunnel keeps the slot of the
/// connection that it came from.
#[derive(Debug)]
pub(super) struct Slot {
    metrics: Arc<Metrics>,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    pub(super) fn new(metrics: &Arc<Metrics>, permit: OwnedSemaphorePermit) -> Arc<Self> {
        Event::Connection(Side::Client, true).record(metrics);
        Arc::new(Self { metrics: Arc::clone(metrics), _permit: permit })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        Event::Connection(Side::Client, false).record(&self.metrics);
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
