//! The record of a request whose run ended before it: what its verdicts say, octet for octet, and
//! that nothing is known of its end.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use crate::policy::Mode;

use super::event::{Event, INTERRUPTED, Ordered};
use super::personal::Hidden;
use super::record::Fault;

/// What a later verdict says anew.
const LATER: [&str; 4] = ["tags", "rules", "outcome", "retain_years"];

/// Makes the record of the first and the last verdict on a request. `None` where neither can be read.
pub(super) fn complete(first: &[u8], last: Option<&[u8]>) -> Option<Vec<u8>> {
    let first = Ordered::read(first).and_then(whole);
    let (first, mut record) = match (first, last.and_then(Ordered::read)) {
        (Some(first), Some(last)) => {
            let record = overruled(&first, last).unwrap_or_else(|| first.clone());
            (first, record)
        }
        (None, Some(last)) => {
            let last = whole(last)?;
            (last.clone(), last)
        }
        (Some(one), None) => (one.clone(), one),
        (None, None) => return None,
    };
    let detail = if [&first, &record].into_iter().all(refuses) {
        "the program ended before the request did, which was not to leave"
    } else {
        "the program ended before the request did: how much of it left is not known"
    };
    record.forget_end();
    // Whether its client got an answer is not known either.
    record.set("status", &Value::Null);
    record
        .set("error", &json!({ "fault": Fault::Us.name(), "code": INTERRUPTED, "detail": detail }));
    is_event(&record).then(|| record.line())
}

fn is_event(line: &Ordered) -> bool {
    serde_json::from_slice::<Event<'_>>(&line.line()).is_ok()
}

fn refuses(line: &Ordered) -> bool {
    let outcome = line.value("outcome");
    matches!(outcome.as_ref().and_then(Value::as_str), Some("hold" | "require" | "block"))
}

/// All that a record must have. A verdict on a request under way may be the only one, and says less:
/// what it does not say is not known.
fn whole(mut line: Ordered) -> Option<Ordered> {
    if is_event(&line) {
        return Some(line);
    }
    let client = line.value("client")?;
    let client = client.as_str()?;
    let shown = match (client.parse::<IpAddr>(), Hidden::of(client)) {
        (Ok(address), _) => SocketAddr::new(address, 0).to_string(),
        (Err(_), Some(word)) => word.to_string(),
        (Err(_), None) => {
            line.set("principal", &client);
            Hidden::Lost.to_string()
        }
    };
    line.set("client", &shown);
    for name in ["method", "scheme"] {
        if line.raw(name).is_none() {
            line.set(name, &"unknown");
        }
    }
    judged(&mut line);
    is_event(&line).then_some(line)
}

/// A line by the word of a later verdict.
fn overruled(first: &Ordered, last: Ordered) -> Option<Ordered> {
    if is_event(&last) {
        return Some(last);
    }
    let mut line = first.clone();
    for name in LATER {
        if let Some(raw) = last.raw(name) {
            line.set(name, raw);
        }
    }
    if let Some(Value::Array(mut rules)) = last.value("rules") {
        let known = first.value("rules").unwrap_or_default();
        let known = known.as_array().map_or(&[][..], Vec::as_slice);
        rules.iter_mut().for_each(|rule| fill(rule, known));
        line.set("rules", &rules);
    }
    judged(&mut line);
    is_event(&line).then_some(line)
}

/// Adds to a rule what is known of the same, or of its pack.
fn fill(rule: &mut Value, known: &[Value]) {
    let of_pack = known.iter().filter(|one| one.get("pack") == rule.get("pack"));
    let of_rule = of_pack.clone().find(|one| one.get("rule") == rule.get("rule"));
    let parts = [
        (of_rule, &["presumed", "lifted"][..]),
        (of_pack.clone().next(), &["version", "digest"][..]),
    ];
    let mut more = Vec::new();
    for (from, names) in parts {
        let value = |name: &&'static str| Some((*name, from?.get(*name)?.clone()));
        more.extend(names.iter().filter_map(value));
    }
    let Some(rule) = rule.as_object_mut() else { return };
    for (name, value) in more {
        rule.entry(name).or_insert(value);
    }
}

