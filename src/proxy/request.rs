//! THE LINE: what every request walks, from its head to one record.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};

use crate::policy::{Decision, Facts};

use super::body::Body;
use super::draft::Draft;
use super::error::Error;
use super::forward::Client;
use super::guard::Wire;
use super::ingress::Ingress;
use super::statement::Statement;
use super::target::{Speech, Target};
use super::tunnel::{Standing, Tunnel};
use super::upgrade::{self, Upgrade};
use super::upstream::Answered;
use super::wire::{Fault, modern};
use super::{Proxy, destination, fields, forward, held, judge::Judged, reply, tunnel};

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
    /// The destination's agreement to go on as WebSocket.
    Switched(Box<(Answered, Upgrade, Standing)>),
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
        Ok(Passed::Tunnel(tunnel)) => tunnel::open(tunnel, draft, in_flight.tunnel(), from.ingress),
        Ok(Passed::Switched(switched)) => {
            let (answered, upgrade, standing) = *switched;
            let to = (draft, in_flight.tunnel());
            upgrade::open(answered, upgrade, standing, to, from.ingress)
        }
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
    let target = aim(&request, from.ingress, &proxy)?;
    draft.set_target(&target);
    if let Some(trouble) = from.ingress.inside.as_ref().and_then(|inside| inside.trouble.clone()) {
        return Err(Error::Failed(trouble));
    }
    if !proxy.sink.room().await {
        return Err(Error::unrecorded());
    }
    if let Some(status) = fields::max_forwards(&mut request)? {
        return Ok(Passed::Own(status));
    }
    let client = from.ingress.client.ip();
    let statement =
        Statement::of(&active, from.ingress, &target.authority.host, request.headers())?;
    draft.set_statement(&statement);
    if !statement.slices.is_empty() && !proxy.sink.is_healthy() {
        return Err(Error::unrecorded());
    }
    let sealed = target.scheme == Speech::Connect && proxy.may_open();
    let content = statement.content(&active, !sealed);
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
    let judged = destination::find(draft, &facts, &target, &statement).await?;
    held::permitted(draft, &judged.permits).await?;
    if target.scheme != Speech::Connect {
        let upgrade = request.extensions().get::<Upgrade>().cloned();
        let answered = forward::send(draft, from, &target, judged, request).await?;
        let switched = answered.response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let Some(upgrade) = upgrade.filter(|_| switched) else {
            return Ok(Passed::Answer(answered));
        };
        let permit = answered.permit.clone();
        let standing = Standing::new(draft, (method, target.authority), statement, permit);
        return Ok(Passed::Switched(Box::new((answered, upgrade, standing))));
    }
    let (stream, permit) = connect(draft, &proxy, &judged).await?;
    let standing = Standing::new(draft, (method, target.authority), statement, permit);
    let (upgrade, plan) = (hyper::upgrade::on(&mut request), judged.plan);
    Ok(Passed::Tunnel(Tunnel { upgrade, stream, plan, standing }))
}

/// Where a request goes, if its head is sound; that of HTTP/1 the guard has judged.
fn aim<B>(request: &Request<B>, ingress: &Ingress, proxy: &Proxy) -> Result<Target, Error> {
    if request.version() == Version::HTTP_2 {
        let sound = modern::check(request, &proxy.settings.head);
        sound.map_err(|kind| Error::on_the_wire(&Fault::new(kind, 0)))?;
    }
    Target::at(request, ingress)
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
