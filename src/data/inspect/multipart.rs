//! `multipart/*` (RFC 2046): parts between delimiters. What stands before the first and after
//! the last is looked at too, since it leaves with the rest.

use memchr::memmem::Finder;

use super::super::Findings;
use super::begin::{self, Said};
use super::leaf::{Leaf, Named};
use super::marks::Held;
use super::part::Part;
use super::stage::{Next, Passed, Piece, Place, Shared, Stage, close, earlier};

/// The longest boundary; RFC 2046 allows 70.
const BOUNDARY: usize = 200;

/// What some octets at a delimiter are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    /// Too few to tell.
    Cut,
    /// None.
    Text,
    /// A delimiter; whether it is the last.
    Delimiter(bool),
}

/// Whether there are more parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    No,
    Yes,
}

/// Parts.
#[derive(Debug)]
pub(super) struct Multipart {
    /// Around the parts.
    outer: Place,
    /// Of a part.
    inner: Place,
    finder: Finder<'static>,
    /// What may be the beginning of a delimiter.
    held: Held,
    /// Whether the first octet of what is held is none of the body: the first delimiter needs
    /// no line before it.
    phantom: bool,
    begun: bool,
    /// Whether the rest of the line of a delimiter is passed.
    line: bool,
    /// What stands in that line: nobody reads it, but it leaves.
    aside: Option<Next>,
    /// Whether the last delimiter was seen: then there are no more parts.
    over: Over,
    count: usize,
    next: Option<Next>,
}

/// The boundary of a body that begins as multipart does, whatever is said of it.
pub(super) fn boundary(head: &[u8]) -> Option<String> {
    let rest = head.strip_prefix(b"--")?;
    let end = memchr::memchr(b'\n', rest)?;
    let line = rest.get(..end)?.trim_ascii_end();
    let following = rest.get(end + 1..)?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    let field = following.get(..8)?.eq_ignore_ascii_case(b"content-");
    let fine = (1..=70).contains(&line.len()) && line.iter().all(plain) && field;
    fine.then(|| String::from_utf8_lossy(line).into_owned())
}

impl Multipart {
    pub(super) fn new(outer: &Place, inner: Place, boundary: &str) -> Self {
        let boundary = boundary.as_bytes();
        let boundary = boundary.get(..BOUNDARY).unwrap_or(boundary);
        let needle = [b"\n--", boundary].concat();
        Self {
            outer: inner.named(&outer.layer),
            inner,
            finder: Finder::new(&needle).into_owned(),
            held: Held::default(),
            phantom: false,
            begun: false,
            line: false,
            aside: None,
            over: Over::No,
            count: 0,
            next: None,
        }
    }

    /// What is held, judged.
    fn judged(&self) -> Judged {
        let held = self.held.octets();
        let held = held.strip_prefix(b"\r").unwrap_or(held);
        let needle = self.finder.needle();
        if needle.len() >= held.len() {
            return if needle.starts_with(held) { Judged::Cut } else { Judged::Text };
        }
        match held.strip_prefix(needle) {
            Some([b' ' | b'\t' | b'\r' | b'\n', ..]) => Judged::Delimiter(false),
            Some([b'-']) => Judged::Cut,
            Some([b'-', b'-', ..]) => Judged::Delimiter(true),
            Some(_) | None => Judged::Text,
        }
    }

    /// Takes one octet more of what may be a delimiter.
    fn slowly(&mut self, piece: &mut Piece<'_>, shared: &mut Shared) {
        self.held.push(piece.take(1));
        match self.judged() {
            Judged::Cut => {}
            Judged::Text => self.text(shared),
            Judged::Delimiter(last) => {
                self.line = self.held.octets().last() != Some(&b'\n');
                self.delimiter(last, shared);
            }
        }
    }

    /// What is held is text, up to its last octet, which may begin another delimiter.
    fn text(&mut self, shared: &mut Shared) {
        let held = std::mem::take(&mut self.held);
        let mut all = held.piece();
        let again = all.octets.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n'));
        let mut text = all.take(all.len() - usize::from(again));
        if std::mem::take(&mut self.phantom) {
            text = Piece::made(text.octets.get(1..).unwrap_or_default(), text.raw);
        }
        self.content(text, shared);
        self.held.push(all);
    }

    fn delimiter(&mut self, last: bool, shared: &mut Shared) {
        self.held.clear();
        self.phantom = false;
        close(&mut self.next, shared);
        if last || self.over == Over::Yes {
            self.over = Over::Yes;
            return;
        }
        let place = self.inner.nth(self.count);
        self.count += 1;
        let open = shared.enter_part(&place);
        self.next = Some(if open { Part::open(&place) } else { Box::new(Passed) });
    }

    /// Octets of the line of a delimiter, which are blanks but for who hides something.
    fn aside(&mut self, mut line: Piece<'_>, shared: &mut Shared) {
        if self.aside.is_none() {
            line.take(line.len() - line.octets.trim_ascii_start().len());
        }
        if !line.is_empty() {
            let place = self.inner.view("line");
            let fresh = || -> Next { Box::new(Leaf::new(&place, Named::default(), None, shared)) };
            let mut next = self.aside.take().unwrap_or_else(fresh);
            next.push(line, shared);
            self.aside = Some(next);
        }
        if !self.line {
            close(&mut self.aside, shared);
        }
    }

    /// Octets of a part, or of what is around the parts.
    fn content(&mut self, piece: Piece<'_>, shared: &mut Shared) {
        if !piece.is_empty() {
            let next = self.next.get_or_insert_with(|| begin::open(&self.outer, Said::default()));
            next.push(piece, shared);
        }
    }
}

impl Stage for Multipart {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        if !self.begun {
            (self.begun, self.phantom) = (true, true);
            self.held.push(Piece::made(b"\n", piece.raw));
        }
        while !piece.is_empty() {
            if self.line {
                let end = memchr::memchr(b'\n', piece.octets);
                self.line = end.is_none();
                let line = piece.take(end.map_or(usize::MAX, |end| end + 1));
                self.aside(line, shared);
            } else if !self.held.octets().is_empty() {
                self.slowly(&mut piece, shared);
            } else {
                let found = self.finder.find(piece.octets);
                // Up to the delimiter; or to what may become one.
                let end = found.unwrap_or_else(|| {
                    let most = self.finder.needle().len();
                    let from = piece.len().saturating_sub(most);
                    let tail = piece.octets.get(from..).unwrap_or_default();
                    memchr::memrchr(b'\n', tail).map_or(piece.len(), |at| from + at)
                });
                let before = piece.octets.get(..end).unwrap_or_default();
                let end = end - usize::from(before.ends_with(b"\r"));
                self.content(piece.take(end), shared);
                self.held.push(piece.take(1));
            }
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        close(&mut self.aside, shared);
        // A delimiter at the very end has no line after it.
        if self.held.octets().ends_with(self.finder.needle()) {
            close(&mut self.next, shared);
        } else {
            while !self.held.octets().is_empty() {
                let held = std::mem::take(&mut self.held);
                let phantom = usize::from(std::mem::take(&mut self.phantom));
                let (_, rest) = held.piece().cut(phantom);
                self.content(rest, shared);
            }
        }
        close(&mut self.next, shared);
    }

    fn pending(&self) -> Option<u64> {
        let next = earlier(
            self.aside.as_ref().and_then(|next| next.pending()),
            self.next.as_ref().and_then(|next| next.pending()),
        );
        earlier(self.held.pending(), next)
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.aside.iter().for_each(|next| next.each(see));
        self.next.iter().for_each(|next| next.each(see));
    }
}
