//! PDF, read once from its beginning: strings of objects, of pages and of object streams, and
//! what is embedded. Pictures and fonts are passed over. Letters of fonts that number them
//! (`Identity-H`) cannot be read without the font, and other filters than Flate are not undone:
//! both are told.

use super::super::{Findings, Syntax};
use super::begin::{self, Said};
use super::coding::{Coded, Coding};
use super::fitful::Fitful;
use super::leaf::{Leaf, Named};
use super::marks::{Held, Marks};
use super::member::Kept;
use super::pdftext::{Lexer, Mark};
use super::stage::{Cannot, Next, Passed, Piece, Place, Shared, Stage, close, earlier};

/// So much of an object is held at least: the dictionary of a stream stands before it.
const OBJECT: usize = 16 << 10;

/// How much is read at once, and how many octets may be held of it.
const BITE: usize = 1 << 10;
const LAG: u64 = 32;

const END: &[u8] = b"endstream";

/// Strings of a piece of PDF.
#[derive(Debug)]
struct Strings {
    lexer: Lexer,
    inputs: Marks,
    leaf: Fitful,
}

/// The same as a layer.
#[derive(Debug)]
struct Page {
    place: Place,
    strings: Strings,
}

/// A stream, up to its end.
#[derive(Debug)]
struct Stream {
    next: Next,
    /// What may be the beginning of its end.
    held: Held,
    /// Whether a line end that belongs to its beginning may follow.
    first: bool,
}

/// A document.
#[derive(Debug)]
pub(super) struct Pdf {
    place: Place,
    /// Of its streams, which take nothing back of what other objects say.
    streams: Place,
    objects: Strings,
    /// The object that is read.
    object: Vec<u8>,
    stream: Option<Stream>,
    count: usize,
    encrypted: bool,
}

impl Strings {
    fn new(place: &Place, shared: &Shared) -> Self {
        let leaf = Leaf::new(place, Named::default(), Some(Syntax::Text), shared);
        let leaf = Fitful::new(place, Some(leaf));
        Self { lexer: Lexer::default(), inputs: Marks::default(), leaf }
    }

    /// Reads a bite up to the first mark: which it was, and after how many octets.
    fn read(&mut self, bite: Piece<'_>, shared: &mut Shared) -> (Option<Mark>, usize) {
        let (mut mark, mut count) = (None, 0);
        for byte in bite.octets {
            count += 1;
            let before = self.lexer.text.len();
            mark = self.lexer.read(*byte);
            self.leaf.went_by(1, self.lexer.text.len() > before);
            if mark.is_some() {
                break;
            }
        }
        let (read, _) = bite.cut(count);
        let raw = self.inputs.add_behind(read, LAG);
        if self.lexer.text.is_empty() {
            self.leaf.settle(shared);
        } else {
            self.leaf.push(Piece::made(&self.lexer.text, raw), shared);
            self.lexer.text.clear();
        }
        self.inputs.forget_behind(LAG);
        (mark, count)
    }
}

impl Pdf {
    pub(super) fn open(place: &Place, shared: &mut Shared) -> Next {
        let Some(place) = shared.enter_document(place, "pdf") else { return Box::new(Passed) };
        let objects = Strings::new(&place, shared);
        let streams = shared.document(place.view("stream"));
        let (object, stream) = (Vec::new(), None);
        Box::new(Self { place, streams, objects, object, stream, count: 0, encrypted: false })
    }

    fn objects(&mut self, piece: &mut Piece<'_>, shared: &mut Shared) {
        let (bite, _) = piece.cut(BITE);
        let (mark, count) = self.objects.read(bite, shared);
        let read = piece.take(count);
        self.object.extend_from_slice(read.octets);
        if self.object.len() > 2 * OBJECT {
            self.labels(shared);
            self.object.drain(..self.object.len() - OBJECT);
        }
        if self.objects.lexer.seen.encrypted && !self.encrypted {
            self.encrypted = true;
            shared.cannot(Cannot::Encrypted, &self.place);
        }
        match mark {
            Some(Mark::Object) => self.object.clear(),
            Some(Mark::End) => {
                self.labels(shared);
                self.object.clear();
            }
            Some(Mark::Stream) => {
                let next = self.stream(shared);
                let first = read.octets.last() == Some(&b'\r');
                self.stream = Some(Stream { next, held: Held::default(), first });
                // A long stream must not wait for what comes after it.
                self.objects.leaf.end(shared);
                self.objects = Strings {
                    lexer: std::mem::take(&mut self.objects.lexer),
                    ..Strings::new(&self.place, shared)
                };
                self.object.clear();
            }
            None => {}
        }
    }

    /// Reads the labels of the object, as far as it is held.
    fn labels(&self, shared: &mut Shared) {
        let says = |word: &[u8]| memchr::memmem::find(&self.object, word).is_some();
        if says(b"/MSIP_Label_") || says(b"/Producer") {
            super::hooks::part("pdf:info", &self.object, &self.place, shared);
        }
    }

