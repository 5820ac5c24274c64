//! What is sent at once.

use super::cursor::Cursor;

/// Events in their form, one after the other, and where in the journal they end.
#[derive(Debug)]
pub(super) struct Batch {
    octets: Vec<u8>,
    /// Where each message ends.
    ends: Vec<usize>,
    /// The place after the last entry that was read for it.
    pub(super) after: Cursor,
}

/// Some events of a batch that stand side by side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'b> {
    octets: &'b [u8],
    ends: &'b [usize],
    start: usize,
}

/// From when on a batch is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) records: usize,
    pub(super) octets: usize,
}

// === impl Batch ===

impl Batch {
    /// Without events.
    pub(super) const fn new(after: Cursor) -> Self {
        Self { octets: Vec::new(), ends: Vec::new(), after }
    }

    /// Adds what `write` appends, unless it is nothing.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.octets);
        if self.octets.len() > self.ends.last().copied().unwrap_or_default() {
            self.ends.push(self.octets.len());
        }
    }

    /// Whether the next event belongs into another one.
    pub(super) const fn is_full(&self, limits: Limits) -> bool {
        self.ends.len() >= limits.records || self.octets.len() >= limits.octets
    }

    /// How many events.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Everything.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// All of it, as one part.
    pub(super) fn whole(&self) -> Part<'_> {
        Part { octets: &self.octets, ends: &self.ends, start: 0 }
    }

    /// Each message.
    pub(super) fn messages(&self) -> impl Iterator<Item = &[u8]> {
        self.whole().messages()
    }
}

// === impl Part ===

impl<'b> Part<'b> {
    /// How many events.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Everything.
    pub(super) fn octets(&self) -> &'b [u8] {
        let end = self.ends.last().copied().unwrap_or(self.start);
        self.octets.get(self.start..end).unwrap_or_default()
    }

    /// Both halves.
    pub(super) fn halves(&self) -> (Self, Self) {
        let (first, second) = self.ends.split_at(self.ends.len() / 2);
        let start = first.last().copied().unwrap_or(self.start);
        (Self { ends: first, ..*self }, Self { ends: second, start, ..*self })
    }

    /// Each message.
    pub(super) fn messages(self) -> impl Iterator<Item = &'b [u8]> {
        let starts = std::iter::once(self.start).chain(self.ends.iter().copied());
        let spans = starts.zip(self.ends.iter().copied());
        spans.map(|(start, end)| self.octets.get(start..end).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_halved_down_to_its_messages() {
        let mut batch = Batch::new(Cursor::START);
        for text in ["a", "bc", "d", "ef", "g"] {
            batch.add(|into| into.extend_from_slice(text.as_bytes()));
        }
        let (first, second) = batch.whole().halves();
        assert_eq!((first.octets(), second.octets()), (&b"abc"[..], &b"defg"[..]));
        let (first, second) = second.halves();
        let messages: Vec<_> = second.messages().collect();
        assert_eq!((first.octets(), first.len(), messages), (&b"d"[..], 1, vec![&b"ef"[..], b"g"]));
    }

    #[test]
    fn messages_stand_apart_and_empty_ones_are_none() {
        let mut batch = Batch::new(Cursor::START);
        for text in ["a", "", "bc"] {
            batch.add(|into| into.extend_from_slice(text.as_bytes()));
        }
        let messages: Vec<_> = batch.messages().collect();
        assert_eq!(
            (messages, batch.octets(), batch.len()),
            (vec![&b"a"[..], b"bc"], &b"abc"[..], 2)
        );
        let full = |records, octets| batch.is_full(Limits { records, octets });
        assert!(full(2, 9) && full(9, 3) && !full(3, 4));
    }
}
