//! What is held of a body. Small pieces are joined: each would keep the whole buffer that it was
//! read into, 300 times its size where a client sends single octets.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// What is smaller is copied.
const SMALL: usize = 4 << 10;

/// So much of what is copied becomes one piece.
const JOINED: usize = 16 << 10;

/// Pieces in order.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    whole: VecDeque<Bytes>,
    /// What came last, and is small.
    small: BytesMut,
    octets: usize,
}

impl Pieces {
    /// Adds one behind the others.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.octets += piece.len();
        if piece.len() < SMALL {
            self.small.extend_from_slice(&piece);
            if self.small.len() >= JOINED {
                self.join();
            }
        } else {
            self.join();
            self.whole.push_back(piece);
        }
    }

    /// Takes at most so many octets from the beginning.
    pub(super) fn take(&mut self, most: usize) -> Option<Bytes> {
        if most == 0 {
            return None;
        }
        if self.whole.is_empty() {
            self.join();
        }
        let first = self.whole.front_mut()?;
        let piece =
            if first.len() <= most { self.whole.pop_front()? } else { first.split_to(most) };
        self.octets -= piece.len();
        Some(piece)
    }

    /// How many octets they are.
    pub(super) fn len(&self) -> usize {
        self.octets
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.octets == 0
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// All of them as one.
    pub(super) fn all(&self) -> BytesMut {
        let mut all = BytesMut::with_capacity(self.octets);
        self.whole.iter().for_each(|piece| all.extend_from_slice(piece));
        all.extend_from_slice(&self.small);
        all
    }

    fn join(&mut self) {
        if !self.small.is_empty() {
            // A copy of its own size: what the buffer has beside it stays for the next.
            self.whole.push_back(Bytes::copy_from_slice(&self.small));
            self.small.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_out_as_they_went_in() {
        let mut pieces = Pieces::default();
        let mut wanted = Vec::new();
        for size in [1, 5_000, 3, 4_095, 20_000, 1, 1] {
            let piece: Vec<_> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            wanted.extend_from_slice(&piece);
            pieces.push(piece.into());
        }
        assert_eq!((pieces.len(), &pieces.all()[..]), (wanted.len(), &wanted[..]));
        let mut found = Vec::new();
        while let Some(piece) = pieces.take(4_000) {
            found.extend_from_slice(&piece);
        }
        assert!(pieces.is_empty() && found == wanted);
        assert_eq!(pieces.take(0), None);
    }

    #[test]
    fn single_octets_share_one_buffer() {
        let mut pieces = Pieces::default();
        (0..40_000).for_each(|_| pieces.push(Bytes::from_static(b"x")));
        assert_eq!(pieces.whole.len(), 2);
    }
}