/// Says what follows from its rules.
fn judged(line: &mut Ordered) {
    let rules = line.value("rules").unwrap_or_default();
    let first = rules.get(0);
    let of_first = |name: &str| first.and_then(|rule| rule.get(name)).cloned();
    let observes = of_first("mode").is_some_and(|mode| mode == Mode::Observe.name());
    let mode = if observes { Mode::Observe } else { Mode::Enforce };
    let cite = of_first("cite").filter(|_| !observes);
    line.set("mode", &mode.name());
    line.set("cite", &cite);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(more: &Value) -> Vec<u8> {
        let mut line = json!({
            "time": "2026-11-26T08:00:00.000Z", "ended": "2026-11-26T08:00:00.000Z", "id": "a",
            "client": "192.0.2.7:4711", "method": "POST", "scheme": "https", "host": "a.example",
            "tags": ["health"], "outcome": "allow", "status": null, "error": null,
            "mode": "enforce", "cite": null, "retain_years": null, "bytes_out": 0, "bytes_in": 0,
            "timings_us": {"resolve": 7, "decide": 8, "total": 0}, "newer": {"b": 1, "a": 2},
        });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line.to_string().into_bytes()
    }

    fn rule(rule: &str, more: &Value) -> Value {
        let mut line = json!({
            "rule": rule, "pack": "act", "outcome": "log", "mode": "enforce", "cite": "Art. 1",
        });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    }

    #[track_caller]
    fn completed(first: &[u8], last: Option<&[u8]>) -> Value {
        let line = complete(first, last).unwrap();
        let event: Event<'_> = serde_json::from_slice(&line).unwrap();
        assert!(event.is_interrupted() && event.ended.is_none() && event.status.is_none());
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn a_record_says_what_its_verdict_did_and_not_more() {
        let record = completed(&first(&json!({})), None);
        for (field, value) in [
            ("/id", json!("a")),
            ("/time", json!("2026-11-26T08:00:00.000Z")),
            ("/ended", Value::Null),
            ("/outcome", json!("allow")),
            ("/error/fault", json!("proxy")),
            ("/error/code", json!("interrupted")),
            ("/timings_us", json!({"resolve": 7, "decide": 8})),
            ("/newer", json!({"b": 1, "a": 2})),
        ] {
            assert_eq!(record.pointer(field), Some(&value), "{field}");
        }
        assert!(record.get("bytes_out").is_none() && record.get("bytes_in").is_none());
        assert!(record["error"]["detail"].as_str().unwrap().contains("is not known"));
        let refused = completed(&first(&json!({"outcome": "block"})), None);
        assert!(refused["error"]["detail"].as_str().unwrap().contains("not to leave"));
    }

    #[test]
    fn a_later_verdict_overrules() {
        let lifted = rule("a", &json!({"version": "7", "digest": "d", "lifted": "grant"}));
        let first = first(&json!({"rules": [lifted]}));
        let late = json!({
            "time": "2026-11-26T08:00:09Z", "id": "a", "client": "jane", "host": "b.example",
            "tags": ["health", "genetic"], "outcome": "log", "retain_years": 10,
            "rules": [rule("b", &json!({"mode": "observe"})), rule("a", &json!({}))],
        });
        let record = completed(&first, Some(late.to_string().as_bytes()));
        assert_eq!(
            (&record["client"], &record["host"], &record["time"]),
            (&"192.0.2.7:4711".into(), &"a.example".into(), &"2026-11-26T08:00:00.000Z".into())
        );
        assert_eq!(
            (&record["tags"], &record["outcome"], &record["retain_years"]),
            (&json!(["health", "genetic"]), &"log".into(), &10.into())
        );
        assert_eq!((&record["mode"], &record["cite"]), (&"observe".into(), &Value::Null));
        let [b, a] = [0, 1].map(|at| record["rules"][at].clone());
        assert_eq!((&b["version"], b.get("lifted")), (&"7".into(), None));
        assert_eq!((&a["digest"], &a["lifted"]), (&"d".into(), &"grant".into()));
        // One that says all is the record.
        let mut whole: Value = serde_json::from_slice(&first).unwrap();
        whole["outcome"] = "block".into();
        let record = completed(&first, Some(whole.to_string().as_bytes()));
        assert_eq!(record["outcome"], "block");
        let detail = record["error"]["detail"].as_str().unwrap();
        assert!(detail.contains("is not known"), "some may have left before: {detail}");
    }

    #[test]
    fn a_verdict_under_way_that_is_the_only_one_is_a_record() {
        let late = |client: &str| {
            let line = json!({
                "time": "2026-11-26T08:00:09Z", "id": "a", "client": client, "host": "b.example",
                "tags": ["health"], "outcome": "log", "rules": [rule("b", &json!({}))],
            });
            completed(line.to_string().as_bytes(), None)
        };
        let record = late("2001:db8::7");
        assert_eq!(
            (&record["client"], &record["cite"]),
            (&"[2001:db8::7]:0".into(), &"Art. 1".into())
        );
        let record = late("jane.doe");
        assert_eq!(
            (&record["client"], &record["principal"]),
            (&"[lost]".into(), &"jane.doe".into())
        );
        assert_eq!(late("[erased]")["client"], "[erased]");
    }

    #[test]
    fn what_is_no_verdict_makes_no_record() {
        for line in ["", "{}", "[]", "{\"id\":\"a\"}", "{\"client\":7}", "\u{0}"] {
            assert_eq!(complete(line.as_bytes(), None), None, "{line}");
            assert_eq!(complete(line.as_bytes(), Some(line.as_bytes())), None, "{line}");
            assert!(complete(&first(&json!({})), Some(line.as_bytes())).is_some(), "{line}");
            assert!(complete(line.as_bytes(), Some(&first(&json!({})))).is_some(), "{line}");
        }
    }
}
