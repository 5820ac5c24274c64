//! What a document says of itself, or is by its structure, before it is a finding in some layer.

use super::{Confidence, Digester, Finding, Layer, Outline, Source, Tag};

/// One such thing.
#[derive(Clone, PartialEq, Eq)]
pub struct Mark {
    /// What it is.
    pub tag: Tag,
    /// Which detector says so.
    pub detector: &'static str,
    /// How sure it is.
    pub confidence: Confidence,
    /// How it was found.
    pub source: Source,
    /// From which octet of its text on.
    pub offset: u64,
    /// Over how many octets.
    pub length: u32,
    /// In which record.
    pub record: u64,
    /// What tells two apart; never shown.
    pub(super) subject: Vec<u8>,
}

impl Mark {
    /// As a finding in a layer.
    pub fn finding(self, layer: &Layer, digester: &Digester) -> Finding {
        let digest = digester.of_value(&self.tag, &self.subject);
        Finding {
            detector: self.detector.into(),
            confidence: self.confidence,
            source: self.source,
            layer: layer.clone(),
            offset: self.offset,
            length: self.length,
            record: self.record,
            // The beginning of a file has no outline worth showing.
            shape: Outline::of(if self.source == Source::Shape { b"" } else { &self.subject }),
            digest,
            tag: self.tag,
        }
    }
}

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Mark");
        shown.field("tag", &self.tag).field("detector", &self.detector);
        shown.field("confidence", &self.confidence).field("source", &self.source);
        shown.field("offset", &self.offset).field("length", &self.length);
        shown.field("record", &self.record).finish_non_exhaustive()
    }
}
