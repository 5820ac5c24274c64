//! Compressed layers: what a decoder gives goes on at once, 16 KiB at a time, within the bounds
//! of depth, ratio and size. What follows the end of a stream is a layer of its own.
//! Memory: 32 KiB for gzip and deflate, up to 16 MiB for br and zstd, of which two may nest.

use super::super::Findings;
use super::awschunked::Chunked;
use super::begin::{self, Said};
use super::inflate::{Unwrap, Wrap};
use super::marks::Marks;
use super::message::Continued;
use super::stage::{Cannot, Next, Passed, Piece, Place, Shared, Stage, close, earlier};
use super::strings::Strings;
use super::unbrotli::Unbrotli;
use super::zstd::Unzstd;

/// How much is decoded at once.
const OUTPUT: usize = 16 << 10;

/// How much is fed at once: what comes out leads back to it.
const BITE: usize = 4 << 10;

/// So much may come out before the ratio counts.
const FREE: u64 = 1 << 20;

/// A coding of contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    /// Deflate without anything around it.
    Bare,
    Br,
    Zstd,
    /// Not compressed, but in chunks with signatures between them.
    Chunked,
    Unknown,
}

/// What a decoder did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// How much it wrote.
    pub(super) written: usize,
    /// From which octet of its input on that comes.
    pub(super) from: u64,
    pub(super) turn: Turn,
}

/// How a decoder goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// There may be more.
    Again,
    /// It needs more input.
    Fed,
    /// The stream is at its end; what is left of the input is none of it.
    Ended,
}

/// A decoder of some coding.
#[derive(Debug)]
pub(super) enum Coder {
    Inflate(Box<Unwrap>),
    Zstd(Box<Unzstd>),
    Brotli(Unbrotli),
    /// Deflate that goes on from message to message.
    Continued(Continued),
}

/// A layer that is compressed.
#[derive(Debug)]
pub(super) struct Coded {
    place: Place,
    coder: Option<Coder>,
    inputs: Marks,
    output: Box<[u8]>,
    given: u64,
    after: After,
    /// What stands in its headers.
    beside: Option<Next>,
    next: Option<Next>,
}

/// What follows the end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// A layer of its own.
    Layer,
    /// Nothing, if it is a line end.
    Blank,
    /// Nothing: somebody else looks at it.
    Nothing,
}

/// Opens a stream within something else, which goes on after its end.
pub(super) fn open_alone(coding: Coding, place: &Place, shared: &mut Shared) -> Next {
    let coded = coding.enter(place, shared).and_then(|place| {
        let next = begin::open(&place, Said::default());
        Some(Coded { after: After::Nothing, ..Coded::member(coding, &place, next)? })
    });
    coded.map_or_else(|| -> Next { Box::new(Passed) }, |coded| Box::new(coded))
}

/// Opens a layer that these codings were put on, in this order.
pub(super) fn open(codings: &[Coding], place: &Place, said: Said, shared: &mut Shared) -> Next {
    let Some((coding, inner)) = codings.split_last() else { return begin::open(place, said) };
    let Some(place) = coding.enter(place, shared) else { return Box::new(Passed) };
    if *coding == Coding::Chunked {
        let next = open(inner, &place, said, shared);
        return Chunked::open(&place, next);
    }
    let Some(coder) = Coder::new(*coding) else {
        shared.cannot(Cannot::Encoding, &place);
        // It may be a name for what is none, or for what its magic tells.
        return begin::open(&place, said);
    };
    let next = open(inner, &place, said, shared);
    Box::new(Coded::of(coder, place, next))
}

// === impl Coding, Coder, Step ===

impl Coding {
    /// The codings of a header, in the order in which they were put on.
    pub(super) fn listed(header: &str) -> Vec<Self> {
        let names = header.split(',').map(|name| name.trim().to_ascii_lowercase());
        let known = names.filter_map(|name| match &*name {
            "" | "identity" => None,
            "aws-chunked" => Some(Self::Chunked),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Br),
            "zstd" => Some(Self::Zstd),
            _ => Some(Self::Unknown),
        });
        let mut known: Vec<_> = known.collect();
        // Chunks are around all else, wherever they are named.
        known.sort_by_key(|coding| *coding == Self::Chunked);
        known
    }

    /// Goes into a layer that it was put on.
    pub(super) fn enter(self, place: &Place, shared: &mut Shared) -> Option<Place> {
        match self {
            Self::Br | Self::Zstd => shared.enter_window(place, self.name()),
            Self::Gzip | Self::Deflate | Self::Bare | Self::Chunked | Self::Unknown => {
                shared.enter(place, self.name())
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate | Self::Bare => "deflate",
            Self::Br => "br",
            Self::Zstd => "zstd",
            Self::Chunked => "aws-chunked",
            Self::Unknown => "unknown",
        }
    }
}

