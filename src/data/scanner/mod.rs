//! The scanner: text comes in pieces of any size, findings come out that do not depend on where
//! the pieces end. Memory is constant beside what is kept of the findings.

mod block;
mod columns;
mod nesting;
mod normal;
mod own;
mod records;
#[cfg(test)]
mod score;
mod special;
mod syntax;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use super::keys::{Keys, Memo};
use super::values::{Hit, Prefixes, ROWS, resolve};
use super::{Dictionary, Digest, Digester, Finding, Findings, Layer, Pattern, Source, Tag};

use block::{Blocks, State};
pub(super) use nesting::{JsonNesting, XmlNesting};
use normal::Window;
use own::Own;
pub use syntax::Syntax;

/// How much text is looked at together.
const BLOCK: usize = 4 << 10;

/// How much before and after it is seen: the longest value with what announces it.
const OVERLAP: usize = 512;

/// So many values that are known otherwise wait for those that stand beside them. No record is
/// told to be further on than the text, so that only what is broken reaches this.
const ASIDE: usize = 16 << 10;

/// Everything that is looked for. Built once, shared by all scanners.
#[derive(Debug)]
pub struct Detectors {
    keys: Keys,
    prefixes: Prefixes,
    digester: Digester,
    /// Tags and names in the order of [`ROWS`], then those of a configuration.
    names: Vec<(Tag, Arc<str>)>,
    own: Own,
}

/// How a scanner looks at its text.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the text is; `None` if it shall be told from its beginning.
    pub syntax: Option<Syntax>,
    /// Where the text comes from.
    pub layer: Layer,
    /// Whether records are told apart; else all findings are of record 0.
    pub records: bool,
    /// What stands before the text and names it, if it turns out to be plain text. Nothing is
    /// found in it.
    pub preface: Box<[u8]>,
}

/// Looks through one text.
#[derive(Debug)]
pub struct Scanner {
    detectors: Arc<Detectors>,
    layer: Layer,
    records: bool,
    window: Window,
    state: Option<State>,
    syntax: Option<Syntax>,
    preface: Box<[u8]>,
    memo: Memo,
    hits: Vec<Hit>,
    /// What somebody else knows of the text, in the order of its records.
    aside: VecDeque<(u64, Tag, Digest)>,
    findings: Findings,
}

// === impl Detectors ===

impl Detectors {
    /// The detectors that are built in.
    pub fn new(digester: Digester) -> Self {
        let names = ROWS.iter().map(|row| {
            let tag = Tag::parse(row.tag).expect("tags of rows are tags, which a test holds");
            (tag, row.detector.into())
        });
        let (keys, prefixes, own) = (Keys::new(), Prefixes::new(), Own::default());
        Self { keys, prefixes, digester, names: names.collect(), own }
    }

    /// Detectors of a configuration beside those that are built in.
    #[must_use]
    pub fn with(mut self, patterns: Vec<Pattern>, dictionaries: Vec<Dictionary>) -> Self {
        let listed = dictionaries.iter().map(|list| (list.tag.clone(), list.detector.clone()));
        let own = patterns.iter().map(|one| (one.tag.clone(), one.detector.clone())).chain(listed);
        self.names.truncate(ROWS.len());
        self.names.extend(own);
        self.own = Own { patterns, dictionaries };
        self
    }
}

impl Detectors {
    /// Whether a detector that is built in has this name.
    pub fn is_built_in(name: &str) -> bool {
        ROWS.iter().any(|row| row.detector == name)
    }

    /// The key of its digests.
    pub fn digester(&self) -> &Digester {
        &self.digester
    }

    /// The tag and the name of the detector of a hit.
    fn name(&self, hit: &Hit) -> &(Tag, Arc<str>) {
        let row = hit.own.map_or_else(|| hit.kind.index(), |own| ROWS.len() + own);
        self.names.get(row).expect("each detector has a name")
    }
}

// === impl Scanner ===

impl Scanner {
    /// A scanner for one text.
    pub fn new(detectors: Arc<Detectors>, options: Options) -> Self {
        Self {
            detectors,
            layer: options.layer,
            records: options.records,
            window: Window::default(),
            state: None,
            syntax: options.syntax,
            preface: options.preface,
            memo: Memo::default(),
            hits: Vec::new(),
            aside: VecDeque::new(),
            findings: Findings::default(),
        }
    }

