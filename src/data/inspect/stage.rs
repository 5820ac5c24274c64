//! What every layer of a body is: a stage that takes pieces, hands on what it makes of them, and
//! says from which octet of the body on something of it is not decided. A stage holds some KiB,
//! a container at most 256 KiB (a header of zip, a part with labels); windows: `coding.rs`.

use std::fmt;
use std::sync::Arc;

use super::super::finding::Outline;
use super::super::{Confidence, FieldRoute, Finding, Findings, Labels, Layer, Source, Tag};
use super::Inspector;

/// Some octets on their way through the layers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) octets: &'a [u8],
    /// From which octet of the body on they come.
    pub(super) raw: u64,
    /// Whether each of them is an octet of the body.
    pub(super) plain: bool,
}

/// One layer.
pub(super) trait Stage: fmt::Debug + Send {
    /// Takes the next piece.
    fn push(&mut self, piece: Piece<'_>, shared: &mut Shared);

    /// No more comes.
    fn end(&mut self, shared: &mut Shared);

    /// The first octet of the body of which something is held; none if all is decided.
    fn pending(&self) -> Option<u64>;

    /// Whether nothing more is made of what comes.
    fn is_over(&self) -> bool {
        false
    }

    /// Shows what was found in texts that are open.
    fn each(&self, see: &mut dyn FnMut(&Findings));
}

/// A layer that is held.
pub(super) type Next = Box<dyn Stage>;

/// Why a layer was not looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cannot {
    /// It is encrypted.
    Encrypted,
    /// A coding, a charset or a method that is not known.
    Encoding,
    /// It does not decode, or is cut short.
    Broken,
    /// Layers within layers.
    Depth,
    /// Too much comes out for what goes in.
    Ratio,
    /// Too much comes out in all.
    TooLarge,
    /// Too many parts.
    Parts,
}

/// Where a stage stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) layer: Layer,
    depth: u8,
    /// How many codings with large windows lie above.
    windows: u8,
    /// Whether it was only guessed that there is a layer: that it breaks says nothing then.
    guessed: bool,
    /// Of which document its parts are.
    pub(super) document: Document,
}

/// One document: the labels in its parts are weighed together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Document(u32);

/// What all layers of one body share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) inspector: Arc<Inspector>,
    pub(super) found: Findings,
    /// The fields that are known of this request.
    pub(super) route: Option<FieldRoute>,
    /// Labels of documents that have not ended.
    pub(super) documents: Vec<(Document, Layer, Labels)>,
    /// The last document that was begun.
    document: Document,
    /// Whether the body goes on, but is not looked at: where it is cut says nothing of it.
    pub(super) abandoned: bool,
    expanded: u64,
    parts: u32,
}

/// A layer that is passed over.
#[derive(Debug)]
pub(super) struct Passed;

// === impl Piece ===

impl<'a> Piece<'a> {
    /// How many octets they are.
    pub(super) fn len(self) -> usize {
        self.octets.len()
    }

    /// Whether none is left.
    pub(super) fn is_empty(self) -> bool {
        self.octets.is_empty()
    }

    /// Two pieces; the first has at most so many octets.
    pub(super) fn cut(self, at: usize) -> (Self, Self) {
        let (left, right) = self.octets.split_at(at.min(self.octets.len()));
        (Self { octets: left, ..self }, Self { octets: right, raw: self.at(left.len()), ..self })
    }

    /// The octet of the body from which the octet at a place comes.
    pub(super) fn at(self, place: usize) -> u64 {
        if self.plain { self.raw + u64::try_from(place).unwrap_or(0) } else { self.raw }
    }

    /// Takes so many octets off its beginning.
    pub(super) fn take(&mut self, count: usize) -> Self {
        let (left, right) = self.cut(count);
        *self = right;
        left
    }

    /// Other octets that were made of these.
    pub(super) fn made(octets: &'a [u8], raw: u64) -> Self {
        Self { octets, raw, plain: false }
    }
}

// === impl Cannot ===

impl Cannot {
    fn name(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Encoding => "encoding",
            Self::Broken => "broken",
            Self::Depth => "depth",
            Self::Ratio => "ratio",
            Self::TooLarge => "too-large",
            Self::Parts => "parts",
        }
    }
}

// === impl Place ===

impl Place {
    /// So many codings with large windows may lie within each other; each takes up to 16 MiB.
    const WINDOWS: u8 = 2;

