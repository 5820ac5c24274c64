//! Hits: what a detector says of a stretch of text, and which of two that overlap is kept.

use super::super::keys::Key;
use super::super::{Confidence, Outline};
use super::Kind;

/// How much a value says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// Nothing: it takes a name beside it.
    Named,
    /// A check digit or a range, but no form of its own: `Weak` unless a name stands beside it.
    Plain,
    /// A form of its own, or a check of 1 in 10 and a range.
    Distinct,
    /// A check that one random value in 97 passes.
    Strong,
}

/// What a detector says.
#[derive(Clone, Debug)]
pub(in crate::data) struct Hit {
    pub(in crate::data) kind: Kind,
    /// Which detector of a configuration says so, if it is none of the built-in ones.
    pub(in crate::data) own: Option<usize>,
    /// Where it begins in the window.
    pub(in crate::data) start: usize,
    /// Where it ends.
    pub(in crate::data) end: usize,
    pub(in crate::data) confidence: Confidence,
    /// Whether a name beside it announces it.
    pub(in crate::data) named: bool,
}

impl Strength {
    /// What a strength amounts to beside a name; `None` if it is nothing.
    pub(super) fn beside(self, kind: Kind, key: Key) -> Option<Confidence> {
        let named = key.kinds.contains(kind);
        let foreign = !named && key.foreign;
        match (self, named) {
            (Self::Named, false) => None,
            (Self::Plain, false) if foreign => None,
            (Self::Plain, false) => Some(Confidence::Weak),
            (Self::Distinct, false) if foreign => Some(Confidence::Weak),
            (Self::Strong, false) if foreign => Some(Confidence::Likely),
            (Self::Named, true) | (Self::Distinct, false) => Some(Confidence::Likely),
            (Self::Strong, false) | (Self::Plain | Self::Distinct | Self::Strong, true) => {
                Some(Confidence::Sure)
            }
        }
    }
}

impl Hit {
    /// A hit, if the strength amounts to something beside the name.
    pub(super) fn new(
        kind: Kind,
        (start, end): (usize, usize),
        strength: Strength,
        key: Key,
    ) -> Option<Self> {
        let confidence = strength.beside(kind, key)?;
        Some(Self { kind, own: None, start, end, confidence, named: key.kinds.contains(kind) })
    }

    /// Which of two that overlap is better: the named, the surer, the longer.
    fn rank(&self) -> (bool, Confidence, usize) {
        (self.named, self.confidence, self.end - self.start)
    }

    /// The outline of its text.
    pub(in crate::data) fn outline(&self, text: &[u8]) -> Outline {
        Outline::of(text.get(self.start..self.end).unwrap_or_default())
    }
}

/// Orders hits by their places; of those that overlap the best stays.
pub(in crate::data) fn resolve(hits: &mut Vec<Hit>) {
    hits.sort_by_key(|hit| (hit.start, hit.end, hit.kind));
    let mut kept: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits.drain(..) {
        match kept.last_mut() {
            Some(last) if last.end > hit.start => {
                if hit.rank() > last.rank() {
                    *last = hit;
                }
            }
            _ => kept.push(hit),
        }
    }
    *hits = kept;
}
