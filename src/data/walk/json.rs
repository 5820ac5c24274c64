//! JSON as it comes. What follows a colon is a value and what stands before one is a name, also
//! in the dialects that have comments, single quotes or names without quotes.

use super::{DEPTH, Held, Visitor};

/// How far into a JSON text the reader is.
#[derive(Debug, Default)]
pub(in crate::data) struct Json {
    state: State,
    /// A text or word that may yet turn out to be a name.
    held: Held,
    /// Whether one is held, and whether in quotes.
    holds: Option<bool>,
    depth: usize,
    /// Levels below the deepest that is told.
    excess: u64,
    /// The first half of a character beyond the first 65,536.
    half: Option<u32>,
    place: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Between,
    Text(u8),
    Escape(u8),
    Unicode {
        quote: u8,
        left: u8,
        code: u32,
    },
    Word,
    Slash,
    LineComment,
    Comment {
        star: bool,
    },
}

impl Json {
    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &[u8], visitor: &mut impl Visitor) {
        let mut rest = piece;
        while let Some((byte, after)) = rest.split_first() {
            let taken = match self.state {
                State::Text(quote) => self.text(rest, quote),
                State::Between => {
                    self.between(*byte, visitor);
                    1
                }
                State::Word => self.word(rest, visitor),
                State::Escape(quote) => {
                    self.escape(*byte, quote);
                    1
                }
                State::Unicode { quote, left, code } => self.unicode(*byte, quote, left, code),
                State::Slash | State::LineComment | State::Comment { .. } => self.comment(*byte),
            };
            self.place += u64::try_from(taken).unwrap_or(0);
            rest = if taken == 1 { after } else { rest.get(taken..).unwrap_or_default() };
        }
    }

    /// The text has ended.
    pub(super) fn finish(&mut self, visitor: &mut impl Visitor) {
        if matches!(self.state, State::Word | State::Text(_)) {
            self.held.end(self.place);
        }
        self.settle(visitor);
        self.state = State::Between;
    }

    /// What is held is no name.
    fn settle(&mut self, visitor: &mut impl Visitor) {
        if let Some(quoted) = self.holds.take()
            && self.excess == 0
        {
            let absent = !quoted && self.held.text() == b"null";
            visitor.value(self.held.value(absent));
        }
    }

    fn between(&mut self, byte: u8, visitor: &mut impl Visitor) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b':' => {
                if self.holds.take().is_some() && self.excess == 0 {
                    visitor.key(self.held.text());
                }
            }
            b',' => self.settle(visitor),
            b'{' | b'[' => {
                self.settle(visitor);
                if self.depth < DEPTH {
                    self.depth += 1;
                    visitor.enter(byte == b'[', self.place);
                } else {
                    self.excess += 1;
                }
            }
            b'}' | b']' => {
                self.settle(visitor);
                if self.excess > 0 {
                    self.excess -= 1;
                } else if self.depth > 0 {
                    self.depth -= 1;
                    visitor.leave(self.place);
                }
            }
            b'"' | b'\'' => {
                self.settle(visitor);
                self.held.begin(self.place + 1);
                self.holds = Some(true);
                self.state = State::Text(byte);
            }
            b'/' => self.state = State::Slash,
            _ => {
                self.settle(visitor);
                self.held.begin(self.place);
                self.held.add(&[byte]);
                self.holds = Some(false);
                self.state = State::Word;
            }
        }
    }

    fn text(&mut self, rest: &[u8], quote: u8) -> usize {
        let end = memchr::memchr2(quote, b'\\', rest);
        let part = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if !part.is_empty() {
            self.stray_half();
            self.held.add(part);
        }
        let Some(end) = end else { return rest.len() };
        if rest.get(end) == Some(&b'\\') {
            self.state = State::Escape(quote);
        } else {
            self.stray_half();
            self.held.end(self.place + u64::try_from(end).unwrap_or(0));
            self.state = State::Between;
        }
        end + 1
    }

    fn escape(&mut self, byte: u8, quote: u8) {
        self.state = State::Text(quote);
        let octet = match byte {
            b'u' => {
                self.state = State::Unicode { quote, left: 4, code: 0 };
                return;
            }
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            other => other,
        };
        self.stray_half();
        self.held.add(&[octet]);
    }

    /// How much is taken: what is no digit is read again as text.
    fn unicode(&mut self, byte: u8, quote: u8, left: u8, code: u32) -> usize {
        let Some(digit) = char::from(byte).to_digit(16) else {
            self.stray_half();
            self.held.add_character(char::REPLACEMENT_CHARACTER);
            self.state = State::Text(quote);
            return 0;
        };
        let code = code << 4 | digit;
        if left > 1 {
            self.state = State::Unicode { quote, left: left - 1, code };
            return 1;
        }
        self.state = State::Text(quote);
        match (code, self.half) {
            (0xd800..0xdc00, _) => {
                self.stray_half();
                self.half = Some(code);
            }
            (0xdc00..0xe000, Some(high)) => {
                self.half = None;
                let whole = 0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00);
                self.held
                    .add_character(char::from_u32(whole).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            _ => {
                self.stray_half();
                self.held
                    .add_character(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        1
    }

    /// Half a character that the other half does not follow.
    fn stray_half(&mut self) {
        if self.half.take().is_some() {
            self.held.add_character(char::REPLACEMENT_CHARACTER);
        }
    }

    /// How much is taken: what ends a word is read again.
    fn word(&mut self, rest: &[u8], visitor: &mut impl Visitor) -> usize {
        let ends = |byte: &u8| {
            byte.is_ascii_whitespace()
                || matches!(byte, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"')
        };
        let end = rest.iter().position(ends);
        self.held.add(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default());
        let Some(end) = end else { return rest.len() };
        self.held.end(self.place + u64::try_from(end).unwrap_or(0));
        self.state = State::Between;
        // A blank may stand between a name and its colon.
        if rest.get(end) == Some(&b'"') {
            self.settle(visitor);
        }
        end
    }

    /// How much is taken: a slash that begins no comment is left out.
    fn comment(&mut self, byte: u8) -> usize {
        let (state, taken) = match (self.state, byte) {
            (State::LineComment, b'\n') | (State::Comment { star: true }, b'/') => {
                (State::Between, 1)
            }
            (State::Comment { .. }, _) => (State::Comment { star: byte == b'*' }, 1),
            (State::LineComment, _) | (State::Slash, b'/') => (State::LineComment, 1),
            (State::Slash, b'*') => (State::Comment { star: false }, 1),
            _ => (State::Between, 0),
        };
        self.state = state;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::super::Walker;
    use super::super::tests::told;
    use super::*;

    fn json(text: &str) -> String {
        told(|| Walker::Json(Json::default()), text)
    }

    #[test]
    fn names_and_values_are_told_with_their_places() {
        assert_eq!(
            json("{\"a\":\"x\",\"b\":[1,null,\"\"]}"),
            "{ a: x@6..7 b: [ 1@14..15 -null@16..20 -@22..22 } }"
        );
        assert_eq!(json("\"a\" 2\n{}"), "a@1..2 2@4..5 { }");
        assert_eq!(json("{\"null\": \"null\"}"), "{ null: null@10..14 }");
    }

    #[test]
    fn escapes_hide_nothing() {
        assert_eq!(json(r#"{"\u0073s\u006E":"a\/b\n"}"#), "{ ssn: a/b\n@18..24 }");
        assert_eq!(
            json(r#"["\ud83d\ude00","\ud83dx","\u00zz"]"#),
            "[ 😀@2..14 \u{fffd}x@17..24 \u{fffd}zz@27..33 }"
        );
    }

    #[test]
    fn dialects_and_broken_text_are_read_on() {
        assert_eq!(json("{a: 'x', /* b: */ c : 1 // d\n}"), "{ a: x@5..6 c: 1@22..23 }");
        assert_eq!(json("]}{\"a\" \"b\":1"), "{ a@4..5 b: 1@11..12");
        assert_eq!(json("{\"a\":\"x"), "{ a: x@6..7");
        let deep = format!("{}1{}2", "[".repeat(DEPTH + 3), "]".repeat(DEPTH + 3));
        assert!(json(&deep).ends_with("} 2@263..264") && !json(&deep).contains(" 1@"));
    }
}
