//! One line of a list, from the index or from a record; without personal fields where they are not
//! for who asks.

use serde_json::{Value, json};

use crate::audit::Event;
use crate::audit::event::INTERRUPTED;
use crate::audit::index::Listed;
use crate::audit::personal::PERSONAL;
use crate::policy::Mode;

/// A request as the index has it.
pub(super) fn listed(one: &Listed, masked: bool) -> Value {
    let known = one.fault.as_deref() != Some(INTERRUPTED);
    json!({
        "sequence": one.sequence,
        "time": one.time.to_string(),
        "id": one.id,
        "host": one.host,
        "client": (!masked).then_some(&one.client),
        "client_port": (!masked).then_some(one.port),
        "principal": one.principal.as_ref().filter(|_| !masked),
        "outcome": one.outcome.map(|outcome| outcome.name()),
        "observed": one.observed,
        "would": one.would.map(|would| would.name()),
        "status": one.status,
        "method": one.method,
        "scheme": one.scheme,
        "fault": one.fault,
        "bytes_out": known.then_some(one.bytes_out),
        "bytes_in": known.then_some(one.bytes_in),
        "countries": one.countries,
        "tags": one.tags,
        "rules": one.rules,
    })
}

/// The same from its record.
pub(super) fn recorded(sequence: u64, event: &Event<'_>, masked: bool) -> Value {
    let countries = event.location.iter().flat_map(|location| &location.countries);
    let rules = event.rules.iter().map(|rule| format!("{}/{}", rule.pack, rule.rule));
    let known = !event.is_interrupted();
    json!({
        "sequence": sequence,
        "time": event.time.to_string(),
        "id": event.id,
        "host": event.host,
        "client": (!masked).then(|| event.client.address()),
        "client_port": (!masked).then(|| event.client.port()),
        "principal": event.principal.as_ref().filter(|_| !masked),
        "outcome": event.outcome.map(|outcome| outcome.name()),
        "observed": event.mode == Mode::Observe,
        "would": event.would().map(|would| would.name()),
        "status": event.status,
        "method": event.method,
        "scheme": event.scheme,
        "fault": event.error.as_ref().map(|error| &error.code),
        "bytes_out": known.then_some(event.bytes_out),
        "bytes_in": known.then_some(event.bytes_in),
        "countries": countries.map(|one| one.to_ascii_uppercase()).collect::<Vec<_>>(),
        "tags": event.tags,
        "rules": rules.collect::<Vec<_>>(),
    })
}

/// Takes what tells of people out of a record: what can be erased is what is not for everybody.
pub(super) fn mask(record: &mut Value) {
    for name in PERSONAL {
        let place = format!("/{}", name.replace('.', "/"));
        if let Some(field) = record.pointer_mut(&place) {
            *field = Value::Null;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_erased_is_masked() {
        let mut record = json!({
            "client": "10.0.0.7:1", "principal": "ann", "path": "/ann", "trace": "t", "span": "s",
            "host": "h", "error": { "code": "c", "detail": "of ann" },
        });
        mask(&mut record);
        let expected = json!({
            "client": null, "principal": null, "path": null, "trace": null, "span": null,
            "host": "h", "error": { "code": "c", "detail": null },
        });
        assert_eq!(record, expected);
        let mut fine = json!({ "client": "10.0.0.7:1", "error": null });
        mask(&mut fine);
        assert_eq!(fine, json!({ "client": null, "error": null }));
    }
}
