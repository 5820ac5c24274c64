//! What people decide is in the journal before it takes effect: who, how they proved it, why, and
//! until when. Of the client only the hold or candidate tells: notes are kept for ever and sealed
//! for nobody, so that they name no person but those who decide.

use std::fmt::Display;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::audit::{Candidate, Closing, Decided, Hold, HoldState, Ruling};
use crate::data::Tag;

use super::reply::Wrong;
use super::role::Who;
use super::state::Admin;

/// A decision that the journal is told of.
pub(super) struct Decision {
    /// What it is of, as the note calls it: `ruling` or `closing`.
    kind: &'static str,
    /// The hold or the candidate.
    id: String,
    /// Whether it stands also where the journal does not take it: what withdraws must not wait.
    stands: bool,
    note: Value,
}

impl Decision {
    /// On a hold.
    pub(super) fn on_hold(who: &Who, hold: &Hold, ruling: &Ruling) -> Self {
        let Ruling { decision, at, by, reason, expires } = ruling;
        let word = match (decision, hold.state(*at)) {
            (Decided::Deny, HoldState::Approved) => "revoke",
            (decision, _) => decision.name(),
        };
        let rules: Vec<_> = hold.rules.iter().map(|one| one.rule.as_str()).collect();
        let more = json!({
            "hold": hold.id.to_string(),
            "decision": word,
            "reason": reason,
            "expires": expires.map(|end| end.to_string()),
            "host": hold.host.to_string(),
            "tags": hold.tags.iter().map(Tag::as_str).collect::<Vec<_>>(),
            "rules": rules,
        });
        let (kind, id) = ("ruling", hold.id.to_string());
        let note = json!({ kind: with(signed(who, at, by), more) });
        Self { kind, id, stands: *decision == Decided::Deny, note }
    }

    /// On a candidate for a report.
    pub(super) fn on_report(who: &Who, candidate: &Candidate, closing: &Closing) -> Self {
        let Closing { at, by, outcome, note, evidence } = closing;
        let more = json!({
            "report": candidate.id.to_string(),
            "of": format!("{}/{}", candidate.pack, candidate.report),
            "outcome": outcome,
            "note": note,
            "evidence": evidence,
            "host": candidate.host.to_string(),
            "tags": candidate.tags.iter().map(Tag::as_str).collect::<Vec<_>>(),
            "rules": [candidate.rule],
            "due": candidate.due.to_string(),
        });
        let (kind, id) = ("closing", candidate.id.to_string());
        let note = json!({ kind: with(signed(who, at, by), more) });
        Self { kind, id, stands: false, note }
    }

    /// Has it on the disk before it takes effect. What would let something pass, or end a duty, is
    /// refused where that cannot be.
    pub(super) async fn enter(&self, admin: &Admin) -> Result<(), Wrong> {
        if admin.kept().is_none() || admin.proxy.note(self.note.to_string().into_bytes()).await {
            return Ok(());
        }
        if self.stands {
            let id = &self.id;
            tracing::error!(%id, "a denial stands; the journal, which takes nothing, is told later");
            return Ok(());
        }
        let why = "what people decide is in the journal before it counts, and the journal takes \
                   nothing now: nothing was decided; see `GET /readyz` and the log, then try again";
        self.take_back(admin, why);
        Err(Wrong::unavailable(why))
    }

    /// Tells the journal that it did not take effect after all.
    pub(super) fn take_back(&self, admin: &Admin, why: impl Display) {
        if admin.kept().is_none() {
            return;
        }
        let of = if self.kind == "ruling" { "hold" } else { "report" };
        let note = json!({ self.kind: {
            of: self.id, "taken": false, "why": why.to_string(),
        }});
        let proxy = Arc::clone(&admin.proxy);
        // It follows the other in the queue; who asked need not wait for it.
        tokio::spawn(async move { proxy.note(note.to_string().into_bytes()).await });
    }
}

/// Who decides: the name that they give, and what they have proved.
fn signed(who: &Who, at: &impl Display, by: &str) -> Value {
    json!({ "at": at.to_string(), "by": by, "asked": who.noted() })
}

fn with(mut note: Value, more: Value) -> Value {
    if let (Some(note), Value::Object(more)) = (note.as_object_mut(), more) {
        note.extend(more);
    }
    note
}
