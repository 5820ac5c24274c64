//! From a name to permits: resolved once, every answer located, met where its certificate
//! matters, counted and judged. A tunnel that will be opened is permitted to be met alone: what
//! is asked inside is judged by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::policy::{Facts, Peer, Permit, Place, Verdict};
use crate::telemetry::Event;

use super::Proxy;
use super::active::{Active, Mixed};
use super::counting::Counting;
use super::draft::Draft;
use super::error::{Error, Failed};
use super::judge::{Judged, Refused};
use super::meet::meet;
use super::opening::Plan;
use super::request::Ask;
use super::statement::Statement;
use super::target::Target;

/// Where a destination's addresses lie.
pub(super) struct Located<'a> {
    pub(super) places: Vec<Place<'a>>,
    pub(super) since: Instant,
}

/// Resolves the destination, once, and finds where each of its addresses lies.
pub(super) async fn locate<'a>(
    draft: &mut Draft,
    ask: Ask<'_>,
    active: &'a Active,
) -> Result<Located<'a>, Error> {
    let proxy = Arc::clone(draft.proxy());
    let started = Instant::now();
    let host = &ask.target.authority.host;
    let addresses = proxy.addresses(active, host, ask.ingress.pinned).await?;
    let (resolve, since) = (started.elapsed(), Instant::now());
    draft.record().timings.resolve = Some(resolve);
    Ok(Located { places: proxy.locate(active, ask.target, &addresses)?, since })
}

/// Finds the sockets that the request may go to.
pub(super) async fn find(
    draft: &mut Draft,
    facts: &Facts<'_>,
    ask: Ask<'_>,
    statement: &Statement,
    located: &Located<'_>,
) -> Result<Judged, Error> {
    let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
    let (places, since, target) = (&located.places, located.since, ask.target);
    let (opening, sealed) = (&active.opening, facts.is_sealed());
    let plan = match (sealed, target.scheme.is_tunnel()) {
        (true, _) => opening.plan(&active.policy, facts, places),
        (false, true) => opening.plan_shut(facts, places),
        (false, false) => Plan::Tunnel,
    };
    match plan {
        Plan::Open => {
            let permits = introduced(draft, &active, facts, places)?;
            note(draft, &proxy, since.elapsed());
            Ok(Judged::to_open(permits, places))
        }
        Plan::Refuse => {
            let text = "the configuration opens no tunnel to this destination";
            Err(Failed::sealed("tunnel-refused", text).into())
        }
        Plan::Tunnel if !sealed => {
            judge_all(draft, facts, target, places.clone(), since.elapsed()).await
        }
        Plan::Tunnel => {
            let content = statement.content(&active, true);
            let facts = Facts { content: &content, peer: Peer::Hidden, ..*facts };
            judge_all(draft, &facts, target, places.clone(), since.elapsed()).await
        }
    }
}

/// The tickets to connect to the places and see whose certificate is shown there.
pub(super) fn introduced(
    draft: &mut Draft,
    active: &Active,
    facts: &Facts<'_>,
    places: &[Place<'_>],
) -> Result<Vec<Permit>, Error> {
    let mut permits = Vec::new();
    let mut refused: Option<Refused> = None;
    for place in places {
        match active.policy.introduce(facts, *place) {
            Verdict::Allow(permit) => permits.push(permit),
            Verdict::Refuse(refusal) => {
                refused = refused.or_else(|| Some((Box::new(refusal), Some(place.entry.id()))));
            }
        }
    }
    if let Some((refusal, entry)) = refused
        && (permits.is_empty() || active.mixed == Mixed::Refuse)
    {
        draft.set_refusal(&refusal, entry);
        return Err(Error::Refused(refusal));
    }
    Ok(permits)
}

pub(super) async fn judge_all(
    draft: &mut Draft,
    facts: &Facts<'_>,
    target: &Target,
    mut places: Vec<Place<'_>>,
    located: Duration,
) -> Result<Judged, Error> {
    let met = meet(draft, facts, target, &places).await?;
    let mut facts = *facts;
    if let Some(met) = &met {
        places.retain(|place| place.socket == met.permit.socket());
        facts.peer = met.peer();
    }
    let mut judged = count_and_judge(draft, &facts, &places, located).await?;
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

/// Reserves what the request counts for, and judges the places by that.
pub(super) async fn count_and_judge(
    draft: &mut Draft,
    facts: &Facts<'_>,
    places: &[Place<'_>],
    located: Duration,
) -> Result<Result<Judged, Refused>, Error> {
    let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
    let started = Instant::now();
    let volumes = (proxy.volumes.as_ref(), &*proxy.metrics);
    let counting = Counting::reserve(volumes, &active.policy, facts, places).await;
    let counting = counting.map_err(|error| Error::uncounted(&error))?;
    let judged = Proxy::judge(&active, facts, places, &counting);
    let first = places.first().map(|place| Facts { place: Some(*place), ..*facts });
    draft.record().recipient = first.and_then(|facts| active.policy.recipient(&facts));
    draft.set_counting(counting);
    note(draft, &proxy, located + started.elapsed());
    Ok(judged)
}

fn note(draft: &mut Draft, proxy: &Proxy, decide: Duration) {
    let record = draft.record();
    record.timings.decide = Some(decide);
    Event::Decided(decide, record.traced()).record(&proxy.metrics);
}
