//! Floor 7: the admin listener: what operators, their browsers and programs ask. `table` has every
//! path, `openapi.json` describes them; `GET /` tells the table.

mod decisions;
mod desk;
mod expiry;
mod history;
mod journal;
mod level;
mod meters;
mod params;
mod policy;
mod rates;
mod reply;
mod role;
mod routes;
mod state;
mod status;
mod table;
mod totals;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::sleep;

pub use history::History;
pub use level::{Level, Levels};
pub use role::Role;
pub use state::{Admin, Draft, Parts, Store};

/// The description of the interface (OpenAPI 3.1).
const DESCRIPTION: &str = include_str!("openapi.json");

/// Someone asks to read the configuration again.
#[derive(Debug)]
pub struct Reload {
    /// Takes the digest of what is in force then, or every mistake.
    pub done: oneshot::Sender<Result<String, String>>,
}

/// Serves operators until the program ends.
pub async fn run(listener: TcpListener, admin: Arc<Admin>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: those of ended connections come free shortly.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let admin = Arc::clone(&admin);
        tokio::spawn(async move {
            let service = service_fn(|request| routes::answer(&admin, request));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
            let served = server.serve_connection(TokioIo::new(stream), service).await;
            if let Err(error) = served {
                tracing::debug!(%error, "admin connection ended");
            }
        });
    }
}
