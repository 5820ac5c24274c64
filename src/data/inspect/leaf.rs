//! A text at the end of its layers: it goes to the scanner as it is, without a copy.

use std::sync::Arc;

use super::super::{Findings, Options, Scanner, Syntax};
use super::hooks::{Along, Head};
use super::marks::Marks;
use super::runs::Runs;
use super::stage::{Piece, Place, Shared, Stage, earlier};

/// How much what looks along a text reads before the scanner does: what it finds waits so long.
const BITE: usize = 4 << 10;

/// What is known of a text before it begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    /// The name of the part or the file that it is; it may hold personal data itself.
    pub(super) name: String,
    /// Its `Content-Type`, as it stands there: what begins like nothing else may be that.
    pub(super) kind: Box<str>,
    /// What names a value that stands alone in it.
    pub(super) preface: Box<[u8]>,
}

/// One text.
#[derive(Debug)]
pub(super) struct Leaf {
    scanner: Option<Scanner>,
    marks: Marks,
    head: Option<Head>,
    runs: Option<Runs>,
    syntax: Option<Syntax>,
    along: Option<Box<Along>>,
}

impl Leaf {
    pub(super) fn new(
        place: &Place,
        named: Named,
        syntax: Option<Syntax>,
        shared: &Shared,
    ) -> Self {
        let head = Head::new(place, named.name, named.kind);
        let layer = place.layer.clone();
        let options = Options { syntax, layer, records: true, preface: named.preface };
        let scanner = Scanner::new(Arc::clone(&shared.inspector.detectors), options);
        Self {
            scanner: Some(scanner),
            marks: Marks::default(),
            head: Some(head),
            runs: Some(Runs::new(place)),
            syntax,
            along: None,
        }
    }

    /// Without a head to show: it is made of something whose head is shown.
    pub(super) fn without_head(self) -> Self {
        Self { head: None, ..self }
    }

    /// Without a look into runs of letters: somebody else reads them.
    pub(super) fn without_runs(self) -> Self {
        Self { runs: None, ..self }
    }
}

impl Stage for Leaf {
    fn push(&mut self, piece: Piece<'_>, shared: &mut Shared) {
        let Some(scanner) = &mut self.scanner else { return };
        self.marks.add(piece);
        let mut rest = piece.octets;
        if let Some(head) = &mut self.head {
            rest = head.push(rest);
        }
        if let Some(head) = self.head.take_if(|head| head.is_whole()) {
            self.along = head.done(self.syntax, scanner, shared);
        }
        let (seen, rest) = piece.octets.split_at(piece.len() - rest.len());
        scanner.push(seen);
        match &mut self.along {
            Some(along) => rest.chunks(BITE).for_each(|bite| {
                along.push(bite, scanner, shared);
                scanner.push(bite);
            }),
            None => scanner.push(rest),
        }
        self.marks.forget(scanner.decided());
        self.runs.iter_mut().for_each(|runs| runs.push(piece, shared));
    }

    fn end(&mut self, shared: &mut Shared) {
        let Some(mut scanner) = self.scanner.take() else { return };
        if let Some(head) = self.head.take() {
            self.along = head.done(self.syntax, &mut scanner, shared);
        }
        self.along.take().into_iter().for_each(|along| along.end(&mut scanner, shared));
        self.runs.iter_mut().for_each(|runs| runs.end(shared));
        self.runs = None;
        shared.found.absorb(scanner.finish());
    }

    fn pending(&self) -> Option<u64> {
        let decided = self.scanner.as_ref()?.decided();
        let own = (decided < self.marks.length()).then(|| self.marks.raw(decided));
        earlier(own, self.runs.as_ref().and_then(Runs::pending))
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.scanner.iter().for_each(|scanner| see(scanner.findings()));
        self.runs.iter().for_each(|runs| runs.each(see));
    }
}

/// Looks through the name of a file: what comes after the last dot is none of it.
pub(super) fn scan_name(name: &[u8], place: &Place, shared: &mut Shared) {
    let mut name = name.to_vec();
    let dot = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
    name.iter_mut().skip(dot).take(1).for_each(|byte| *byte = b' ');
    scan(&name, &place.view("name"), Syntax::Text, shared);
}

/// Looks through a short text.
pub(super) fn scan(text: &[u8], place: &Place, syntax: Syntax, shared: &mut Shared) {
    let layer = place.layer.clone();
    let options = Options { syntax: Some(syntax), layer, records: true, ..Options::default() };
    let mut scanner = Scanner::new(Arc::clone(&shared.inspector.detectors), options);
    scanner.push(text);
    shared.found.absorb(scanner.finish());
}
