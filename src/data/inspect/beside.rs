//! Several views of the same octets, where it is not sure what they are, or where they can be
//! more than one thing at once. What each view finds is kept apart until the end: in which order
//! the views see a piece must not show, and what several of them see is there once.

use super::super::Findings;
use super::stage::{Next, Passed, Piece, Shared, Stage};

/// One view beside others.
#[derive(Debug)]
pub(super) struct Side {
    next: Option<Next>,
    found: Findings,
}

/// Octets that are looked at in several ways.
#[derive(Debug)]
pub(super) struct Beside {
    /// The first is what they most likely are.
    views: Vec<Side>,
}

// === impl Side ===

impl Side {
    pub(super) fn new(next: Next) -> Self {
        Self { next: Some(next), found: Findings::default() }
    }

    /// Opened with what is said of it kept apart, too.
    pub(super) fn opened(shared: &mut Shared, open: impl FnOnce(&mut Shared) -> Next) -> Self {
        let mut side = Self::new(Box::new(Passed));
        side.apart(shared, |next, shared| *next = open(shared));
        side
    }

    /// Whether nothing more is made of what comes.
    pub(super) fn is_over(&self) -> bool {
        self.next.as_ref().is_none_or(|next| next.is_over())
    }

    /// What it finds in what is done now.
    fn apart(&mut self, shared: &mut Shared, act: impl FnOnce(&mut Next, &mut Shared)) {
        let Some(next) = &mut self.next else { return };
        std::mem::swap(&mut shared.found, &mut self.found);
        act(next, shared);
        std::mem::swap(&mut shared.found, &mut self.found);
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: Piece<'_>, shared: &mut Shared) {
        self.apart(shared, |next, shared| next.push(piece, shared));
    }

    /// No more comes; what was found stays apart.
    pub(super) fn close(&mut self, shared: &mut Shared) {
        self.apart(shared, |next, shared| next.end(shared));
        self.next = None;
    }

    /// No more comes.
    pub(super) fn end(&mut self, shared: &mut Shared) {
        self.close(shared);
        shared.found.absorb(std::mem::take(&mut self.found));
    }

    /// From which octet of the body on something is held.
    pub(super) fn pending(&self) -> Option<u64> {
        self.next.as_ref().and_then(|next| next.pending())
    }

    /// Shows what was found so far.
    pub(super) fn each(&self, see: &mut dyn FnMut(&Findings)) {
        see(&self.found);
        self.next.iter().for_each(|next| next.each(see));
    }
}

// === impl Beside ===

impl Beside {
    /// Looks at octets as what they most likely are, and as what else they may be.
    pub(super) fn open(main: Next, sides: Vec<Next>) -> Next {
        Box::new(Self { views: [main].into_iter().chain(sides).map(Side::new).collect() })
    }
}

impl Stage for Beside {
    fn push(&mut self, piece: Piece<'_>, shared: &mut Shared) {
        self.views.iter_mut().for_each(|view| view.push(piece, shared));
    }

    fn end(&mut self, shared: &mut Shared) {
        let mut found = Findings::default();
        for view in &mut self.views {
            view.close(shared);
            found.absorb_view(std::mem::take(&mut view.found));
        }
        shared.found.absorb(found);
    }

    fn pending(&self) -> Option<u64> {
        self.views.iter().filter_map(Side::pending).min()
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.views.iter().for_each(|view| view.each(see));
    }
}
