//! Zip, streamed from its local headers: stored, deflated and zstd members, with sizes after the
//! data, and beyond 4 GiB. The directory at the end is looked through for what else it says.

use super::super::{Findings, Syntax};
use super::coding::{Coded, Coding};
use super::leaf;
use super::marks::Held;
use super::member;
use super::stage::{Cannot, Next, Passed, Piece, Place, Shared, Stage, close, earlier};
use super::strings::Strings;

/// What stands before the sizes of a member that follow it.
const SIZES: &[u8] = b"PK\x07\x08";

/// A local header without its name.
const HEADER: usize = 30;

/// The shortest value: fewer letters in the extra fields of a member are none.
const SHORTEST: usize = 6;

fn is_shown(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// What comes next.
#[derive(Debug)]
enum State {
    Header,
    /// So many octets more of a member that is passed on as it is, or passed over.
    Stored(u64),
    /// A member that is compressed, and so many octets of it, if that is known.
    Packed(Box<Coded>, Option<u64>),
    /// A member that is stored up to where its sizes follow, and how many octets it had so far.
    Until(u64),
    /// The sizes of a member, after it; whether their signature is over.
    Sizes(bool),
    /// No more members.
    Rest,
}

/// An archive.
#[derive(Debug)]
pub(super) struct Zip {
    place: Place,
    state: State,
    held: Held,
    count: usize,
    /// Whether sizes follow the member.
    after: bool,
    next: Option<Next>,
}

/// What a local header says.
#[derive(Clone, Copy, Debug)]
struct Header {
    flags: u16,
    method: u16,
    size: u64,
    name: usize,
    extra: usize,
}

fn word(octets: &[u8], at: usize) -> u16 {
    let two = octets.get(at..at + 2).and_then(|two| two.as_array());
    two.map_or(0, |two| u16::from_le_bytes(*two))
}

fn long(octets: &[u8], at: usize) -> u32 {
    let four = octets.get(at..at + 4).and_then(|four| four.as_array());
    four.map_or(0, |four| u32::from_le_bytes(*four))
}

fn longest(octets: &[u8], at: usize) -> Option<u64> {
    let eight = octets.get(at..at + 8).and_then(|eight| eight.as_array());
    eight.map(|eight| u64::from_le_bytes(*eight))
}

fn is_signature(octets: &[u8]) -> bool {
    matches!(octets, b"PK\x03\x04" | b"PK\x01\x02" | b"PK\x05\x06" | b"PK\x06\x06" | b"PK\x06\x08")
}

impl Header {
    fn of(octets: &[u8]) -> Self {
        Self {
            flags: word(octets, 6),
            method: word(octets, 8),
            size: u64::from(long(octets, 18)),
            name: usize::from(word(octets, 26)),
            extra: usize::from(word(octets, 28)),
        }
    }

    fn length(self) -> usize {
        HEADER + self.name + self.extra
    }

    /// The size that stands among the extra fields, if it is beyond 4 GiB.
    fn sized(self, octets: &[u8]) -> Self {
        let mut extra = octets.get(HEADER + self.name..).unwrap_or_default();
        while let Some((field, rest)) = extra.split_at_checked(4) {
            let (kind, length) = (word(field, 0), usize::from(word(field, 2)));
            if kind == 1 && self.size == u64::from(u32::MAX) {
                let at = if long(octets, 22) == u32::MAX { 8 } else { 0 };
                return Self { size: longest(rest, at).unwrap_or(0), ..self };
            }
            extra = rest.get(length..).unwrap_or_default();
        }
        self
    }

    fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

impl Zip {
    pub(super) fn open(place: &Place, shared: &mut Shared) -> Next {
        let Some(place) = shared.enter_document(place, "zip") else { return Box::new(Passed) };
        let (held, state) = (Held::default(), State::Header);
        Box::new(Self { place, state, held, count: 0, after: false, next: None })
    }

    /// What follows is no member.
    fn rest(&mut self, shared: &mut Shared) {
        close(&mut self.next, shared);
        let mut rest: Next = Box::new(Strings::new(&self.place.view("rest")));
        let held = std::mem::take(&mut self.held);
        if !held.octets().is_empty() {
            rest.push(held.piece(), shared);
        }
        (self.next, self.state) = (Some(rest), State::Rest);
    }

    fn broken(&mut self, shared: &mut Shared) {
        shared.cannot(Cannot::Broken, &self.place);
        self.rest(shared);
    }

    /// Reads a header, as far as it has come.
    fn header(&mut self, piece: &mut Piece<'_>, shared: &mut Shared) {
        if !self.held.fill(piece, 4) {
            return;
        }
        match self.held.octets().get(..4) {
            Some(b"PK\x03\x04") => {}
            Some(signature) if is_signature(signature) => return self.rest(shared),
            _ => return self.broken(shared),
        }
        if !self.held.fill(piece, HEADER) {
            return;
        }
        let header = Header::of(self.held.octets());
        if self.held.fill(piece, header.length()) {
            let held = std::mem::take(&mut self.held);
            self.member(header.sized(held.octets()), held.octets(), shared);
        }
    }

    /// Opens a member.
    fn member(&mut self, header: Header, octets: &[u8], shared: &mut Shared) {
        let place = self.place.nth(self.count);
        self.count += 1;
        let name = octets.get(HEADER..HEADER + header.name).unwrap_or_default();
        leaf::scan_name(name, &place, shared);
        let extra = octets.get(HEADER + header.name..).unwrap_or_default();
        if extra.chunk_by(|a, b| is_shown(*a) && is_shown(*b)).any(|run| run.len() >= SHORTEST) {
            leaf::scan(extra, &place.view("extra"), Syntax::Text, shared);
        }
        // Sizes of zero may follow the data; others are what they are.
        let known = header.size > 0 || !header.has(8);
        self.after = header.has(8);
        let coding = match header.method {
            8 => Some(Coding::Bare),
            93 => Some(Coding::Zstd),
            _ => None,
        };
        let fault = match header.method {
            _ if header.has(1) => Some(Cannot::Encrypted),
            93 if !known => Some(Cannot::Broken),
            0 | 8 | 93 => None,
            _ => Some(Cannot::Encoding),
        };
        let skipped = fault.is_some() || !shared.enter_part(&place);
        fault.into_iter().for_each(|why| shared.cannot(why, &place));
        if skipped && !known {
            // Where it ends can only be told by reading it.
            return self.rest_passed(shared);
        }
        let name = String::from_utf8_lossy(name);
        let coded = coding
            .filter(|_| !skipped)
            .and_then(|coding| Coded::member(coding, &place, member::open(&name, &place, shared)));
        self.state = if let Some(coded) = coded {
            State::Packed(Box::new(coded), known.then_some(header.size))
        } else {
            let open = !skipped && (header.size > 0 || !known);
            self.next = open.then(|| member::open(&name, &place, shared));
            if known { State::Stored(header.size) } else { State::Until(0) }
        };
    }

    fn rest_passed(&mut self, shared: &mut Shared) {
        close(&mut self.next, shared);
        self.next = Some(Box::new(Passed));
        self.state = State::Rest;
    }

    /// The member is over.
    fn over(&mut self, shared: &mut Shared) {
        close(&mut self.next, shared);
        self.state = if self.after { State::Sizes(false) } else { State::Header };
    }

    /// Passes over what follows a member: a signature or none, and sizes of four octets or eight.
    fn sizes(&mut self, signed: bool, piece: &mut Piece<'_>, shared: &mut Shared) {
        if !signed && self.held.fill(piece, 4) {
            if self.held.octets() == SIZES {
                self.held.clear();
            }
            self.state = State::Sizes(true);
            return;
        }
        for length in [12, 20] {
            if !self.held.fill(piece, length + 4) {
                return;
            }
            if self.held.octets().get(length..).is_some_and(is_signature) {
                self.held.skip(length);
                self.state = State::Header;
                return;
            }
        }
        self.broken(shared);
    }

    fn stored(&mut self, left: u64, piece: &mut Piece<'_>, shared: &mut Shared) {
        let part = piece.take(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - u64::try_from(part.len()).unwrap_or(0);
        if let Some(next) = self.next.as_mut().filter(|_| !part.is_empty()) {
            next.push(part, shared);
        }
        self.state = State::Stored(left);
        if left == 0 {
            self.over(shared);
        }
    }

    /// Hands on a member of unknown size: it ends where sizes follow that are its own.
    fn until(&mut self, count: u64, piece: &mut Piece<'_>, shared: &mut Shared) {
        self.state = State::Until(count);
        if self.held.octets().is_empty() {
            let found = memchr::memchr(b'P', piece.octets).unwrap_or(piece.len());
            let data = piece.take(found);
            self.give(data, shared);
            self.held.push(piece.take(1));
            return;
        }
        self.held.push(piece.take(1));
        let held = self.held.octets();
        let short = [8, 12].iter().all(|at| u64::from(long(held, *at)) == count);
        let wide = [8, 16].iter().all(|at| longest(held, *at) == Some(count));
        let own = match held.len() {
            16.. if short => Some(16),
            24.. if wide => Some(24),
            _ => None,
        };
        if let Some(own) = own {
            self.held.skip(own);
            close(&mut self.next, shared);
            self.state = State::Header;
            return;
        }
        // None of its own: data, up to where they may begin.
        let begins = |octets: &[u8]| {
            let length = octets.len().min(4);
            octets.len() < 24 && SIZES.get(..length) == octets.get(..length)
        };
        let held = std::mem::take(&mut self.held);
        let from = (0..held.octets().len()).find(|at| held.octets().get(*at..).is_some_and(begins));
        let (data, rest) = held.piece().cut(from.unwrap_or_else(|| held.octets().len()));
        self.held.push(rest);
        self.give(data, shared);
    }

    /// Octets of a member of unknown size.
    fn give(&mut self, data: Piece<'_>, shared: &mut Shared) {
        if let State::Until(count) = &mut self.state {
            *count += u64::try_from(data.len()).unwrap_or(0);
        }
        if let Some(next) = self.next.as_mut().filter(|_| !data.is_empty()) {
            next.push(data, shared);
        }
    }

    fn packed(
        &mut self,
        (mut coded, left): (Box<Coded>, Option<u64>),
        piece: &mut Piece<'_>,
        shared: &mut Shared,
    ) {
        let most = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let part = piece.take(most);
        let length = u64::try_from(part.len()).unwrap_or(0);
        let rest = coded.feed(part, shared);
        let left = left.map(|left| left - length);
        let ended = match (left, rest) {
            (Some(left), rest) => {
                if rest.is_some_and(|rest| !rest.is_empty()) {
                    // More than the member needs: nobody reads it, but it leaves.
                    shared.cannot(Cannot::Broken, &self.place);
                }
                left == 0
            }
            // What was not its own is the next header.
            (None, Some(rest)) => {
                *piece = rest;
                true
            }
            // It does not decode, so nobody knows where it ends.
            (None, None) if coded.is_given_up() => return self.rest_passed(shared),
            (None, None) => false,
        };
        if ended {
            coded.end(shared);
            self.over(shared);
        } else {
            self.state = State::Packed(coded, left);
        }
    }
}

impl Stage for Zip {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        while !piece.is_empty()
            || matches!(self.state, State::Stored(0) | State::Packed(_, Some(0)))
        {
            match std::mem::replace(&mut self.state, State::Header) {
                State::Header => self.header(&mut piece, shared),
                State::Stored(left) => self.stored(left, &mut piece, shared),
                State::Packed(coded, left) => self.packed((coded, left), &mut piece, shared),
                State::Until(count) => self.until(count, &mut piece, shared),
                State::Sizes(signed) => {
                    self.state = State::Sizes(signed);
                    self.sizes(signed, &mut piece, shared);
                }
                State::Rest => {
                    self.state = State::Rest;
                    let all = piece.take(usize::MAX);
                    self.next.iter_mut().for_each(|next| next.push(all, shared));
                }
            }
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        if matches!(self.state, State::Until(_)) {
            let held = std::mem::take(&mut self.held);
            self.give(held.piece(), shared);
        }
        match std::mem::replace(&mut self.state, State::Rest) {
            State::Packed(mut coded, _) => coded.end(shared),
            State::Rest => {}
            // Without a directory an archive is cut short.
            State::Stored(_) | State::Until(_) => shared.cannot(Cannot::Broken, &self.place),
            State::Header | State::Sizes(_) => {
                // What stands after a signature is no archive of its own.
                let signed = self.held.octets().starts_with(b"PK\x03\x04");
                self.held.skip(if signed { 4 } else { 0 });
                self.broken(shared);
            }
        }
        close(&mut self.next, shared);
    }

    fn pending(&self) -> Option<u64> {
        let coded = match &self.state {
            State::Packed(coded, _) => coded.pending(),
            State::Header | State::Stored(_) | State::Until(_) | State::Sizes(_) | State::Rest => {
                None
            }
        };
        let next = self.next.as_ref().and_then(|next| next.pending());
        earlier(earlier(self.held.pending(), coded), next)
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.next.iter().for_each(|next| next.each(see));
        if let State::Packed(coded, _) = &self.state {
            coded.each(see);
        }
    }
}
