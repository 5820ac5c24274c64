//! Compound files (MS-CFB): a document that is encrypted has streams of certain names; what is
//! left is Office before 2007, of which the printable runs are looked at.

use memchr::memmem;

use super::super::Findings;
use super::stage::{Cannot, Next, Passed, Piece, Place, Shared, Stage};
use super::strings::Strings;

/// Streams of encrypted documents (MS-OFFCRYPTO), in UTF-16.
const STREAMS: [&str; 3] = ["EncryptedPackage", "EncryptionInfo", "EncryptedSummary"];

/// The longest name in octets.
const LONGEST: usize = 32;

/// A compound file.
#[derive(Debug)]
pub(super) struct Compound {
    place: Place,
    names: [Vec<u8>; 3],
    /// The last octets, in which a name may begin.
    tail: Vec<u8>,
    encrypted: bool,
    strings: Strings,
}

impl Compound {
    pub(super) fn open(place: &Place, shared: &mut Shared) -> Next {
        let Some(place) = shared.enter(place, "ole") else { return Box::new(Passed) };
        let names = STREAMS.map(|name| name.bytes().flat_map(|byte| [byte, 0]).collect());
        let strings = Strings::new(&place);
        Box::new(Self { place, names, tail: Vec::new(), encrypted: false, strings })
    }

    fn search(&self, octets: &[u8]) -> bool {
        self.names.iter().any(|name| memmem::find(octets, name).is_some())
    }
}

impl Stage for Compound {
    fn push(&mut self, piece: Piece<'_>, shared: &mut Shared) {
        if !self.encrypted {
            let first = piece.octets.get(..LONGEST).unwrap_or(piece.octets);
            self.tail.extend_from_slice(first);
            if self.search(&self.tail) || self.search(piece.octets) {
                self.encrypted = true;
                shared.cannot(Cannot::Encrypted, &self.place);
            }
            let last = piece.octets.len().saturating_sub(LONGEST);
            if last > 0 {
                self.tail.clear();
                self.tail.extend_from_slice(piece.octets.get(last..).unwrap_or_default());
            }
            let over = self.tail.len().saturating_sub(LONGEST);
            self.tail.drain(..over);
        }
        self.strings.push(piece, shared);
    }

    fn end(&mut self, shared: &mut Shared) {
        self.strings.end(shared);
    }

    fn pending(&self) -> Option<u64> {
        self.strings.pending()
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.strings.each(see);
    }
}
