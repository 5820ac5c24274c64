//! Tar: ustar, pax and GNU. Members are layers, names and extended headers are text.

use super::super::{Findings, Syntax};
use super::leaf;
use super::marks::Held;
use super::member;
use super::stage::{Cannot, Next, Passed, Piece, Place, Shared, Stage, close, earlier};

const BLOCK: usize = 512;

/// So much of an extended header is read.
const EXTENDED: usize = 64 << 10;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    /// So many octets of a member, and of what fills it up.
    Member(u64, u64),
    /// The same of an extended header.
    Extended(u64, u64),
    /// What is no archive any more.
    Rest,
}

/// An archive.
#[derive(Debug)]
pub(super) struct Tar {
    place: Place,
    state: State,
    held: Held,
    count: usize,
    /// A size that an extended header gave.
    size: Option<u64>,
    /// Whether the extended header that is read may give one: names and what holds for all do not.
    sized: bool,
    next: Option<Next>,
}

/// The number in a field: octal digits, or, with the first bit set, in base 256.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((first, rest)) = field.split_first().filter(|(first, _)| **first & 0x80 != 0) {
        let last = rest.last_chunk::<8>()?;
        let fits = *first == 0x80 && rest.iter().rev().skip(8).all(|byte| *byte == 0);
        return fits.then(|| u64::from_be_bytes(*last));
    }
    let text = str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// Whether the check sum of a header is right; it tells a header from anything else.
fn is_header(block: &[u8]) -> bool {
    let sum = block.iter().enumerate().map(|(place, byte)| match place {
        148..156 => 32,
        _ => u64::from(*byte),
    });
    block.get(148..156).and_then(number) == Some(sum.sum())
}