impl Coder {
    /// A decoder; none for a coding that is not known.
    pub(super) fn new(coding: Coding) -> Option<Self> {
        let inflate = |wrap| Some(Self::Inflate(Box::new(Unwrap::new(wrap))));
        match coding {
            Coding::Gzip => inflate(Wrap::Gzip),
            Coding::Deflate => inflate(Wrap::Zlib),
            Coding::Bare => inflate(Wrap::Bare),
            Coding::Br => Some(Self::Brotli(Unbrotli::new())),
            Coding::Zstd => Some(Self::Zstd(Box::new(Unzstd::new()))),
            Coding::Chunked | Coding::Unknown => None,
        }
    }

    /// Decodes a little.
    pub(super) fn step(&mut self, input: &mut &[u8], output: &mut [u8]) -> Result<Step, Cannot> {
        match self {
            Self::Inflate(inner) => inner.step(input, output),
            Self::Zstd(inner) => inner.step(input, output),
            Self::Brotli(inner) => inner.step(input, output),
            Self::Continued(inner) => inner.step(input, output),
        }
    }

    fn position(&self) -> Option<u64> {
        match self {
            Self::Inflate(inner) => inner.position(),
            Self::Zstd(inner) => inner.position(),
            Self::Brotli(inner) => inner.position(),
            Self::Continued(inner) => Some(inner.position()),
        }
    }

    /// What is decoded at the end although it is not in the body.
    fn tail(&self) -> &'static [u8] {
        match self {
            Self::Continued(inner) => inner.tail(),
            Self::Inflate(_) | Self::Zstd(_) | Self::Brotli(_) => &[],
        }
    }

    /// What it has read beside the data.
    fn beside(&mut self) -> Vec<u8> {
        match self {
            Self::Inflate(inner) => std::mem::take(&mut inner.beside),
            Self::Zstd(inner) => std::mem::take(&mut inner.beside),
            Self::Brotli(_) | Self::Continued(_) => Vec::new(),
        }
    }

    /// Ends; whether it may end here.
    fn close(self) -> bool {
        match self {
            Self::Inflate(inner) => inner.is_done(),
            Self::Zstd(inner) => inner.is_done(),
            Self::Brotli(inner) => inner.is_done(),
            Self::Continued(inner) => {
                inner.close();
                true
            }
        }
    }
}

impl Step {
    /// Nothing was written.
    pub(super) fn of(turn: Turn) -> Self {
        Self { written: 0, from: 0, turn }
    }
}

// === impl Coded ===

impl Coded {
    /// A member of an archive.
    pub(super) fn member(coding: Coding, place: &Place, next: Next) -> Option<Self> {
        Some(Self::of(Coder::new(coding)?, place.clone(), next))
    }

    pub(super) fn of(coder: Coder, place: Place, next: Next) -> Self {
        let (output, inputs) = (vec![0; OUTPUT].into(), Marks::default());
        let (coder, next, after) = (Some(coder), Some(next), After::Layer);
        Self { place, coder, inputs, output, given: 0, after, beside: None, next }
    }

    /// Without a look at what follows the end of the stream: a line end of PDF.
    pub(super) fn alone(self) -> Self {
        Self { after: After::Blank, ..self }
    }

