//! How a running proxy comes to rest: first nothing new begins, then what runs may
//! finish, then what is left is cut.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a client that has connected may take to ask for something, or for something more, once the
/// drain has begun: its request is on the way, and who waits on a socket that is handed over must not
/// be turned away. A request that meets a closed connection may be repeated only if that does no harm
/// (RFC 9110 section 9.2.2), so that a `POST` would be lost.
const GREETING: Duration = Duration::from_secs(1);

/// The two signals, and the tasks that wait for them.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    /// Set: accept nothing new, end each connection after its present request.
    pub(super) stop: CancellationToken,
    /// Set: the time is up.
    pub(super) cut: CancellationToken,
    /// Connections and tunnels.
    pub(super) tasks: TaskTracker,
}

impl Drain {
    /// Asks everything to stop, waits, and cuts what still runs at the end. Returns how
    /// many connections and tunnels were cut.
    pub async fn finish(&self, timeout: Duration) -> usize {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(timeout, self.tasks.wait()).await.is_ok() {
            return 0;
        }
        let left = self.tasks.len();
        self.cut.cancel();
        self.tasks.wait().await;
        left
    }

    /// Ends when whoever has not asked for anything yet is no longer waited for.
    pub(super) async fn greeted(&self) {
        self.stop.cancelled().await;
        tokio::select! {
            () = sleep(GREETING) => {}
            () = self.cut.cancelled() => {}
        }
    }

    /// Whether the time is up.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_cancelled()
    }

    /// Whether nothing new is accepted.
    pub fn is_draining(&self) -> bool {
        self.stop.is_cancelled()
    }
}