    /// Takes the next piece.
    pub fn push(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            if self.state.is_none() {
                piece = self.begin(piece, false);
                continue;
            }
            piece = self.window.fill(piece, BLOCK + OVERLAP);
            if self.window.is_full(BLOCK + OVERLAP) {
                self.scan(false);
            }
        }
    }

    /// Looks at what is left, and returns what was found.
    pub fn finish(mut self) -> Findings {
        if self.state.is_none() {
            self.begin(&[], true);
        }
        self.window.end();
        while !self.window.is_done() {
            self.scan(true);
        }
        let groups = self.findings.groups_mut();
        self.aside.drain(..).for_each(|(record, tag, digest)| groups.count(&tag, record, digest));
        self.findings
    }

    /// Takes in what somebody else found in a record, before the text of that record: it stands
    /// together with what is found there.
    pub(super) fn beside(&mut self, record: u64, tag: Tag, digest: Digest) {
        self.aside.push_back((record, tag, digest));
    }

    /// What was found so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Up to which octet of the text all is decided: what comes later cannot change it.
    pub fn decided(&self) -> u64 {
        self.window.decided()
    }

    /// Holds the beginning until the syntax can be told from it.
    fn begin<'p>(&mut self, piece: &'p [u8], last: bool) -> &'p [u8] {
        let rest = self.window.hold(piece, syntax::LOOK);
        if last || self.window.is_held(syntax::LOOK) {
            let syntax = *self.syntax.get_or_insert_with(|| Syntax::of(self.window.held()));
            let preface = std::mem::take(&mut self.preface);
            let preface = if syntax == Syntax::Text { &*preface } else { &[] };
            self.window.release(syntax == Syntax::Form, preface);
            if matches!(syntax, Syntax::Form | Syntax::Text) {
                self.findings.groups_mut().stand_together();
            }
            self.state = Some(State::new(syntax, self.records));
        }
        rest
    }

    /// Looks at one block.
    fn scan(&mut self, last: bool) {
        let Some(state) = &mut self.state else { return };
        let (text, from) = (self.window.text(), self.window.next());
        let to = text.len().min(from + BLOCK);
        // Where pieces end must not show: no more is seen than there always is.
        let text = text.get(..to + OVERLAP).unwrap_or(text);
        let rest_of_text = last && to == self.window.text().len();
        let detectors = &self.detectors;
        let (keys, prefixes) = (&detectors.keys, &detectors.prefixes);
        let blocks = Blocks { text, keys, memo: &self.memo, prefixes, own: &detectors.own };
        blocks.scan(state, (from, to), &mut self.hits);
        resolve(&mut self.hits);
        // What begins near the end may yet meet something better.
        let sure = if rest_of_text { usize::MAX } else { to - OVERLAP / 2 };
        let count = self.hits.partition_point(|hit| hit.start < sure);
        for hit in self.hits.drain(..count) {
            let record = state.record(hit.start);
            settle(&mut self.aside, record, &mut self.findings);
            let Some(offset) = self.window.raw(hit.start) else { continue };
            let (tag, detector) = detectors.name(&hit);
            let value = text.get(hit.start..hit.end).unwrap_or_default();
            let digest = detectors.digester.digest(tag, &hit.kind.normalised(value));
            if self.findings.is_full() && self.findings.knows(tag) {
                self.findings.tally(tag, hit.confidence, record, digest);
                continue;
            }
            let end = self.window.raw(hit.end).unwrap_or(offset);
            self.findings.add(Finding {
                tag: tag.clone(),
                detector: Arc::clone(detector),
                confidence: hit.confidence,
                source: Source::Value,
                layer: self.layer.clone(),
                offset,
                length: u32::try_from(end - offset).unwrap_or(u32::MAX),
                record,
                shape: hit.outline(text),
                digest,
            });
        }
        if !self.aside.is_empty() {
            settle(&mut self.aside, state.record(sure.min(to)), &mut self.findings);
        }
        let kept = to.saturating_sub(OVERLAP);
        self.window.advance(to, kept);
        state.moved(kept);
        for hit in &mut self.hits {
            hit.start -= kept;
            hit.end -= kept;
        }
    }
}

/// Counts what waits for a record that is reached.
fn settle(aside: &mut VecDeque<(u64, Tag, Digest)>, record: u64, findings: &mut Findings) {
    while aside.len() > ASIDE || aside.front().is_some_and(|(first, _, _)| *first <= record) {
        let Some((record, tag, digest)) = aside.pop_front() else { return };
        findings.groups_mut().count(&tag, record, digest);
    }
}
