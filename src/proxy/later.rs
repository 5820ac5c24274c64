//! What is learned of a request after it was permitted: its body tells it, and the record waits.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::audit::Found;
use crate::policy::Permit;

use super::counting::Counting;
use super::error::Error;
use super::statement::Statement;

/// Shared by the body and the record.
#[derive(Debug, Default)]
pub(super) struct Later(Mutex<Learned>);

/// Who keeps a verdict has it meanwhile: the record of a request comes after all of them.
#[derive(Debug, Default)]
pub(super) struct Testimony {
    over: bool,
}

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Learned {
    counting: Option<Counting>,
    told: Option<Told>,
    /// While the body has not ended.
    under_way: Option<CancellationToken>,
}

/// The last word on a body under way.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) found: Found,
    pub(super) statement: Statement,
    /// The permit that it goes on by, or why it ended; none where nobody was asked any more.
    pub(super) answer: Option<Result<Permit, Error>>,
}

impl Later {
    pub(super) fn lock(&self) -> MutexGuard<'_, Learned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Testimony {
    /// Whether the record is written, so that nothing more may be decided.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// The record is written next.
    pub(super) const fn end(&mut self) {
        self.over = true;
    }
}

impl Learned {
    /// Takes over what was reserved of volumes.
    pub(super) fn count(&mut self, counting: Counting) {
        self.counting = Some(counting);
    }

    /// Gives out what was reserved.
    pub(super) fn take_counting(&mut self) -> Option<Counting> {
        self.counting.take()
    }

    /// What was reserved.
    pub(super) fn counting(&self) -> Option<&Counting> {
        self.counting.as_ref()
    }

    /// Notes what was decided, and counted for it.
    pub(super) fn tell(&mut self, told: Told, counting: Option<Counting>) {
        self.told = Some(told);
        self.counting = counting;
    }

    /// Notes what was found in a body that broke off.
    pub(super) fn note(&mut self, told: Told) {
        let answer = self.told.take().and_then(|before| before.answer);
        self.told = Some(Told { answer, ..told });
    }

    /// A body begins; its record waits for its end.
    pub(super) fn begin(&mut self) {
        self.under_way = Some(CancellationToken::new());
    }

    /// The body has ended.
    pub(super) fn end(&mut self) {
        if let Some(under_way) = self.under_way.take() {
            under_way.cancel();
        }
    }

    /// Set while a body is under way; ends with it.
    pub(super) fn under_way(&self) -> Option<CancellationToken> {
        self.under_way.clone()
    }

    /// Whether the last word was a refusal.
    pub(super) fn is_barred(&self) -> bool {
        self.told.as_ref().is_some_and(|told| matches!(told.answer, Some(Err(_))))
    }

    /// Gives out what was decided.
    pub(super) fn take_told(&mut self) -> Option<Told> {
        self.told.take()
    }
}
