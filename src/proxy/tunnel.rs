//! CONNECT tunnels: what is done with them, by their first words, and how long they stand.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use jiff::Timestamp;
use tokio::time::sleep;

use crate::audit::{Fault, Tolled};
use crate::net::Authority;
use crate::policy::{
    Approval, Certificate, Circumstances, Content, Counted, Counts, Facts, Peer, Permit, Policy,
    Stake, Verdict,
};
use crate::telemetry::{Event, Side};
use crate::tls::Alpn;

use super::active::Active;
use super::body::Body;
use super::carrier::Carrier;
use super::course::Course;
use super::draft::Draft;
use super::error::Error;
use super::guard::Served;
use super::ingress::Ingress;
use super::inspect::When;
use super::intercept::Opened;
use super::opening::Plan;
use super::relay::{ClientSide, End, Passed};
use super::statement::Statement;
use super::streams::Stream;
use super::target::{Speech, Target};
use super::who;
use super::words::{Patience, Words};
use super::{Proxy, destination, held, reply};

/// A tunnel that is permitted and connected, and waits for the client's side.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// The destination's side.
    pub(super) stream: Carrier,
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
    /// What the destination had shown, where it had.
    pub(super) certificate: Option<Arc<Certificate>>,
    /// How much depended on what was still to come of it, where that is looked into.
    pub(super) stake: Option<Stake>,
    /// What was found in it since.
    learnt: Mutex<Option<Box<Learnt>>>,
}

/// What is known of what a tunnel carried.
#[derive(Debug, Default)]
struct Learnt {
    statement: Option<Statement>,
    counts: Option<Vec<Tolled>>,
}

/// How often what stands is asked about without an occasion.
const ASK_AGAIN: Duration = Duration::from_mins(1);

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
    let stream = Stream::current();
    tasks.spawn(async move {
        if let Some(client) = ClientSide::of(upgrade, stream).await {
            tunnel.run(client, draft, &ingress).await;
        } else {
            let text = "the client left before the tunnel stood";
            draft.cut(Fault::Client, "client-closed", text);
        }
        // A connection of HTTP/2 does not rest while it carries a tunnel.
        drop(served);
    });
    Response::new(Body::own(Bytes::new(), None))
}

impl Tunnel {
    /// Reads the first words, does what they call for until the tunnel ends, and notes how it did.
    pub(super) async fn run(self, mut client: ClientSide, mut draft: Draft, ingress: &Ingress) {
        let proxy = Arc::clone(draft.proxy());
        let Self { mut stream, plan, standing } = self;
        let sealed = plan == Plan::Open;
        let patience = Patience::with(&proxy.settings, sealed);
        let nothing = Passed::default();
        let ends = async {
            if sealed {
                std::future::pending().await
            } else {
                standing.ends(&proxy, &nothing).await
            }
        };
        let words = tokio::select! {
            words = client.words(&mut stream, patience) => words,
            end = ends => {
                draft.record().tunnel = Some("unread");
                Event::Intercepted("unread").record(&proxy.metrics);
                return standing.end(&end, &mut draft);
            }
            () = proxy.drain.cut.cancelled() => Words::Gone,
        };
        if words == Words::Gone {
            return draft.leave("before it spoke in the tunnel");
        }
        let course = standing.course(draft.active(), plan, &words);
        let known = match course {
            Course::Bar(_) => Some("barred"),
            Course::Pass => Some("unread"),
            Course::Plain(_) => Some("plain"),
            // How that goes is seen when the client has been met.
            Course::Secure(_) => None,
        };
        known.into_iter().for_each(|one| Event::Intercepted(one).record(&proxy.metrics));
        let record = draft.record();
        record.tunnel = Some(if matches!(course, Course::Pass) { "unread" } else { "opened" });
        record.server_name = if let Words::Tls(hello) = &words { hello.name.clone() } else { None };
        if let Course::Pass = course {
            return Box::pin(standing.pass(client, stream, draft, plan)).await;
        }
        let authority = proxy.authority.as_deref().filter(|_| plan == Plan::Open);
        let opened = Opened { proxy: &proxy, authority, ingress, standing: &standing };
        // Boxed: a tunnel that only stands does not carry the 10 KiB of one that is opened.
        let end = Box::pin(client.follow(&opened, stream, course, &words)).await;
        end.note(&mut draft);
    }
}

impl ClientSide {
    async fn follow(
        self,
        opened: &Opened<'_>,
        upstream: Carrier,
        course: Course,
        words: &Words,
    ) -> End {
        match self {
            Self::Bare(client) => opened.follow(client, upstream, course, words).await,
            Self::Wrapped(client) => opened.follow(client, upstream, course, words).await,
        }
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
        let record = draft.record();
        let (client, counts) = (record.client.ip(), record.counts.clone());
        let (certificate, stake, learnt) = (None, None, Mutex::default());
        Self { client, method, authority, statement, counts, permit, certificate, stake, learnt }
    }

    /// The same, where the destination has shown this.
    pub(super) fn shown(self, certificate: Option<Arc<Certificate>>) -> Self {
        Self { certificate, ..self }
    }

    /// Notes what was found in what it carried: from now on it stands on that.
    pub(super) fn learn(&self, statement: Statement) {
        self.learnt().get_or_insert_default().statement = Some(statement);
    }

    /// Notes what was counted for that.
    pub(super) fn recount(&self, counts: &[Tolled]) {
        self.learnt().get_or_insert_default().counts = Some(counts.to_vec());
    }

