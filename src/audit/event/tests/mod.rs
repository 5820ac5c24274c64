//! Lines of the real writer, read and written again.

use proptest::prelude::*;

use super::*;

mod records;

fn line(record: &crate::audit::Record) -> String {
    let mut line = Vec::new();
    record.write_line(&mut line).unwrap();
    String::from_utf8(line).unwrap()
}

fn again(event: &Event<'_>) -> String {
    let mut line = Vec::new();
    event.write(&mut line).unwrap();
    String::from_utf8(line).unwrap() + "\n"
}

#[test]
fn a_line_of_the_writer_is_read_and_written_again_as_it_was() {
    for record in [records::full(), records::empty()] {
        let line = line(&record);
        let event = Event::read(&line).unwrap();
        assert_eq!(event, record.event());
        assert_eq!(again(&event), line);
    }
}

#[test]
fn an_observing_rule_tells_what_would_have_become_of_what_went_out() {
    use Outcome::{Allow, Block, Hold, Log};
    let observing = |outcome, lifted: Option<&'static str>| Rule {
        rule: "a".into(),
        pack: "p".into(),
        version: None,
        digest: None,
        outcome,
        mode: Mode::Observe,
        presumed: false,
        cite: None,
        lifted: lifted.map(Into::into),
    };
    let acting = |outcome| Rule { mode: Mode::Enforce, ..observing(outcome, None) };
    for (decided, rules, told) in [
        (Some(Allow), vec![observing(Block, None)], Some(Block)),
        (Some(Allow), vec![observing(Log, None), observing(Hold, None)], Some(Hold)),
        (Some(Log), vec![acting(Log), observing(Block, None)], Some(Block)),
        (Some(Log), vec![acting(Log), observing(Log, None)], None),
        (Some(Allow), vec![observing(Block, Some("an exemption"))], None),
        (Some(Hold), vec![acting(Hold), observing(Block, None)], None),
        (None, vec![observing(Block, None)], None),
        (Some(Allow), Vec::new(), None),
    ] {
        let record = records::empty();
        let event = Event { outcome: decided, rules, ..record.event() };
        assert_eq!(event.would(), told, "{event:?}");
    }
}

/// Every place in a value that holds nothing.
fn empty(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(name, one)| empty(one, &format!("{path}.{name}"), found));
        }
        serde_json::Value::Array(list) if !list.is_empty() => {
            list.iter().for_each(|one| empty(one, path, found));
        }
        serde_json::Value::Null | serde_json::Value::Array(_) => found.push(path.to_owned()),
        serde_json::Value::String(text) if text.is_empty() => found.push(path.to_owned()),
        serde_json::Value::String(_)
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_) => {}
    }
}

#[test]
fn the_full_record_fills_every_field() {
    let value = serde_json::from_str(&line(&records::full())).unwrap();
    let mut found = Vec::new();
    empty(&value, "", &mut found);
    assert_eq!(found, Vec::<String>::new());
    for (part, fields) in [("data", 8), ("found", 11), ("rules", 9), ("counts", 5)] {
        assert_eq!(value[part][0].as_object().unwrap().len(), fields, "{part}");
    }
    for (part, fields) in [("location", 8), ("context", 9), ("recipient", 5), ("tls", 3)] {
        assert_eq!(value[part].as_object().unwrap().len(), fields, "{part}");
    }
    let owners = serde_json::json!([
        {"party": "holding", "of": "vendor", "percent": "62.5", "seats": [{"kind": "organised", "country": "CN"}]},
        {"party": "founder", "of": "holding", "percent": "99", "seats": [{"kind": "resident", "country": "SG"}]},
        {"party": "vendor", "of": "holding", "percent": "1", "seats": [{"kind": "principal-place", "country": "CN"}]},
    ]);
    assert_eq!(value["recipient"]["owners"], owners, "a ring of owners ends");
    assert_eq!(
        (&value["time"], &value["ended"]),
        (&"2026-11-30T00:53:20.123Z".into(), &"2026-11-30T00:53:20.130Z".into())
    );
}

