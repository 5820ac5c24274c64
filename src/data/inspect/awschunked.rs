//! Chunks of AWS Signature Version 4 for streams (`aws-chunked`): a length and a signature before
//! each chunk, trailers after the last. Heads and trailers are looked at as text.

use super::super::{Findings, Syntax};
use super::begin::{self, Said};
use super::leaf;
use super::marks::Held;
use super::stage::{Cannot, Next, Passed, Piece, Place, Shared, Stage, close, earlier};

/// The longest line.
const LINE: usize = 4 << 10;

/// What follows the length of a chunk that is signed.
const SIGNATURE: &[u8] = b";chunk-signature=";

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The line before a chunk.
    Head,
    /// So many octets of a chunk.
    Data(u64),
    /// The line end after a chunk.
    After,
    Trailer,
    Ended,
    /// It is not written so; the rest is a layer of its own.
    Rest,
}

/// A body in chunks.
#[derive(Debug)]
pub(super) struct Chunked {
    place: Place,
    state: State,
    /// Whether there is a body at all.
    begun: bool,
    line: Held,
    next: Option<Next>,
}

/// Whether some octets begin with the head of a chunk that is signed.
pub(super) fn is_signed(head: &[u8]) -> bool {
    let digits = head.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    (1..=16).contains(&digits) && head.get(digits..).is_some_and(|rest| rest.starts_with(SIGNATURE))
}

/// Whether the head of a chunk says nothing but its length and a signature.
fn is_usual(head: &[u8]) -> bool {
    let signature = head.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
    let (before, signature) = head.split_at(signature);
    is_signed(before) && signature.len() == 64 && signature.iter().all(u8::is_ascii_hexdigit)
}

/// The length of a chunk, by its head without the line end.
fn length(head: &[u8]) -> Option<u64> {
    let digits = head.split(|byte| *byte == b';').next()?;
    let digits = str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u64::from_str_radix(digits, 16).ok()
}

impl Chunked {
    /// The place within is entered already.
    pub(super) fn open(place: &Place, next: Next) -> Next {
        let (place, line) = (place.clone(), Held::default());
        Box::new(Self { place, state: State::Head, begun: false, line, next: Some(next) })
    }

    /// Takes of a piece up to a line end; whether the line is whole.
    fn line(&mut self, piece: &mut Piece<'_>, shared: &mut Shared) -> bool {
        let end = memchr::memchr(b'\n', piece.octets).map(|end| end + 1);
        let room = LINE - self.line.octets().len();
        match end {
            Some(end) if end <= room => self.line.push(piece.take(end)),
            None if piece.len() < room => self.line.push(piece.take(usize::MAX)),
            Some(_) | None => {
                self.broken(shared);
                return false;
            }
        }
        end.is_some()
    }

    /// A line is whole.
    fn read(&mut self, shared: &mut Shared) {
        let held = std::mem::take(&mut self.line);
        let line = held.octets().trim_ascii_end();
        let next = match self.state {
            State::Head => length(line).map(|length| match length {
                0 => State::Trailer,
                more => State::Data(more),
            }),
            State::After => line.is_empty().then_some(State::Head),
            State::Trailer if line.is_empty() => Some(State::Ended),
            same @ (State::Trailer | State::Data(_) | State::Ended | State::Rest) => Some(same),
        };
        if let Some(next) = next {
            if line.len() > 16 && !is_usual(line) {
                leaf::scan(line, &self.place.view("head"), Syntax::Text, shared);
            }
            self.state = next;
        } else {
            self.line = held;
            self.broken(shared);
        }
    }

    /// It is not written so: what is left is looked at as it is.
    fn broken(&mut self, shared: &mut Shared) {
        close(&mut self.next, shared);
        shared.cannot(Cannot::Broken, &self.place);
        let mut rest = match shared.enter(&self.place, "rest") {
            Some(place) => begin::open(&place, Said::default()),
            None => Box::new(Passed),
        };
        let line = std::mem::take(&mut self.line);
        if !line.octets().is_empty() {
            rest.push(line.piece(), shared);
        }
        (self.next, self.state) = (Some(rest), State::Rest);
    }
}

impl Stage for Chunked {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        self.begun |= !piece.is_empty();
        while !piece.is_empty() {
            match self.state {
                State::Head | State::After | State::Trailer => {
                    if self.line(&mut piece, shared) {
                        self.read(shared);
                    }
                }
                State::Data(left) => {
                    let part = piece.take(usize::try_from(left).unwrap_or(usize::MAX));
                    let left = left - u64::try_from(part.len()).unwrap_or(left);
                    self.next.iter_mut().for_each(|next| next.push(part, shared));
                    self.state = if left == 0 { State::After } else { State::Data(left) };
                }
                State::Ended => self.broken(shared),
                State::Rest => {
                    let rest = piece.take(usize::MAX);
                    self.next.iter_mut().for_each(|next| next.push(rest, shared));
                }
            }
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        let whole = matches!(self.state, State::Ended | State::Rest)
            || self.state == State::Trailer && self.line.octets().is_empty();
        if !whole && self.begun {
            self.broken(shared);
        }
        close(&mut self.next, shared);
    }

    fn pending(&self) -> Option<u64> {
        let next = self.next.as_ref().and_then(|next| next.pending());
        earlier(self.line.pending(), next)
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.next.iter().for_each(|next| next.each(see));
    }
}
