//! Protocol buffers without their schema: fields with a length are text, messages or octets,
//! which their first octets tell. Texts are looked at one a line; numbers are not.

use std::collections::VecDeque;

use super::super::{Findings, Syntax};
use super::beside::Beside;
use super::charset::is_utf8;
use super::fitful::Fitful;
use super::leaf::{Leaf, Named};
use super::marks::Marks;
use super::stage::{Next, Piece, Place, Shared, Stage, earlier};
use super::strings::Strings;

/// So much of a field is held until it is told.
const LOOK: usize = 64;

/// Messages within messages.
const DEEPEST: usize = 32;

/// How much is read at once, and how many octets may be held of it.
const BITE: usize = 1 << 10;
const LAG: u64 = 80;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A tag, of which so many bits are read.
    Tag(u64, u32),
    /// A number that is passed over, octet by octet or as a whole.
    Varint,
    Fixed(u64),
    /// The length of a field.
    Length(u64, u32),
    /// A field of this length, of which the first octets are held.
    Field(u64),
    /// So many octets of a text, or of what is none.
    Text(u64),
    Octets(u64),
    /// It is no message.
    Lost,
}

/// A message.
#[derive(Debug)]
pub(super) struct Protobuf {
    state: State,
    /// The octet that is read next, and where the messages that are open end.
    at: u64,
    ends: Vec<u64>,
    held: Vec<u8>,
    /// Octets that are read again, as those of a message.
    again: VecDeque<u8>,
    inputs: Marks,
    text: Vec<u8>,
    leaf: Fitful,
    octets: Vec<u8>,
    strings: Strings,
}

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Text,
    Message,
    Octets,
}

impl Field {
    fn of(held: &[u8], length: u64) -> Self {
        let control = held.iter().any(|byte| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127));
        let text = is_utf8(held) && !control;
        let begins = held.first().is_some_and(|first| *first >= b' ');
        match text {
            true if begins => Self::Text,
            _ if is_message(held, length) => Self::Message,
            true => Self::Text,
            false => Self::Octets,
        }
    }
}

/// Whether some octets can be the beginning of a message of this length.
fn is_message(held: &[u8], length: u64) -> bool {
    let mut rest = held;
    let whole = u64::try_from(held.len()).is_ok_and(|held| held == length);
    while !rest.is_empty() {
        let Some((tag, after)) = varint(rest) else { return !whole };
        let skip = match tag & 7 {
            _ if tag >> 3 == 0 => return false,
            0 => varint(after).map(|(_, then)| after.len() - then.len()),
            1 => Some(8),
            2 => varint(after).map(|(length, then)| {
                let prefix = after.len() - then.len();
                usize::try_from(length).unwrap_or(usize::MAX).saturating_add(prefix)
            }),
            5 => Some(4),
            _ => return false,
        };
        match skip {
            None => return !whole,
            Some(skip) if skip > after.len() => {
                let before = u64::try_from(held.len() - after.len()).unwrap_or(0);
                let end = before.saturating_add(u64::try_from(skip).unwrap_or(u64::MAX));
                return !whole && end <= length;
            }
            Some(skip) => rest = after.get(skip..).unwrap_or_default(),
        }
    }
    true
}

fn varint(octets: &[u8]) -> Option<(u64, &[u8])> {
    let end = octets.iter().take(10).position(|byte| *byte < 0x80)?;
    let (number, rest) = octets.split_at(end + 1);
    let value = number.iter().rev().fold(0_u64, |all, byte| all << 7 | u64::from(byte & 0x7F));
    Some((value, rest))
}

impl Protobuf {
    /// Nearly anything can be read as a message: the octets are looked at as they are, too.
    pub(super) fn open(place: &Place, shared: &Shared) -> Next {
        let raw = Strings::new(&place.view("raw"));
        Beside::open(Box::new(Self::new(place, shared)), vec![Box::new(raw)])
    }

    fn new(place: &Place, shared: &Shared) -> Self {
        let leaf = Leaf::new(place, Named::default(), Some(Syntax::Text), shared);
        Self {
            state: State::Tag(0, 0),
            at: 0,
            ends: Vec::new(),
            held: Vec::new(),
            again: VecDeque::new(),
            inputs: Marks::default(),
            text: Vec::new(),
            leaf: Fitful::new(place, Some(leaf)),
            octets: Vec::new(),
            strings: Strings::new(place),
        }
    }

    /// A field is over.
    fn over(&mut self) {
        while self.ends.last().is_some_and(|end| *end <= self.at) {
            self.ends.pop();
        }
        self.state = State::Tag(0, 0);
    }

    fn octet(&mut self, byte: u8) {
        let before = self.text.len();
        self.read(byte);
        self.leaf.went_by(1, self.text.len() > before);
    }

