//! A data record of any shape, decoded whole, so that damage anywhere in it is found.
//!
//! Not by `maxminddb` 0.32.0: asked for a value of any shape it follows a pointer to itself through
//! 512 nested calls, which in a debug build overflowed a stack of 2 MiB (an abort, no error).

use thiserror::Error;

/// Deeper records are refused. The deepest real ones (GeoIP2 Enterprise) have 4 levels.
const MAX_DEPTH: u8 = 32;

/// A decoded value; texts borrow from the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value<'a> {
    /// A list.
    Array(Vec<Self>),
    /// Yes or no.
    Bool(bool),
    /// Texts to values, in the order of the file.
    Map(Vec<(&'a str, Self)>),
    /// Bytes, a fraction, a signed or very large number: nothing that is asked for.
    Other,
    /// A text.
    Text(&'a str),
    /// A number from 0 to 2^64 - 1.
    Uint(u64),
}

/// What is wrong with a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ValueFault {
    /// Decoding is out of proportion to the file: records overlap.
    #[error("the records overlap too much to be decoded")]
    Budget,
    /// Values inside values, too deep.
    #[error("values are nested deeper than {MAX_DEPTH} levels")]
    Deep,
    /// A value goes on behind the end of the data.
    #[error("a value runs past the end of the data")]
    End,
    /// The key of a map is no text.
    #[error("a key is not a text")]
    Key,
    /// The format forbids pointers to pointers.
    #[error("a pointer points at a pointer")]
    Pointer,
    /// A number or boolean has a size that its type cannot have.
    #[error("a value of type {0} has a wrong size")]
    Size(u8),
    /// The type is unknown.
    #[error("a value has the unknown type {0}")]
    Type(u8),
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
}

/// The data section of a file, with what may still be spent on decoding it.
pub(super) struct Data<'a> {
    bytes: &'a [u8],
    /// One for each value and each 8 bytes of text. Healthy files share texts by pointers, and cost
    /// a few for each byte.
    budget: usize,
}

/// Type and size of a value, and where its payload starts.
struct Control {
    kind: u8,
    size: usize,
    at: usize,
}

// === impl Value ===

impl<'a> Value<'a> {
    /// Follows a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|entry| entry.0 == key).map(|entry| &entry.1)
    }

    /// Returns the text under a key.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(Self::as_text)
    }

    /// Returns the value if it is a text.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        let Self::Text(text) = self else { return None };
        Some(text)
    }

    /// Whether a key holds yes.
    pub(super) fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Self::Bool(true) | Self::Text("true")))
    }

    /// Says what kind of value it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Array(_) => "an array",
            Self::Bool(_) => "a boolean",
            Self::Map(_) => "a map",
            Self::Other => "a number or bytes",
            Self::Text(_) => "a text",
            Self::Uint(_) => "a number",
        }
    }
}

// === impl Data ===

