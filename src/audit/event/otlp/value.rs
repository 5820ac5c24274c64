//! Values as OTLP has them: each says what it is.

use serde_json::{Map, Value, json};

use super::super::json::pruned;

/// The fields of an object as attributes, without those that are empty.
pub(super) fn list(fields: Value) -> Value {
    match pruned(fields) {
        Some(Value::Object(fields)) => pairs(fields),
        _ => Value::Null,
    }
}

fn pairs(fields: Map<String, Value>) -> Value {
    let pairs = fields.into_iter();
    pairs.map(|(key, value)| json!({ "key": key, "value": any(value) })).collect()
}

fn any(value: Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(flag) => json!({ "boolValue": flag }),
        Value::String(text) => json!({ "stringValue": text }),
        Value::Array(all) => {
            let values: Vec<_> = all.into_iter().map(any).collect();
            json!({ "arrayValue": { "values": values } })
        }
        Value::Object(fields) => json!({ "kvlistValue": { "values": pairs(fields) } }),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => json!({ "intValue": whole.to_string() }),
            // What is too large for a signed number of 64 bits.
            None => json!({ "doubleValue": number }),
        },
    }
}

/// Nanoseconds since 1970 UTC.
pub(super) fn nanos(at: jiff::Timestamp) -> String {
    at.as_nanosecond().max(0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_says_what_it_is() {
        let fields = json!({ "a": "x", "b": true, "c": u64::MAX, "d": -5, "e": [1, "y"],
            "f": { "g": 1.5 }, "h": null, "i": "", "j": [] });
        let wanted = json!([
            { "key": "a", "value": { "stringValue": "x" } },
            { "key": "b", "value": { "boolValue": true } },
            { "key": "c", "value": { "doubleValue": u64::MAX } },
            { "key": "d", "value": { "intValue": "-5" } },
            { "key": "e", "value": { "arrayValue": { "values": [
                { "intValue": "1" }, { "stringValue": "y" } ] } } },
            { "key": "f", "value": { "kvlistValue": { "values": [
                { "key": "g", "value": { "doubleValue": 1.5 } } ] } } },
        ]);
        assert_eq!(list(fields), wanted);
        assert_eq!(list(json!({ "a": null })), Value::Null);
    }
}
