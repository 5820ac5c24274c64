//! Where detectors of shapes and readers of labels join: they see the head of every text and
//! binary at the end of its layers, and small parts of documents as a whole.

use super::stage::{Place, Shared};

/// How much of a head is shown.
const HEAD: usize = 4 << 10;

/// How much of a part is held so that it can be shown.
pub(super) const PART: usize = 256 << 10;

/// The head of a leaf, as far as it has come.
#[derive(Debug)]
pub(super) struct Head {
    place: Place,
    name: String,
    octets: Vec<u8>,
}

impl Head {
    pub(super) fn new(place: &Place, name: String) -> Self {
        Self { place: place.clone(), name, octets: Vec::new() }
    }

    /// Takes the next octets; whether it is whole.
    pub(super) fn push(&mut self, octets: &[u8]) -> bool {
        let missing = HEAD - self.octets.len();
        self.octets.extend_from_slice(octets.get(..missing).unwrap_or(octets));
        self.octets.len() >= HEAD
    }

    /// Shows it.
    pub(super) fn done(self, shared: &mut Shared) {
        head(&self.name, &self.octets, &self.place, shared);
    }
}

// HOOK 1: detectors of shapes. `name` is that of the part or the file, often empty; `head` is
// the first 4 KiB, or all if there is less. What they find goes to `shared.found.add`, with
// `place.layer` as its layer.
fn head(name: &str, head: &[u8], place: &Place, shared: &mut Shared) {
    let _ = (name, head, place, shared);
}

// HOOK 2: readers of labels. `name` is `docMetadata/LabelInfo.xml`, `docProps/custom.xml`,
// `pdf:info` (the strings of an Info dictionary, or of another with `MSIP_Label_`), `pdf:xmp` or
// `mail:head`; `bytes` is all of it.
pub(super) fn part(name: &str, bytes: &[u8], place: &Place, shared: &mut Shared) {
    let _ = (name, bytes, place, shared);
}
