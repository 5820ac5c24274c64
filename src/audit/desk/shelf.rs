//! Matters of one kind in memory, and what of them is not yet in the file. What could not be
//! written is taken back, so that memory never says more than the file may.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use uuid::Uuid;

/// Something that is kept by its id and found by what makes it the same.
pub(super) trait Filed: Clone {
    /// What makes two the same.
    type Key: Eq + Hash;

    fn id(&self) -> Uuid;
    fn key(&self) -> Self::Key;
}

/// Matters of one kind, the oldest first.
#[derive(Debug)]
pub(super) struct Shelf<T: Filed> {
    items: BTreeMap<Uuid, T>,
    index: HashMap<T::Key, Uuid>,
    /// What has changed since the last commit, as it was before.
    before: Vec<(Uuid, Option<T>)>,
    /// What goes into the next commit, but for which nobody waits.
    stale: BTreeSet<Uuid>,
}

impl<T: Filed> Shelf<T> {
    pub(super) fn new(items: Vec<T>) -> Self {
        let index = items.iter().map(|item| (item.key(), item.id())).collect();
        let items = items.into_iter().map(|item| (item.id(), item)).collect();
        Self { items, index, before: Vec::new(), stale: BTreeSet::new() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.values()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn get(&self, id: Uuid) -> Option<&T> {
        self.items.get(&id)
    }

    pub(super) fn find(&self, key: &T::Key) -> Option<&T> {
        self.items.get(self.index.get(key)?)
    }

    /// Adds or replaces; somebody waits until it is written.
    pub(super) fn put(&mut self, item: T) {
        let id = item.id();
        self.index.insert(item.key(), id);
        let before = self.items.insert(id, item);
        self.before.push((id, before));
    }

    /// Takes away; somebody waits until that is written.
    pub(super) fn take(&mut self, id: Uuid) {
        if let Some(item) = self.items.remove(&id) {
            self.forget(&item);
            self.before.push((id, Some(item)));
        }
    }

    /// Changes what need not be written at once; returns it as it stands.
    pub(super) fn touch(&mut self, id: Uuid, change: impl FnOnce(&mut T)) -> Option<&T> {
        let item = self.items.get_mut(&id)?;
        change(item);
        self.stale.insert(id);
        Some(item)
    }

    /// Whether somebody must wait for the next commit.
    pub(super) fn is_urgent(&self) -> bool {
        !self.before.is_empty()
    }

    /// Whether something is to be written, sooner or later.
    pub(super) fn is_stale(&self) -> bool {
        !self.before.is_empty() || !self.stale.is_empty()
    }

    /// Everything that the next commit writes; what is absent is removed.
    pub(super) fn changes(&self) -> impl Iterator<Item = (Uuid, Option<&T>)> {
        let ids = self.before.iter().map(|(id, _)| id).chain(&self.stale);
        let ids: BTreeSet<_> = ids.copied().collect();
        ids.into_iter().map(|id| (id, self.items.get(&id)))
    }

    /// What changed is written.
    pub(super) fn settle(&mut self) {
        self.before.clear();
        self.stale.clear();
    }

    /// What changed could not be written: all is as before. A failed write may have reached the
    /// disk all the same, so the next commit writes what is true.
    pub(super) fn roll_back(&mut self) {
        while let Some((id, before)) = self.before.pop() {
            self.stale.insert(id);
            let now = match before {
                Some(item) => {
                    self.index.insert(item.key(), id);
                    self.items.insert(id, item);
                    None
                }
                None => self.items.remove(&id),
            };
            now.iter().for_each(|item| self.forget(item));
        }
    }

    fn forget(&mut self, item: &T) {
        let key = item.key();
        if self.index.get(&key) == Some(&item.id()) {
            self.index.remove(&key);
        }
    }
}
