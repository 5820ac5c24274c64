//! Floor 7: the admin listener.
//!
//! | method | path | answer |
//! | --- | --- | --- |
//! | GET | `/` | this table |
//! | GET | `/ca.pem` | the roots that clients have to trust; 404 without an authority |
//! | GET | `/ca-bundle.pem` | the platform's roots and ours |
//! | GET | `/livez` | 200 while the program runs |
//! | GET | `/metrics` | OpenMetrics text where it is asked for, else that of Prometheus 0.0.4 |
//! | GET | `/proxy.pac` | the PAC file that names this proxy |
//! | GET | `/readyz` | 200 when requests are served and recorded, else 503 and why |
//! | GET | `/api/v1/holds` | what waits for a person, `?state=open` only what is open |
//! | POST | `/api/v1/holds/ID/approve` | lets it pass: `{by, reason, expires}` |
//! | POST | `/api/v1/holds/ID/deny` | does not: `{by, reason}` |
//! | POST | `/api/v1/reload` | reads the configuration again; 200, or 422 and every mistake |
//! | GET | `/api/v1/reports` | candidates for reports, `?state=open` only what is open |
//! | POST | `/api/v1/reports/ID/close` | ends one: `{by, outcome, note, evidence}` |

mod desk;
mod expiry;
mod routes;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::proxy::Proxy;

/// Someone asks to read the configuration again.
#[derive(Debug)]
pub struct Reload {
    /// Takes the digest of what is in force then, or every mistake.
    pub done: oneshot::Sender<Result<String, String>>,
}

/// Serves operators until the program ends.
pub async fn run(listener: TcpListener, proxy: Arc<Proxy>, reloads: mpsc::Sender<Reload>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: those of ended connections come free shortly.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (proxy, reloads) = (Arc::clone(&proxy), reloads.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| routes::answer(&proxy, &reloads, request));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
            let served = server.serve_connection(TokioIo::new(stream), service).await;
            if let Err(error) = served {
                tracing::debug!(%error, "admin connection ended");
            }
        });
    }
}
