//! THE LINE: what every request walks, from its head to one record.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};

use crate::policy::{Decision, Facts};
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
use super::target::{Speech, Target};
use super::tunnel::{Standing, Tunnel};
use super::upstream::Answered;
use super::{Proxy, fields, forward, held, judge::Judged, reply, tunnel, who};

/// Whom a request came from, and on what.
pub(super) struct Caller {
    pub(super) ingress: Arc<Ingress>,
    pub(super) wire: Arc<Wire>,
}

/// What came of a request that was permitted.
enum Passed {
    /// The destination's answer.
    Answer(Answered),
    /// A connected tunnel.
    Tunnel(Tunnel),
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
        Ok(Passed::Tunnel(tunnel)) => tunnel::open(tunnel, draft, in_flight.tunnel(), from.ingress),
        Ok(Passed::Own(status)) => reply::own(status, draft, in_flight.answer()),
        Err(error) => {
            let error = held::refused(&mut draft, error).await;
            reply::error(&error, wish, draft, Some(in_flight.answer()))
        }
    })
}

/// accept -> principal -> authority -> tags -> decide -> resolve once -> locate and judge
/// every address -> dial a permit -> stream.
async fn walk(
    draft: &mut Draft,
    from: &Client<'_>,
    mut request: Request<Incoming>,
) -> Result<Passed, Error> {
    let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
    let target = Target::of(&request)?;
    draft.set_target(&target);
    if !proxy.sink.room().await {
        return Err(Error::unrecorded());
    }
    let asker = who::identify(&proxy, &active, from.ingress, request.headers()).await?;
    asker.iter().for_each(|asker| draft.set_asker(asker));
    if let Some(status) = fields::max_forwards(&mut request)? {
        return Ok(Passed::Own(status));
    }
    let client = from.ingress.client.ip();
    let statement = Statement::of(&active, asker, &target.authority.host, request.headers())?;
    draft.set_statement(&statement);
    if !statement.slices.is_empty() && !proxy.sink.is_healthy() {
        return Err(Error::unrecorded());
    }
    let content = statement.content(&active);
    let method = request.method().clone();
    let approvals = proxy.desk.approvals(&target.authority.host);
    draft.record().approvals.clone_from(&approvals);
    let facts = Facts {
        client,
        principal: statement.principal_name(),
        method: method.as_str(),
        host: &target.authority.host,
        place: None,
        peer: target.peer(draft),
        content: &content,
        circumstances: statement.circumstances(draft.record().at, approvals.as_deref()),
    };
    // Before the name is asked for: a look-up tells name servers where data would go.
    if let Decision::Refuse(refusal) = active.policy.decide(&facts) {
        return Err(Error::Refused(Box::new(refusal)));
    }
    if target.scheme == Speech::Connect || !request.body().is_end_stream() {
        draft.expect_body();
    }
    let judged = resolve_and_judge(draft, &facts, &target).await?;
    held::permitted(draft, &judged.permits).await?;
    if target.scheme != Speech::Connect {
        return forward::send(draft, from, &target, judged, request).await.map(Passed::Answer);
    }
    let (stream, permit) = connect(draft, &proxy, &judged).await?;
    let counts = draft.record().counts.clone();
    let host = target.authority.host.clone();
    let standing = Standing { client, host, statement, counts, permit };
    Ok(Passed::Tunnel(Tunnel { upgrade: hyper::upgrade::on(&mut request), stream, standing }))
}

async fn resolve_and_judge(
    draft: &mut Draft,
    facts: &Facts<'_>,
    target: &Target,
) -> Result<Judged, Error> {
    let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
    let started = Instant::now();
    let addresses = proxy.resolver.resolve(facts.host, &active.names).await?;
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

async fn connect(
    draft: &mut Draft,
    proxy: &Arc<Proxy>,
    judged: &Judged,
) -> Result<(tokio::net::TcpStream, crate::policy::Permit), Error> {
    let started = Instant::now();
    let (stream, permit) = proxy.upstream.race(&judged.permits).await?;
    draft.set_permit(&permit, judged.entry(permit.socket()));
    draft.record().timings.connect = Some(started.elapsed());
    Ok((stream, permit))
}
