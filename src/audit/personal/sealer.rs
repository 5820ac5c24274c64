//! The writer's side. A key is on the disk before the first line is sealed under it, so that a
//! crash loses at most a key that nothing needs.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use aws_lc_rs::aead::LessSafeKey;
use jiff::Timestamp;

use super::fault::Fault;
use super::hidden::Hidden;
use super::key::{Class, KeyId, Month};
use super::line::Plain;
use super::ring::KeyRing;

/// So many lines are sealed under a key in one run, then another is made. Nonces are 96 random
/// bits, not the numbers of entries: after a loss of power a number is given out once more, and
/// two lines under one nonce would open both. At random 2^32 lines under one key are sound (NIST
/// SP 800-38D, 8.3), which takes sixteen runs that each come up to this.
const MOST: u32 = 1 << 28;

/// How often it is looked whether a key is still there, and how long one that cannot be had is let
/// alone.
const LOOK: Duration = Duration::from_secs(1);

/// Seals lines.
pub struct Sealer {
    ring: KeyRing,
    keys: HashMap<Class, Current>,
    /// Since when no key could be had.
    failed: Option<Instant>,
    most: u32,
}

/// The key under which lines of a class are sealed now.
struct Current {
    id: KeyId,
    key: LessSafeKey,
    used: u32,
    seen: Instant,
}

impl Sealer {
    /// Makes its keys in a folder that is there.
    pub fn new(ring: KeyRing) -> Self {
        Self { ring, keys: HashMap::new(), failed: None, most: MOST }
    }

    /// The line of a record as it is stored. Where no key can be had its personal fields are lost,
    /// and why is told: in the clear they are never stored.
    pub fn seal(&mut self, line: &[u8], now: Timestamp) -> (Vec<u8>, Result<(), Fault>) {
        let Some(plain) = Plain::read(line) else {
            debug_assert!(false, "a record is one object of JSON");
            return (b"{}".to_vec(), Err(Fault::Cipher("a record cannot be read")));
        };
        let sealed = self.current(plain.class(), now).and_then(|current| {
            let sealed = plain.seal(&current.id, &current.key)?;
            current.used += 1;
            Ok(sealed)
        });
        match sealed {
            Ok(sealed) => {
                self.failed = None;
                (sealed, Ok(()))
            }
            Err(fault) => {
                self.failed.get_or_insert_with(Instant::now);
                (plain.without(Hidden::Lost), Err(fault))
            }
        }
    }

    /// Where its keys are.
    pub const fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// After a failure: whether keys can be had again.
    pub fn mend(&mut self, now: Timestamp) -> Result<(), Fault> {
        let ring = &self.ring;
        self.keys.retain(|_, current| ring.has(&current.id));
        self.current(Class::Untagged, now)?;
        self.failed = None;
        Ok(())
    }

    fn current(&mut self, class: Class, now: Timestamp) -> Result<&mut Current, Fault> {
        let month = Month::of(now);
        let ring = &self.ring;
        let stands = self.keys.get_mut(&class).is_some_and(|current| {
            current.id.month == month && current.used < self.most && current.stands(ring)
        });
        if !stands {
            if self.failed.is_some_and(|since| since.elapsed() < LOOK) {
                return Err(Fault::Cipher("no key could be had a moment ago"));
            }
            self.failed = None;
            let full = self.keys.remove(&class).filter(|last| last.used >= self.most);
            let latest = if full.is_some() { None } else { ring.latest(class, month)? };
            let id = latest.map_or_else(|| ring.make(class, month), Ok)?;
            let key = ring.read(&id)?;
            let current = Current { id, key, used: 0, seen: Instant::now() };
            self.keys.insert(class, current);
        }
        self.keys.get_mut(&class).ok_or(Fault::Cipher("a key was lost"))
    }

    #[cfg(test)]
    pub(super) const fn at_most(mut self, most: u32) -> Self {
        self.most = most;
        self
    }
}

impl Current {
    /// Whoever removes a key means it: nothing more is to be sealed under it.
    fn stands(&mut self, ring: &KeyRing) -> bool {
        if self.seen.elapsed() < LOOK {
            return true;
        }
        self.seen = Instant::now();
        ring.has(&self.id)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("ring", &self.ring).finish_non_exhaustive()
    }
}
