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
    escape: Option<Escape>,
    place: u64,
}

/// What was read of an escape.
#[derive(Clone, Copy, Debug)]
enum Escape {
    Sign,
    /// The first digit, as it stands.
    High(u8),
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
                self.escape = Some(Escape::Sign);
            }
            _ => self.plain(byte),
        }
    }

    fn plain(&mut self, byte: u8) {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (self.escape, digit(byte)) {
            (Some(Escape::Sign), Some(_)) => self.escape = Some(Escape::High(byte)),
            (Some(Escape::High(high)), Some(low)) => {
                self.escape = None;
                self.add(digit(high).unwrap_or(0) << 4 | low);
            }
            (_, _) => {
                self.unfinished();
                self.add(byte);
            }
        }
    }

    /// An escape that is none stands for itself.
    fn unfinished(&mut self) {
        match self.escape.take() {
            Some(Escape::Sign) => self.add(b'%'),
            Some(Escape::High(high)) => [b'%', high].into_iter().for_each(|byte| self.add(byte)),
            None => {}
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
        assert_eq!(form("a=%Az%4&%B%E=%"), "a: %Az%4@2..7 %B%E: %@13..14");
        assert_eq!(form("p[q][]=1&c"), "p: { q: [ 1@7..8 } } c: -@9..10");
    }
}
