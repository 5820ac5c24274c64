//! What is learned of a request after it was permitted: its body tells it, and the record waits.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::audit::Found;
use crate::policy::Permit;

use super::counting::Counting;
use super::error::Error;
use super::statement::Statement;

/// Shared by the body and the record.
#[derive(Debug, Default)]
pub(super) struct Later(Mutex<Learned>);

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Learned {
    counting: Option<Counting>,
    told: Option<Told>,
}

/// The last word on a body under way.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) found: Found,
    pub(super) statement: Statement,
    /// The permit that it goes on by, or why it ended.
    pub(super) answer: Result<Permit, Error>,
}

impl Later {
    pub(super) fn lock(&self) -> MutexGuard<'_, Learned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Gives out what was decided.
    pub(super) fn take_told(&mut self) -> Option<Told> {
        self.told.take()
    }
}
