//! The fuzz targets' seeds, changed at random from a fixed seed, a fixed number of times: nothing
//! panics, and the pieces in which a body comes do not show. `tests/fuzz` goes on from here.

use std::fs;
use std::path::PathBuf;

use crate::{said, targets};

/// How often each seed is changed; `BORDERPOST_CHANGES` is another number.
const CHANGES: usize = 40;

/// A small generator, so that every run tries the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ mixed >> 31) % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn octet(&mut self) -> u8 {
        const ODD: [u8; 10] = [0, 1, 0x7F, 0x80, 0xFF, b'\n', b'"', b'%', b'-', b'P'];
        match self.below(2) {
            0 => ODD[self.below(ODD.len())],
            _ => u8::try_from(self.below(256)).unwrap(),
        }
    }
}

fn seeds() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/corpus");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    all.sort();
    all
}

/// Octets are changed, left out, repeated or cut off.
fn change(body: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let place = random.below(body.len());
        match random.below(5) {
            0 => body.truncate(place),
            1 => drop(body.drain(place..(place + random.below(9)).min(body.len()))),
            2 => {
                let end = (place + random.below(40)).min(body.len());
                let part = body[place..end].to_vec();
                let at = random.below(body.len());
                body.splice(at..at, part);
            }
            _ => {
                let octet = random.octet();
                body.iter_mut().skip(place).take(1).for_each(|byte| *byte = octet);
            }
        }
    }
}

#[test]
fn seeds_and_their_like_do_no_harm() {
    let seeds = seeds();
    assert!(seeds.len() > 40, "the seeds were found");
    let changes = std::env::var("BORDERPOST_CHANGES").map_or(CHANGES, |text| text.parse().unwrap());
    let mut random = Random(7);
    for (path, seed) in seeds {
        for count in 0..=changes {
            let mut body = seed.clone();
            if count > 0 {
                change(&mut body, &mut random);
            }
            let Some((first, body)) = body.split_first() else { continue };
            let said = said::SAID[usize::from(*first) % said::SAID.len()];
            let tried = std::panic::catch_unwind(|| targets::inspect(said, body));
            assert!(tried.is_ok(), "{} changed {count} times: {first} {body:02x?}", path.display());
        }
    }
}
