//! CONNECT tunnels: bytes both ways, half-closes kept, nothing held while idle.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;

use crate::audit::{Fault, Tolled};
use crate::net::Host;
use crate::policy::{Circumstances, Counted, Counts, Facts, Peer, Permit, Policy, Verdict};
use crate::telemetry::{Event, Side};

use super::Proxy;
use super::body::Body;
use super::carrier::Carrier;
use super::draft::Draft;
use super::guard::Served;
use super::ingress::Ingress;
use super::relay::{ClientSide, End, Passed};
use super::statement::Statement;

/// A tunnel that is permitted and connected, and waits for the client's side.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// The destination's side.
    pub(super) stream: Carrier,
    /// On what the tunnel stands.
    pub(super) standing: Standing,
}

/// What a tunnel was permitted on, kept to ask again when the policy changes.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) client: IpAddr,
    pub(super) host: Host,
    pub(super) statement: Statement,
    /// What was counted for it, by the names of the meters.
    pub(super) counts: Vec<Tolled>,
    pub(super) permit: Permit,
}

/// Answers 200 and lets the tunnel run by itself.
pub(super) fn open(
    tunnel: Tunnel,
    upgrade: OnUpgrade,
    mut draft: Draft,
    served: Served,
    ingress: Arc<Ingress>,
) -> Response<Body> {
    draft.record().status = Some(StatusCode::OK.as_u16());
    let tasks = draft.proxy().drain.tasks.clone();
    tasks.spawn(async move {
        if let Some(client) = ClientSide::of(upgrade).await {
            tunnel.run(client, draft).await;
        } else {
            let text = "the client left before the tunnel stood";
            draft.cut(Fault::Client, "client-closed", text);
        }
        drop(ingress);
    });
    Response::new(Body::own(Bytes::new(), Some(served)))
}

impl Tunnel {
    /// Passes bytes until the tunnel ends, and notes how it did.
    pub(super) async fn run(self, client: ClientSide, mut draft: Draft) {
        let proxy = Arc::clone(draft.proxy());
        let Self { stream, standing } = self;
        let counts = Passed::default();
        Event::Connection(Side::Upstream, true).record(&proxy.metrics);
        let end = tokio::select! {
            end = client.relay(stream, &counts) => end,
            () = counts.idle(proxy.settings.tunnel_idle_timeout) => End::Idle,
            () = standing.revoked(&proxy) => End::Revoked,
            () = proxy.drain.cut.cancelled() => End::Cut,
        };
        Event::Connection(Side::Upstream, false).record(&proxy.metrics);
        if matches!(end, End::Revoked) {
            Event::Revoked(standing.permit.socket()).record(&proxy.metrics);
        }
        end.note(&mut draft);
        let record = draft.record();
        record.bytes_out = counts.out.load(Ordering::Relaxed);
        record.bytes_in = counts.back.load(Ordering::Relaxed);
    }
}

// === impl Standing ===

impl Standing {
    /// Ends when a new policy, or the end of an approval, no longer permits the tunnel.
    async fn revoked(&self, proxy: &Proxy) {
        let mut epoch = proxy.epoch.subscribe();
        // What changed while the tunnel was being dialled counts as seen by a new receiver.
        if !self.holds(proxy) {
            return;
        }
        while epoch.changed().await.is_ok() {
            if !self.holds(proxy) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    fn holds(&self, proxy: &Proxy) -> bool {
        let active = proxy.active();
        let content = self.statement.content(&active);
        let approvals = proxy.desk.approvals(&self.host);
        let facts = Facts {
            client: self.client,
            principal: self.statement.principal_name(),
            method: "CONNECT",
            host: &self.host,
            place: None,
            peer: Peer::Hidden,
            content: &content,
            circumstances: self
                .statement
                .circumstances(jiff::Timestamp::now(), approvals.as_deref()),
        };
        let facts = &facts;
        let socket: SocketAddr = self.permit.socket();
        let place = active.place(&self.host, socket);
        let counts = self.counts(&active.policy, &Facts { place: Some(place), ..*facts });
        let circumstances = Circumstances { counts: Some(&counts), ..facts.circumstances };
        let facts = Facts { circumstances, ..*facts };
        matches!(active.policy.conclude(&facts, place), Verdict::Allow(_))
    }

    /// What was counted when the tunnel was permitted: its own share is in it.
    fn counts(&self, policy: &Policy, facts: &Facts<'_>) -> Counts {
        let mut counts = Counts::default();
        for metered in policy.meters(facts) {
            let told = self.counts.iter().find(|one| one.meter == metered.name);
            if let Some(told) = told {
                counts.insert(metered.meter, Counted { open: metered.open, ..told.counted });
            }
        }
        counts
    }
}

// === impl End ===

impl End {
    fn note(&self, draft: &mut Draft) {
        match self {
            Self::Closed => {}
            Self::ClientFailed(error) => {
                draft.cut(Fault::Client, "tunnel-client", error.to_string());
            }
            Self::UpstreamFailed(error) => {
                draft.cut(Fault::Upstream, "tunnel-upstream", error.to_string());
            }
            Self::Idle => draft.cut(Fault::Client, "tunnel-idle", "nothing passed for too long"),
            Self::Revoked => {
                draft.cut(Fault::Policy, "tunnel-revoked", "the policy no longer permits it");
            }
            Self::Cut => draft.cut(Fault::Us, "tunnel-drained", "the proxy stopped"),
        }
    }
}
