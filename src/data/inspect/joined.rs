//! Texts of HTML and XML in which comments or inline tags stand within what is shown as one word:
//! each such text is looked at without them. Other text is somebody else's.

use super::super::Findings;
use super::fitful::Fitful;
use super::marks::Marks;
use super::markup::tag_name;
use super::stage::{Piece, Place, Shared, Stage, earlier};

/// Elements that do not divide what is shown.
const INLINE: [&[u8]; 32] = [
    b"a", b"abbr", b"b", b"bdi", b"bdo", b"big", b"cite", b"code", b"data", b"del", b"dfn", b"em",
    b"font", b"i", b"img", b"ins", b"kbd", b"mark", b"nobr", b"q", b"s", b"samp", b"small",
    b"span", b"strike", b"strong", b"sub", b"sup", b"tt", b"u", b"var", b"wbr",
];

/// The most that is held of a text, and how much of it stays when it goes on.
const MOST: usize = 1 << 10;
const KEPT: usize = 256;

/// What is held of it, with the tags within, comes from no further back.
const LAG: u64 = 8 << 10;

/// So much of a tag is read to know its name.
const NAME: usize = 16;

/// How much is read at once.
const BITE: usize = 1 << 10;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// A sign that may begin a tag.
    Less,
    Tag,
    /// So many dashes were just read.
    Comment(u8),
}

/// Joins what tags divide.
#[derive(Debug)]
pub(super) struct Joined {
    state: State,
    name: Vec<u8>,
    text: Vec<u8>,
    /// Whether a tag was the last.
    after: bool,
    /// Where a tag stood within a word.
    join: Option<usize>,
    output: Vec<u8>,
    inputs: Marks,
    leaf: Fitful,
}

impl Joined {
    pub(super) fn new(place: &Place) -> Self {
        Self {
            state: State::Text,
            name: Vec::new(),
            text: Vec::new(),
            after: false,
            join: None,
            output: Vec::new(),
            inputs: Marks::default(),
            leaf: Fitful::new(&place.view("joined"), None),
        }
    }

    fn octet(&mut self, byte: u8) {
        let before = self.output.len();
        match self.state {
            State::Text if byte == b'<' => self.state = State::Less,
            State::Text => self.shown(byte),
            State::Less if byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'!' | b'?') => {
                self.name.clear();
                self.name.push(byte);
                self.state = State::Tag;
            }
            State::Less => {
                self.state = State::Text;
                self.shown(b'<');
                self.shown(byte);
            }
            State::Tag | State::Comment(2..) if byte == b'>' => self.tag(),
            State::Tag => {
                if self.name.len() < NAME {
                    self.name.push(byte);
                }
                if self.name == b"!--" {
                    self.state = State::Comment(0);
                    self.name.push(b' ');
                }
            }
            State::Comment(dashes) => {
                let dashes = if byte == b'-' { dashes.saturating_add(1) } else { 0 };
                self.state = State::Comment(dashes);
            }
        }
        self.leaf.went_by(1, self.output.len() > before);
    }

    /// A tag is at its end.
    fn tag(&mut self) {
        self.state = State::Text;
        let name = tag_name(&self.name).to_ascii_lowercase();
        // Comments and instructions are shown nowhere.
        if matches!(name.first(), Some(b'!' | b'?')) || INLINE.contains(&name.as_slice()) {
            self.after = true;
        } else {
            self.divide();
        }
    }

    /// An octet of the text.
    fn shown(&mut self, byte: u8) {
        if std::mem::take(&mut self.after) {
            let last = self.text.last().copied().unwrap_or(b'\n');
            let word = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_+".contains(&byte);
            let number =
                last.is_ascii_digit() && byte == b' ' || last == b' ' && byte.is_ascii_digit();
            if word(last) && word(byte) || number {
                self.join = Some(self.text.len());
            }
        }
        self.text.push(byte);
        if self.text.len() == MOST {
            self.give();
            self.text.drain(..MOST - KEPT);
            self.join = self.join.and_then(|at| at.checked_sub(MOST - KEPT));
        }
    }

    /// What follows is another text.
    fn divide(&mut self) {
        self.give();
        self.text.clear();
        (self.join, self.after) = (None, false);
    }

    fn give(&mut self) {
        if self.join.is_some() {
            self.output.extend_from_slice(&self.text);
            self.output.push(b'\n');
        }
    }

    fn hand_on(&mut self, raw: u64, shared: &mut Shared) {
        if self.output.is_empty() {
            return self.leaf.settle(shared);
        }
        self.leaf.push(Piece::made(&self.output, raw), shared);
        self.output.clear();
    }
}

impl Stage for Joined {
    fn push(&mut self, mut piece: Piece<'_>, shared: &mut Shared) {
        while !piece.is_empty() {
            let bite = piece.take(BITE);
            let raw = self.inputs.add_behind(bite, LAG);
            bite.octets.iter().for_each(|byte| self.octet(*byte));
            self.hand_on(raw, shared);
            self.inputs.forget_behind(LAG);
        }
    }

    fn end(&mut self, shared: &mut Shared) {
        self.divide();
        self.hand_on(self.inputs.behind(LAG), shared);
        self.leaf.end(shared);
    }

    fn pending(&self) -> Option<u64> {
        let own = (!self.text.is_empty()).then(|| self.inputs.behind(LAG));
        earlier(own, self.leaf.pending())
    }

    fn each(&self, see: &mut dyn FnMut(&Findings)) {
        self.leaf.each(see);
    }
}
