//! The strings of PDF (ISO 32000-1 section 7.3.4), as a page shows them: what one `TJ` shows is
//! one text, a move to another line is a line end.

/// The longest word that is told.
const WORD: usize = 24;

/// A gap of so many thousandths of a letter is a blank.
const GAP: i64 = -180;

/// What stands where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    Comment,
    /// A sign of which the next octet decides what it is.
    Less,
    Literal(u16),
    Escape(u16),
    /// So many octal digits of an escape, and their value.
    Octal(u16, u8, u8),
    Hex(Option<u8>),
}

/// What is in the way of reading.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Fonts whose letters have numbers of their own.
    pub(super) numbered: bool,
    /// The document is encrypted.
    pub(super) encrypted: bool,
}

/// Reads the syntax of PDF.
#[derive(Debug, Default)]
pub(super) struct Lexer {
    state: State,
    word: Vec<u8>,
    /// Whether an array is open.
    array: bool,
    number: i64,
    height: i64,
    /// Whether something was shown in this line.
    shown: bool,
    pub(super) seen: Seen,
    pub(super) text: Vec<u8>,
}

/// A word that matters to who reads objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// `obj`: an object begins.
    Object,
    /// `endobj`.
    End,
    /// `stream`: data follow the line end, of which this is the first octet.
    Stream,
}

impl Lexer {
    /// Reads an octet.
    pub(super) fn read(&mut self, byte: u8) -> Option<Mark> {
        match self.state {
            State::Plain => return self.plain(byte),
            State::Comment if matches!(byte, b'\r' | b'\n') => self.state = State::Plain,
            State::Comment => {}
            State::Less if byte == b'<' => self.state = State::Plain,
            State::Less => {
                self.state = State::Hex(None);
                self.hex(None, byte);
            }
            State::Literal(depth) => self.literal(depth, byte),
            State::Escape(depth) => self.escape(depth, byte),
            State::Octal(depth, count, value) => match byte {
                b'0'..=b'7' if count < 3 => {
                    let value = value.wrapping_mul(8).wrapping_add(byte - b'0');
                    self.state = State::Octal(depth, count + 1, value);
                }
                _ => {
                    self.show(value);
                    self.literal(depth, byte);
                }
            },
            State::Hex(high) => self.hex(high, byte),
        }
        None
    }

    fn plain(&mut self, byte: u8) -> Option<Mark> {
        let divides = byte.is_ascii_whitespace() || byte == 0 || b"()<>[]{}/%".contains(&byte);
        if !divides {
            if self.word.len() < WORD {
                self.word.push(byte);
            }
            return None;
        }
        let mark = self.word_ends(byte);
        match byte {
            b'(' => self.state = State::Literal(0),
            b'<' => self.state = State::Less,
            b'%' => self.state = State::Comment,
            b'[' => self.array = true,
            b']' => self.array = false,
            b'/' => {
                self.line();
                self.word.push(b'/');
            }
            _ => {}
        }
        mark
    }

    fn word_ends(&mut self, byte: u8) -> Option<Mark> {
        let word = std::mem::take(&mut self.word);
        let mut mark = None;
        match word.as_slice() {
            [] => {}
            [b'T', b'd' | b'D'] if self.number == 0 => self.blank(),
            b"Tm" if self.number == self.height => self.blank(),
            b"Tm" => {
                self.height = self.number;
                self.line();
            }
            [b'T', b'd' | b'D' | b'*'] | [b'\'' | b'"'] | [b'B' | b'E', b'T'] => self.line(),
            b"obj" => mark = Some(Mark::Object),
            b"endobj" => mark = Some(Mark::End),
            b"stream" if matches!(byte, b'\r' | b'\n') => mark = Some(Mark::Stream),
            b"/Identity-H" | b"/Identity-V" => self.seen.numbered = true,
            b"/Encrypt" => self.seen.encrypted = true,
            other => {
                let text = str::from_utf8(other).unwrap_or_default();
                let whole = text.split('.').next().unwrap_or_default();
                if let Ok(number) = whole.parse::<i64>() {
                    self.number = number;
                    if self.array && number < GAP {
                        self.blank();
                    }
                }
            }
        }
        self.word = word;
        self.word.clear();
        mark
    }

    fn literal(&mut self, depth: u16, byte: u8) {
        self.state = State::Literal(depth);
        match byte {
            b'\\' => self.state = State::Escape(depth),
            b'(' => {
                self.show(byte);
                self.state = State::Literal(depth.saturating_add(1));
            }
            b')' if depth == 0 => self.state = State::Plain,
            b')' => {
                self.show(byte);
                self.state = State::Literal(depth - 1);
            }
            _ => self.show(byte),
        }
    }

    fn escape(&mut self, depth: u16, byte: u8) {
        self.state = State::Literal(depth);
        match byte {
            b'0'..=b'7' => self.state = State::Octal(depth, 1, byte - b'0'),
            b'n' | b'r' => self.show(b'\n'),
            b't' => self.show(b'\t'),
            b'\r' | b'\n' | b'b' | b'f' => {}
            _ => self.show(byte),
        }
    }

    fn hex(&mut self, high: Option<u8>, byte: u8) {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        self.state = match (high, digit) {
            (_, None) if byte == b'>' => State::Plain,
            (high, None) => State::Hex(high),
            (None, digit) => State::Hex(digit),
            (Some(high), Some(low)) => {
                self.show(high << 4 | low);
                State::Hex(None)
            }
        };
    }

    /// Shows a letter. Marks and high octets of UTF-16 are none.
    fn show(&mut self, byte: u8) {
        if !matches!(byte, 0 | 0xFE | 0xFF) {
            self.text.push(byte);
            self.shown = true;
        }
    }

    fn line(&mut self) {
        if std::mem::take(&mut self.shown) {
            self.text.push(b'\n');
        }
    }

    fn blank(&mut self) {
        if self.shown {
            self.text.push(b' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: &str) -> String {
        let mut lexer = Lexer::default();
        for byte in page.bytes() {
            lexer.read(byte);
        }
        String::from_utf8(lexer.text).unwrap()
    }

    #[test]
    fn pages_are_read() {
        assert_eq!(text("BT (a\\(b\\)\\101) Tj 0 -14 Td <6364> Tj ET "), "a(b)A\ncd\n");
        assert_eq!(text("[(219) -20 (-45) 5 (-00) -300 (01)] TJ "), "219-45-00 01");
        assert_eq!(text("1 0 0 1 50 700 Tm (a) Tj 1 0 0 1 90 700 Tm (b) Tj "), "a b");
        assert_eq!(text("<</Title (x\\ny)/V(\u{0}z)>> % (no)\n"), "x\ny\nz");
    }
}
