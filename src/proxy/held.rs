//! What a decision leaves for people: a hold that somebody decides, candidates for reports that
//! somebody closes. Both are kept before the client is answered, or the data stays here.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use crate::audit::{Candidate, Deed, DeskError, Hold, HoldingRule, Late, Record, Tolled, Waiting};
use crate::policy::{Due, Outcome, Permit, Policy, Refusal};
use crate::telemetry::{DeskEvent, Event};

use super::Proxy;
use super::draft::Draft;
use super::error::Error;

/// How long the clock of this machine is trusted to run as ours does.
const GLANCE: Duration = Duration::from_mins(1);

/// Keeps what follows from permits. The request goes out on one of them, and which one is not
/// known yet: what any of them makes due is a candidate.
pub(super) async fn permitted(draft: &mut Draft, permits: &[Permit]) -> Result<(), Error> {
    let policy = &draft.active().policy;
    let mut due: Vec<Due> = Vec::new();
    for permit in permits {
        for one in policy.duties(permit.held()).reports {
            if !due.contains(&one) {
                due.push(one);
            }
        }
    }
    note(draft, &due).await.map_err(|error| Error::unkept(&error))?;
    testify(draft, permits.first()).await
}

/// Keeps the verdict on tagged data before it is released. Traffic without tags never waits.
async fn testify(draft: &mut Draft, permit: Option<&Permit>) -> Result<(), Error> {
    let proxy = Arc::clone(draft.proxy());
    let record = draft.record();
    if record.tags.is_empty() || !proxy.sink.keeps_verdicts() {
        return Ok(());
    }
    let id = record.id;
    let line = draft.foreseen(permit);
    if Box::pin(proxy.sink.keep(id, line)).await { Ok(()) } else { Err(Error::unrecorded()) }
}

/// Keeps what follows from a permit that was given while the data was on its way. Where it is the
/// first verdict on tagged data, it is as its record would be.
pub(super) async fn permitted_later(
    proxy: &Proxy,
    policy: &Policy,
    deed: &Deed,
    (permit, counts): (&Permit, &[Tolled]),
    first: Option<Box<Record>>,
) -> Result<(), Error> {
    let due = policy.duties(permit.held()).reports;
    keep(proxy, deed, &due).await.map_err(|error| Error::unkept(&error))?;
    if deed.tags.is_empty() || !proxy.sink.keeps_verdicts() {
        return Ok(());
    }
    let later = || Late::new((deed, policy), (permit.held(), permit.outcome()), counts).line();
    let line = first.map_or_else(later, |record| record.line());
    if Box::pin(proxy.sink.keep(deed.decision, line)).await {
        Ok(())
    } else {
        Err(Error::unrecorded())
    }
}

/// Keeps what follows from a refusal, and the refusal. The error is another one where that cannot
/// be kept.
pub(super) async fn refused(draft: &mut Draft, error: Error) -> Error {
    if !matches!(error, Error::Refused(_)) {
        return error;
    }
    let error = consequences(draft, error).await;
    testify(draft, None).await.err().unwrap_or(error)
}

async fn consequences(draft: &mut Draft, error: Error) -> Error {
    let Error::Refused(refusal) = &error else { return error };
    // The record says what was decided, also where it cannot be kept.
    draft.set_refusal(refusal, None);
    let due = draft.active().policy.duties(&refusal.held).reports;
    if let Err(error) = note(draft, &due).await {
        return Error::unkept(&error);
    }
    if refusal.outcome != Outcome::Hold {
        return error;
    }
    let Some(asked) = asked(draft, refusal) else { return error };
    let at = asked.last;
    match draft.proxy().desk.clone().hold(asked).await {
        Ok(hold) => {
            draft.record().hold = Some(Waiting { hold: hold.id, state: hold.state(at) });
            error
        }
        Err(error) => Error::unkept(&error),
    }
}

