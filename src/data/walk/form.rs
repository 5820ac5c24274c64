//! `application/x-www-form-urlencoded` and query strings as they come: `a[b][]=1` is an array
//! within an object.

use super::{Held, Visitor};

/// How far into a form the reader is.
#[derive(Debug, Default)]
pub(in crate::data) struct Form {
    /// The name, as it stands.
    name: Held,
    value: Held,
    in_value: bool,
    begun: bool,
    /// An escape under way: its digits.
    escape: Option<(u8, u8)>,
    place: u64,
}

impl Form {
    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &[u8], visitor: &mut impl Visitor) {
        for byte in piece {
            self.step(*byte, visitor);
            self.place += 1;
        }
    }

    /// The text has ended.
    pub(super) fn finish(&mut self, visitor: &mut impl Visitor) {
        self.pair(visitor);
    }

    fn step(&mut self, byte: u8, visitor: &mut impl Visitor) {
        if !self.begun {
            self.begun = true;
            self.name.begin(self.place);
            self.value.begin(self.place);
        }
        match byte {
            b'&' | b';' => self.pair(visitor),
            b'=' if !self.in_value => {
                self.unfinished();
                self.in_value = true;
                self.value.begin(self.place + 1);
            }
            b'+' => {
                self.unfinished();
                self.add(b' ');
            }
            b'%' => {
                self.unfinished();
                self.escape = Some((0, 0));
            }
            _ => self.plain(byte),
        }
    }

    fn plain(&mut self, byte: u8) {
        let Some((count, high)) = self.escape else { return self.add(byte) };
        let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (count, digit) {
            (0, Some(digit)) => self.escape = Some((1, digit)),
            (_, Some(digit)) => {
                self.escape = None;
                self.add(high << 4 | digit);
            }
            (_, None) => {
                self.unfinished();
                self.add(byte);
            }
        }
    }

    /// An escape that is none stands for itself.
    fn unfinished(&mut self) {
        if let Some((count, high)) = self.escape.take() {
            self.add(b'%');
            if count > 0 {
                self.add(
                    char::from_digit(u32::from(high), 16)
                        .map_or(b'0', |c| u8::try_from(c).unwrap_or(b'0')),
                );
            }
        }
    }

    fn add(&mut self, byte: u8) {
        if self.in_value { self.value.add(&[byte]) } else { self.name.add(&[byte]) }
    }

    /// One pair has ended.
    fn pair(&mut self, visitor: &mut impl Visitor) {
        self.unfinished();
        self.value.end(self.place);
        if self.begun {
            let mut levels = 0;
            let mut parts = self.name.text().split(|byte| *byte == b'[');
            visitor.key(parts.next().unwrap_or_default());
            for part in parts.take(8) {
                let part = part.strip_suffix(b"]").unwrap_or(part);
                visitor.enter(part.is_empty(), self.place);
                levels += 1;
                if !part.is_empty() {
                    visitor.key(part);
                }
            }
            visitor.value(self.value.value(false));
            (0..levels).for_each(|_| visitor.leave(self.place));
        }
        (self.begun, self.in_value) = (false, false);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Walker;
    use super::super::tests::told;
    use super::*;

    #[test]
    fn pairs_are_told() {
        let form = |text| told(|| Walker::Form(Form::default()), text);
        assert_eq!(form("a=1&s%73n=x+%79%z&b="), "a: 1@2..3 ssn: x y%z@10..17 b: -@20..20");
        assert_eq!(form("p[q][]=1&c"), "p: { q: [ 1@7..8 } } c: -@9..10");
    }
}
