//! OpenTelemetry as its JSON encoding has it; `tests/e2e/otlp.rs` holds it against the official messages.

use std::collections::BTreeMap;

use borderpost::audit::Format;
use serde_json::Value;

use super::{events, value};

/// A value without what says of which kind it is.
fn plain(value: &Value) -> Value {
    let (kind, one) = value.as_object().unwrap().iter().next().unwrap();
    match &**kind {
        "stringValue" => one.as_str().unwrap().into(),
        "boolValue" => one.as_bool().unwrap().into(),
        // A 64-bit number is text, which no reader rounds.
        "intValue" => one.as_str().unwrap().parse::<i64>().unwrap().into(),
        "doubleValue" => one.as_f64().unwrap().into(),
        "arrayValue" => one["values"].as_array().unwrap().iter().map(plain).collect(),
        "kvlistValue" => pairs(&one["values"]).into_iter().collect(),
        other => panic!("no value is a {other}"),
    }
}

fn pairs(list: &Value) -> BTreeMap<String, Value> {
    let all = list.as_array().unwrap();
    let pairs: BTreeMap<_, _> = all
        .iter()
        .map(|one| (one["key"].as_str().unwrap().to_owned(), plain(&one["value"])))
        .collect();
    assert_eq!(pairs.len(), all.len(), "a key stands twice in {list}");
    pairs
}

fn record(request: &Value) -> &Value {
    let records = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
    assert_eq!(records.len(), 1);
    &records[0]
}

/// The attributes of the only record.
pub(super) fn attributes(request: &Value) -> BTreeMap<String, Value> {
    pairs(&record(request)["attributes"])
}

#[test]
fn what_a_record_says_is_read_back() {
    for event in events() {
        let request = value(Format::Otlp, &event);
        let record = record(&request);
        let nanos = |name: &str| record[name].as_str().unwrap().parse::<i128>().unwrap();
        assert_eq!(nanos("timeUnixNano"), event.time.as_nanosecond());
        assert_eq!(nanos("observedTimeUnixNano"), event.ended.unwrap().as_nanosecond());
        // The word that stands for an id that was erased is none.
        let hex = |id: &&str| id.bytes().all(|one| one.is_ascii_hexdigit());
        assert_eq!(record["traceId"].as_str(), event.trace.as_deref().filter(hex));
        assert_eq!(record["spanId"].as_str(), event.span.as_deref().filter(hex));
        let found = attributes(&request);
        assert_eq!(found["egress.id"], *event.id);
        assert_eq!(found.get("server.port").and_then(Value::as_u64), event.port.map(u64::from));
        assert_eq!(found.get("egress.bytes_out"), Some(&event.bytes_out.into()));
        let tags: Value = event.tags.iter().map(|tag| Value::from(&**tag)).collect();
        assert_eq!(found.get("egress.data_classes").cloned().unwrap_or(Value::Array(vec![])), tags);
        let rules = found.get("egress.rules").and_then(Value::as_array).map_or(0, Vec::len);
        assert_eq!(rules, event.rules.len());
        let resource = pairs(&request["resourceLogs"][0]["resource"]["attributes"]);
        assert_eq!(resource["service.name"], "borderpost");
        assert_eq!(resource["service.instance.id"], "gw-ber-1");
    }
}
