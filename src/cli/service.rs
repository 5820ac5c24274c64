//! Under a service manager: what it is told (sd_notify), and the sockets that it hands over
//! (socket activation). Without one, nothing of this happens.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::time::interval;

use crate::proxy::Proxy;

/// Tells that clients can connect.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Tells that the configuration is read again; [`ready`] ends that.
pub(super) fn reloading() {
    // Since version 253 the manager wants to know since when.
    let now = NotifyState::monotonic_usec_now();
    match now {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// Tells that the end has begun.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells the manager's watchdog that the program is alive: three times in its period, for as long
/// as tasks run and the writer of records answers.
pub(super) async fn feed(proxy: Arc<Proxy>) {
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    let mut meal = interval((period / 3).max(Duration::from_millis(1)));
    loop {
        meal.tick().await;
        if proxy.writer_answers().await {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("the writer of records does not answer; the watchdog is not fed");
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// Sockets that were opened before the program was started, in the order of its listeners.
pub(super) struct Passed {
    sockets: ListenFd,
    next: usize,
}

// === impl Passed ===

impl Passed {
    /// Those that the manager handed over.
    pub(super) fn take() -> Self {
        Self { sockets: ListenFd::from_env(), next: 0 }
    }

    /// None, whatever the environment says.
    pub(super) fn none() -> Self {
        Self { sockets: ListenFd::empty(), next: 0 }
    }

    /// The next one, if there is one: it listens, wherever the configuration would.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<TcpListener>> {
        let at = self.next;
        self.next += 1;
        let told =
            || format!("socket {at} of those that were passed is not one that TCP listens on");
        let Some(socket) = self.sockets.take_tcp_listener(at).with_context(told)? else {
            return Ok(None);
        };
        let listen = |socket: std::net::TcpListener| -> io::Result<_> {
            socket.set_nonblocking(true)?;
            TcpListener::from_std(socket)
        };
        listen(socket).with_context(told).map(Some)
    }

    /// A socket that nobody listens to would take connections and never answer.
    pub(super) fn fit(&self, listeners: usize) -> anyhow::Result<()> {
        let passed = self.sockets.len();
        ensure!(
            passed <= listeners,
            "{passed} sockets were passed for {listeners} listeners: the socket unit and the configuration do not fit"
        );
        Ok(())
    }
}
