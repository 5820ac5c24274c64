//! A text that comes now and then while other octets go by: it ends where it has not gone on for
//! some KiB, for what its scanner holds would hold back all that comes after it.

use super::super::{Findings, Syntax};
use super::leaf::{Leaf, Named};
use super::stage::{Piece, Place, Shared, Stage};

/// After so many octets without any text it ends. More than is handed on at once.
const GAP: usize = 4 << 10;

/// One text after the other.
#[derive(Debug)]
pub(super) struct Fitful {
    place: Place,
    leaf: Option<Leaf>,
    /// So many octets gave no text.
    since: usize,
    parted: bool,
}

impl Fitful {
    /// Begins with a text.
    pub(super) fn new(place: &Place, leaf: Option<Leaf>) -> Self {
        Self { place: place.clone(), leaf, since: 0, parted: false }
    }

    /// So many octets went by that gave text, or none.
    pub(super) fn went_by(&mut self, count: usize, gave: bool) {
        self.since = if gave { 0 } else { self.since.saturating_add(count) };
        if self.since >= GAP {
            (self.since, self.parted) = (0, true);
        }
    }

    /// How many octets may go by before the text ends.
    pub(super) fn room(&self) -> usize {
        GAP - self.since
    }

    /// Takes the next piece of the text, which came after all that went by without any.
    pub(super) fn push(&mut self, piece: Piece<'_>, shared: &mut Shared) {
        self.settle(shared);
        let place = &self.place;
        let leaf = self.leaf.get_or_insert_with(|| {
            Leaf::new(place, Named::default(), Some(Syntax::Text), shared).without_head()
        });
        leaf.push(piece, shared);
    }

    /// Ends the text, if it has not gone on.
    pub(super) fn settle(&mut self, shared: &mut Shared) {
        if std::mem::take(&mut self.parted) {
            self.end(shared);
        }
    }

    /// No more comes.
    pub(super) fn end(&mut self, shared: &mut Shared) {
        self.leaf.take().into_iter().for_each(|mut leaf| leaf.end(shared));
    }

    /// The first octet of the body of which something is held.
    pub(super) fn pending(&self) -> Option<u64> {
        self.leaf.as_ref().and_then(Stage::pending)
    }

    /// Shows what was found in the text that is open.
    pub(super) fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.leaf.iter().for_each(|leaf| leaf.each(see));
    }
}
