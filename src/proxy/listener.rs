//! The accept loop. It survives what the machine runs out of.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{interval, sleep};

use crate::telemetry::Event;

use super::Proxy;
use super::connection;
use super::ingress::{Ingress, Slot};

/// How long accepting rests after a failure: long enough for descriptors to come free,
/// short enough that clients do not notice.
const REST: Duration = Duration::from_millis(50);

/// Accepts connections until the drain begins. The caller then waits for
/// [`super::Drain::finish`].
pub async fn run(listener: TcpListener, proxy: Arc<Proxy>) {
    let room = Arc::new(Semaphore::new(proxy.settings.connections));
    let stop = proxy.drain.stop.clone();
    let mut sweep = interval(proxy.settings.pool_idle_timeout / 2);
    loop {
        // Beyond the limit, clients wait in the kernel's backlog instead of being refused.
        let permit = tokio::select! {
            permit = Arc::clone(&room).acquire_owned() => permit.expect("nobody closes the semaphore"),
            () = stop.cancelled() => return,
        };
        let accepted = loop {
            tokio::select! {
                accepted = listener.accept() => break accepted,
                _ = sweep.tick() => proxy.upstream.sweep(),
                () = stop.cancelled() => return,
            }
        };
        match accepted {
            Ok((stream, client)) => {
                let slot = Slot::new(&proxy.metrics, permit);
                let ingress = Arc::new(Ingress { client, principal: None, inside: None, slot });
                let served = connection::serve(Arc::clone(&proxy), stream, ingress);
                proxy.drain.tasks.spawn(served);
            }
            Err(error) => {
                Event::AcceptFailed(&error).record(&proxy.metrics);
                // A client that hung up while it waited costs no rest.
                if error.kind() != std::io::ErrorKind::ConnectionAborted {
                    sleep(REST).await;
                }
            }
        }
    }
}
