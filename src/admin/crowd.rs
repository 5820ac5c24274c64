//! How many of one kind do something at the same time: connections of an address, streams of a
//! person. What all share has an end, and nobody may have all of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::reply::Wrong;
use super::role::{By, Who};

/// Those who do it, and how often each does.
#[derive(Debug)]
pub(super) struct Crowd<K>(Arc<Counts<K>>);

/// A place in it, until it is dropped.
#[derive(Debug)]
pub(super) struct Share<K: Eq + Hash> {
    key: K,
    counts: Arc<Counts<K>>,
}

#[derive(Debug)]
struct Counts<K>(Mutex<HashMap<K, usize>>);

/// Places for all together, and for each person.
#[derive(Debug)]
pub(super) struct Rooms {
    /// What they are for.
    things: &'static str,
    all: Arc<Semaphore>,
    each: usize,
    people: Crowd<Arc<str>>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Room {
    _one: OwnedSemaphorePermit,
    _own: Option<Share<Arc<str>>>,
}

// === impl Crowd ===

impl<K> Default for Crowd<K> {
    fn default() -> Self {
        Self(Arc::new(Counts(Mutex::default())))
    }
}

impl<K: Eq + Hash + Clone> Crowd<K> {
    /// A place for one who has less than so many.
    pub(super) fn enter(&self, key: K, most: usize) -> Option<Share<K>> {
        let mut counts = self.0.lock();
        let count = counts.entry(key.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Share { key, counts: Arc::clone(&self.0) })
    }
}

impl<K> Counts<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        // Nothing that holds the lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

// === impl Rooms ===

impl Rooms {
    /// So many for all, and so many for each person.
    pub(super) fn new(things: &'static str, [all, each]: [usize; 2]) -> Self {
        Self { things, all: Arc::new(Semaphore::new(all)), each, people: Crowd::default() }
    }

    /// One for somebody. Who need not prove anything may be anybody on this machine.
    pub(super) fn enter(&self, who: &Who) -> Result<Room, Wrong> {
        let (things, each) = (self.things, self.each);
        let own = self.people.enter(Arc::clone(&who.name), each);
        if own.is_none() && who.by != By::Local {
            let detail = format!("`{}` has {each} {things} already; end one first", who.name);
            return Err(Wrong::many(detail));
        }
        let one = Arc::clone(&self.all).try_acquire_owned();
        let many = |_| Wrong::many(format!("too many {things} run; try again when one has ended"));
        Ok(Room { _one: one.map_err(many)?, _own: own })
    }
}

#[cfg(test)]
mod tests {
    use super::super::role::Role;
    use super::*;

    #[test]
    fn nobody_has_more_than_their_share() {
        let crowd = Crowd::default();
        let first = crowd.enter("a", 2).unwrap();
        let _second = crowd.enter("a", 2).unwrap();
        assert!(crowd.enter("a", 2).is_none() && crowd.enter("b", 2).is_some());
        drop(first);
        assert!(crowd.enter("a", 2).is_some());
        assert_eq!(crowd.0.lock().len(), 1, "who has left is forgotten");
    }

    #[test]
    fn one_person_does_not_have_every_room() {
        let rooms = Rooms::new("exports", [4, 2]);
        let who = |name: &str| Who::proved(&Arc::from(name), Role::Viewer, By::Token);
        let ann = [rooms.enter(&who("ann")).unwrap(), rooms.enter(&who("ann")).unwrap()];
        let wrong = rooms.enter(&who("ann")).unwrap_err();
        assert_eq!((wrong.status.as_u16(), wrong.detail.contains("2 exports")), (429, true));
        let _bob = [rooms.enter(&who("bob")).unwrap(), rooms.enter(&who("bob")).unwrap()];
        assert!(rooms.enter(&who("eve")).unwrap_err().detail.contains("too many exports"));
        drop(ann);
        assert!(rooms.enter(&who("eve")).is_ok());
    }
}