/// The size among the records `length key=value` of pax.
fn pax_size(text: &[u8]) -> Option<u64> {
    let start = memchr::memmem::find(text, b" size=")? + 6;
    let rest = text.get(start..)?;
    let end = memchr::memchr(b'\n', rest)?;
    str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

impl Tar {
    pub(super) fn open(place: &Place, shared: &mut Shared) -> Next {
        let Some(place) = shared.enter_document(place, "tar") else { return Box::new(Passed) };
        let (state, held) = (State::Header, Held::default());
        Box::new(Self { place, state, held, count: 0, size: None, sized: false, next: None })
    }

    fn header(&mut self, shared: &mut Shared) {
        let held = std::mem::take(&mut self.held);
        let block = held.octets();
        if block.iter().all(|byte| *byte == 0) {
            return;
        }
        let size = block.get(124..136).and_then(number);
        let Some(size) = size.filter(|_| is_header(block)) else {
            if self.count == 0 {
                shared.cannot(Cannot::Broken, &self.place);
            }
            return self.rest(held.piece(), shared);
        };
        let kind = block.get(156).copied().unwrap_or(0);
        // Links and devices have no data, whatever their size says.
        let size = match kind {
            b'1'..=b'6' => 0,
            b'x' | b'g' | b'L' | b'K' => size,
            _ => self.size.take().unwrap_or(size),
        };
        // Up to the next block, also where there is none: any size may stand in a header.
        let fill = (512 - size % 512) % 512;
        if matches!(kind, b'x' | b'g' | b'L' | b'K') {
            self.sized = kind == b'x';
            self.state = State::Extended(size, fill);
            return;
        }
        let place = self.place.nth(self.count);
        self.count += 1;
        let name = block.get(..100).unwrap_or_default();
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        leaf::scan_name(name, &place, shared);
        let open = size > 0 && shared.enter_part(&place);
        let name = String::from_utf8_lossy(name);
        self.next = open.then(|| member::open(&name, &place, shared));
        self.state = State::Member(size, fill);
    }

    /// What follows is no member: text of its own.
    fn rest(&mut self, piece: Piece<'_>, shared: &mut Shared) {
        let mut rest = super::strings::Strings::new(&self.place.view("rest"));
        rest.push(piece, shared);
        self.next = Some(Box::new(rest));
        self.state = State::Rest;
    }

    fn member(&mut self, (size, fill): (u64, u64), piece: &mut Piece<'_>, shared: &mut Shared) {
        let data = piece.take(usize::try_from(size).unwrap_or(usize::MAX));
        if let Some(next) = self.next.as_mut().filter(|_| !data.is_empty()) {
            next.push(data, shared);
        }
        let size = size - u64::try_from(data.len()).unwrap_or(0);
        let mut fill = fill;
        if size == 0 {
            close(&mut self.next, shared);
            let filling = piece.take(usize::try_from(fill).unwrap_or(usize::MAX));
            fill -= u64::try_from(filling.len()).unwrap_or(0);
        }
        let over = size == 0 && fill == 0;
        self.state = if over { State::Header } else { State::Member(size, fill) };
    }

    fn extended(&mut self, (size, fill): (u64, u64), piece: &mut Piece<'_>, shared: &mut Shared) {
        let mut data = piece.take(usize::try_from(size).unwrap_or(usize::MAX));
        let size = size - u64::try_from(data.len()).unwrap_or(0);
        self.held.fill(&mut data, EXTENDED);
        let mut fill = fill;
        if size == 0 {
            let filling = piece.take(usize::try_from(fill).unwrap_or(usize::MAX));
            fill -= u64::try_from(filling.len()).unwrap_or(0);
        }
        if size > 0 || fill > 0 {
            self.state = State::Extended(size, fill);
            return;
        }
        let held = std::mem::take(&mut self.held);
        if held.octets().len() >= EXTENDED {
            shared.cannot(Cannot::TooLarge, &self.place);
        }
        if self.sized {
            self.size = pax_size(held.octets());
        }
        leaf::scan(held.octets(), &self.place.view("name"), Syntax::Text, shared);
        self.state = State::Header;
    }
}

impl Stage for Tar {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        let ready = |state| matches!(state, State::Member(0, 0) | State::Extended(0, 0));
        while !piece.is_empty() || ready(self.state) {
            match self.state {
                State::Header => {
                    if self.held.fill(&mut piece, BLOCK) {
                        self.header(shared);
                    }
                }
                State::Member(size, fill) => self.member((size, fill), &mut piece, shared),
                State::Extended(size, fill) => self.extended((size, fill), &mut piece, shared),
                State::Rest => {
                    let all = piece.take(usize::MAX);
                    self.next.iter_mut().for_each(|next| next.push(all, shared));
                }
            }
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        let cut = match self.state {
            State::Member(..) | State::Extended(..) => true,
            State::Header => !self.held.octets().is_empty(),
            State::Rest => false,
        };
        close(&mut self.next, shared);
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Extended(..) => {
                leaf::scan(held.octets(), &self.place.view("name"), Syntax::Text, shared);
            }
            _ if held.octets().is_empty() => {}
            State::Header | State::Member(..) | State::Rest => self.rest(held.piece(), shared),
        }
        close(&mut self.next, shared);
        if cut {
            shared.cannot(Cannot::Broken, &self.place);
        }
    }

    fn pending(&self) -> Option<u64> {
        earlier(self.held.pending(), self.next.as_ref().and_then(|next| next.pending()))
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.next.iter().for_each(|next| next.each(see));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Inspector, Limits};
    use super::*;
    use crate::data::{Detectors, Digester};

    /// The header of a member with a size in base 256.
    fn header(kind: u8, size: u64) -> Vec<u8> {
        let mut header = [0; BLOCK];
        header[0] = b'n';
        header[124] = 0x80;
        header[128..136].copy_from_slice(&size.to_be_bytes());
        header[148..156].copy_from_slice(b"        ");
        header[156] = kind;
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        header.to_vec()
    }

    fn block(text: &str) -> Vec<u8> {
        let mut block = text.as_bytes().to_vec();
        block.resize(BLOCK, 0);
        block
    }

    fn told(body: &[u8]) -> Vec<String> {
        let digester = Digester::new(&[7; 32], "k").unwrap();
        let detectors = Arc::new(Detectors::new(digester));
        let mut shared = Shared::new(Arc::new(Inspector::new(detectors, Limits::default())));
        let mut tar = Tar::open(&Place::default(), &mut shared);
        tar.push(Piece { octets: body, raw: 0, plain: true }, &mut shared);
        tar.end(&mut shared);
        let one = |one: &crate::data::Finding| format!("{} {}", one.tag, one.layer.as_str());
        shared.found.kept().iter().map(one).collect()
    }

    #[test]
    fn a_size_beyond_all_is_cut_short() {
        for size in [u64::MAX, u64::MAX - 511, 1 << 63] {
            let body = [header(b'0', size), block("x")].concat();
            assert_eq!(told(&body), ["uninspectable.broken tar"], "{size}");
        }
    }

    #[test]
    fn a_size_of_pax_holds_over_further_headers() {
        for between in [b'L', b'K', b'g'] {
            let pax = "12 size=512\n";
            let length = u64::try_from(pax.len()).unwrap();
            let body = [
                header(b'x', length),
                block(pax),
                header(between, 5),
                block("name\n"),
                header(b'0', 0),
                block("ssn 219-45-0001"),
                vec![0; 1_024],
            ];
            let found = told(&body.concat());
            assert_eq!(found, ["id.government.ssn tar[0]/strings"], "{}", char::from(between));
        }
    }
}
