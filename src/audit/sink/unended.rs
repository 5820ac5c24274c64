//! Verdicts whose requests have not ended. Where a kill cuts these off the next run makes their
//! records, and from where on it looks for them is noted beside the journal from time to time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::super::journal::Log;

/// So often it is noted.
const NOTED: Duration = Duration::from_secs(10);

/// The open verdicts of this run.
pub(super) struct Unended {
    /// Each with a number of an entry that it does not stand before.
    open: HashMap<Uuid, u64>,
    /// Whether verdicts of earlier runs may have no record: what was noted for them stays.
    earlier: bool,
    /// How many entries the journal had lost before: of those that it loses, each may be a record.
    lost: u64,
    /// What is noted.
    noted: Option<u64>,
    due: Instant,
    every: Duration,
    failing: bool,
}

impl Unended {
    pub(super) fn new(log: &Log) -> Self {
        Self {
            open: HashMap::new(),
            earlier: true,
            lost: log.lost(),
            noted: None,
            due: Instant::now(),
            every: NOTED,
            failing: false,
        }
    }

    /// A verdict is about to be appended.
    pub(super) fn decided(&mut self, id: Uuid, log: &Log) {
        // The number that it gets may become smaller, but not less than what has one already.
        let (stands, _) = log.standing();
        self.open.entry(id).or_insert(stands);
    }

    /// A record was appended.
    pub(super) fn ended(&mut self, id: &Uuid) {
        if !self.open.is_empty() {
            self.open.remove(id);
        }
    }

    /// Every verdict of earlier runs has its record.
    pub(super) const fn completed(&mut self) {
        self.earlier = false;
    }

    #[cfg(test)]
    pub(super) const fn note_always(&mut self) {
        self.every = Duration::ZERO;
    }

    /// Notes where the next run begins to look, if it is time; at the end it always is.
    pub(super) fn note(&mut self, log: &mut Log, last: bool) {
        if self.earlier || log.lost() > self.lost || !log.is_synced() {
            return;
        }
        if !last && Instant::now() < self.due {
            return;
        }
        self.due = Instant::now() + self.every;
        let (stands, _) = log.standing();
        let before = self.open.values().copied().min().unwrap_or(stands);
        if self.noted == Some(before) {
            return;
        }
        match log.completed(before) {
            Ok(()) => (self.noted, self.failing) = (Some(before), false),
            Err(fault) if !std::mem::replace(&mut self.failing, true) => {
                tracing::warn!(%fault, "the next start goes over more of the journal than it must");
            }
            Err(_) => {}
        }
    }
}
