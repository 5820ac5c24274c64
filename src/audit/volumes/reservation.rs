//! What a request added to the volumes, until it is known whether it left.

use std::fmt;
use std::sync::Weak;

use super::{Shared, VolumeError};

/// Subjects that count for everybody from now on. Say how the request ended with
/// [`Reservation::left`] or [`Reservation::give_back`]; one that is dropped, or that a crash
/// ends, counts as left.
#[must_use = "a reservation that is dropped counts as left"]
pub struct Reservation {
    shared: Weak<Shared>,
    /// `None` where all its subjects had left on this day before.
    entry: Option<u64>,
}

impl Reservation {
    pub(super) fn new(shared: Weak<Shared>, entry: Option<u64>) -> Self {
        Self { shared, entry }
    }

    #[cfg(test)]
    pub(super) fn entry(&self) -> Option<u64> {
        self.entry
    }

    /// The request left, or may have left: its subjects stay. Waits for no disk.
    pub fn left(self) {
        drop(self);
    }

    /// Nothing of the request left: what it alone added no longer counts. Waits for no disk; a
    /// crash soon after may let it count again.
    pub fn give_back(mut self) -> Result<(), VolumeError> {
        let Some(entry) = self.entry.take() else { return Ok(()) };
        let shared = self.shared.upgrade().ok_or(VolumeError::Closed)?;
        let given_back = shared.give_back(entry);
        if given_back.is_err() {
            self.entry = Some(entry);
        }
        given_back
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let (Some(entry), Some(shared)) = (self.entry, self.shared.upgrade())
            // Where a thread panicked with the lock, the journal still has the entry.
            && let Ok(mut book) = shared.book.lock()
        {
            book.leave(entry);
        }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("entry", &self.entry).finish_non_exhaustive()
    }
}