#[test]
fn every_field_is_named() {
    let value: serde_json::Value = serde_json::from_str(&line(&records::full())).unwrap();
    let mut found = Vec::new();
    for (name, part) in value.as_object().unwrap() {
        found.push(name.clone());
        let part = part.get(0).unwrap_or(part);
        let below = part.as_object().into_iter().flat_map(|fields| fields.keys());
        found.extend(below.map(|field| format!("{name}.{field}")));
    }
    found.sort();
    let mut named = FIELDS.to_vec();
    named.sort_unstable();
    assert_eq!(named, found);
}

#[test]
fn newer_and_older_versions_are_borne() {
    let text = line(&records::full());
    let newer = text.replacen('{', "{\"later\":{\"x\":[1,null]},", 1);
    let newer = newer.replace("\"tags\":[", "\"later\":true,\"tags\":[");
    let newer = newer.replace("\"timings_us\":{", "\"timings_us\":{\"later\":9,");
    assert_eq!(again(&Event::read(&newer).unwrap()), text);
    let old = r#"{"time":"2026-11-30T00:53:20.123Z","id":"a","client":"10.0.0.1:1","method":"GET","scheme":"http"}"#;
    let event = Event::read(old).unwrap();
    assert_eq!((event.tls, event.ended, event.timings_us), (None, None, Timings::default()));
}

#[test]
fn what_is_no_line_is_told() {
    for text in ["", "{", "[]", "{\"time\":1}", "{\"time\":\"\"}"] {
        assert!(Event::read(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_line(hostile in "\\PC*|[\u{0}-\u{20}\"\\\\\u{85}\u{2028}\u{2029}é]{0,20}") {
        let record = records::empty();
        let mut event = record.event();
        event.host = Some((&*hostile).into());
        event.principal = Some((&*hostile).into());
        let line = again(&event);
        prop_assert_eq!(line.matches(['\n', '\r', '\0']).count(), 1);
        prop_assert_eq!(Event::read(&line).unwrap(), event);
    }
}

#[test]
fn what_is_not_known_of_an_interrupted_request_is_in_no_format() {
    let full = records::full();
    let mut event = full.event();
    event.outcome = Some(Outcome::Allow);
    (event.ended, event.status, event.redacted) = (None, None, None);
    (event.bytes_out, event.bytes_in, event.timings_us.total) = (0, 0, 0);
    event.error = Some(Error {
        fault: "proxy".into(),
        code: INTERRUPTED.into(),
        detail: "how much of it left is not known".into(),
    });
    let text = again(&event);
    assert_eq!(Event::read(&text).unwrap(), event);
    assert!(!text.contains("\"bytes_") && !text.contains("\"total\""), "{text}");
    let origin = Origin::new("host".to_owned(), "instance");
    let told = |format: Format| {
        let mut out = Vec::new();
        format.write(&event, &origin, &mut out);
        String::from_utf8(out).unwrap()
    };
    for (format, words) in [
        (Format::Ocsf, &["\"bytes", "\"body_length", "\"duration", "\"end_time", "\"total\""][..]),
        (Format::Ecs, &["\"bytes", "\"duration", "\"end\"", "\"total\""]),
        (Format::Otlp, &["egress.bytes", "\"total\""]),
        (Format::Cef, &[" out=", " in="]),
        (Format::Leef, &["srcBytes", "dstBytes"]),
        (Format::Syslog, &[" out=\"0", " in=\"0"]),
    ] {
        let text = told(format);
        assert!(words.iter().all(|word| !text.contains(word)), "{format}: {text}");
        assert!(text.contains("is not known"), "{format}: {text}");
    }
    assert!(told(Format::Squid).contains(" TCP_MISS_ABORTED/000 "), "{}", told(Format::Squid));
    let har: serde_json::Value = serde_json::from_str(&told(Format::Har)).unwrap();
    assert_eq!(
        (&har["request"]["bodySize"], &har["response"]["bodySize"], &har["response"]["status"]),
        (&(-1).into(), &(-1).into(), &0.into())
    );
    let columns = Columns::parse("id,bytes_out,timings_us.total,error.code").unwrap();
    let mut row = Vec::new();
    columns.write(1, &event, &[], &mut row);
    assert_eq!(String::from_utf8(row).unwrap(), format!("{},,,interrupted\r\n", event.id));
}
