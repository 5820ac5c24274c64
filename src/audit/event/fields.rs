//! The fields of a record by their names, for who picks some of them: `context.purpose`,
//! `rules.lifted`.

use serde_json::Value;

/// Every field of a record and of its parts, in their order. A test holds it against a record that
/// has them all.
pub const FIELDS: &[&str] = &[
    "time",
    "ended",
    "id",
    "client",
    "principal",
    "authenticated",
    "exporter",
    "exporter.id",
    "exporter.jurisdiction",
    "exporter.attributes",
    "method",
    "scheme",
    "trace",
    "span",
    "sampled",
    "tunnel",
    "server_name",
    "messages_out",
    "host",
    "port",
    "path",
    "address",
    "via",
    "tls",
    "tls.version",
    "tls.alpn",
    "tls.key",
    "location",
    "location.state",
    "location.countries",
    "location.regions",
    "location.databases",
    "location.builds",
    "location.digests",
    "location.asns",
    "location.correction",
    "recipient",
    "recipient.party",
    "recipient.by",
    "recipient.name",
    "recipient.seats",
    "recipient.owners",
    "tags",
    "data",
    "data.tags",
    "data.of",
    "data.subjects",
    "data.devices",
    "data.records",
    "data.state",
    "data.linked",
    "data.located",
    "found",
    "found.tag",
    "found.count",
    "found.distinct",
    "found.confidence",
    "found.source",
    "found.detector",
    "found.layer",
    "found.offset",
    "found.shape",
    "found.digest",
    "found.key",
    "redacted",
    "redacted.values",
    "redacted.rules",
    "context",
    "context.transaction",
    "context.contract",
    "context.contract_has",
    "context.purpose",
    "context.mechanism",
    "context.consent",
    "context.approval",
    "context.recipient_kind",
    "context.phase",
    "counts",
    "counts.meter",
    "counts.holder",
    "counts.before",
    "counts.after",
    "counts.limit",
    "rules",
    "rules.rule",
    "rules.pack",
    "rules.version",
    "rules.digest",
    "rules.outcome",
    "rules.mode",
    "rules.presumed",
    "rules.cite",
    "rules.lifted",
    "outcome",
    "mode",
    "cite",
    "reports",
    "reports.pack",
    "reports.report",
    "reports.due_days",
    "reports.business_days",
    "retain_years",
    "hold",
    "status",
    "error",
    "error.fault",
    "error.code",
    "error.detail",
    "bytes_out",
    "bytes_in",
    "timings_us",
    "timings_us.resolve",
    "timings_us.decide",
    "timings_us.connect",
    "timings_us.first_byte",
    "timings_us.total",
    "config",
];

/// What a record says under a name of [`FIELDS`], which is nothing where it is absent, empty or
/// null. Of a list of parts it is that field of each that has it.
pub fn pick(record: &Value, field: &str) -> Option<Value> {
    let (name, below) = field.split_once('.').map_or((field, None), |(a, b)| (a, Some(b)));
    let value = record.get(name)?;
    let picked = match (below, value) {
        (None, value) => value.clone(),
        (Some(below), Value::Array(parts)) => {
            Value::Array(parts.iter().filter_map(|part| pick(part, below)).collect())
        }
        (Some(below), part) => return pick(part, below),
    };
    (!is_nothing(&picked)).then_some(picked)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_picked_by_name() {
        let record = json!({
            "host": "a", "port": 1, "via": null, "tags": [],
            "context": {"purpose": "billing"},
            "rules": [{"rule": "x", "lifted": "grant"}, {"rule": "y"}],
            "counts": [{"limit": null}],
        });
        let all = [
            ("host", Some(json!("a"))),
            ("via", None),
            ("tags", None),
            ("context.purpose", Some(json!("billing"))),
            ("context.phase", None),
            ("rules.rule", Some(json!(["x", "y"]))),
            ("rules.lifted", Some(json!(["grant"]))),
            ("counts.limit", None),
            ("tls.version", None),
        ];
        for (field, wanted) in all {
            assert_eq!(pick(&record, field), wanted, "{field}");
        }
    }
}
