//! A data record of any shape, decoded whole, so that damage anywhere in it is found.
//! `maxminddb` bounds one record to 65,536 values and 2 MiB; depth and sum are bounded here.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Deeper records are refused. The deepest real ones (GeoIP2 Enterprise) have 4 levels.
const MAX_DEPTH: u8 = 32;

/// A decoded value; texts borrow from the file.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value<'de> {
    /// A list.
    Array(Vec<Self>),
    /// Yes or no.
    Bool(bool),
    /// Texts to values, in the order of the file.
    Map(Vec<(&'de str, Self)>),
    /// Bytes, a fraction, a negative or very large number: nothing that is asked for.
    Other,
    /// A text.
    Text(&'de str),
    /// A number from 0 to 2^64 - 1.
    Uint(u64),
}

// === impl Value ===

impl<'de> Value<'de> {
    /// Follows a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|entry| entry.0 == key).map(|entry| &entry.1)
    }

    /// Returns the text under a key.
    pub(super) fn text(&self, key: &str) -> Option<&'de str> {
        self.get(key).and_then(Self::as_text)
    }

    /// Returns the value if it is a text.
    pub(super) fn as_text(&self) -> Option<&'de str> {
        let Self::Text(text) = self else { return None };
        Some(text)
    }

    /// Whether a key holds yes.
    pub(super) fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Self::Bool(true) | Self::Text("true")))
    }

    /// Counts what decoding this value cost: one for each value, and one for 8 bytes of text.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::cost).sum::<usize>(),
            Self::Map(entries) => {
                1 + entries
                    .iter()
                    .map(|(key, value)| 1 + key.len() / 8 + value.cost())
                    .sum::<usize>()
            }
            Self::Text(text) => 1 + text.len() / 8,
            Self::Bool(_) | Self::Other | Self::Uint(_) => 1,
        }
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

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Level(0).deserialize(deserializer)
    }
}

/// Decodes a value this many levels below the record.
#[derive(Clone, Copy)]
struct Level(u8);

impl Level {
    fn below<E: Error>(self) -> Result<Self, E> {
        if self.0 < MAX_DEPTH {
            Ok(Self(self.0 + 1))
        } else {
            Err(E::custom(format_args!("values are nested deeper than {MAX_DEPTH} levels")))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an MMDB value")
    }

    fn visit_bool<E: Error>(self, yes: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Uint(number))
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        let (below, mut items) = (self.below()?, Vec::new());
        while let Some(item) = seq.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let (below, mut entries) = (self.below()?, Vec::new());
        while let Some(key) = map.next_key()? {
            entries.push((key, map.next_value_seed(below)?));
        }
        Ok(Value::Map(entries))
    }
}
