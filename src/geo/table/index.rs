//! A sorted list of keys as a B+ tree in flat layers: which is the last key up to a given one.
//! A node is searched without a branch, so nothing is mispredicted and independent look-ups
//! overlap. Of the five layers below 35,000 leaves the upper four stay in the first two caches.

/// Keys in a node: two neighbouring lines of 64 bytes. Eight keys in one line were slower by a
/// fifth: more layers to wait for.
pub(super) const WIDTH: usize = 16;

/// A node, or a leaf.
#[derive(Clone, Copy, Debug)]
#[repr(align(128))]
pub(super) struct Line(pub(super) [u64; WIDTH]);

/// The tree above a list of keys.
#[derive(Debug)]
pub(super) struct Index {
    /// From the root down; the last layer holds the keys themselves.
    layers: Vec<Vec<Line>>,
}

impl Line {
    /// The last key up to `most`; the first if none is.
    #[inline]
    pub(super) fn last_up_to(&self, most: u64) -> u64 {
        let place = self.count(most).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }

    /// Counts the keys up to `most`, taking the first for one of them: which quarter it falls
    /// into, then where in the quarter, each by three comparisons that wait for none another.
    #[inline]
    pub(super) fn count(&self, most: u64) -> usize {
        let up_to = |key: u64| usize::from(key <= most);
        let (quarters, []) = self.0.as_chunks::<4>() else { return 1 };
        let [_, [second, ..], [third, ..], [fourth, ..]] = quarters else { return 1 };
        let quarter = up_to(*second) + up_to(*third) + up_to(*fourth);
        let Some([_, rest @ ..]) = quarters.get(quarter) else { return 1 };
        quarter * 4 + 1 + rest.iter().map(|key| up_to(*key)).sum::<usize>()
    }
}

impl Index {
    /// Builds the tree over sorted keys; all must be below `u64::MAX`, which fills up nodes.
    pub(super) fn new(keys: &[u64]) -> Self {
        let mut layers = vec![lines(keys)];
        while let Some(below) = layers.last().filter(|below| below.len() > 1) {
            let firsts: Vec<u64> = below.iter().map(|Line([first, ..])| *first).collect();
            layers.push(lines(&firsts));
        }
        layers.reverse();
        Self { layers }
    }

    /// The last key up to `most`, and its position. The first key must not be greater.
    #[inline]
    pub(super) fn find(&self, most: u64) -> (usize, u64) {
        self.layers.iter().fold((0, 0), |(node, _), layer| {
            let line = layer.get(node).unwrap_or(&EMPTY);
            let place = line.count(most).saturating_sub(1);
            (node * WIDTH + place, line.0.get(place).copied().unwrap_or_default())
        })
    }
}

const EMPTY: Line = Line([u64::MAX; WIDTH]);

fn lines(keys: &[u64]) -> Vec<Line> {
    let line = |keys: &[u64]| {
        let mut line = [u64::MAX; WIDTH];
        line.iter_mut().zip(keys).for_each(|(place, key)| *place = *key);
        Line(line)
    };
    keys.chunks(WIDTH).map(line).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_as_a_search_in_halves(mut keys in prop::collection::vec(1_u64..2_000, 0..700), most in 0_u64..2_001) {
            keys.push(0);
            keys.sort_unstable();
            let (position, key) = Index::new(&keys).find(most);
            prop_assert_eq!(position + 1, keys.partition_point(|key| *key <= most));
            prop_assert_eq!(key, keys[position]);
        }
    }
}
