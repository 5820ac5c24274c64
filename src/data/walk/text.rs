//! A text that is held while it comes: its beginning, without escapes, and where it stands.

use super::Value;

/// So much of a text is held.
pub(super) const HELD: usize = 512;

/// One text.
#[derive(Debug, Default)]
pub(super) struct Held {
    text: Vec<u8>,
    start: u64,
    end: u64,
}

impl Held {
    /// Begins anew.
    pub(super) fn begin(&mut self, place: u64) {
        self.text.clear();
        (self.start, self.end) = (place, place);
    }

    /// Adds octets as they stand.
    pub(super) fn add(&mut self, octets: &[u8]) {
        let free = HELD.saturating_sub(self.text.len());
        self.text.extend(octets.iter().take(free));
    }

    /// Adds a character that an escape stands for.
    pub(super) fn add_character(&mut self, character: char) {
        let mut octets = [0; 4];
        self.add(character.encode_utf8(&mut octets).as_bytes());
    }

    /// Ends before this octet.
    pub(super) fn end(&mut self, place: u64) {
        self.end = place;
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// As a value.
    pub(super) fn value(&self, absent: bool) -> Value<'_> {
        let absent = absent || self.text.trim_ascii().is_empty();
        Value { text: &self.text, start: self.start, end: self.end, absent }
    }

    /// Puts what entities of XML stand for in their place.
    pub(super) fn decode_entities(&mut self) {
        if !self.text.contains(&b'&') {
            return;
        }
        let text = String::from_utf8_lossy(&self.text).into_owned();
        let mut parts = text.split('&');
        let mut decoded = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let entity = part.split_once(';').and_then(|(name, rest)| Some((entity(name)?, rest)));
            if let Some((character, rest)) = entity {
                decoded.push(character);
                decoded.push_str(rest);
            } else {
                decoded.push('&');
                decoded.push_str(part);
            }
        }
        self.text = decoded.into_bytes();
    }
}

fn entity(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => None,
        };
    };
    let number = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    char::from_u32(number.ok()?)
}
