//! The accept loop. It survives what the machine runs out of.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{interval, sleep};

use crate::telemetry::Event;

use super::Proxy;
use super::door::{Door, Listener};
use super::ingress::Slot;

/// How long accepting rests after a failure: long enough for descriptors to come free,
/// short enough that clients do not notice.
const REST: Duration = Duration::from_millis(50);

/// Accepts connections until the drain begins. The caller then waits for
/// [`super::Drain::finish`].
pub async fn run(socket: TcpListener, listener: Listener, proxy: Arc<Proxy>) {
    let door = Arc::new(Door::new(listener));
    let stop = proxy.drain.stop.clone();
    // The drain ends no sooner than this loop, which may have just accepted somebody.
    let _accepting = proxy.drain.tasks.token();
    let mut sweep = interval(proxy.settings.pool_idle_timeout / 2);
    loop {
        let accepted = loop {
            tokio::select! {
                accepted = socket.accept() => break accepted,
                _ = sweep.tick() => proxy.upstream.sweep(),
                () = stop.cancelled() => return,
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                // Beyond the limit, which all listeners share, one client waits here and others
                // in the kernel's backlog, instead of being refused.
                let permit = tokio::select! {
                    // What has been accepted is served, also where the drain begins right now.
                    biased;
                    permit = Arc::clone(&proxy.room).acquire_owned() => permit,
                    () = stop.cancelled() => return,
                };
                let slot = Slot::new(&proxy.metrics, permit.expect("nobody closes the semaphore"));
                let entering = Arc::clone(&door).enter(Arc::clone(&proxy), stream, peer, slot);
                proxy.drain.tasks.spawn(entering);
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
