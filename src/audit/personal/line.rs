//! A line of JSON with its personal fields enciphered, octet by octet:
//!
//! `{"time":…,"client":"[sealed]",…,"sealed":{"key":"ID","box":"BASE64"}}`: the line as it was, a
//! word for each personal field that is not null, and behind it nonce, ciphertext and tag.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::Fault;
use super::hidden::Hidden;
use super::key::{Class, KeyId};

/// The personal fields of a record: what says who asked, and what a client wrote itself and so
/// may have put a name into. README tells it in a table.
pub const PERSONAL: [&str; 6] = ["trace", "span", "client", "principal", "path", "error.detail"];

/// Octets of a key.
pub(super) const KEY: usize = 32;

/// No text in JSON has these octets: quotes in it stand behind a backslash.
const SEALED: &[u8] = b",\"sealed\":{\"key\":\"";
const BOX: &[u8] = b"\",\"box\":\"";
const END: &[u8] = b"\"}}";

/// What is enciphered is filled up to a multiple of this, so that its length does not tell one
/// name from another.
const PAD: usize = 32;

/// A line that is sealed, in its parts.
pub(super) struct Stored<'l> {
    /// The record without its closing brace.
    record: &'l [u8],
    /// Everything before the box, which the tag is over, too.
    before: &'l [u8],
    pub(super) key: KeyId,
    sealed: &'l [u8],
}

/// A line's fields in their order.
struct Fields<'l>(Vec<(&'l str, &'l RawValue)>);

/// The key that a line is sealed under, if it is.
pub fn key_of(line: &[u8]) -> Option<KeyId> {
    Stored::read(line).map(|stored| stored.key)
}

/// A record that is to be sealed.
pub(super) struct Plain<'l>(Fields<'l>);

// === impl Plain ===

impl<'l> Plain<'l> {
    pub(super) fn read(line: &'l [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok().map(Self)
    }

    /// For which keys it is.
    pub(super) fn class(&self) -> Class {
        let value = |name| self.0.0.iter().find(|(one, _)| *one == name).map(|(_, raw)| raw.get());
        let is = |name, wanted: fn(&str) -> bool| value(name).is_some_and(wanted);
        if is("retain_years", |years| years != "null") {
            Class::Pack
        } else if is("outcome", |word| matches!(word, "\"hold\"" | "\"require\"" | "\"block\"")) {
            Class::Refused
        } else if is("tags", |tags| tags != "[]" && tags != "null") {
            Class::Tagged
        } else {
            Class::Untagged
        }
    }

    /// The line as it is stored.
    pub(super) fn seal(&self, id: &KeyId, key: &LessSafeKey) -> Result<Vec<u8>, Fault> {
        let mut values = vec![b'['];
        let mut line = self.0.with(|raw| {
            if values.len() > 1 {
                values.push(b',');
            }
            values.extend_from_slice(raw.as_bytes());
            Cut::Word(Hidden::Sealed)
        });
        values.push(b']');
        values.resize(values.len().next_multiple_of(PAD), b' ');
        // The closing brace.
        line.pop();
        line.extend_from_slice(SEALED);
        line.extend_from_slice(id.to_string().as_bytes());
        line.extend_from_slice(BOX);
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| Fault::Cipher("no randomness to be had"))?;
        let sealed = key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(&line),
            &mut values,
        );
        sealed.map_err(|_| Fault::Cipher("it does not encipher"))?;
        let sealed = STANDARD.encode([&nonce[..], &values].concat());
        line.extend_from_slice(sealed.as_bytes());
        line.extend_from_slice(END);
        Ok(line)
    }

    /// The line without its personal fields.
    pub(super) fn without(&self, word: Hidden) -> Vec<u8> {
        self.0.with(|_| Cut::Word(word))
    }
}

// === impl Stored ===

impl<'l> Stored<'l> {
    /// The parts of a line, if it is sealed.
    pub(super) fn read(line: &'l [u8]) -> Option<Self> {
        let rest = line.strip_suffix(END)?;
        let at = memmem::rfind(rest, SEALED)?;
        let (record, tail) = rest.split_at_checked(at)?;
        let tail = tail.strip_prefix(SEALED)?;
        let end = memmem::find(tail, BOX)?;
        let (key, sealed) = tail.split_at_checked(end)?;
        let key = std::str::from_utf8(key).ok()?.parse().ok()?;
        let sealed = sealed.strip_prefix(BOX)?;
        let before = rest.get(..rest.len().checked_sub(sealed.len())?)?;
        Some(Self { record, before, key, sealed })
    }