    fn read(&mut self, byte: u8) {
        self.at += 1;
        match self.state {
            State::Tag(value, bits) => self.tag(byte, value, bits),
            State::Varint if byte < 0x80 => self.over(),
            State::Varint => {}
            State::Fixed(left) => self.state = State::Fixed(left - 1),
            State::Length(value, bits) => {
                let value = value | u64::from(byte & 0x7F).checked_shl(bits).unwrap_or(0);
                self.state = match byte {
                    0x80.. if bits >= 63 => State::Lost,
                    0x80.. => State::Length(value, bits + 7),
                    _ => State::Field(value),
                };
                self.held.clear();
            }
            State::Field(_) => self.held.push(byte),
            State::Text(left) => {
                self.text.push(byte);
                self.state = State::Text(left - 1);
            }
            State::Octets(left) => {
                self.octets.push(byte);
                self.state = State::Octets(left - 1);
            }
            State::Lost => self.octets.push(byte),
        }
        self.settle();
    }

    fn tag(&mut self, byte: u8, value: u64, bits: u32) {
        let value = value | u64::from(byte & 0x7F).checked_shl(bits).unwrap_or(0);
        self.state = match byte {
            0x80.. if bits >= 63 => State::Lost,
            0x80.. => State::Tag(value, bits + 7),
            _ if value >> 3 == 0 => State::Lost,
            _ => match value & 7 {
                0 => State::Varint,
                1 => State::Fixed(8),
                2 => State::Length(0, 0),
                // Groups: their fields follow as those of the message.
                3 | 4 => State::Tag(0, 0),
                5 => State::Fixed(4),
                _ => State::Lost,
            },
        };
    }

    /// Goes on where nothing more has to be read.
    fn settle(&mut self) {
        match self.state {
            State::Fixed(0) => self.over(),
            State::Text(0) => {
                self.text.push(b'\n');
                self.over();
            }
            State::Octets(0) => {
                self.octets.push(0);
                self.over();
            }
            State::Field(length) => {
                let held = u64::try_from(self.held.len()).unwrap_or(0);
                if self.held.len() >= LOOK || held >= length {
                    self.field(length);
                }
            }
            State::Tag(..)
            | State::Varint
            | State::Fixed(_)
            | State::Length(..)
            | State::Text(_)
            | State::Octets(_)
            | State::Lost => {}
        }
    }

    /// A field of which enough is held.
    fn field(&mut self, length: u64) {
        let held = std::mem::take(&mut self.held);
        let count = u64::try_from(held.len()).unwrap_or(0);
        let left = length - count.min(length);
        let (text, octets) = (State::Text(left), State::Octets(left));
        match Field::of(&held, length) {
            _ if length == 0 => return self.over(),
            Field::Text => {
                self.text.extend_from_slice(&held);
                self.state = text;
            }
            Field::Message if self.ends.len() < DEEPEST => {
                self.at -= count;
                self.ends.push(self.at.saturating_add(length));
                held.into_iter().rev().for_each(|byte| self.again.push_front(byte));
                self.state = State::Tag(0, 0);
                return;
            }
            Field::Message | Field::Octets => {
                self.octets.extend_from_slice(&held);
                self.state = octets;
            }
        }
        self.settle_left();
    }

    fn settle_left(&mut self) {
        if matches!(self.state, State::Text(0) | State::Octets(0)) {
            self.settle();
        }
    }

    fn bite(&mut self, octets: &[u8]) {
        for byte in octets {
            self.octet(*byte);
            while let Some(byte) = self.again.pop_front() {
                self.octet(byte);
            }
        }
    }

    fn hand_on(&mut self, raw: u64, shared: &mut Shared) {
        if self.text.is_empty() {
            self.leaf.settle(shared);
        } else {
            self.leaf.push(Piece::made(&self.text, raw), shared);
            self.text.clear();
        }
        if !self.octets.is_empty() {
            self.strings.push(Piece::made(&self.octets, raw), shared);
            self.octets.clear();
        }
    }

    fn held(&self) -> u64 {
        self.inputs.behind(LAG)
    }
}

impl Stage for Protobuf {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        while !piece.is_empty() {
            let bite = piece.take(BITE);
            let raw = self.inputs.add_behind(bite, LAG);
            self.bite(bite.octets);
            self.hand_on(raw, shared);
            self.inputs.forget_behind(LAG);
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        // A field that is cut short is looked at as far as it goes.
        let held = std::mem::take(&mut self.held);
        self.octets.extend_from_slice(&held);
        self.hand_on(self.held(), shared);
        self.leaf.end(shared);
        self.strings.end(shared);
    }

    fn pending(&self) -> Option<u64> {
        let own = (self.inputs.length() > 0).then(|| self.held());
        earlier(own, earlier(self.leaf.pending(), self.strings.pending()))
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.leaf.each(see);
        self.strings.each(see);
    }
}
