//! What is barred may go without the values that it was found by, where the rules say so.

use std::sync::Arc;

use crate::audit::Redacted;
use crate::data::Tag;

use super::destination::Located;
use super::draft::Draft;
use super::error::Error;
use super::held;
use super::inspect::{Look, Seen};
use super::judge::Judged;
use super::request::{Ask, judge_seen, state};
use super::statement::Statement;

/// What is barred, and may go without its values where every rule that bars it says so.
pub(super) struct Without<'a> {
    pub(super) statement: &'a Statement,
    pub(super) seen: &'a Seen,
    pub(super) located: &'a Located<'a>,
}

impl Without<'_> {
    /// Takes the values out and judges what is left; else the refusal stands.
    pub(super) async fn values(
        self,
        draft: &mut Draft,
        ask: Ask<'_>,
        look: &mut Look<'_>,
        error: Error,
    ) -> Result<(Statement, Judged), Error> {
        let active = Arc::clone(draft.active());
        let (policy, host) = (&active.policy, &ask.target.authority.host);
        let Error::Refused(refusal) = &error else { return Err(error) };
        let barred = |tag: &Tag| policy.bars(refusal, tag);
        let redacted = policy
            .redacts(refusal)
            .then(|| look.redact(self.seen, (&active.inspector, host), barred));
        let Some((values, left)) = redacted.flatten() else { return Err(error) };
        draft.count_again();
        let statement = self.statement.seeing(&left);
        state(draft, &statement)?;
        let judged = match judge_seen(draft, ask, &statement, self.located).await {
            Ok(judged) => judged,
            Err(error) => {
                // What is recorded is what was asked for: nothing of the other left.
                draft.set_statement(&self.statement.seeing(&self.seen.all));
                return Err(error);
            }
        };
        draft.record().redacted =
            Some(Redacted { values, rules: held::barred_by(policy, refusal) });
        Ok((statement, judged))
    }
}
