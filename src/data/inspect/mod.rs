//! One body, looked through as it comes. What is known of it grows and is never taken back;
//! what cannot be read is said with a tag `uninspectable.*`.

mod limits;

use std::sync::Arc;

use super::{Detectors, FieldMap, Findings, LabelRules, Layer, Options, Scanner, Tags};

pub use limits::Limits;

/// Everything by which bodies are looked through. Built once for a configuration.
#[derive(Debug)]
pub struct Inspector {
    detectors: Arc<Detectors>,
    limits: Limits,
    fields: Arc<FieldMap>,
    labels: Arc<LabelRules>,
}

/// What the head of a message says of its body. Nothing of it is believed alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Described<'a> {
    /// The destination's canonical host.
    pub host: &'a str,
    /// The path of the request, without its query.
    pub path: &'a str,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Content-Encoding`, as it stands there.
    pub content_encoding: Option<&'a str>,
}

/// One body under way.
#[derive(Debug)]
pub struct Inspection {
    scanner: Scanner,
}

// === impl Inspector ===

impl Inspector {
    /// Looks for what `detectors` find, within `limits`.
    pub fn new(detectors: Arc<Detectors>, limits: Limits) -> Self {
        Self { detectors, limits, fields: Arc::default(), labels: Arc::default() }
    }

    /// Knows what stands at some places of some bodies, too.
    #[must_use]
    pub fn with_fields(self, fields: FieldMap) -> Self {
        Self { fields: Arc::new(fields), ..self }
    }

    /// Knows what labels mean, too.
    #[must_use]
    pub fn with_labels(self, labels: LabelRules) -> Self {
        Self { labels: Arc::new(labels), ..self }
    }

    /// What labels mean.
    pub fn labels(&self) -> &Arc<LabelRules> {
        &self.labels
    }

    /// What stands where.
    pub fn fields(&self) -> &Arc<FieldMap> {
        &self.fields
    }

    /// What it looks for.
    pub fn detectors(&self) -> &Arc<Detectors> {
        &self.detectors
    }

    /// How far it goes.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

// === impl Inspection ===

impl Inspection {
    /// Begins with a body of which the head says so much.
    pub fn new(inspector: &Arc<Inspector>, described: &Described<'_>) -> Self {
        let _ = described;
        let options = Options { syntax: None, layer: Layer::body(), records: true };
        Self { scanner: Scanner::new(Arc::clone(&inspector.detectors), options) }
    }

    /// Takes the next piece of the body, of any size.
    pub fn push(&mut self, piece: &[u8]) {
        self.scanner.push(piece);
    }

    /// Up to which octet of the body all is decided: nothing that comes later can make a
    /// finding of what lies before.
    pub fn decided(&self) -> u64 {
        self.scanner.decided()
    }

    /// The tags that rules act on, as far as they are known.
    pub fn tags(&self) -> Tags {
        self.scanner.findings().tags()
    }

    /// How many findings there are so far; grows with each.
    pub fn count(&self) -> u64 {
        self.scanner.findings().count()
    }

    /// The body has ended; everything that was found.
    pub fn finish(self) -> Findings {
        self.scanner.finish()
    }
}
