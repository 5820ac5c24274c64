//! THE LINE: what every request walks, from its head to one record.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;

use crate::policy::{Decision, Facts, Permit};
use crate::telemetry::Event;

use super::body::Body;
use super::counting::Counting;
use super::draft::Draft;
use super::error::Error;
use super::forward::Client;
use super::guard::Wire;
use super::ingress::Ingress;
use super::meet::meet;
use super::statement::Statement;
use super::target::Target;
use super::tunnel::{Standing, Tunnel};
use super::upstream::Answered;
use super::{Proxy, fields, forward, held, judge::Judged, reply, tunnel};

/// Whom a request came from, and on what.
pub(super) struct Caller {
    pub(super) ingress: Arc<Ingress>,
    pub(super) wire: Arc<Wire>,
}

/// What is asked for, in whatever protocol it was said.
struct Ask<'a> {
    ingress: &'a Ingress,
    target: &'a Target,
    method: &'a Method,
    headers: &'a HeaderMap,
}

/// What was said of the data, and where it may go.
struct Permitted {
    statement: Statement,
    judged: Judged,
}

/// What came of a request that was permitted.
enum Passed {
    /// The destination's answer.
    Answer(Answered),
    /// A connected tunnel, and the client's side of it.
    Tunnel(Tunnel, OnUpgrade),
    /// We are the last recipient ourselves (`Max-Forwards: 0`).
    Own(StatusCode),
}

/// Serves one request; whatever comes of it, it is answered and recorded once.
pub(super) async fn serve(
    proxy: Arc<Proxy>,
    from: Caller,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let active = proxy.active.load_full();
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
        Ok(Passed::Own(status)) => reply::own(status, draft, in_flight.answer()),
        Err(error) => {
            let error = held::refused(&mut draft, error).await;
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
    let target = Target::of(&request, from.ingress.pinned)?;
    admit(draft, &target).await?;
    if let Some(status) = fields::max_forwards(&mut request)? {
        return Ok(Passed::Own(status));
    }
    if target.scheme.is_tunnel() || !request.body().is_end_stream() {
        draft.expect_body();
    }
    let method = request.method().clone();
    let (ingress, headers) = (from.ingress, request.headers());
    let ask = Ask { ingress, target: &target, method: &method, headers };
    let permitted = decide(draft, &ask).await?;
    if !target.scheme.is_tunnel() {
        let judged = permitted.judged;
        return forward::send(draft, from, &target, judged, request).await.map(Passed::Answer);
    }
    let tunnel = connect(draft, &ask, permitted).await?;
    Ok(Passed::Tunnel(tunnel, hyper::upgrade::on(&mut request)))
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
    let permitted = decide(draft, &ask).await?;
    connect(draft, &ask, permitted).await
}

/// Notes where a request wants to go; without room for its record it goes nowhere.
async fn admit(draft: &mut Draft, target: &Target) -> Result<(), Error> {
    draft.set_target(target);
    let proxy = Arc::clone(draft.proxy());
    if proxy.sink.room().await { Ok(()) } else { Err(Error::unrecorded()) }
}

/// principal -> tags -> decide -> resolve once -> locate and judge every address.
async fn decide(draft: &mut Draft, ask: &Ask<'_>) -> Result<Permitted, Error> {
    let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
    let Ask { ingress, target, method, headers } = *ask;
    let host = &target.authority.host;
    let statement = Statement::of(&active, ingress, host, headers)?;
    draft.set_statement(&statement);
    if !statement.slices.is_empty() && !proxy.sink.is_healthy() {
        return Err(Error::unrecorded());
    }
    let content = statement.content(&active);
    let approvals = proxy.desk.approvals(host);
    draft.record().approvals.clone_from(&approvals);
    let facts = Facts {
        client: ingress.client.ip(),
        principal: statement.principal_name(),
        method: method.as_str(),
        host,
        place: None,
        peer: target.peer(draft),
        content: &content,
        circumstances: statement.circumstances(draft.record().at, approvals.as_deref()),
    };
    // Before the name is asked for: a look-up tells name servers where data would go.
    if let Decision::Refuse(refusal) = active.policy.decide(&facts) {
        return Err(Error::Refused(Box::new(refusal)));
    }
    let judged = resolve_and_judge(draft, &facts, ask).await?;
    held::permitted(draft, &judged.permits).await?;
    Ok(Permitted { statement, judged })
}

async fn resolve_and_judge(
    draft: &mut Draft,
    facts: &Facts<'_>,
    ask: &Ask<'_>,
) -> Result<Judged, Error> {
    let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
    let started = Instant::now();
    let target = ask.target;
    let addresses = proxy.addresses(&active, facts.host, ask.ingress.pinned).await?;
    let (resolve, resolved) = (started.elapsed(), Instant::now());
    let mut places = proxy.locate(&active, target, &addresses)?;
    let located = resolved.elapsed();
    let met = meet(draft, facts, target, &places).await?;
    let started = Instant::now();
    let mut facts = *facts;
    if let Some(met) = &met {
        places.retain(|place| place.socket == met.permit.socket());
        facts.peer = met.peer();
    }
    let facts = &facts;
    let volumes = proxy.volumes.as_ref();
    let counting = Counting::reserve(volumes, &active.policy, facts, &places).await;
    let counting = counting.map_err(|error| Error::uncounted(&error))?;
    let mut judged = Proxy::judge(&active, facts, &places, &counting);
    let first = places.first().map(|place| Facts { place: Some(*place), ..*facts });
    draft.record().recipient = first.and_then(|facts| active.policy.recipient(&facts));
    counting.warn(&active.policy, &proxy.metrics);
    draft.set_counting(counting);
    let decide = located + started.elapsed();
    Event::Decided(decide).record(&proxy.metrics);
    let timings = &mut draft.record().timings;
    timings.resolve = Some(resolve);
    timings.decide = Some(decide);
    match &mut judged {
        // Until one of the permits has won, the first stands in the record.
        Ok(judged) => {
            judged.met = met;
            let first = judged.permits.first();
            first.into_iter().for_each(|p| draft.set_permit(p, judged.entry(p.socket())));
        }
        Err((refusal, entry)) => {
            draft.set_refusal(refusal, *entry);
            met.into_iter().for_each(|met| met.lease.rest());
        }
    }
    judged.map_err(|(refusal, _)| Error::Refused(refusal))
}

/// Dials a permit; what stands then is a tunnel for the client's side.
async fn connect(draft: &mut Draft, ask: &Ask<'_>, permitted: Permitted) -> Result<Tunnel, Error> {
    let proxy = Arc::clone(draft.proxy());
    let Permitted { statement, judged } = permitted;
    let trail = fields::trail(ask.headers, proxy.via())?;
    let started = Instant::now();
    let active = Arc::clone(draft.active());
    let way = |permit: &Permit| {
        let egress = active.chains.egress(&ask.target.authority.host, permit.socket());
        egress.following(trail.clone())
    };
    let (stream, permit) = proxy.upstream.race(&judged.permits, way).await?;
    draft.set_permit(&permit, judged.entry(permit.socket()));
    draft.record().timings.connect = Some(started.elapsed());
    let counts = draft.record().counts.clone();
    let (client, host) = (ask.ingress.client.ip(), ask.target.authority.host.clone());
    let standing = Standing { client, host, statement, counts, permit };
    Ok(Tunnel { stream, standing })
}
