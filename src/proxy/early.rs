//! What is refused wherever it goes is refused before its name is asked for: a look-up tells name
//! servers where data would go. Its record still says what a law wants on record: every rule that
//! holds, the place, the recipient and the counts, where nobody need be asked for these or a rule
//! may hold that obliges to know them.

use std::sync::Arc;

use crate::policy::{Basis, Facts, Peer, Refusal};

use super::destination::{self, Located};
use super::draft::Draft;
use super::error::Error;
use super::request::Ask;
use super::statement::Statement;

/// The answer to a request that is refused before anything is known of its place. It stays refused,
/// whatever is found.
pub(super) async fn refused(
    draft: &mut Draft,
    ask: Ask<'_>,
    statement: &Statement,
    facts: &Facts<'_>,
    refusal: Refusal,
) -> Error {
    let active = Arc::clone(draft.active());
    draft.record().recipient = active.policy.recipient(facts);
    if !is_known(draft, ask) && !active.policy.may_oblige(facts) {
        return Error::Refused(Box::new(refusal));
    }
    // Without an answer of the name servers it is refused as well, and nothing more is known.
    let refusal = match destination::locate(draft, ask, &active).await {
        Ok(located) => in_full(draft, statement, facts, refusal, &located).await,
        Err(_) => refusal,
    };
    Error::Refused(Box::new(refusal))
}

/// The refusal with all that is known of the places.
async fn in_full(
    draft: &mut Draft,
    statement: &Statement,
    facts: &Facts<'_>,
    refusal: Refusal,
    located: &Located<'_>,
) -> Refusal {
    let active = Arc::clone(draft.active());
    // Nothing is read of it any more, and nobody is met.
    let content = statement.content(&active, true);
    let facts = Facts { content: &content, peer: Peer::Hidden, ..*facts };
    let since = located.since.elapsed();
    match destination::count_and_judge(draft, &facts, &located.places, since).await {
        Ok(Err((whole, entry))) => {
            draft.set_refusal(&whole, entry);
            if matches!(whole.basis, Basis::Rule(_)) && whole.outcome >= refusal.outcome {
                return *whole;
            }
            // That the place is closed anyway takes back no rule that holds.
            Refusal { socket: whole.socket, ..refusal }
        }
        // What was final stays: here nothing can permit it, and no count can be missing.
        Ok(Ok(_)) | Err(_) => refusal,
    }
}

/// Whether the address is known without asking anybody.
fn is_known(draft: &Draft, ask: Ask<'_>) -> bool {
    let (active, host) = (draft.active(), &ask.target.authority.host);
    ask.ingress.pinned.is_some_and(|pinned| !pinned.verified)
        || host.address().is_some()
        || active.names.get(host).is_some()
        || active.chains.leaves(host)
}
