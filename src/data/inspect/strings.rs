//! What is binary: printable runs of six and more characters, in ASCII and in UTF-16, one a line,
//! and compressed data that begins somewhere within. Beside a text, only what is none of it.
//! Values in what a picture shows or a sound says are not seen.

use super::super::Findings;
use super::buried::Digger;
use super::fitful::Fitful;
use super::hooks::Head;
use super::leaf::Named;
use super::marks::Marks;
use super::stage::{Piece, Place, Shared, Stage, earlier};

/// The shortest run.
const SHORTEST: usize = 6;

/// What parts runs: what is short and stands alone among such octets is there by chance.
const APART: &[u8] = b"\n\0\0\0\0\n";

/// Octets that may be held: a run in UTF-16 that is one character too short.
const LAG: u64 = 12;

/// How much is read at once: what comes out leads back to it.
const BITE: usize = 1 << 10;

/// A run that may be too short.
#[derive(Debug, Default)]
struct Run {
    held: [u8; SHORTEST],
    count: usize,
}

/// A binary.
#[derive(Debug)]
pub(super) struct Strings {
    head: Option<Head>,
    /// Runs in ASCII; not beside a text, which somebody else looks at.
    narrow: Option<Run>,
    wide: Run,
    digger: Digger,
    /// A character of which the zero may follow.
    half: Option<u8>,
    inputs: Marks,
    text: Fitful,
    output: Vec<u8>,
}

impl Run {
    fn take(&mut self, byte: u8, output: &mut Vec<u8>) {
        match self.held.get_mut(self.count) {
            Some(place) => {
                *place = byte;
                self.count += 1;
                if self.count == SHORTEST {
                    output.extend_from_slice(&self.held);
                }
            }
            None => output.push(byte),
        }
    }

    fn stop(&mut self, output: &mut Vec<u8>) {
        if self.count == SHORTEST {
            output.extend_from_slice(APART);
        }
        self.count = 0;
    }

    fn holds(&self) -> bool {
        (1..SHORTEST).contains(&self.count)
    }
}

impl Strings {
    pub(super) fn new(place: &Place) -> Self {
        Self::named(place, Named::default())
    }

    pub(super) fn named(place: &Place, Named { name, kind, .. }: Named) -> Self {
        Self {
            head: Some(Head::new(place, name, kind)),
            narrow: Some(Run::default()),
            ..Self::beside_text(place)
        }
    }

    /// What is none of a text: UTF-16 after a beginning that is not, and compressed data.
    pub(super) fn beside_text(place: &Place) -> Self {
        Self {
            head: None,
            narrow: None,
            wide: Run::default(),
            digger: Digger::new(place),
            half: None,
            inputs: Marks::default(),
            text: Fitful::new(&place.view("strings"), None),
            output: Vec::new(),
        }
    }

    fn octet(&mut self, byte: u8) {
        let before = self.output.len();
        self.runs(byte);
        self.text.went_by(1, self.output.len() > before);
    }

    fn runs(&mut self, byte: u8) {
        let printable = is_printable(byte);
        match &mut self.narrow {
            Some(narrow) if printable => narrow.take(byte, &mut self.output),
            Some(narrow) => narrow.stop(&mut self.output),
            None => {}
        }
        match self.half.take() {
            Some(letter) if byte == 0 => self.wide.take(letter, &mut self.output),
            Some(letter) => {
                // The last where the zero comes first.
                if self.wide.count > 0 && !printable {
                    self.wide.take(letter, &mut self.output);
                }
                self.wide.stop(&mut self.output);
                self.half = printable.then_some(byte);
            }
            None if printable => self.half = Some(byte),
            None => self.wide.stop(&mut self.output),
        }
    }

    fn bite(&mut self, bite: Piece<'_>, shared: &mut Shared) {
        let raw = self.inputs.add_behind(bite, LAG);
        self.octets(bite.octets);
        self.hand_on(raw, shared);
        self.inputs.forget_behind(LAG);
    }

    /// Whether nothing but text comes, of which somebody else reads.
    fn is_silent(&self, octets: &[u8]) -> bool {
        let none = self.narrow.is_none() && self.wide.count == 0;
        none && memchr::memchr(0, octets).is_none()
    }

    fn octets(&mut self, octets: &[u8]) {
        match octets.last().filter(|_| self.is_silent(octets)) {
            // Nothing of it is followed by a zero but, maybe, the last.
            Some(last) => {
                self.half = Some(*last).filter(|last| is_printable(*last));
                self.text.went_by(octets.len(), false);
            }
            None => octets.iter().for_each(|byte| self.octet(*byte)),
        }
    }

    fn hand_on(&mut self, raw: u64, shared: &mut Shared) {
        if self.output.is_empty() {
            return self.text.settle(shared);
        }
        self.text.push(Piece::made(&self.output, raw), shared);
        self.output.clear();
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}

impl Stage for Strings {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        self.head.iter_mut().for_each(|head| {
            head.push(piece.octets);
        });
        if self.head.as_ref().is_some_and(Head::is_whole) {
            self.head.take().into_iter().for_each(|head| head.show(shared));
        }
        self.digger.push(piece, shared);
        while !piece.is_empty() {
            // Where nothing comes out, nothing has to lead back.
            let most = if self.is_silent(piece.octets) { piece.len() } else { BITE };
            let bite = piece.take(most);
            self.bite(bite, shared);
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        self.head.take().into_iter().for_each(|head| head.show(shared));
        self.digger.end(shared);
        if let Some(letter) = self.half.take().filter(|_| self.wide.count > 0) {
            self.wide.take(letter, &mut self.output);
            self.hand_on(self.inputs.behind(LAG), shared);
        }
        self.text.end(shared);
    }

    fn pending(&self) -> Option<u64> {
        let narrow = self.narrow.as_ref().is_some_and(Run::holds);
        let holds = narrow || self.wide.holds() || self.half.is_some();
        let own = holds.then(|| self.inputs.behind(LAG));
        let own = earlier(own, self.digger.pending());
        earlier(own, self.text.pending())
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.digger.each(see);
        self.text.each(see);
    }
}
