//! XML of office documents: what stands between tags is one text, in which only paragraphs,
//! cells and the like divide; a value may go through several runs. What stands in tags is
//! another text.

use super::super::{Findings, Syntax};
use super::fitful::Fitful;
use super::leaf::{Leaf, Named};
use super::stage::{Piece, Place, Shared, Stage, earlier};

/// So much of a tag is read to know its name.
const NAME: usize = 32;

/// Elements that divide, without their prefix: of WordprocessingML, DrawingML, SpreadsheetML and
/// OpenDocument.
const DIVIDING: [&[u8]; 16] = [
    b"p",
    b"br",
    b"cr",
    b"tab",
    b"tc",
    b"tr",
    b"si",
    b"c",
    b"row",
    b"f",
    b"v",
    b"h",
    b"line-break",
    b"table-cell",
    b"table-row",
    b"list-item",
];

/// A text with its markup.
#[derive(Debug)]
pub(super) struct Markup {
    text: Fitful,
    tags: Fitful,
    /// The beginning of the tag that is open.
    name: Option<Vec<u8>>,
}

/// The name in a tag, by what stands after its sign.
pub(super) fn tag_name(tag: &[u8]) -> &[u8] {
    let name = tag.strip_prefix(b"/").unwrap_or(tag);
    let end = name.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/');
    name.get(..end.unwrap_or(name.len())).unwrap_or_default()
}

impl Markup {
    pub(super) fn new(place: &Place, name: &str, shared: &Shared) -> Self {
        let named = Named { name: name.to_owned(), ..Named::default() };
        let text = Leaf::new(place, named, Some(Syntax::Text), shared);
        let text = Fitful::new(place, Some(text));
        let tags = Fitful::new(&place.view("markup"), None);
        Self { text, tags, name: None }
    }

    /// The tag is at its end.
    fn tag(&mut self, raw: u64, shared: &mut Shared) {
        let name = self.name.take().unwrap_or_default();
        self.tags.push(Piece::made(b"\n", raw), shared);
        let local = tag_name(&name).rsplit(|byte| *byte == b':').next().unwrap_or_default();
        let sign: &[u8] = match local {
            b"noBreakHyphen" => b"-",
            b"s" => b" ",
            _ if DIVIDING.contains(&local) => b"\n",
            _ => return,
        };
        self.text.push(Piece::made(sign, raw), shared);
    }
}

impl Stage for Markup {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        while !piece.is_empty() {
            let open = self.name.is_some();
            let end = memchr::memchr(if open { b'>' } else { b'<' }, piece.octets);
            let (going, waiting) = if open {
                (&mut self.tags, &mut self.text)
            } else {
                (&mut self.text, &mut self.tags)
            };
            let length = end.unwrap_or(piece.len());
            let part = piece.take(length.min(waiting.room()));
            let end = end.filter(|end| *end == part.len());
            if !part.is_empty() {
                going.went_by(0, true);
                waiting.went_by(part.len(), false);
                waiting.settle(shared);
            }
            match &mut self.name {
                Some(name) => {
                    let room = NAME.saturating_sub(name.len());
                    name.extend_from_slice(part.octets.get(..room).unwrap_or(part.octets));
                    going.push(part, shared);
                }
                None => going.push(part, shared),
            }
            if end.is_some() {
                let raw = piece.take(1).raw;
                if open {
                    self.tag(raw, shared);
                } else {
                    self.name = Some(Vec::new());
                }
            }
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        self.text.end(shared);
        self.tags.end(shared);
    }

    fn pending(&self) -> Option<u64> {
        earlier(self.text.pending(), self.tags.pending())
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.text.each(see);
        self.tags.each(see);
    }
}