    fn learnt(&self) -> MutexGuard<'_, Option<Box<Learnt>>> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What depends on what is still to come of it.
    pub(super) fn stake(&self, proxy: &Proxy, active: &Active) -> Stake {
        if active.inspect.when == When::Never {
            return Stake::Nothing;
        }
        let content = self.statement.content(active, false);
        let approvals = proxy.desk.approvals(&self.authority.host);
        let facts = self.facts(&content, approvals.as_deref(), Timestamp::now());
        active.stake(&facts, &[active.place(&self.authority.host, self.permit.socket())])
    }

    fn facts<'a>(
        &'a self,
        content: &'a Content,
        approvals: Option<&'a [Approval]>,
        at: Timestamp,
    ) -> Facts<'a> {
        Facts {
            client: self.client,
            principal: self.statement.principal_name(),
            method: self.method.as_str(),
            host: &self.authority.host,
            place: None,
            peer: self.certificate.as_deref().map_or(Peer::Hidden, Peer::Shown),
            content,
            circumstances: self.statement.circumstances(at, approvals),
        }
    }

    /// Judges a tunnel that was to be opened as what it is now, with all that follows.
    async fn judge_unread(&mut self, draft: &mut Draft) -> Result<(), Error> {
        let active = Arc::clone(draft.active());
        let content = self.statement.content(&active, true);
        let approvals = draft.record().approvals.clone();
        let facts = self.facts(&content, approvals.as_deref(), draft.record().at);
        let place = active.place(&self.authority.host, self.permit.socket());
        let authority = self.authority.clone();
        let target = Target { authority, scheme: Speech::Connect, alpn: Alpn::Http1 };
        let judged = destination::judge_all(draft, &facts, &target, vec![place], Duration::ZERO);
        let judged = judged.await?;
        held::permitted(draft, &judged.permits).await?;
        self.counts.clone_from(&draft.record().counts);
        Ok(())
    }

    /// Passes the bytes unread, as long as the policy permits. A tunnel that was to be opened
    /// was never judged as what it is now.
    async fn pass(mut self, client: ClientSide, stream: Carrier, mut draft: Draft, plan: Plan) {
        let proxy = Arc::clone(draft.proxy());
        if plan == Plan::Open
            && let Err(error) = Box::pin(self.judge_unread(&mut draft)).await
        {
            let error = held::refused(&mut draft, error).await;
            let told = draft.record().status;
            reply::note(&error, &mut draft);
            draft.record().status = told;
            return;
        }
        let counts = Passed::default();
        Event::Connection(Side::Upstream, true).record(&proxy.metrics);
        let end = tokio::select! {
            end = client.relay(stream, &counts) => end,
            end = self.ends(&proxy, &counts) => end,
        };
        Event::Connection(Side::Upstream, false).record(&proxy.metrics);
        self.end(&end, &mut draft);
        let record = draft.record();
        record.bytes_out = counts.out.load(Ordering::Relaxed);
        record.bytes_in = counts.back.load(Ordering::Relaxed);
        Event::Unread(record.bytes_out).record(&proxy.metrics);
    }

    /// Notes how it ended.
    fn end(&self, end: &End, draft: &mut Draft) {
        if matches!(end, End::Revoked) {
            Event::Revoked(self.permit.socket()).record(&draft.proxy().metrics);
        }
        end.note(draft);
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
        loop {
            // Rules and exemptions begin and end on their days, without a word.
            let changed = tokio::select! {
                changed = epoch.changed() => changed.is_ok(),
                () = sleep(ASK_AGAIN) => true,
            };
            if changed && !self.holds(proxy) {
                return;
            }
            if !changed {
                // Nobody can change the policy any more: the program ends.
                sleep(ASK_AGAIN).await;
            }
        }
    }

    pub(super) fn holds(&self, proxy: &Proxy) -> bool {
        let active = proxy.active();
        if !who::stands(&active, self.statement.asker.as_ref()) {
            return false;
        }
        // What passes without being waited for, and now should be, cannot go on.
        if self.stake.is_some_and(|known| self.stake(proxy, &active) > known) {
            return false;
        }
        let learnt = self.learnt();
        let seen = learnt.as_ref().and_then(|learnt| learnt.statement.as_ref());
        let statement = seen.unwrap_or(&self.statement);
        let content = statement.content(&active, true);
        let approvals = proxy.desk.approvals(&self.authority.host);
        let facts = self.facts(&content, approvals.as_deref(), Timestamp::now());
        let facts = &facts;
        let socket: SocketAddr = self.permit.socket();
        let place = active.place(&self.authority.host, socket);
        let tolled = learnt.as_ref().and_then(|learnt| learnt.counts.as_ref());
        let tolled = tolled.unwrap_or(&self.counts);
        let counts = counts(tolled, &active.policy, &Facts { place: Some(place), ..*facts });
        let circumstances = Circumstances { counts: Some(&counts), ..facts.circumstances };
        let facts = Facts { circumstances, ..*facts };
        matches!(active.policy.conclude(&facts, place), Verdict::Allow(_))
    }
}

/// What was counted when the tunnel was permitted: its own share is in it.
fn counts(tolled: &[Tolled], policy: &Policy, facts: &Facts<'_>) -> Counts {
    let mut counts = Counts::default();
    for metered in policy.meters(facts) {
        let told = tolled.iter().find(|one| one.meter == metered.name);
        if let Some(told) = told {
            counts.insert(metered.meter, Counted { open: metered.open, ..told.counted });
        }
    }
    counts
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
            Self::MessageBarred => {
                let text = "the policy bars what was found in a message";
                draft.cut(Fault::Policy, "message-barred", text);
            }
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