/// Notes candidates. Tagged data waits until they are kept; traffic without tags never waits for
/// the disk.
async fn note(draft: &mut Draft, due: &[Due]) -> Result<(), DeskError> {
    let proxy = Arc::clone(draft.proxy());
    let Some(deed) = deed(draft.record()).filter(|_| !due.is_empty()) else { return Ok(()) };
    keep(&proxy, &deed, due).await
}

async fn keep(proxy: &Proxy, deed: &Deed, due: &[Due]) -> Result<(), DeskError> {
    if due.is_empty() {
        return Ok(());
    }
    let desk = proxy.desk.clone();
    let candidates = due.iter().map(|due| Candidate::new(due, deed)).collect();
    if !deed.tags.is_empty() {
        return Box::pin(desk.note(candidates)).await;
    }
    if let Err(error) = desk.note_later(candidates) {
        Event::Desk(DeskEvent::Failed(&error)).record(&proxy.metrics);
    }
    Ok(())
}

pub(super) fn deed(record: &Record) -> Option<Deed> {
    Some(Deed {
        decision: record.id,
        at: record.at,
        client: client(record),
        host: record.authority.as_ref()?.host.clone(),
        tags: record.tags.clone(),
    })
}

/// Who asks, as approvals name it: the principal, else the address.
fn client(record: &Record) -> String {
    let principal = record.principal.as_ref();
    principal.map_or_else(|| record.client.ip().to_string(), |name| name.to_string())
}

/// What is asked of a person.
fn asked(draft: &mut Draft, refusal: &Refusal) -> Option<Hold> {
    let record = draft.record();
    let authority = record.authority.as_ref()?;
    let rules = record.policy.barring(refusal).map(|rule| HoldingRule {
        rule: format!("{}/{}", rule.pack, rule.id),
        cite: rule.cite.clone(),
        reason: rule.reason.clone(),
    });
    let rules: Vec<_> = rules.collect();
    (!rules.is_empty()).then(|| Hold {
        id: record.id,
        first: record.at,
        last: record.at,
        asked: 1,
        client: client(record),
        host: authority.host.clone(),
        port: authority.port,
        method: record.method.to_string(),
        tags: record.tags.clone(),
        rules,
        needs: needs(&record.policy, refusal),
        rulings: Vec::new(),
    })
}

/// The names of the rules that refuse, and act.
pub(super) fn barred_by(policy: &Policy, refusal: &Refusal) -> Vec<String> {
    policy.barring(refusal).map(|rule| format!("{}/{}", rule.pack, rule.id)).collect()
}

/// The declarations that the refusing rules miss.
pub(super) fn needs(policy: &Policy, refusal: &Refusal) -> Vec<String> {
    let mut needs: Vec<_> = policy.barring(refusal).flat_map(|rule| rule.needs.iter()).collect();
    needs.sort_unstable();
    needs.dedup();
    needs.into_iter().map(|word| word.key().to_owned()).collect()
}

/// Makes live tunnels ask again whenever an approval came, was withdrawn or has ended.
pub async fn ask_again(proxy: Arc<Proxy>) {
    let mut changes = proxy.desk.changes();
    let mut seen = Timestamp::now();
    loop {
        let left = proxy.desk.next_end(seen).map(|end| end.duration_since(Timestamp::now()));
        // The clock may be set meanwhile, so a long wait is many short ones.
        let wait = left.map_or(GLANCE, |left| left.unsigned_abs().min(GLANCE));
        let wait = if left.is_some_and(|left| left.is_negative()) { Duration::ZERO } else { wait };
        let changed = match timeout(wait, changes.changed()).await {
            Ok(Ok(())) => true,
            Ok(Err(_)) => return,
            Err(_) => false,
        };
        let now = Timestamp::now();
        let ended = proxy.desk.next_end(seen).is_some_and(|end| end <= now);
        seen = seen.max(now);
        if changed || ended {
            proxy.epoch.send_modify(|_| ());
        }
    }
}
