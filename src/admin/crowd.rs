//! How many of one kind do something at the same time: connections of an address, streams of a
//! person. What all share has an end, and nobody may have all of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

#[cfg(test)]
mod tests {
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
}
