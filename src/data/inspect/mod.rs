//! One body, looked through as it comes, layer by layer. What is known of it grows and is never
//! taken back; what cannot be read is said with a tag `uninspectable.*`. Of images, sound, fonts
//! and what else is binary by nature, printable runs are looked at and nothing is said: what a
//! picture shows, or hides in its pixels, is not seen. Memory: `stage.rs` and `coding.rs`.

mod awschunked;
mod begin;
mod beside;
mod buried;
mod cfb;
mod charset;
mod coding;
mod fitful;
mod grpc;
mod hooks;
mod inflate;
mod joined;
mod leaf;
mod limits;
mod magic;
mod marks;
mod markup;
mod member;
mod message;
mod multipart;
mod part;
mod pdf;
mod pdftext;
mod protobuf;
mod runs;
mod said;
mod stage;
mod strings;
mod tar;
mod transfer;
mod unbrotli;
mod zip;
mod zstd;

use std::sync::Arc;

use super::{Detectors, FieldMap, Findings, LabelRules, Syntax, Tags};
use begin::Said;
use coding::Coding;
use leaf::{Leaf, Named};
use stage::{Next, Piece, Place, Shared, Stage, close};

pub use inflate::{Inflate, Malformed};
pub use limits::Limits;
pub use message::{Packing, Window};

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
    root: Option<Next>,
    shared: Shared,
    pushed: u64,
    decided: u64,
    /// Where it stands among others of its connection.
    place: Place,
    window: Option<Window>,
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
        let mut shared = Shared::new(Arc::clone(inspector));
        shared.route = inspector.fields.route(described.host, described.path);
        let said = described.content_type.map(Said::of).unwrap_or_default();
        let codings = described.content_encoding.map(Coding::listed).unwrap_or_default();
        let place = Place::default();
        let root = Some(coding::open(&codings, &place, said, &mut shared));
        Self { root, shared, pushed: 0, decided: 0, place, window: None }
    }

    /// Takes the next piece of the body, of any size.
    pub fn push(&mut self, piece: &[u8]) {
        let Some(root) = self.root.as_mut().filter(|_| !piece.is_empty()) else { return };
        root.push(Piece { octets: piece, raw: self.pushed, plain: true }, &mut self.shared);
        self.pushed += u64::try_from(piece.len()).unwrap_or(0);
        let pending = root.pending().unwrap_or(self.pushed);
        self.decided = self.decided.max(pending.min(self.pushed));
    }

    /// Looks through a short text that belongs to the body but is not of it: a query, a cookie,
    /// the value of a header. Its findings say `name` for their layer.
    pub fn text(&mut self, name: &str, syntax: Option<Syntax>, text: &[u8]) {
        let place = Place::default().view(name);
        let mut leaf = Leaf::new(&place, Named::default(), syntax, &self.shared);
        leaf.push(Piece { octets: text, raw: 0, plain: false }, &mut self.shared);
        leaf.end(&mut self.shared);
    }

    /// Looks through a path: its segments are values of their own, percent-encoded as in a form.
    pub fn path(&mut self, path: &str) {
        if path.len() > 1 {
            self.text("path", Some(Syntax::Form), path.replace('/', "&").as_bytes());
        }
        // A plus is a blank in forms alone (RFC 3986 section 2.2), but some destinations know no
        // other way to read: such segments are looked through as both.
        if path.contains('+') {
            let plain = |segment: &str| {
                let blank = || " ".repeat(segment.len());
                if segment.contains('+') { segment.to_owned() } else { blank() }
            };
            let segments: Vec<_> = path.split('/').map(plain).collect();
            self.text("path", None, segments.join("\n").as_bytes());
        }
    }

    /// Up to which octet of the body all is decided: nothing that comes later can make a
    /// finding of what lies before.
    pub fn decided(&self) -> u64 {
        self.decided
    }

    /// The tags that rules act on, as far as they are known.
    pub fn tags(&self) -> Tags {
        let mut tags = self.shared.found.tags();
        self.each(&mut |findings| findings.tags().iter().for_each(|tag| tags.insert(tag.clone())));
        tags
    }

    /// How many findings there are so far; grows with each.
    pub fn count(&self) -> u64 {
        let mut count = self.shared.found.count();
        self.each(&mut |findings| count += findings.count());
        count
    }

    /// What was found so far.
    pub fn so_far(&self) -> Findings {
        let mut found = self.shared.found.clone();
        self.each(&mut |findings| found.absorb(findings.clone()));
        found
    }

    /// Looks no further: what comes is too large for what it is.
    pub fn abandon(mut self) -> Findings {
        self.shared.cannot(stage::Cannot::TooLarge, &self.place);
        self.shared.abandoned = true;
        let window = self.window.take();
        let found = self.finish();
        // What was not decoded is missing in it.
        window.into_iter().for_each(|window| window.lose());
        found
    }

    /// The body has ended; everything that was found.
    pub fn finish(mut self) -> Findings {
        close(&mut self.root, &mut self.shared);
        hooks::end(&mut self.shared);
        self.shared.found
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.root.iter().for_each(|root| root.each(see));
    }
}