    /// The line as it was before it was sealed, octet for octet; `None` where this is not what
    /// was sealed under the key.
    pub(super) fn open(&self, key: &LessSafeKey) -> Option<Vec<u8>> {
        let mut sealed = STANDARD.decode(self.sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let values = key.open_in_place(nonce, Aad::from(self.before), sealed).ok()?;
        let word = Hidden::Sealed.word();
        let values: Vec<&RawValue> = serde_json::from_slice(values).ok()?;
        let mut values = values.into_iter();
        let line = self.with(|raw| {
            // A field that has become personal since stands in the clear.
            if raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) != Some(word) {
                return Cut::Kept;
            }
            values.next().map_or(Cut::Word(Hidden::Damaged), Cut::Value)
        })?;
        values.next().is_none().then_some(line)
    }

    /// The line with a word in place of each personal field.
    pub(super) fn without(&self, word: Hidden) -> Option<Vec<u8>> {
        self.with(|_| Cut::Word(word))
    }

    fn with<'v>(&self, cut: impl FnMut(&str) -> Cut<'v>) -> Option<Vec<u8>> {
        let line = [self.record, b"}"].concat();
        let fields: Fields<'_> = serde_json::from_slice(&line).ok()?;
        Some(fields.with(cut))
    }
}

// === impl Fields ===

/// What stands in place of a personal field.
enum Cut<'v> {
    Word(Hidden),
    Value(&'v RawValue),
    /// It stays.
    Kept,
}

impl Fields<'_> {
    /// The line with something else for each personal field that is there.
    fn with<'v>(&self, mut cut: impl FnMut(&str) -> Cut<'v>) -> Vec<u8> {
        let mut line = Vec::with_capacity(2_048);
        self.write("", &mut cut, &mut line);
        line
    }

    fn write<'v>(&self, above: &str, cut: &mut impl FnMut(&str) -> Cut<'v>, line: &mut Vec<u8>) {
        line.push(b'{');
        for (place, (name, raw)) in self.0.iter().enumerate() {
            line.extend_from_slice(if place == 0 { b"\"" } else { b",\"" });
            line.extend_from_slice(name.as_bytes());
            line.extend_from_slice(b"\":");
            match Fate::of(above, name, raw.get()) {
                Fate::Kept => line.extend_from_slice(raw.get().as_bytes()),
                Fate::Within(fields) => fields.write(name, cut, line),
                Fate::Cut => match cut(raw.get()) {
                    Cut::Kept => line.extend_from_slice(raw.get().as_bytes()),
                    Cut::Value(value) => line.extend_from_slice(value.get().as_bytes()),
                    Cut::Word(word) => {
                        line.push(b'"');
                        line.extend_from_slice(word.word().as_bytes());
                        line.push(b'"');
                    }
                },
            }
        }
        line.push(b'}');
    }
}

/// What becomes of a field.
enum Fate<'l> {
    Kept,
    Cut,
    /// Some of its fields are personal.
    Within(Fields<'l>),
}

impl<'l> Fate<'l> {
    fn of(above: &str, name: &str, raw: &'l str) -> Self {
        if raw == "null" {
            return Self::Kept;
        }
        let found = PERSONAL.iter().find_map(|field| match field.split_once('.') {
            Some((outer, _)) if above.is_empty() && outer == name => Some(true),
            Some((outer, inner)) => ((outer, inner) == (above, name)).then_some(false),
            None => (above.is_empty() && *field == name).then_some(false),
        });
        match found {
            None => Self::Kept,
            Some(false) => Self::Cut,
            // Something else than an object holds no field, and may be a name.
            Some(true) => serde_json::from_str(raw).map_or(Self::Cut, Self::Within),
        }
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Each)
    }
}

struct Each;

impl<'de> Visitor<'de> for Each {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(48);
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

/// The key that some octets are.
pub(super) fn cipher(octets: &[u8]) -> Result<LessSafeKey, Fault> {
    let key = UnboundKey::new(&AES_256_GCM, octets);
    key.map(LessSafeKey::new).map_err(|_| Fault::Cipher("a key has 32 octets"))
}