    /// The same layer under another name: a view of its text, which is no layer of its own.
    pub(super) fn view(&self, name: &str) -> Self {
        Self { layer: self.layer.below(name), ..*self }
    }

    /// The same, if there is one at all.
    pub(super) fn guessed(&self) -> Self {
        Self { guessed: true, ..self.clone() }
    }

    /// One of several such layers.
    pub(super) fn nth(&self, number: usize) -> Self {
        Self { layer: self.layer.nth(number), ..*self }
    }

    /// Another layer at this depth.
    pub(super) fn named(&self, layer: &Layer) -> Self {
        Self { layer: layer.clone(), ..*self }
    }

    /// A layer within this one.
    fn below(&self, name: &str) -> Self {
        Self { depth: self.depth + 1, ..self.view(name) }
    }

    /// Whether another layer within this one would be too deep.
    pub(super) fn is_deepest(&self, shared: &Shared) -> bool {
        self.depth >= shared.inspector.limits.depth
    }
}

// === impl Shared ===

impl Shared {
    pub(super) fn new(inspector: Arc<Inspector>) -> Self {
        let found = Findings::default();
        Self {
            inspector,
            found,
            route: None,
            documents: Vec::new(),
            document: Document::default(),
            abandoned: false,
            expanded: 0,
            parts: 0,
        }
    }

    /// Says that a layer was not looked into.
    pub(super) fn cannot(&mut self, why: Cannot, place: &Place) {
        if (place.guessed || self.abandoned) && why == Cannot::Broken {
            return;
        }
        let tag = Tag::uninspectable(why.name());
        let digester = self.inspector.detectors.digester();
        let digest = digester.digest(&tag, place.layer.as_str().as_bytes());
        self.found.add(Finding {
            tag,
            detector: "layer".into(),
            confidence: Confidence::Sure,
            source: Source::Shape,
            layer: place.layer.clone(),
            offset: 0,
            length: 0,
            record: 0,
            shape: Outline::of(b""),
            digest,
        });
    }

    /// Goes into a layer, if it is not too deep.
    pub(super) fn enter(&mut self, place: &Place, name: &str) -> Option<Place> {
        let next = place.below(name);
        if place.is_deepest(self) {
            self.cannot(Cannot::Depth, &next);
            return None;
        }
        Some(next)
    }

    /// Goes into a layer that is a document.
    pub(super) fn enter_document(&mut self, place: &Place, name: &str) -> Option<Place> {
        let next = self.enter(place, name)?;
        Some(self.document(next))
    }

    /// Begins another document there.
    pub(super) fn document(&mut self, place: Place) -> Place {
        self.document.0 = self.document.0.wrapping_add(1);
        Place { document: self.document, ..place }
    }

    /// Goes into a coding that needs a window of some MiB.
    pub(super) fn enter_window(&mut self, place: &Place, name: &str) -> Option<Place> {
        let mut next = self.enter(place, name)?;
        next.windows += 1;
        if next.windows > Place::WINDOWS {
            self.cannot(Cannot::Depth, &next);
            return None;
        }
        Some(next)
    }

    /// Goes into a part of a container, if there are not too many.
    pub(super) fn enter_part(&mut self, place: &Place) -> bool {
        self.parts = self.parts.saturating_add(1);
        let most = self.inspector.limits.parts;
        if self.parts == most.saturating_add(1) {
            self.cannot(Cannot::Parts, place);
        }
        self.parts <= most
    }

    /// Counts what a coding gave; whether it may go on.
    pub(super) fn expand(&mut self, octets: usize) -> bool {
        self.expanded = self.expanded.saturating_add(u64::try_from(octets).unwrap_or(u64::MAX));
        self.expanded <= self.inspector.limits.expanded
    }
}

// === impl Passed ===

impl Stage for Passed {
    fn push(&mut self, _: Piece<'_>, _: &mut Shared) {}

    fn end(&mut self, _: &mut Shared) {}

    fn pending(&self) -> Option<u64> {
        None
    }

    fn is_over(&self) -> bool {
        true
    }

    fn each(&self, _: &mut dyn FnMut(&Findings)) {}
}

/// Ends a layer, if one is open.
pub(super) fn close(next: &mut Option<Next>, shared: &mut Shared) {
    if let Some(mut next) = next.take() {
        next.end(shared);
    }
}

/// The earlier of two places.
pub(super) fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}
