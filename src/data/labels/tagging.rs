//! The tags of an object store as a document: `<Tagging><TagSet><Tag><Key>…` of S3, and
//! `<Tags>` with the same below it of Azure. They mean what their headers mean.

use super::super::walk::{Value, Visitor, Walker, Xml};
use super::super::{Carriers, Tag, Tags};

/// The headers that say the same, by the root of the document.
const ROOTS: [(&[u8], &str); 2] = [(b"Tagging", "x-amz-tagging"), (b"Tags", "x-ms-tags")];

/// Whether a text begins as such a document does.
pub(super) fn is_likely(head: &[u8]) -> bool {
    let head = head.get(..1024.min(head.len())).unwrap_or_default();
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let begins = |root: &[u8]| {
        let places = memchr::memmem::find_iter(head, root);
        places.into_iter().any(|place| {
            let after = head.get(place + root.len()).copied().unwrap_or(b'>');
            let before = place.checked_sub(1).and_then(|before| head.get(before));
            matches!(before, Some(b'<' | b':')) && (after == b'>' || after.is_ascii_whitespace())
        })
    };
    head.starts_with(b"<") && ROOTS.iter().any(|(root, _)| begins(root))
}

/// Such a document on its way.
#[derive(Debug)]
pub(super) struct Tagging {
    walker: Walker,
    reader: Reader,
}

#[derive(Debug, Default)]
struct Reader {
    path: Vec<Vec<u8>>,
    name: Vec<u8>,
    key: String,
    pairs: Vec<(&'static str, String, String)>,
}

impl Default for Tagging {
    fn default() -> Self {
        Self { walker: Walker::Xml(Xml::default()), reader: Reader::default() }
    }
}

impl Tagging {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.walker.push(piece, &mut self.reader);
    }

    pub(super) fn finish(&mut self) {
        self.walker.finish(&mut self.reader);
    }

    /// Tells each tag that a carrier reads, since the last time.
    pub(super) fn found(&mut self, carriers: &Carriers, mut tell: impl FnMut(Tag, &[u8])) {
        for (header, key, value) in self.reader.pairs.drain(..) {
            let mut tags = Tags::default();
            carriers.member(header, &key, &value, &mut tags);
            tags.iter().for_each(|tag| tell(tag.clone(), value.as_bytes()));
        }
    }
}

impl Visitor for Reader {
    fn enter(&mut self, _array: bool, _place: u64) {
        self.path.push(std::mem::take(&mut self.name));
    }

    fn leave(&mut self, _place: u64) {
        if self.path.pop().is_some_and(|name| name == b"Tag") {
            self.key.clear();
        }
    }

    fn key(&mut self, name: &[u8]) {
        name.clone_into(&mut self.name);
    }

    fn value(&mut self, value: Value<'_>) {
        let text = || String::from_utf8_lossy(value.text).trim().to_owned();
        let [root, .., tag, last] = &*self.path else { return };
        if tag != b"Tag" {
            return;
        }
        let header = ROOTS.iter().find(|(name, _)| *name == root.as_slice());
        match (header, last.as_slice()) {
            (Some(_), b"Key") => self.key = text(),
            (Some((_, header)), b"Value") => {
                self.pairs.push((header, std::mem::take(&mut self.key), text()));
            }
            _ => {}
        }
    }
}
