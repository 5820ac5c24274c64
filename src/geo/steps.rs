//! A whole address space as steps: each start holds until the next. Two families, one type.

use std::fmt::Debug;

/// An address as a number; the least is `Default`.
pub(super) trait Address: Copy + Ord + Default + Debug + Send + Sync {}
impl Address for u32 {}
impl Address for u128 {}

/// Numbers by address. The first step always starts at the least address, and no two
/// neighbours have the same number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Steps<A> {
    starts: Vec<A>,
    ids: Vec<u32>,
}

// === impl Steps ===

impl<A: Address> Steps<A> {
    /// One step over the whole space.
    pub(super) fn new(id: u32) -> Self {
        Self { starts: vec![A::default()], ids: vec![id] }
    }

    /// Appends a step that starts at or after the last one.
    pub(super) fn push(&mut self, start: A, id: u32) {
        if self.ids.last() == Some(&id) {
            return;
        }
        if self.starts.last() != Some(&start) {
            self.starts.push(start);
            self.ids.push(id);
            return;
        }
        // The step before lasted for no address at all: replace it, and merge backwards.
        self.ids.pop();
        if self.ids.last() == Some(&id) {
            self.starts.pop();
        } else {
            self.ids.push(id);
        }
    }

    /// Returns the number that holds at an address.
    pub(super) fn get(&self, address: A) -> u32 {
        let after = self.starts.partition_point(|start| *start <= address);
        self.ids.get(after.saturating_sub(1)).copied().unwrap_or(0)
    }

    /// Lists start and number, in address order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (A, u32)> + Clone {
        self.starts.iter().copied().zip(self.ids.iter().copied())
    }

    /// Counts the steps.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Renumbers, merging the neighbours that become equal.
    pub(super) fn renumber(&self, id: impl Fn(u32) -> u32) -> Self {
        let mut renumbered = Self::new(self.ids.first().map_or(0, |first| id(*first)));
        renumbered.starts.reserve(self.len());
        renumbered.ids.reserve(self.len());
        self.iter().for_each(|(start, old)| renumbered.push(start, id(old)));
        renumbered
    }

    /// Renumbers in place, by numbers that are as distinct as those before.
    pub(super) fn relabel(&mut self, id: impl Fn(u32) -> u32) {
        for old in &mut self.ids {
            *old = id(*old);
        }
    }

    /// Returns the greatest number.
    pub(super) fn most(&self) -> u32 {
        self.ids.iter().copied().max().unwrap_or(0)
    }

    /// Combines two numberings in one pass, `pair` giving the number of each pair met.
    pub(super) fn zip(&self, other: &Self, mut pair: impl FnMut(u32, u32) -> u32) -> Self {
        let (mut left, mut right) = (self.iter().peekable(), other.iter().peekable());
        let (mut a, mut b) = (0, 0);
        let capacity = self.len() + other.len();
        let mut zipped =
            Self { starts: Vec::with_capacity(capacity), ids: Vec::with_capacity(capacity) };
        while let Some(start) = least(left.peek(), right.peek()) {
            if let Some((_, id)) = left.next_if(|step| step.0 == start) {
                a = id;
            }
            if let Some((_, id)) = right.next_if(|step| step.0 == start) {
                b = id;
            }
            zipped.push(start, pair(a, b));
        }
        zipped
    }
}

fn least<A: Address>(a: Option<&(A, u32)>, b: Option<&(A, u32)>) -> Option<A> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.0.min(b.0)),
        (one, None) | (None, one) => one.map(|step| step.0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn steps(list: &[(u32, u32)]) -> Steps<u32> {
        let mut list = list.to_vec();
        list.sort_unstable();
        let mut steps = Steps::new(0);
        for (start, id) in list {
            steps.push(start, id);
        }
        steps
    }

    #[test]
    fn an_empty_step_is_replaced() {
        let mut steps = Steps::<u32>::new(0);
        for (start, id) in [(5, 1), (5, 0), (7, 2), (9, 2), (9, 3), (0xFFFF_FFFF, 0)] {
            steps.push(start, id);
        }
        let list: Vec<_> = steps.iter().collect();
        assert_eq!(list, [(0, 0), (7, 2), (9, 3), (0xFFFF_FFFF, 0)]);
    }

    proptest! {
        #[test]
        fn zip_holds_both(a: Vec<(u8, u8)>, b: Vec<(u8, u8)>) {
            let wide = |list: Vec<(u8, u8)>| list.into_iter().map(|(s, i)| (s.into(), i.into())).collect::<Vec<_>>();
            let (a, b) = (steps(&wide(a)), steps(&wide(b)));
            let zipped = a.zip(&b, |a, b| a * 256 + b);
            for address in 0..=256 {
                prop_assert_eq!(zipped.get(address), a.get(address) * 256 + b.get(address));
            }
            prop_assert!(zipped.ids.windows(2).all(|pair| pair[0] != pair[1]));
            prop_assert!(zipped.starts.is_sorted_by(|a, b| a < b));
            prop_assert_eq!(a.renumber(|id| id / 2).get(77), a.get(77) / 2);
        }
    }
}
