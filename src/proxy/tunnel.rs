//! CONNECT tunnels: what is done with them, by their first words, and how long they stand.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use tokio::net::TcpStream;

use crate::audit::{Fault, Tolled};
use crate::net::{Authority, Host};
use crate::policy::{Circumstances, Counted, Counts, Facts, Peer, Permit, Place, Policy, Verdict};
use crate::telemetry::{Event, Side};
use crate::tls::Hello;

use super::Proxy;
use super::active::Active;
use super::body::Body;
use super::draft::Draft;
use super::error::Failed;
use super::guard::Served;
use super::ingress::Ingress;
use super::intercept::Opened;
use super::opening::Plan;
use super::relay::{ClientSide, End, Passed};
use super::statement::Statement;
use super::streams::Stream;
use super::words::Words;

/// A tunnel that is permitted and connected, and waits for the client's side.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// The client's side, once it has read our 200.
    pub(super) upgrade: OnUpgrade,
    /// The destination's side.
    pub(super) stream: TcpStream,
    /// What becomes of it.
    pub(super) plan: Plan,
    /// On what the tunnel stands.
    pub(super) standing: Standing,
}

/// What a tunnel was permitted on, kept to ask again when the policy changes.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) client: IpAddr,
    pub(super) method: Method,
    pub(super) authority: Authority,
    pub(super) statement: Statement,
    /// What was counted for it, by the names of the meters.
    pub(super) counts: Vec<Tolled>,
    pub(super) permit: Permit,
    /// The policy under which it was dialled.
    pub(super) epoch: u64,
}

/// What is done with a tunnel once its first words are known.
pub(super) enum Course {
    /// The policy forbids it.
    Bar(Box<Failed>),
    /// It passes unread.
    Pass,
    /// Plain HTTP is served; HTTP/2 if so.
    Plain(bool),
    /// TLS is opened.
    Secure(Hello),
}

fn bar(why: Failed) -> Course {
    Course::Bar(Box::new(why))
}

/// Answers 200 and lets the tunnel run by itself.
pub(super) fn open(
    tunnel: Tunnel,
    mut draft: Draft,
    served: Served,
    ingress: Arc<Ingress>,
) -> Response<Body> {
    draft.record().status = Some(StatusCode::OK.as_u16());
    let tasks = draft.proxy().drain.tasks.clone();
    let stream = Stream::current();
    tasks.spawn(async move {
        tunnel.run(draft, ingress, stream).await;
        // A connection of HTTP/2 does not rest while it carries a tunnel.
        drop(served);
    });
    Response::new(Body::own(Bytes::new(), None))
}

impl Tunnel {
    async fn run(self, mut draft: Draft, ingress: Arc<Ingress>, carried: Option<Stream>) {
        let proxy = Arc::clone(draft.proxy());
        let Self { upgrade, stream, plan, standing } = self;
        let Some(mut client) = ClientSide::of(upgrade, carried).await else {
            return draft.cut(
                Fault::Client,
                "client-closed",
                "the client left before the tunnel stood",
            );
        };
        let words = tokio::select! {
            words = client.words(&stream, proxy.settings.head_timeout) => words,
            () = proxy.drain.cut.cancelled() => Words::Gone,
        };
        let course = standing.course(draft.active(), plan, &words);
        let record = draft.record();
        record.tunnel = Some(if matches!(course, Course::Pass) { "unread" } else { "opened" });
        record.server_name = if let Words::Tls(hello) = &words { hello.name.clone() } else { None };
        if let Course::Pass = course {
            return standing.pass(client, stream, draft, plan).await;
        }
        let end = match proxy.authority.as_deref().filter(|_| plan == Plan::Open) {
            Some(authority) => {
                let proxy = &proxy;
                let opened = Opened { proxy, authority, ingress: &ingress, standing: &standing };
                match client {
                    ClientSide::Bare(client) => opened.follow(client, stream, course, &words).await,
                    ClientSide::Wrapped(client) => {
                        opened.follow(client, stream, course, &words).await
                    }
                }
            }
            None => refuse(client, course, &words).await,
        };
        end.note(&mut draft);
    }
}

/// Ends a tunnel that passes unread, and may not.
async fn refuse(client: ClientSide, course: Course, words: &Words) -> End {
    if matches!(words, Words::Tls(_)) {
        client.refuse_name().await;
    }
    match course {
        Course::Bar(why) => End::Barred(why),
        Course::Pass | Course::Plain(_) | Course::Secure(_) => End::Closed,
    }
}

// === impl Standing ===

impl Standing {
    /// What a request stands on that has been permitted.
    pub(super) fn new(
        draft: &mut Draft,
        (method, authority): (Method, Authority),
        statement: Statement,
        permit: Permit,
    ) -> Self {
        let epoch = draft.active().epoch;
        let record = draft.record();
        let (client, counts) = (record.client.ip(), record.counts.clone());
        Self { client, method, authority, statement, counts, permit, epoch }
    }

