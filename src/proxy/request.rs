//! THE LINE: what every request walks, from its head to one record.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;

use crate::audit::Found;
use crate::policy::{Approval, Content, Decision, Facts, Permit, Stake};

use super::body::Body;
use super::destination::Located;
use super::draft::Draft;
use super::error::Error;
use super::forward::Client;
use super::guard::Wire;
use super::ingress::Ingress;
use super::inspect::{Judge, Look, Source, When};
use super::statement::Statement;
use super::target::Target;
use super::tunnel::{Standing, Tunnel};
use super::upgrade::{self, Switched, Upgrade};
use super::upstream::Answered;
use super::wire::{Fault, modern};
use super::without::Without;
use super::{Proxy, destination, fields, forward, held, judge::Judged, reply, tunnel, who};

/// Whom a request came from, and on what.
pub(super) struct Caller {
    pub(super) ingress: Arc<Ingress>,
    pub(super) wire: Arc<Wire>,
}

/// What is asked for, in whatever protocol it was said.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) ingress: &'a Ingress,
    pub(super) target: &'a Target,
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
}

/// What was said of the data, and where it may go.
struct Permitted {
    statement: Statement,
    judged: Judged,
    /// Who decides about what is still to come of the data.
    judge: Option<Arc<Judge>>,
}

/// What came of a request that was permitted.
enum Passed {
    /// The destination's answer.
    Answer(Answered),
    /// A connected tunnel, and the client's side of it.
    Tunnel(Tunnel, OnUpgrade),
    /// The destination's agreement to go on as WebSocket.
    Switched(Box<Switched>),
    /// We are the last recipient ourselves (`Max-Forwards: 0`).
    Own(StatusCode),
}

/// Serves one request; whatever comes of it, it is answered and recorded once.
pub(super) async fn serve(
    proxy: Arc<Proxy>,
    from: Caller,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let active = proxy.active.load_full();
    Upgrade::note(&mut request);
    let mut draft = Draft::begin(&proxy, &active, from.ingress.client, &request);
    let wish = reply::Wish::of(&request);
    let in_flight = match from.wire.next_request() {
        Ok(in_flight) => in_flight,
        Err(refused) => return Ok(reply::refused_on_the_wire(&refused, draft)),
    };
    let outcome = walk(
        &mut draft,
        &Client { ingress: &from.ingress, wire: &from.wire, in_flight: &in_flight },
        request,
    )
    .await;
    Ok(match outcome {
        Ok(Passed::Answer(answered)) => forward::pass_back(answered, draft, in_flight.answer()),
        Ok(Passed::Tunnel(tunnel, upgrade)) => {
            tunnel::open(tunnel, upgrade, draft, in_flight.tunnel(), from.ingress)
        }
        Ok(Passed::Switched(switched)) => {
            upgrade::open(*switched, (draft, in_flight.tunnel()), from.ingress)
        }
        Ok(Passed::Own(status)) => reply::own(status, draft, in_flight.answer()),
        Err(error) => {
            let error = Box::pin(held::refused(&mut draft, error)).await;
            reply::error(&error, wish, draft, Some(in_flight.answer()))
        }
    })
}

