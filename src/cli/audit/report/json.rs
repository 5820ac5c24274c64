//! The report for programs: one JSON document, the transactions last, a line each.

use std::io::Write;

use serde_json::{Map, Value, json};

use crate::config::RecordSet;

use super::gather::Document;
use super::said;
use super::walk::Walk;

pub(super) fn write(
    document: &Document,
    set: &RecordSet,
    walk: &Walk<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(document)?;
    let open = text.strip_suffix("\n}").unwrap_or(&text);
    write!(out, "{open},\n  \"transactions\": [")?;
    let mut first = true;
    walk.transactions(document.period.entries, |sequence, record, event| {
        let mut items = Map::new();
        for item in set.items.iter().filter(|item| !item.kept.from.is_empty()) {
            let fields: Map<_, _> = said(item, record)
                .map(|(field, value)| (field.to_owned(), value.unwrap_or(Value::Null)))
                .collect();
            items.insert(item.id.clone(), Value::Object(fields));
        }
        let transaction = json!({
            "sequence": sequence,
            "id": event.id,
            "time": record.get("time"),
            "outcome": record.get("outcome"),
            "refused": super::totals::is_refused(event),
            "items": items,
        });
        let comma = if std::mem::take(&mut first) { "" } else { "," };
        write!(out, "{comma}\n    {transaction}")?;
        Ok(())
    })?;
    out.write_all(b"\n  ]\n}\n")?;
    Ok(())
}
