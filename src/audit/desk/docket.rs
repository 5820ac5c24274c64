//! What is on the desk, and what may be done with it. PURE: no clock, no file.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::net::Host;
use crate::policy::Approval;

use super::candidate::{Candidate, Closing};
use super::fault::DeskError;
use super::hold::{Hold, HoldState, Ruling};
use super::shelf::{Filed, Shelf};

/// Open holds; clients must not fill the memory, and nobody decides on so many.
pub(super) const MOST_HOLDS: usize = 10_000;

/// Open candidates. Each may be a duty, so none is dropped: what would make one more is refused.
pub(super) const MOST_CANDIDATES: usize = 100_000;

/// Approvals in force, by destination.
pub(super) type Approvals = HashMap<Host, Arc<[Approval]>>;

/// Everything that waits, or waited, for a person.
#[derive(Debug)]
pub(super) struct Docket {
    pub(super) holds: Shelf<Hold>,
    pub(super) candidates: Shelf<Candidate>,
}

impl Docket {
    pub(super) fn new(holds: Vec<Hold>, candidates: Vec<Candidate>) -> Self {
        Self { holds: Shelf::new(holds), candidates: Shelf::new(candidates) }
    }

    /// Makes a hold, or counts the one that there is; returns it, and what was dropped for it.
    pub(super) fn hold(&mut self, asked: Hold) -> (Hold, Option<Hold>) {
        let known = self.holds.find(&asked.key());
        let known = known.filter(|hold| hold.state(asked.last) != HoldState::Expired);
        if let Some(id) = known.map(|hold| hold.id) {
            let counted = self.holds.touch(id, |hold| {
                hold.asked = hold.asked.saturating_add(asked.asked);
                hold.last = hold.last.max(asked.last);
            });
            return (counted.cloned().unwrap_or(asked), None);
        }
        let dropped = self.oldest_of_too_many();
        dropped.iter().for_each(|hold| self.holds.take(hold.id));
        self.holds.put(asked.clone());
        (asked, dropped)
    }

    fn oldest_of_too_many(&self) -> Option<Hold> {
        if self.holds.len() < MOST_HOLDS || self.open_holds() < MOST_HOLDS {
            return None;
        }
        let open = self.holds.iter().filter(|hold| hold.rulings.is_empty());
        open.min_by_key(|hold| hold.last).cloned()
    }

    /// Takes a person's decision.
    pub(super) fn rule(&mut self, id: Uuid, ruling: Ruling) -> Result<Hold, DeskError> {
        let mut hold = self.holds.get(id).cloned().ok_or(DeskError::Unknown(id))?;
        if hold.state(ruling.at) == HoldState::Expired {
            return Err(DeskError::Late(
                "its approval has ended; the next request makes a new hold",
            ));
        }
        if !hold.has_room() {
            return Err(DeskError::Late("it was decided a hundred times; that is the most"));
        }
        hold.rulings.push(ruling);
        self.holds.put(hold.clone());
        Ok(hold)
    }

    /// Adds candidates, or counts those that there are.
    pub(super) fn note(&mut self, candidates: Vec<Candidate>) -> Result<(), DeskError> {
        for new in candidates {
            let known = self.candidates.find(&new.key());
            // What a person closed did not stand for what came later.
            let known = known.filter(|one| one.closing.is_none()).map(|one| one.id);
            match known {
                Some(id) => {
                    self.candidates.touch(id, |one| one.count = one.count.saturating_add(1));
                }
                None if self.is_full() => return Err(DeskError::Full),
                None => self.candidates.put(new),
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.candidates.len() >= MOST_CANDIDATES && self.open_candidates() >= MOST_CANDIDATES
    }

    /// Takes what a person found of a candidate.
    pub(super) fn close(&mut self, id: Uuid, closing: Closing) -> Result<Candidate, DeskError> {
        let known = self.candidates.get(id).cloned();
        let mut candidate = known.ok_or(DeskError::Unknown(id))?;
        if candidate.closing.is_some() {
            return Err(DeskError::Late("it is closed already"));
        }
        candidate.closing = Some(closing);
        self.candidates.put(candidate.clone());
        Ok(candidate)
    }

    pub(super) fn open_holds(&self) -> usize {
        self.holds.iter().filter(|hold| hold.rulings.is_empty()).count()
    }

    pub(super) fn open_candidates(&self) -> usize {
        self.candidates.iter().filter(|one| one.closing.is_none()).count()
    }

    /// What people have approved and has not ended.
    pub(super) fn approvals(&self, at: Timestamp) -> Approvals {
        let mut by_host: HashMap<Host, Vec<Approval>> = HashMap::new();
        for approval in self.holds.iter().filter_map(|hold| hold.approval(at)) {
            by_host.entry(approval.host.clone()).or_default().push(approval);
        }
        by_host.into_iter().map(|(host, all)| (host, Arc::from(all))).collect()
    }
}
