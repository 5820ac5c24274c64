//! JSON in which nothing is null or empty, on one line for every reader: some take U+0085, U+2028
//! and U+2029 for the end of one.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

/// Appends the value, without what is absent in it.
pub(super) fn write(value: Value, into: &mut Vec<u8>) {
    write_whole(&pruned(value).unwrap_or_default(), into);
}

/// Appends the value as it is.
pub(super) fn write_whole(value: &Value, into: &mut Vec<u8>) {
    let written = value.serialize(&mut Serializer::with_formatter(into, OneLine));
    written.expect("a value has only string keys, and a Vec takes every write");
}

/// The value, if it is anything: no null, no empty text, list or object.
pub(super) fn pruned(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(list) => {
            let list: Vec<_> = list.into_iter().filter_map(pruned).collect();
            (!list.is_empty()).then_some(Value::Array(list))
        }
        Value::Object(fields) => {
            let fields = fields.into_iter();
            let fields: serde_json::Map<_, _> =
                fields.filter_map(|(name, one)| Some((name, pruned(one)?))).collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value),
    }
}

struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, sign)) = rest.char_indices().find(|(_, sign)| breaks(*sign)) {
            let (before, after) = rest.split_at(at);
            write!(writer, "{before}\\u{:04x}", u32::from(sign))?;
            rest = after.strip_prefix(sign).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

fn breaks(sign: char) -> bool {
    sign > '\u{7e}' && super::text::is_unruly(sign)
}
