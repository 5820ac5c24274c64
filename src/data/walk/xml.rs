//! XML as it comes: elements by their local names, attributes with `@` before the name.

use super::{DEPTH, Held, Visitor};

/// How far into an XML text the reader is.
#[derive(Debug, Default)]
pub(in crate::data) struct Xml {
    state: State,
    held: Held,
    /// The name of the element or attribute that is read.
    name: Vec<u8>,
    depth: usize,
    /// Levels below the deepest that is told.
    excess: u64,
    /// The last octets, to see where comments and the like end.
    last: [u8; 2],
    /// Whether text is held.
    holds: bool,
    place: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Content,
    /// After `<`.
    Open,
    /// After `<!`, and so many octets of what tells what it is.
    Bang(u8),
    Name,
    Tag,
    /// After `/` in a tag.
    Slash,
    AttributeName,
    Equals,
    AttributeValue(u8),
    Close,
    Comment,
    Instruction,
    /// So many brackets were just read, which may be of its end.
    CharacterData(u8),
    /// A document type; so many brackets are open.
    Doctype(u8),
}

/// The longest name that is compared.
const NAME: usize = 256;

impl Xml {
    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &[u8], visitor: &mut impl Visitor) {
        let mut rest = piece;
        while let Some((byte, after)) = rest.split_first() {
            if self.state == State::Content {
                let end = memchr::memchr(b'<', rest);
                let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                self.content(text, self.place);
                self.place += u64::try_from(text.len()).unwrap_or(0);
                rest = rest.get(text.len()..).unwrap_or_default();
                if end.is_none() {
                    continue;
                }
                self.state = State::Open;
                self.place += 1;
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            self.step(*byte, visitor);
            self.last = [self.last[1], *byte];
            self.place += 1;
            rest = after;
        }
    }

    /// The text has ended.
    pub(super) fn finish(&mut self, visitor: &mut impl Visitor) {
        if let State::CharacterData(brackets) = self.state {
            self.brackets(brackets);
        }
        self.settle(visitor);
    }

    fn content(&mut self, text: &[u8], place: u64) {
        let end = place + u64::try_from(text.len()).unwrap_or(0);
        let text = if self.holds { text } else { text.trim_ascii_start() };
        if text.is_empty() {
            return;
        }
        if !self.holds {
            self.holds = true;
            self.held.begin(end.saturating_sub(u64::try_from(text.len()).unwrap_or(0)));
        }
        self.held.add(text);
        self.held.end(end);
    }

    /// The text of an element has ended.
    fn settle(&mut self, visitor: &mut impl Visitor) {
        if std::mem::take(&mut self.holds) && self.excess == 0 {
            self.held.decode_entities();
            visitor.value(self.held.value(false));
        }
    }

    fn step(&mut self, byte: u8, visitor: &mut impl Visitor) {
        match self.state {
            State::Open => self.open(byte, visitor),
            State::Bang(seen) => self.bang(byte, seen),
            State::Name => match byte {
                b'>' | b'/' => {
                    self.begin(visitor);
                    self.tag(byte, visitor);
                }
                _ if byte.is_ascii_whitespace() => {
                    self.begin(visitor);
                    self.state = State::Tag;
                }
                _ => self.named(byte),
            },
            State::Tag | State::Slash => self.tag(byte, visitor),
            State::AttributeName => match byte {
                b'=' => self.state = State::Equals,
                b'>' | b'/' => self.tag(byte, visitor),
                _ if byte.is_ascii_whitespace() => {}
                _ => self.named(byte),
            },
            State::Equals => match byte {
                b'"' | b'\'' => self.attribute(byte, self.place + 1),
                b'>' => self.tag(byte, visitor),
                _ if byte.is_ascii_whitespace() => {}
                _ => {
                    self.attribute(b' ', self.place);
                    self.held.add(&[byte]);
                }
            },
            State::AttributeValue(quote) => self.attribute_value(byte, quote, visitor),
            State::Close if byte == b'>' => self.end(visitor),
            State::Comment if byte == b'>' && self.last == *b"--" => self.state = State::Content,
            State::Instruction if byte == b'>' && self.last[1] == b'?' => {
                self.state = State::Content;
            }
            State::CharacterData(brackets) => self.character_data(byte, brackets),
            State::Doctype(open) => {
                self.state = match byte {
                    b'[' => State::Doctype(open.saturating_add(1)),
                    b']' => State::Doctype(open.saturating_sub(1)),
                    b'>' if open == 0 => State::Content,
                    _ => self.state,
                };
            }
            State::Content | State::Close | State::Comment | State::Instruction => {}
        }
    }

    fn open(&mut self, byte: u8, visitor: &mut impl Visitor) {
        match byte {
            b'!' => self.state = State::Bang(0),
            b'?' => {
                self.settle(visitor);
                self.state = State::Instruction;
            }
            b'/' => {
                self.settle(visitor);
                self.state = State::Close;
            }
            _ if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                self.settle(visitor);
                self.name.clear();
                self.named(byte);
                self.state = State::Name;
            }
            b'<' => {}
            // A bare `<` in text.
            _ => {
                self.state = State::Content;
                self.content(&[byte], self.place);
            }
        }
    }

    fn bang(&mut self, byte: u8, seen: u8) {
        // `<!--` and `<![CDATA[`; text goes on over both.
        self.state = match (seen, byte) {
            (0, b'-') => State::Bang(1),
            (1, b'-') => State::Comment,
            (0, b'[') => State::Bang(10),
            (10..=15, _) if b"CDATA[".get(usize::from(seen - 10)) == Some(&byte) => match seen {
                15 => State::CharacterData(0),
                _ => State::Bang(seen + 1),
            },
            (_, b'>') => State::Content,
            _ => State::Doctype(0),
        };
        self.last = [0; 2];
    }

    fn character_data(&mut self, byte: u8, brackets: u8) {
        self.state = match (byte, brackets) {
            (b'>', 2) => State::Content,
            // The first of three is none of the end.
            (b']', 2) => {
                self.content(b"]", self.place - 2);
                State::CharacterData(2)
            }
            (b']', _) => State::CharacterData(brackets + 1),
            (_, _) => {
                self.brackets(brackets);
                self.content(&[byte], self.place);
                State::CharacterData(0)
            }
        };
    }

    /// Brackets that were none of the end.
    fn brackets(&mut self, count: u8) {
        for before in (1..=u64::from(count)).rev() {
            self.content(b"]", self.place - before);
        }
    }

    /// Only what stands after a prefix counts.
    fn named(&mut self, byte: u8) {
        if byte == b':' {
            self.name.clear();
        } else if self.name.len() < NAME {
            self.name.push(byte);
        }
    }

    fn begin(&mut self, visitor: &mut impl Visitor) {
        if self.depth >= DEPTH {
            self.excess += 1;
            return;
        }
        self.depth += 1;
        visitor.key(&self.name);
        visitor.enter(false, self.place);
    }

    fn end(&mut self, visitor: &mut impl Visitor) {
        self.state = State::Content;
        if self.excess > 0 {
            self.excess -= 1;
        } else if self.depth > 0 {
            self.depth -= 1;
            visitor.leave(self.place);
        }
    }

    fn tag(&mut self, byte: u8, visitor: &mut impl Visitor) {
        match byte {
            b'>' if self.state == State::Slash => self.end(visitor),
            b'>' => self.state = State::Content,
            b'/' => self.state = State::Slash,
            _ if byte.is_ascii_whitespace() => self.state = State::Tag,
            _ => {
                self.name.clear();
                self.named(byte);
                self.state = State::AttributeName;
            }
        }
    }

    fn attribute(&mut self, quote: u8, place: u64) {
        self.held.begin(place);
        self.state = State::AttributeValue(quote);
    }

    fn attribute_value(&mut self, byte: u8, quote: u8, visitor: &mut impl Visitor) {
        let bare = quote == b' ' && (byte.is_ascii_whitespace() || byte == b'>');
        if byte != quote && !bare {
            self.held.add(&[byte]);
            return;
        }
        if self.excess == 0 {
            self.held.end(self.place);
            self.held.decode_entities();
            let name = [b"@", &*self.name].concat();
            visitor.key(&name);
            visitor.value(self.held.value(false));
        }
        self.state = State::Tag;
        if byte == b'>' {
            self.tag(byte, visitor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Walker;
    use super::super::tests::told;
    use super::*;

    fn xml(text: &str) -> String {
        told(|| Walker::Xml(Xml::default()), text)
    }

    #[test]
    fn elements_attributes_and_texts_are_told() {
        assert_eq!(
            xml("<?xml version=\"1.0\"?><a:p x:id='1' b=\"\"> t&amp;&#x41; <c/></a:p>"),
            "p: { @id: 1@32..33 @b: -@38..38 t&A @41..54 c: { } }"
        );
        assert_eq!(xml("<p a=1 b=2>x</p>"), "p: { @a: 1@5..6 @b: 2@9..10 x@11..12 }");
    }

    #[test]
    fn comments_character_data_and_types_hide_nothing() {
        assert_eq!(
            xml("<!DOCTYPE p [<!ENTITY e \"x\">]><p>1<!-- <q> -->2<![CDATA[<3]]></p>"),
            "p: { 12<3@33..58 }"
        );
        assert_eq!(xml("<p><![CDATA[a]b]]]><![CDATA[]]]]></p>"), "p: { a]b]]]@12..30 }");
        assert_eq!(xml("<p><![CDATA[]]>1]]&gt;<![CDATA[x]>]]]>"), "p: { 1]]>x]>]@15..35");
        assert_eq!(xml("<p><![CDATA[x]"), "p: { x]@12..14");
        assert_eq!(xml("a < b <p>1 <2</p></q>"), "a  b @0..6 p: { 1 2@9..13 }");
    }
}
