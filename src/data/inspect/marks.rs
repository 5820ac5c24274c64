//! Which octet of the body an octet of a text comes from, for as long as it is asked; and octets
//! that are held with the place they come from.

use std::collections::VecDeque;

use super::stage::Piece;

/// So many marks are kept; more become one, which leads back too far but never too near.
const MOST: usize = 64;

/// From an offset of the text on, octets come from `raw` on.
#[derive(Clone, Copy, Debug)]
struct Mark {
    offset: u64,
    raw: u64,
    plain: bool,
}

/// The way back from a text to the body.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: VecDeque<Mark>,
    length: u64,
}

/// Octets that wait for more.
#[derive(Debug, Default)]
pub(super) struct Held {
    octets: Vec<u8>,
    raw: u64,
    plain: bool,
}

// === impl Marks ===

impl Marks {
    /// The text goes on by a piece.
    pub(super) fn add(&mut self, piece: Piece<'_>) {
        self.add_made(piece.len(), piece.raw, piece.plain);
    }

    /// The text goes on by so many octets.
    pub(super) fn add_made(&mut self, count: usize, raw: u64, plain: bool) {
        if count == 0 {
            return;
        }
        let offset = self.length;
        self.length += u64::try_from(count).unwrap_or(0);
        let full = self.marks.len() >= MOST;
        match self.marks.back_mut() {
            Some(last)
                if last.plain && plain && raw - last.raw.min(raw) == offset - last.offset => {}
            Some(last) if !last.plain && !plain && last.raw == raw => {}
            Some(last) if full => last.plain = false,
            _ => self.marks.push_back(Mark { offset, raw, plain }),
        }
    }

    /// How long the text is.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// From which octet of the body on an octet of the text comes.
    pub(super) fn raw(&self, offset: u64) -> u64 {
        let mark = self.marks.iter().rev().find(|mark| mark.offset <= offset);
        let Some(mark) = mark.or_else(|| self.marks.front()) else { return 0 };
        mark.raw + if mark.plain { offset.saturating_sub(mark.offset) } else { 0 }
    }

    /// The text goes on by a piece: from which octet of the body on comes what is made of it,
    /// where so many octets before it may be held.
    pub(super) fn add_behind(&mut self, piece: Piece<'_>, lag: u64) -> u64 {
        let from = self.length.saturating_sub(lag);
        self.add(piece);
        self.raw(from)
    }

    /// From which octet of the body on the last octets of the text come.
    pub(super) fn behind(&self, lag: u64) -> u64 {
        self.raw(self.length.saturating_sub(lag))
    }

    /// All but the last octets are not asked any more.
    pub(super) fn forget_behind(&mut self, lag: u64) {
        self.forget(self.length.saturating_sub(lag));
    }

    /// What lies before is not asked any more.
    pub(super) fn forget(&mut self, offset: u64) {
        while self.marks.get(1).is_some_and(|next| next.offset <= offset) {
            self.marks.pop_front();
        }
    }
}

// === impl Held ===

impl Held {
    /// Takes a piece.
    pub(super) fn push(&mut self, piece: Piece<'_>) {
        if self.octets.is_empty() {
            (self.raw, self.plain) = (piece.raw, piece.plain);
        } else if self.plain {
            let next = self.raw + u64::try_from(self.octets.len()).unwrap_or(0);
            self.plain = piece.plain && piece.raw == next;
        }
        self.octets.extend_from_slice(piece.octets);
    }

    /// Takes of a piece until so many octets are held; whether they are.
    pub(super) fn fill(&mut self, piece: &mut Piece<'_>, want: usize) -> bool {
        let missing = want.saturating_sub(self.octets.len());
        if missing > 0 {
            self.push(piece.take(missing));
        }
        self.octets.len() >= want
    }

    /// What is held.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// What is held, as a piece.
    pub(super) fn piece(&self) -> Piece<'_> {
        Piece { octets: &self.octets, raw: self.raw, plain: self.plain }
    }

    /// Lets the first go.
    pub(super) fn skip(&mut self, count: usize) {
        self.octets.drain(..count.min(self.octets.len()));
        if self.plain {
            self.raw += u64::try_from(count).unwrap_or(0);
        }
    }

    /// Lets all go.
    pub(super) fn clear(&mut self) {
        self.octets.clear();
    }

    /// From which octet of the body on something is held.
    pub(super) fn pending(&self) -> Option<u64> {
        (!self.octets.is_empty()).then_some(self.raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lead_back() {
        let mut marks = Marks::default();
        marks.add(Piece { octets: b"abcd", raw: 10, plain: true });
        marks.add(Piece { octets: b"ef", raw: 14, plain: true });
        marks.add(Piece::made(b"xxxx", 20));
        marks.add(Piece { octets: b"g", raw: 30, plain: true });
        let raw = |marks: &Marks| [0, 5, 6, 9, 10].map(|offset| marks.raw(offset));
        assert_eq!(raw(&marks), [10, 15, 20, 20, 30]);
        marks.forget(6);
        assert_eq!(raw(&marks), [20, 20, 20, 20, 30]);
        for raw in 0..1_000 {
            marks.add(Piece::made(b"y", 100 + raw));
        }
        assert!(marks.marks.len() <= MOST && marks.raw(1_000) < 1_000);
    }
}