    /// Decodes a piece; gives back what is after the end of the stream, once it is reached.
    pub(super) fn feed<'p>(&mut self, piece: Piece<'p>, shared: &mut Shared) -> Option<Piece<'p>> {
        let mut left = piece;
        while !left.is_empty() && self.coder.is_some() {
            if let Some(rest) = self.bite(left.take(BITE), shared) {
                let (_, rest) = piece.cut(piece.len() - left.len() - rest.len());
                return Some(rest);
            }
        }
        None
    }

    /// Whether nothing more is made of what comes.
    pub(super) fn is_given_up(&self) -> bool {
        self.coder.is_none()
    }

    /// Decodes a bite; gives back what is after the end of the stream.
    fn bite<'p>(&mut self, bite: Piece<'p>, shared: &mut Shared) -> Option<Piece<'p>> {
        let mut input = bite.octets;
        self.inputs.add(bite);
        loop {
            let coder = self.coder.as_mut()?;
            let step = coder.step(&mut input, &mut self.output);
            let beside = coder.beside();
            if !beside.is_empty() {
                let place = &self.place;
                let strings = || Box::new(Strings::new(&place.view("header")));
                let next = self.beside.get_or_insert_with(|| strings());
                next.push(Piece::made(&beside, bite.raw), shared);
            }
            let step = match step {
                Ok(step) => step,
                Err(why) => {
                    self.give_up(why, shared);
                    return None;
                }
            };
            self.hand_on(step, shared);
            match step.turn {
                Turn::Again => {}
                Turn::Fed => break,
                Turn::Ended => {
                    self.coder = None;
                    close(&mut self.beside, shared);
                    close(&mut self.next, shared);
                    let (_, rest) = bite.cut(bite.len() - input.len());
                    return Some(rest);
                }
            }
        }
        let position = self.coder.as_ref().and_then(Coder::position);
        self.inputs.forget(position.unwrap_or_else(|| self.inputs.length()));
        None
    }

    fn hand_on(&mut self, step: Step, shared: &mut Shared) {
        let Some(octets) = self.output.get(..step.written).filter(|some| !some.is_empty()) else {
            return;
        };
        close(&mut self.beside, shared);
        let raw = self.inputs.raw(step.from);
        if let Some(next) = &mut self.next {
            next.push(Piece::made(octets, raw), shared);
        }
        self.given += u64::try_from(step.written).unwrap_or(0);
        let ratio = u64::from(shared.inspector.limits.ratio);
        if !shared.expand(step.written) {
            self.give_up(Cannot::TooLarge, shared);
        } else if self.given > FREE && self.given / ratio.max(1) > self.inputs.length() {
            self.give_up(Cannot::Ratio, shared);
        }
    }

    fn give_up(&mut self, why: Cannot, shared: &mut Shared) {
        self.coder = None;
        close(&mut self.beside, shared);
        close(&mut self.next, shared);
        shared.cannot(why, &self.place);
        self.next = Some(Box::new(Passed));
    }
}

impl Stage for Coded {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        if self.coder.is_some() {
            match self.feed(piece, shared) {
                Some(rest) => piece = rest,
                None => return,
            }
        }
        let nothing = match self.after {
            After::Layer => piece.is_empty(),
            After::Blank => piece.octets.iter().all(u8::is_ascii_whitespace),
            After::Nothing => true,
        };
        if nothing {
            return;
        }
        let place = &self.place;
        let next = self.next.get_or_insert_with(|| match shared.enter(place, "rest") {
            Some(place) => begin::open(&place, Said::default()),
            None => Box::new(Passed),
        });
        next.push(piece, shared);
    }

    fn end(&mut self, shared: &mut Shared) {
        close(&mut self.beside, shared);
        let tail = self.coder.as_ref().map_or(&[][..], Coder::tail);
        if !tail.is_empty() {
            self.bite(Piece::made(tail, self.inputs.raw(self.inputs.length())), shared);
        }
        if self.coder.take().is_some_and(|coder| !coder.close()) && self.inputs.length() > 0 {
            close(&mut self.next, shared);
            shared.cannot(Cannot::Broken, &self.place);
        }
        close(&mut self.next, shared);
    }

    fn pending(&self) -> Option<u64> {
        let position = self.coder.as_ref().and_then(Coder::position);
        let own = position.filter(|at| *at < self.inputs.length()).map(|at| self.inputs.raw(at));
        let own = earlier(own, self.beside.as_ref().and_then(|next| next.pending()));
        earlier(own, self.next.as_ref().and_then(|next| next.pending()))
    }

    fn is_over(&self) -> bool {
        self.is_given_up()
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.beside.iter().for_each(|next| next.each(see));
        self.next.iter().for_each(|next| next.each(see));
    }
}
