//! Happy Eyeballs (RFC 8305) over permitted sockets only.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::policy::Permit;

use super::carrier::Carrier;
use super::chain::Egress;
use super::error::Error;
use super::upstream::Upstream;

/// RFC 8305 section 8: the recommended connection attempt delay.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

impl Upstream {
    /// Connects to whichever permitted socket answers first: each attempt starts 250 ms
    /// after the one before it, or at once when that one failed. Returns the permit
    /// whose socket won.
    pub(super) async fn race(
        self: &Arc<Self>,
        permits: &[Permit],
        way: impl Fn(&Permit) -> Egress,
    ) -> Result<(Carrier, Permit), Error> {
        if let [only] = permits {
            return Ok((self.dial(only, &way(only)).await?, only.clone()));
        }
        let mut waiting = interleave(permits).into_iter();
        let mut running = JoinSet::new();
        let mut last_error = None;
        loop {
            let started = waiting.next().map(|permit| {
                let (upstream, egress) = (Arc::clone(self), way(&permit));
                running.spawn(async move { (upstream.dial(&permit, &egress).await, permit) })
            });
            let ended = tokio::select! {
                Some(ended) = running.join_next() => ended,
                () = sleep(ATTEMPT_DELAY), if started.is_some() => continue,
                else => break,
            };
            match ended {
                Ok((Ok(stream), permit)) => return Ok((stream, permit)),
                Ok((Err(error), _)) => last_error = Some(error),
                Err(_) => {}
            }
        }
        Err(last_error.unwrap_or_else(no_attempt))
    }
}

/// Every attempt ended without a word: its task was torn down with the runtime.
fn no_attempt() -> Error {
    let text = "no connection attempt came to an end";
    Error::upstream(
        StatusCode::BAD_GATEWAY,
        "connect",
        "connect-failed",
        "connection_terminated",
        text,
    )
}

/// Families take turns, IPv6 first (RFC 8305 section 4); within a family the resolver's
/// order stays.
fn interleave(permits: &[Permit]) -> Vec<Permit> {
    let family = |v6: bool| permits.iter().filter(move |permit| permit.socket().is_ipv6() == v6);
    let (mut six, mut four) = (family(true), family(false));
    let mut ordered = Vec::with_capacity(permits.len());
    loop {
        let pair = (six.next(), four.next());
        if pair == (None, None) {
            return ordered;
        }
        ordered.extend(pair.0.into_iter().chain(pair.1).cloned());
    }
}
