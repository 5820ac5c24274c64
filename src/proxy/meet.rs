//! Destinations whose certificate matters are met before they are judged: connected to, and
//! asked who they are. Nothing of the request has gone out by then.

use std::sync::Arc;
use std::time::Instant;

use crate::policy::{Facts, Peer, Permit, Place};

use super::destination::introduced;
use super::draft::Draft;
use super::error::Error;
use super::target::{Speech, Target};
use super::upstream::Met;

impl Met {
    /// Whose certificate was shown.
    pub(super) fn peer(&self) -> Peer<'_> {
        self.lease.link.certificate.as_deref().map_or(Peer::Hidden, Peer::Shown)
    }
}

impl Target {
    /// What is known of the destination's certificate before anything is sent.
    pub(super) fn peer(&self, draft: &Draft) -> Peer<'static> {
        let shown =
            self.scheme == Speech::Https || (self.scheme.is_tunnel() && draft.proxy().may_open());
        let awaited = shown && draft.active().policy.asks_peer();
        if awaited { Peer::Awaited } else { Peer::Hidden }
    }
}

/// Connects to a place that may be met, if its certificate matters.
pub(super) async fn meet(
    draft: &mut Draft,
    facts: &Facts<'_>,
    target: &Target,
    places: &[Place<'_>],
) -> Result<Option<Met>, Error> {
    if facts.peer != Peer::Awaited {
        return Ok(None);
    }
    let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
    let permits = introduced(draft, &active, facts, places)?;
    let key = |permit: &Permit| target.key(permit, &active);
    let started = Instant::now();
    let met = Box::pin(proxy.upstream.meet(&permits, key)).await?;
    draft.awaited_since(started);
    let record = draft.record();
    record.timings.connect = met.connect;
    record.tls.clone_from(&met.lease.link.session);
    Ok(Some(met))
}
