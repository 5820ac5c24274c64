//! CONNECT tunnels: bytes both ways, half-closes kept, nothing held while idle.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::sleep;

use crate::audit::{Fault, Tolled};
use crate::net::Host;
use crate::policy::{Circumstances, Counted, Counts, Facts, Peer, Permit, Place, Policy, Verdict};
use crate::telemetry::{Event, Side};

use super::Proxy;
use super::body::Body;
use super::connection::Slot;
use super::draft::Draft;
use super::guard::{Guard, Served};
use super::statement::Statement;

/// Room for one read. It is taken when bytes are there and given back when they are
/// through: an idle tunnel holds none.
const BUFFER: usize = 32 * 1024;

/// A tunnel that is permitted and connected, and waits for the client's side.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// The client's side, once it has read our 200.
    pub(super) upgrade: OnUpgrade,
    /// The destination's side.
    pub(super) stream: TcpStream,
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

/// How a tunnel ends.
#[derive(Debug)]
enum End {
    Closed,
    ClientFailed(io::Error),
    UpstreamFailed(io::Error),
    Idle,
    Revoked,
    Cut,
}

/// Bytes passed each way; also the sign of life.
#[derive(Debug, Default)]
struct Passed {
    out: AtomicU64,
    back: AtomicU64,
}

/// Answers 200 and lets the tunnel run by itself.
pub(super) fn open(
    tunnel: Tunnel,
    mut draft: Draft,
    served: Served,
    slot: Arc<Slot>,
) -> Response<Body> {
    draft.record().status = Some(StatusCode::OK.as_u16());
    let tasks = draft.proxy().drain.tasks.clone();
    tasks.spawn(async move {
        tunnel.run(draft).await;
        drop(slot);
    });
    Response::new(Body::own(Bytes::new(), Some(served)))
}

impl Tunnel {
    async fn run(self, mut draft: Draft) {
        let proxy = Arc::clone(draft.proxy());
        let Self { upgrade, stream, standing } = self;
        let Some((client, early)) = client_side(upgrade).await else {
            return draft.cut(
                Fault::Client,
                "client-closed",
                "the client left before the tunnel stood",
            );
        };
        let counts = Passed::default();
        Event::Connection(Side::Upstream, true).record(&proxy.metrics);
        let end = tokio::select! {
            end = relay(client, stream, early, &counts) => end,
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

/// The client's socket, and what it had sent behind the head of its CONNECT: first what
/// the HTTP server had read, then what the guard still held.
async fn client_side(upgrade: OnUpgrade) -> Option<(TcpStream, [Bytes; 2])> {
    let parts = upgrade.await.ok()?.downcast::<TokioIo<Guard<TcpStream>>>().ok()?;
    let (stream, held) = parts.io.into_inner().into_parts();
    Some((stream, [parts.read_buf, held]))
}

async fn relay(
    mut client: TcpStream,
    mut upstream: TcpStream,
    early: [Bytes; 2],
    counts: &Passed,
) -> End {
    let (client_read, mut client_write) = client.split();
    let (upstream_read, mut upstream_write) = upstream.split();
    let outward = async {
        for bytes in early {
            upstream_write.write_all(&bytes).await.map_err(End::UpstreamFailed)?;
            counts.out.fetch_add(length(bytes.len()), Ordering::Relaxed);
        }
        let ends = Ends { read: End::ClientFailed, write: End::UpstreamFailed };
        pump(client_read, &mut upstream_write, &counts.out, ends).await
    };
    let ends = Ends { read: End::UpstreamFailed, write: End::ClientFailed };
    let inward = pump(upstream_read, &mut client_write, &counts.back, ends);
    match tokio::try_join!(outward, inward) {
        Ok(_) => End::Closed,
        Err(end) => end,
    }
}

/// Whose failure a failed read, and a failed write, is.
#[derive(Clone, Copy)]
struct Ends {
    read: fn(io::Error) -> End,
    write: fn(io::Error) -> End,
}

/// Copies until the reader ends, then ends the writer: a half-close is passed on, and
/// the other direction goes on.
async fn pump(
    from: ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    count: &AtomicU64,
    ends: Ends,
) -> Result<(), End> {
    loop {
        from.readable().await.map_err(ends.read)?;
        let mut buffer = Vec::with_capacity(BUFFER);
        loop {
            buffer.clear();
            match from.try_read_buf(&mut buffer) {
                Ok(0) => return to.shutdown().await.map_err(ends.write),
                Ok(read) => {
                    to.write_all(&buffer).await.map_err(ends.write)?;
                    count.fetch_add(length(read), Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err((ends.read)(error)),
            }
        }
    }
}

// === impl Passed ===

impl Passed {
    /// Ends when nothing has passed either way for the limit (and at most twice as long).
    async fn idle(&self, limit: Duration) {
        let passed = || (self.out.load(Ordering::Relaxed), self.back.load(Ordering::Relaxed));
        let mut before = passed();
        loop {
            sleep(limit).await;
            let now = passed();
            if now == before {
                return;
            }
            before = now;
        }
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
        let (canonical, entry) = active.locate(&self.host, socket.ip());
        let place = Place { socket, judged: canonical.judged, special: canonical.special, entry };
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

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("a buffer's length fits 64 bits")
}