impl<'a> Data<'a> {
    /// Takes the data section; all decoding together may cost 16 for each of its bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, budget: bytes.len().saturating_mul(16).saturating_add(1 << 20) }
    }

    /// Decodes the record at an offset.
    pub(super) fn record(&mut self, offset: usize) -> Result<Value<'a>, ValueFault> {
        self.value(offset, 0).map(|(value, _)| value)
    }

    /// Decodes a value, and says where the next one starts: behind the pointer, if it was one.
    fn value(&mut self, at: usize, depth: u8) -> Result<(Value<'a>, usize), ValueFault> {
        let control = self.control(at)?;
        if control.kind != POINTER {
            return self.payload(&control, depth);
        }
        let (target, after) = self.pointer(&control)?;
        let control = self.control(target)?;
        if control.kind == POINTER {
            return Err(ValueFault::Pointer);
        }
        self.payload(&control, depth).map(|(value, _)| (value, after))
    }

    fn payload(&mut self, control: &Control, depth: u8) -> Result<(Value<'a>, usize), ValueFault> {
        let Control { kind, size, at } = *control;
        if depth > MAX_DEPTH {
            return Err(ValueFault::Deep);
        }
        self.spend(1 + if kind == TEXT { size / 8 } else { 0 })?;
        match kind {
            MAP => return self.map(control, depth),
            ARRAY => return self.array(control, depth),
            // A boolean has no payload: its size is its value.
            BOOL if size <= 1 => return Ok((Value::Bool(size == 1), at)),
            BOOL => return Err(ValueFault::Size(kind)),
            _ => {}
        }
        let bytes = self.slice(at, size)?;
        let value = match (kind, size) {
            (TEXT, _) => Value::Text(str::from_utf8(bytes).map_err(|_| ValueFault::Utf8)?),
            (U16, 0..=2) | (U32, 0..=4) | (U64, 0..=8) => {
                Value::Uint(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
            }
            (BYTES, _) | (DOUBLE, 8) | (FLOAT, 4) | (I32, 0..=4) | (U128, 0..=16) => Value::Other,
            (U16 | U32 | U64 | DOUBLE | FLOAT | I32 | U128, _) => {
                return Err(ValueFault::Size(kind));
            }
            (unknown, _) => return Err(ValueFault::Type(unknown)),
        };
        Ok((value, at + size))
    }

    /// Decodes as many pairs as the map has. Nothing is allocated ahead: a size is only a claim.
    fn map(&mut self, control: &Control, depth: u8) -> Result<(Value<'a>, usize), ValueFault> {
        let (mut entries, mut at) = (Vec::new(), control.at);
        for _ in 0..control.size {
            let (key, after) = self.value(at, depth + 1)?;
            let key = key.as_text().ok_or(ValueFault::Key)?;
            let (value, after) = self.value(after, depth + 1)?;
            entries.push((key, value));
            at = after;
        }
        Ok((Value::Map(entries), at))
    }

    fn array(&mut self, control: &Control, depth: u8) -> Result<(Value<'a>, usize), ValueFault> {
        let (mut items, mut at) = (Vec::new(), control.at);
        for _ in 0..control.size {
            let (item, after) = self.value(at, depth + 1)?;
            items.push(item);
            at = after;
        }
        Ok((Value::Array(items), at))
    }

    /// Reads type and size. For a pointer, `size` is the five bits as they are.
    fn control(&self, at: usize) -> Result<Control, ValueFault> {
        let byte = self.number(at, 1)?;
        let (mut kind, size, mut at) = (byte >> 5, byte & 31, at + 1);
        if kind == 0 {
            kind = 7 + self.number(at, 1)?;
            at += 1;
        }
        let kind = u8::try_from(kind).map_err(|_| ValueFault::Type(u8::MAX))?;
        let (size, more) = match size {
            _ if kind == POINTER => (size, 0),
            29 => (29 + self.number(at, 1)?, 1),
            30 => (285 + self.number(at, 2)?, 2),
            31 => (65_821 + self.number(at, 3)?, 3),
            small => (small, 0),
        };
        Ok(Control { kind, size, at: at + more })
    }

    /// Reads where a pointer points, and where the value behind it starts.
    fn pointer(&self, control: &Control) -> Result<(usize, usize), ValueFault> {
        let (high, at) = (control.size & 7, control.at);
        Ok(match control.size >> 3 {
            0 => (high << 8 | self.number(at, 1)?, at + 1),
            1 => ((high << 16 | self.number(at, 2)?) + 2048, at + 2),
            2 => ((high << 24 | self.number(at, 3)?) + 526_336, at + 3),
            _ => (self.number(at, 4)?, at + 4),
        })
    }

    fn number(&self, at: usize, size: usize) -> Result<usize, ValueFault> {
        Ok(self.slice(at, size)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn slice(&self, at: usize, size: usize) -> Result<&'a [u8], ValueFault> {
        self.bytes.get(at..).and_then(|rest| rest.get(..size)).ok_or(ValueFault::End)
    }

    fn spend(&mut self, cost: usize) -> Result<(), ValueFault> {
        self.budget = self.budget.checked_sub(cost).ok_or(ValueFault::Budget)?;
        Ok(())
    }
}

const POINTER: u8 = 1;
const TEXT: u8 = 2;
const DOUBLE: u8 = 3;
const BYTES: u8 = 4;
const U16: u8 = 5;
const U32: u8 = 6;
const MAP: u8 = 7;
const I32: u8 = 8;
const U64: u8 = 9;
const U128: u8 = 10;
const ARRAY: u8 = 11;
const BOOL: u8 = 14;
const FLOAT: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Value<'_>, ValueFault> {
        Data::new(bytes).record(0)
    }

    #[test]
    fn decodes() {
        assert_eq!(decode(b"\x42NO"), Ok(Value::Text("NO")));
        assert_eq!(decode(b"\xC1\xAE"), Ok(Value::Uint(174)));
        assert_eq!(decode(b"\x01\x07"), Ok(Value::Bool(true)));
        assert_eq!(
            decode(b"\xE1\x20\x05\xC0\x00\x41x"),
            Ok(Value::Map(vec![("x", Value::Uint(0))]))
        );
        let array = decode(b"\x02\x04\x41a\x68\x00\x00\x00\x00\x00\x00\x00\x00");
        assert_eq!(array, Ok(Value::Array(vec![Value::Text("a"), Value::Other])));
    }

    #[test]
    fn refuses() {
        for (bytes, fault) in [
            (b"".as_slice(), ValueFault::End),
            (b"\x42N", ValueFault::End),
            (b"\x20\x00", ValueFault::Pointer),
            (b"\x41\xFF", ValueFault::Utf8),
            (b"\xE1\xC0\xC0", ValueFault::Key),
            (b"\x02\x07", ValueFault::Size(14)),
            (b"\x67\x00\x00\x00\x00\x00\x00\x00", ValueFault::Size(3)),
            (b"\x00\x05", ValueFault::Type(12)),
            (b"\x00\xFF", ValueFault::Type(255)),
        ] {
            assert_eq!(decode(bytes), Err(fault), "{bytes:x?}");
        }
    }

    #[test]
    fn depth_and_cost_are_bounded() {
        assert_eq!(decode(&[0x01, 0x04].repeat(10_000)), Err(ValueFault::Deep));
        // An array whose every item is the array itself.
        assert_eq!(
            decode(
                &[0x1D, 0x04, 0xFF]
                    .iter()
                    .copied()
                    .chain([0x20, 0x00].repeat(300))
                    .collect::<Vec<_>>()
            ),
            Err(ValueFault::Deep)
        );
        // Records that share a large map are decoded until the budget is spent.
        let mut shared = b"\x1E\x04\xFF\x00".to_vec();
        shared.resize(66_000, 0xC0);
        let mut data = Data::new(&shared);
        let faults = (0..200).find_map(|_| data.record(0).err());
        assert_eq!(faults, Some(ValueFault::Budget));
    }
}
