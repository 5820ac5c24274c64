//! Several numberings of one address space become one, numbered by distinct tuples.
//! Linear in the steps: two country databases give about a million steps and 14,000 tuples.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::steps::{Address, Steps};
use super::{halves, narrow, wide};

/// Steps that number tuples; a tuple has one number for each layer merged.
pub(super) struct Merged<A> {
    pub(super) steps: Steps<A>,
    pub(super) tuples: Vec<Vec<u32>>,
}

/// Merges layers in their order. More than `limit` tuples after a layer refuse that layer, by
/// its position.
pub(super) fn merge<A: Address>(layers: Vec<Steps<A>>, limit: u32) -> Result<Merged<A>, usize> {
    let mut layers = layers.into_iter();
    let Some(first) = layers.next() else {
        return Ok(Merged { steps: Steps::new(0), tuples: vec![Vec::new()] });
    };
    // The first layer is its own numbering: every number of it is a tuple of one.
    let most = first.most();
    if most >= limit {
        return Err(0);
    }
    let mut merged = Merged { steps: first, tuples: (0..=most).map(|id| vec![id]).collect() };
    for (position, layer) in layers.enumerate() {
        let mut pairs = Pairs::default();
        merged.steps = merged.steps.zip(&layer, |left, right| pairs.number(left, right));
        if pairs.list.len() > wide(limit) {
            return Err(position + 1);
        }
        let tuples = pairs.list.iter().map(|(left, right)| {
            let mut tuple = merged.tuples.get(wide(*left)).cloned().unwrap_or_default();
            tuple.push(*right);
            tuple
        });
        merged.tuples = tuples.collect();
    }
    Ok(merged)
}

/// Numbers pairs in the order met.
#[derive(Default)]
struct Pairs {
    numbers: HashMap<u64, u32, BuildHasherDefault<Mix>>,
    list: Vec<(u32, u32)>,
}

impl Pairs {
    fn number(&mut self, left: u32, right: u32) -> u32 {
        *self.numbers.entry(u64::from(left) << 32 | u64::from(right)).or_insert_with(|| {
            self.list.push((left, right));
            narrow(self.list.len() - 1)
        })
    }
}

/// Hashes one `u64` by a multiplication folded on itself. The keys are small numbers that were
/// given here, so the standard hash's protection from chosen keys would be paid for nothing.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        let product = u128::from(key.wrapping_add(self.0)) * 0x9E37_79B9_7F4A_7C15;
        let (high, low) = halves(product);
        self.0 = high ^ low;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_keep_the_order_of_layers() {
        let layer = |list: &[(u32, u32)]| {
            let mut steps = Steps::<u32>::new(0);
            for (start, id) in list {
                steps.push(*start, *id);
            }
            steps
        };
        let layers = [layer(&[(10, 1), (20, 0)]), layer(&[(15, 7)]), layer(&[])];
        let merged = merge(layers.to_vec(), 10).unwrap_or_else(|at| panic!("layer {at}"));
        let at = |address| merged.tuples[wide(merged.steps.get(address))].clone();
        assert_eq!(at(0), [0, 0, 0]);
        assert_eq!(at(10), [1, 0, 0]);
        assert_eq!(at(15), [1, 7, 0]);
        assert_eq!(at(20), [0, 7, 0]);
        assert_eq!(merge(layers.to_vec(), 3).err(), Some(1));
        assert_eq!(merge::<u32>(vec![], 1).map(|m| m.tuples), Ok(vec![vec![]]));
    }
}
