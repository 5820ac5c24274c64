//! How much of all bodies together is held. Where no room is left, less of each is: its beginning
//! leaves sooner, and nothing else changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So much is held of all bodies together.
const ROOM: usize = 512 << 20;

/// So much of one body or message may wait to be decided beyond what is held; of what waits longer
/// it is said that it was too large.
pub(super) const TAIL: usize = 2 << 20;

/// So much of it where there is no room for all bodies: a text is decided in less.
pub(super) const LITTLE: usize = 64 << 10;

/// The room of one proxy.
#[derive(Clone, Debug, Default)]
pub(in crate::proxy) struct Room(Arc<AtomicUsize>);

/// What one body takes of it, as long as it is held.
#[derive(Debug)]
pub(super) struct Taken {
    room: Room,
    octets: usize,
}

impl Room {
    /// Takes nothing yet.
    pub(super) fn enter(&self) -> Taken {
        Taken { room: self.clone(), octets: 0 }
    }
}

impl Taken {
    /// Takes so much more; whether there was room for it.
    pub(super) fn more(&mut self, octets: usize) -> bool {
        self.octets += octets;
        self.room.0.fetch_add(octets, Ordering::Relaxed) + octets <= ROOM
    }

    /// Gives so much of it back.
    pub(super) fn less(&mut self, octets: usize) {
        let octets = octets.min(self.octets);
        self.octets -= octets;
        self.room.0.fetch_sub(octets, Ordering::Relaxed);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let room = Room::default();
        let mut one = room.enter();
        assert!(one.more(ROOM - 10) && one.more(10));
        let mut other = room.enter();
        assert!(!other.more(1));
        drop((one, other));
        assert!(room.enter().more(ROOM));
    }
}