/// accept -> authority -> principal -> tags -> decide -> resolve once -> locate and judge
/// every address -> dial a permit -> stream.
async fn walk(
    draft: &mut Draft,
    from: &Client<'_>,
    mut request: Request<Incoming>,
) -> Result<Passed, Error> {
    draft.set_inside(from.ingress);
    let target = aim(&request, from.ingress, draft.proxy())?;
    admit(draft, &target).await?;
    if let Some(status) = fields::max_forwards(&mut request)? {
        return Ok(Passed::Own(status));
    }
    if target.scheme.is_tunnel() || !request.body().is_end_stream() {
        draft.expect_body();
    }
    let (head, body) = request.into_parts();
    let (method, mut body) = (head.method.clone(), Source::Live(body));
    let (ingress, headers) = (from.ingress, &head.headers);
    let ask = Ask { ingress, target: &target, method: &method, headers };
    if target.scheme.is_tunnel() {
        let permitted = decide(draft, ask, None).await?;
        let tunnel = Box::pin(connect(draft, ask, permitted)).await?;
        return Ok(Passed::Tunnel(tunnel, hyper::upgrade::on(Request::from_parts(head, ()))));
    }
    let goes_on = head.extensions.get::<Upgrade>().is_some();
    let look =
        Look { client: from, method: &method, uri: &head.uri, headers, body: &mut body, goes_on };
    let Permitted { statement, judged, judge } = decide(draft, ask, Some(look)).await?;
    if body.is_end_stream() {
        draft.expect_nothing();
    }
    body.rest().into_iter().zip(judge.clone()).for_each(|(rest, judge)| rest.judged_by(judge));
    let request = Request::from_parts(head, body);
    let upgrade = request.extensions().get::<Upgrade>().cloned();
    let answered = forward::send(draft, from, &target, judged, request).await?;
    let switched = answered.response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let Some(upgrade) = upgrade.filter(|_| switched) else { return Ok(Passed::Answer(answered)) };
    let permit = answered.permit.clone();
    let shown = answered.lease.link.certificate.clone();
    let standing = Standing::new(draft, (method, target.authority), statement, permit);
    let standing = standing.shown(shown);
    Ok(Passed::Switched(Box::new(Switched { answered, upgrade, standing, judge })))
}

/// The same for what is a tunnel from its first byte, and can say nothing of the data.
pub(super) async fn tunnel(
    draft: &mut Draft,
    ingress: &Ingress,
    target: &Target,
) -> Result<Tunnel, Error> {
    admit(draft, target).await?;
    draft.expect_body();
    let headers = HeaderMap::new();
    let ask = Ask { ingress, target, method: &Method::CONNECT, headers: &headers };
    let permitted = decide(draft, ask, None).await?;
    connect(draft, ask, permitted).await
}

/// Notes where a request wants to go; without room for its record it goes nowhere.
async fn admit(draft: &mut Draft, target: &Target) -> Result<(), Error> {
    draft.set_target(target);
    let proxy = Arc::clone(draft.proxy());
    if proxy.sink.room().await { Ok(()) } else { Err(Error::unrecorded()) }
}

/// principal -> tags -> decide -> resolve once -> locate -> look inside where it matters -> judge
/// every address.
async fn decide(
    draft: &mut Draft,
    ask: Ask<'_>,
    look: Option<Look<'_>>,
) -> Result<Permitted, Error> {
    let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
    let Ask { ingress, target, headers, .. } = ask;
    let host = &target.authority.host;
    let asker = who::identify(&proxy, &active, ingress, headers).await?;
    asker.iter().for_each(|asker| draft.set_asker(asker));
    ingress.trouble()?;
    let statement = Statement::of(&active, (asker, ingress), host, headers)?;
    state(draft, &statement)?;
    let approvals = proxy.desk.approvals(host);
    draft.record().approvals.clone_from(&approvals);
    let sealed = target.scheme.is_tunnel() && proxy.may_open();
    let look = look.filter(|look| active.inspect.when != When::Never && look.is_worth_it());
    let content = statement.content(&active, !sealed && look.is_none());
    let facts = ask.facts(draft, &statement, &content, approvals.as_deref());
    // Before the name is asked for: a look-up tells name servers where data would go.
    if let Decision::Refuse(refusal) = active.policy.decide(&facts) {
        draft.record().recipient = active.policy.recipient(&facts);
        return Err(Error::Refused(Box::new(refusal)));
    }
    let located = destination::locate(draft, ask, &active).await?;
    let stake = look.as_ref().map(|_| active.stake(&facts, &located.places));
    let look = look.filter(|_| stake != Some(Stake::Nothing));
    let Some(mut look) = look else {
        let judged = destination::find(draft, &facts, ask, &statement, &located).await?;
        held::permitted(draft, &judged.permits).await?;
        return Ok(Permitted { statement, judged, judge: None });
    };
    // Where it goes out whatever comes, nothing waits.
    let hold = (stake == Some(Stake::Answer)).then_some(active.inspect.hold);
    let seen = Box::pin(look.look(&proxy, (&active.inspector, hold), host)).await?;
    draft.set_found(Found::of(&seen.all, &active.inspector), seen.head.count() > 0);
    let whole = statement.seeing(&seen.all);
    if seen.all.count() > 0 {
        state(draft, &whole)?;
    }
    let judging = judge_seen(draft, ask, &whole, &located);
    let (whole, judged) = match Box::pin(judging).await {
        Ok(judged) => (whole, judged),
        Err(error) => {
            let without = Without { statement: &statement, seen: &seen, located: &located };
            Box::pin(without.values(draft, ask, &mut look, error)).await?
        }
    };
    held::permitted(draft, &judged.permits).await?;
    let certificate = judged.met.as_ref().and_then(|met| met.lease.link.certificate.clone());
    let (declared, goes_on) = ((statement, seen.head), look.goes_on);
    let judge = || Judge::new(draft, ask, declared, certificate).lasting(goes_on);
    let judge = seen.begun.then(|| Arc::new(judge()));
    Ok(Permitted { statement: whole, judged, judge })
}