    /// Opens a stream by its dictionary.
    fn stream(&mut self, shared: &mut Shared) -> Next {
        let says = |word: &[u8]| memchr::memmem::find(&self.object, word).is_some();
        let place = self.streams.nth(self.count);
        self.count += 1;
        let picture = says(b"/Image") || says(b"/DCTDecode") || says(b"/JPXDecode");
        let font =
            says(b"/Length1") || says(b"Type1C") || says(b"FontType0C") || says(b"/OpenType");
        let table = says(b"/XRef") || says(b"/ICCBased");
        // What is encrypted was told already.
        if picture || font || table || self.encrypted || !shared.enter_part(&place) {
            self.encrypted |= says(b"/Encrypt");
            return Box::new(Passed);
        }
        let filters = memchr::memmem::find_iter(&self.object, b"Decode").count()
            - memchr::memmem::find_iter(&self.object, b"/DecodeParms").count();
        let flate = says(b"/FlateDecode") || says(b"/Fl ") || says(b"/Fl/");
        let filtered = says(b"/Filter");
        if filtered && !(flate && filters <= 1) {
            shared.cannot(Cannot::Encoding, &place);
            return Box::new(Passed);
        }
        let inner: Next = if says(b"/EmbeddedFile") {
            match shared.enter(&place, "file") {
                Some(place) => begin::open(&place, Said::default()),
                None => Box::new(Passed),
            }
        } else if says(b"/Metadata") {
            Kept::open("pdf:xmp", &place, begin::open(&place, Said::default()))
        } else {
            let page = Page { place: place.clone(), strings: Strings::new(&place, shared) };
            if says(b"/ObjStm") {
                Kept::open("pdf:info", &place, Box::new(page))
            } else {
                Box::new(page)
            }
        };
        if !filtered {
            return inner;
        }
        match Coded::member(Coding::Deflate, &place, inner) {
            Some(coded) => Box::new(coded.alone()),
            None => Box::new(Passed),
        }
    }

    /// Hands on what is of a stream; whether it is over.
    fn in_stream(&mut self, piece: &mut Piece<'_>, shared: &mut Shared) {
        let Some(stream) = &mut self.stream else { return };
        if std::mem::take(&mut stream.first) && piece.octets.first() == Some(&b'\n') {
            piece.take(1);
        }
        if !stream.held.octets().is_empty() {
            // A beginning of the end goes on, or was none.
            stream.held.push(piece.take(1));
            let held = stream.held.octets();
            if held == END {
                close_stream(&mut self.stream, shared);
            } else if !END.starts_with(held) {
                let held = std::mem::take(&mut stream.held);
                let mut all = held.piece();
                let again = all.octets.last() == Some(&b'e');
                let data = all.take(all.len() - usize::from(again));
                stream.next.push(data, shared);
                stream.held.push(all);
            }
            return;
        }
        let found = memchr::memmem::find(piece.octets, END);
        let end = found.unwrap_or_else(|| {
            let from = piece.len().saturating_sub(END.len() - 1);
            let tail = piece.octets.get(from..).unwrap_or_default();
            let begins =
                (0..tail.len()).find(|at| END.starts_with(tail.get(*at..).unwrap_or_default()));
            begins.map_or(piece.len(), |at| from + at)
        });
        let data = piece.take(end);
        if !data.is_empty() {
            stream.next.push(data, shared);
        }
        stream.held.push(piece.take(1));
    }
}

fn close_stream(stream: &mut Option<Stream>, shared: &mut Shared) {
    if let Some(mut stream) = stream.take() {
        stream.next.end(shared);
    }
}

impl Stage for Pdf {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        while !piece.is_empty() {
            if self.stream.is_some() {
                self.in_stream(&mut piece, shared);
            } else {
                self.objects(&mut piece, shared);
            }
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        if let Some(mut stream) = self.stream.take() {
            stream.next.push(stream.held.piece(), shared);
            close(&mut Some(stream.next), shared);
        }
        self.labels(shared);
        self.objects.end(&self.place, shared);
    }

    fn pending(&self) -> Option<u64> {
        let stream = self.stream.as_ref();
        let stream = stream.and_then(|one| earlier(one.held.pending(), one.next.pending()));
        if self.stream.is_some() { stream } else { self.objects.pending() }
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.objects.leaf.each(see);
        self.stream.iter().for_each(|stream| stream.next.each(see));
    }
}

impl Strings {
    fn end(&mut self, place: &Place, shared: &mut Shared) {
        self.leaf.end(shared);
        if std::mem::take(&mut self.lexer.seen.numbered) {
            shared.cannot(Cannot::Encoding, &place.view("font"));
        }
    }

    fn pending(&self) -> Option<u64> {
        let own = (self.inputs.length() > 0).then(|| self.inputs.behind(LAG));
        earlier(own, self.leaf.pending())
    }
}

impl Stage for Page {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        while !piece.is_empty() {
            let (bite, _) = piece.cut(BITE);
            let (_, count) = self.strings.read(bite, shared);
            piece.take(count);
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        self.strings.end(&self.place, shared);
    }

    fn pending(&self) -> Option<u64> {
        self.strings.pending()
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.strings.leaf.each(see);
    }
}
