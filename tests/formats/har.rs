//! An archive of HTTP that its readers take: what the format requires is there, and nothing of
//! bodies and fields.

use std::time::Duration;

use borderpost::audit::event::Collection;
use serde_json::Value;

use super::{events, origin};

#[test]
fn a_collection_is_an_archive() {
    let mut out = Vec::new();
    let mut collection = Collection::open(&origin(), &mut out);
    for event in events() {
        collection.add(&event, &origin(), &mut out);
    }
    collection.close(&mut out);
    let archive: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(archive["log"]["version"], "1.2");
    assert_eq!(archive["log"]["creator"]["name"], "borderpost");
    let entries = archive["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), events().len());
    for (entry, event) in entries.iter().zip(events()) {
        check(entry);
        assert_eq!(entry["_egress"]["id"], *event.id);
        let millis = Duration::from_micros(event.timings_us.total).as_secs_f64() * 1e3;
        assert!((entry["time"].as_f64().unwrap() - millis).abs() < 0.001, "{entry:#}");
    }
}

#[test]
fn an_empty_collection_is_an_archive() {
    let mut out = Vec::new();
    Collection::open(&origin(), &mut out).close(&mut out);
    let archive: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(archive["log"]["entries"], serde_json::json!([]));
}

/// What HAR 1.2 requires of an entry.
fn check(entry: &Value) {
    let text = |path: &str| assert!(entry.pointer(path).unwrap().is_string(), "{path}");
    for path in [
        "/startedDateTime",
        "/request/method",
        "/request/url",
        "/request/httpVersion",
        "/response/statusText",
        "/response/httpVersion",
        "/response/redirectURL",
        "/response/content/mimeType",
    ] {
        text(path);
    }
    for path in [
        "/request/cookies",
        "/request/headers",
        "/request/queryString",
        "/response/cookies",
        "/response/headers",
    ] {
        assert_eq!(entry.pointer(path).unwrap(), &serde_json::json!([]), "{path}");
    }
    for path in [
        "/request/headersSize",
        "/request/bodySize",
        "/response/status",
        "/response/headersSize",
        "/response/bodySize",
        "/response/content/size",
    ] {
        assert!(entry.pointer(path).unwrap().is_i64(), "{path}");
    }
    assert!(entry["cache"].is_object());
    assert!(entry["response"]["content"].get("text").is_none());
    assert!(entry["request"].get("postData").is_none());
    entry["startedDateTime"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let timings = entry["timings"].as_object().unwrap();
    for needed in ["send", "wait", "receive"] {
        assert!(timings[needed].as_f64().unwrap() >= 0.0, "{needed}");
    }
    // A stage of -1 does not apply, and all others make the whole.
    let sum: f64 =
        timings.values().map(|one| one.as_f64().unwrap()).filter(|one| *one >= 0.0).sum();
    assert!((sum - entry["time"].as_f64().unwrap()).abs() < 0.001, "{entry:#}");
}