/// Judges every address with all that is known of the data.
pub(super) async fn judge_seen(
    draft: &mut Draft,
    ask: Ask<'_>,
    statement: &Statement,
    located: &Located<'_>,
) -> Result<Judged, Error> {
    let active = Arc::clone(draft.active());
    let approvals = draft.record().approvals.clone();
    let content = statement.content(&active, true);
    let facts = ask.facts(draft, statement, &content, approvals.as_deref());
    destination::find(draft, &facts, ask, statement, located).await
}

/// Notes what is known of the data. Where that cannot be recorded, tagged data stays.
pub(super) fn state(draft: &mut Draft, statement: &Statement) -> Result<(), Error> {
    draft.set_statement(statement);
    let recorded = draft.proxy().sink.takes(!statement.slices.is_empty());
    if recorded { Ok(()) } else { Err(Error::unrecorded()) }
}

impl<'a> Ask<'a> {
    /// What the policy is told, before the destination is known.
    fn facts(
        self,
        draft: &mut Draft,
        statement: &'a Statement,
        content: &'a Content,
        approvals: Option<&'a [Approval]>,
    ) -> Facts<'a> {
        Facts {
            client: self.ingress.client.ip(),
            principal: statement.principal_name(),
            method: self.method.as_str(),
            host: &self.target.authority.host,
            place: None,
            peer: self.target.peer(draft),
            content,
            circumstances: statement.circumstances(draft.record().at, approvals),
        }
    }
}

/// Where a request goes, if its head is sound; that of HTTP/1 the guard has judged.
fn aim<B>(request: &Request<B>, ingress: &Ingress, proxy: &Proxy) -> Result<Target, Error> {
    if request.version() == Version::HTTP_2 {
        let sound = modern::check(request, &proxy.settings.head);
        sound.map_err(|kind| Error::on_the_wire(&Fault::new(kind, 0)))?;
    }
    Target::at(request, ingress)
}

/// Dials a permit; what stands then is a tunnel for the client's side.
async fn connect(draft: &mut Draft, ask: Ask<'_>, permitted: Permitted) -> Result<Tunnel, Error> {
    let proxy = Arc::clone(draft.proxy());
    let Permitted { statement, judged, .. } = permitted;
    let trail = fields::trail(ask.headers, proxy.via())?;
    let started = Instant::now();
    let active = Arc::clone(draft.active());
    let authority = ask.target.authority.clone();
    let way = |permit: &Permit| {
        active.chains.egress(&authority.host, permit.socket()).following(trail.clone())
    };
    let (stream, permit) = proxy.upstream.race(&judged.permits, way).await?;
    draft.set_permit(&permit, judged.entry(permit.socket()));
    draft.record().timings.connect = Some(started.elapsed());
    let standing = Standing::new(draft, (ask.method.clone(), authority), statement, permit);
    Ok(Tunnel { stream, plan: judged.plan, standing })
}