    /// What is done with a tunnel that begins with these words.
    fn course(&self, active: &Active, plan: Plan, words: &Words) -> Course {
        let opening = &active.opening;
        let host = &self.authority.host;
        let other = match words {
            Words::Tls(hello) => hello.name.as_ref().filter(|name| *name != host),
            Words::Broken(_) | Words::Gone | Words::Http1 | Words::Http2 | Words::Other => None,
        };
        let encrypted = matches!(words, Words::Tls(hello) if hello.encrypted);
        let fronted = other.filter(|_| !encrypted && !opening.relaxes(host)).map(|name| {
            bar(Failed::fronted(format!(
                "the tunnel was opened to {host}, and the client asks for {name} in it"
            )))
        });
        match (fronted, plan, words) {
            (Some(barred), ..) => barred,
            (None, Plan::Refuse | Plan::Tunnel, _) => Course::Pass,
            (None, Plan::Open, Words::Http1) => Course::Plain(false),
            (None, Plan::Open, Words::Http2) => Course::Plain(true),
            (None, Plan::Open, Words::Tls(hello)) => {
                let nameless = hello.name.is_none() && matches!(host, Host::Name(_));
                let hidden = other.is_some() && encrypted && !opening.relaxes(host);
                let secure = || Course::Secure(hello.clone());
                if nameless {
                    let text = "the client names no server (SNI), so that it cannot be answered";
                    let why = || Failed::sealed("tunnel-without-name", text);
                    opening.without_name.course(secure, why)
                } else if hidden {
                    let text = "the client names another server under an encrypted hello";
                    let why = || Failed::sealed("tunnel-encrypted-hello", text);
                    opening.encrypted.course(secure, why)
                } else {
                    secure()
                }
            }
            (None, Plan::Open, Words::Broken(fault)) => {
                bar(Failed::sealed("tunnel-hello-malformed", fault.to_string()))
            }
            (None, Plan::Open, Words::Gone | Words::Other) => {
                let text = "neither TLS nor HTTP is spoken in the tunnel, and the policy must \
                            look into it";
                let why = || Failed::sealed("tunnel-unreadable", text);
                // There is nothing to open.
                opening.unreadable.course(|| bar(why()), why)
            }
        }
    }

    /// Passes the bytes unread, as long as the policy permits. A tunnel that was to be opened
    /// was never judged as what it is now.
    async fn pass(&self, client: ClientSide, stream: TcpStream, mut draft: Draft, plan: Plan) {
        let proxy = Arc::clone(draft.proxy());
        if plan == Plan::Open && !self.holds(&proxy) {
            return End::Revoked.note(&mut draft);
        }
        let counts = Passed::default();
        Event::Connection(Side::Upstream, true).record(&proxy.metrics);
        let end = tokio::select! {
            end = client.relay(stream, &counts) => end,
            end = self.ends(&proxy, &counts) => end,
        };
        Event::Connection(Side::Upstream, false).record(&proxy.metrics);
        if matches!(end, End::Revoked) {
            Event::Revoked(self.permit.socket()).record(&proxy.metrics);
        }
        end.note(&mut draft);
        let record = draft.record();
        record.bytes_out = counts.out.load(Ordering::Relaxed);
        record.bytes_in = counts.back.load(Ordering::Relaxed);
        Event::Unread(record.bytes_out).record(&proxy.metrics);
    }

    /// Ends what passes bytes when it must not go on: at rest, without permission, or at the end
    /// of the program.
    pub(super) async fn ends(&self, proxy: &Proxy, counts: &Passed) -> End {
        tokio::select! {
            () = counts.idle(proxy.settings.tunnel_idle_timeout) => End::Idle,
            () = self.revoked(proxy) => End::Revoked,
            () = proxy.drain.cut.cancelled() => End::Cut,
        }
    }

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
        let content = self.statement.content(&active, true);
        let approvals = proxy.desk.approvals(&self.authority.host);
        let facts = Facts {
            client: self.client,
            principal: self.statement.principal_name(),
            method: self.method.as_str(),
            host: &self.authority.host,
            place: None,
            peer: Peer::Hidden,
            content: &content,
            circumstances: self
                .statement
                .circumstances(jiff::Timestamp::now(), approvals.as_deref()),
        };
        let facts = &facts;
        let socket: SocketAddr = self.permit.socket();
        let (canonical, entry) = active.locate(&self.authority.host, socket.ip());
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
    pub(super) fn note(&self, draft: &mut Draft) {
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
            Self::Barred(why) => draft.set_failure(why),
            Self::Unsigned(error) => draft.cut(Fault::Us, "leaf-unsigned", error.to_string()),
            Self::Malformed(fault) => {
                draft.cut(Fault::Client, "websocket-malformed", fault.to_string());
            }
            Self::Unbelieved(error) => {
                let text = format!("the client did not take our certificate: {error}");
                draft.cut(Fault::Client, "client-tls", text);
            }
            Self::Cut => draft.cut(Fault::Us, "tunnel-drained", "the proxy stopped"),
        }
    }
}

// === impl Plan ===

impl Plan {
    /// What is done with a tunnel that this stands for.
    fn course(self, secure: impl Fn() -> Course, why: impl Fn() -> Failed) -> Course {
        match self {
            Self::Open => secure(),
            Self::Refuse => bar(why()),
            Self::Tunnel => Course::Pass,
        }
    }
}
