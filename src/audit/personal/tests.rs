//! Sealing and opening, as properties and case by case.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::event::{Client, Event, FIELDS, pick};
use super::*;

fn now() -> Timestamp {
    "2026-11-26T08:00:00Z".parse().unwrap()
}

fn ring(folder: &std::path::Path) -> KeyRing {
    KeyRing::at(folder)
}

fn seal(sealer: &mut Sealer, line: &[u8]) -> Vec<u8> {
    let (sealed, result) = sealer.seal(line, now());
    result.unwrap();
    sealed
}

fn value(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap()
}

fn record(more: &Value) -> Vec<u8> {
    let mut record = json!({
        "time": "2026-11-26T08:00:00Z", "client": "192.0.2.77:4711", "principal": "jane.doe",
        "trace": null, "path": "/people/jane", "host": "a.example", "tags": [], "outcome": "allow",
        "retain_years": null, "error": {"fault": "client", "code": "x", "detail": "jane left"},
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record.to_string().into_bytes()
}

#[test]
fn a_line_is_sealed_and_opened_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (ring, line) = (ring(folder.path()), record(&json!({})));
    let sealed = seal(&mut Sealer::new(ring.clone()), &line);
    let text = String::from_utf8(sealed.clone()).unwrap();
    for word in ["jane", "4711", "192.0.2"] {
        assert!(!text.contains(word), "{text}");
    }
    let stored = value(&sealed);
    assert_eq!(stored["client"], "[sealed]");
    assert_eq!(stored["trace"], Value::Null, "that there was none is no secret");
    assert_eq!(stored["error"], json!({"fault": "client", "code": "x", "detail": "[sealed]"}));
    assert_eq!(ring.opener().open(&sealed), line);
    assert_eq!(ring.opener().open(&line), line, "what is not sealed is as it is");
    assert_eq!(key_of(&line), None);
    let id = key_of(&sealed).unwrap();
    assert_eq!((id.class, id.month), (Class::Untagged, Month::of(now())));
    let again = seal(&mut Sealer::new(ring), &line);
    assert_eq!(key_of(&again), Some(id), "the next run goes on with the key");
    assert_ne!(again, sealed, "no nonce twice");
}

#[test]
fn a_span_leads_to_other_logs_as_a_trace_does() {
    let folder = tempfile::tempdir().unwrap();
    let ring = ring(folder.path());
    let line = record(&json!({"trace": "7a6c5e4d3b2a1908", "span": "00f067aa0ba902b7"}));
    let sealed = seal(&mut Sealer::new(ring.clone()), &line);
    assert_eq!(value(&sealed)["span"], "[sealed]");
    assert_eq!(ring.opener().open(&sealed), line);
    let id = key_of(&sealed).unwrap();
    ring.destroy(&id, "a test", now()).unwrap();
    let shown = value(&ring.opener().open(&sealed));
    assert_eq!((&shown["trace"], &shown["span"]), (&"[erased]".into(), &"[erased]".into()));
}

#[test]
fn what_was_in_the_clear_when_it_was_sealed_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let ring = ring(folder.path());
    let id = key_of(&seal(&mut Sealer::new(ring.clone()), &record(&json!({})))).unwrap();
    let octets = fs::read(folder.path().join(format!("{id}.key"))).unwrap();
    // As it was written before spans were sealed.
    let mut stored = format!(
        "{{\"client\":\"[sealed]\",\"span\":\"00f067aa\",\"sealed\":{{\"key\":\"{id}\",\"box\":\""
    );
    let (nonce, mut values) = ([7; NONCE_LEN], b"[\"192.0.2.77:1\"]".to_vec());
    let sealed = line::cipher(&octets).unwrap().seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(stored.as_bytes()),
        &mut values,
    );
    sealed.unwrap();
    stored += &STANDARD.encode([&nonce[..], &values].concat());
    stored += "\"}}";
    let opened = value(&ring.opener().open(stored.as_bytes()));
    assert_eq!(opened, json!({"client": "192.0.2.77:1", "span": "00f067aa"}));
}

#[test]
fn a_record_has_its_class_from_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut sealer = Sealer::new(ring(folder.path()));
    for (more, class) in [
        (json!({}), Class::Untagged),
        (json!({"tags": ["health"]}), Class::Tagged),
        (json!({"tags": ["health"], "outcome": "hold"}), Class::Refused),
        (json!({"outcome": "block"}), Class::Refused),
        (json!({"outcome": null}), Class::Untagged),
        (json!({"outcome": "log", "retain_years": 10}), Class::Pack),
    ] {
        let sealed = seal(&mut sealer, &record(&more));
        assert_eq!(key_of(&sealed).unwrap().class, class, "{more}");
    }
    assert_eq!(ring(folder.path()).keys().unwrap().len(), 4);
}

#[test]
fn a_key_is_for_its_owner_and_for_a_month() {
    let folder = tempfile::tempdir().unwrap();
    let ring = ring(folder.path());
    let mut sealer = Sealer::new(ring.clone()).at_most(3);
    let line = record(&json!({}));
    let mut ids: Vec<_> = (0..7).map(|_| key_of(&seal(&mut sealer, &line)).unwrap()).collect();
    assert!(ids[0] == ids[2] && ids[3] == ids[5] && ids[3] != ids[2] && ids[6] != ids[5]);
    let next = sealer.seal(&line, Month::of(now()).end()).0;
    ids.push(key_of(&next).unwrap());
    assert_eq!(ids[7].month.to_string(), "2026-12");
    ids.dedup();
    assert_eq!(ring.keys().unwrap(), ids.iter().copied().collect());
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    // One that others may read is not used.
    let path = folder.path().join(format!("{}.key", ids[3]));
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let (lost, result) = Sealer::new(ring).seal(&line, Month::of(now()).end());
    assert!(result.unwrap_err().to_string().contains("chmod 600"));
    assert_eq!(value(&lost)["principal"], "[lost]");
}

#[test]
fn a_destroyed_key_erases_and_a_missing_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let ring = ring(folder.path());
    let line = record(&json!({}));
    let sealed = seal(&mut Sealer::new(ring.clone()), &line);
    let id = key_of(&sealed).unwrap();
    let path = folder.path().join(format!("{id}.key"));
    let octets = fs::read(&path).unwrap();
    let away = folder.path().join("away");
    fs::rename(&path, &away).unwrap();
    let shown = value(&ring.opener().open(&sealed));
    assert_eq!(
        (&shown["client"], &shown["error"]["detail"]),
        (&"[no-key]".into(), &"[no-key]".into())
    );
    fs::rename(&away, &path).unwrap();
    ring.destroy(&id, "a request", now()).unwrap();
    ring.destroy(&id, "a request", now()).unwrap();
    assert!(!path.exists() && ring.keys().unwrap().is_empty());
    assert_eq!(ring.erased().unwrap(), [id].into());
    let shown = value(&ring.opener().open(&sealed));
    assert_eq!((&shown["principal"], &shown["trace"]), (&"[erased]".into(), &Value::Null));
    assert_eq!((&shown["host"], shown.get("sealed")), (&"a.example".into(), None));
    // A backup of the key that comes back, or a crash in between, does not bring it back.
    fs::write(&path, &octets).unwrap();
    assert_eq!(value(&ring.opener().open(&sealed))["principal"], "[erased]");
    let next = key_of(&seal(&mut Sealer::new(ring.clone()), &line)).unwrap();
    assert_ne!(next, id, "nothing more is sealed under it");
    ring.finish().unwrap();
    assert!(!path.exists());
}

#[test]
fn without_a_folder_fields_are_lost_and_never_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("keys");
    let ring = ring(&gone);
    assert!(matches!(ring.prepare(true), Err(Fault::NoFolder(_))));
    assert!(ring.keys().unwrap().is_empty());
    let mut sealer = Sealer::new(ring.clone());
    let (lost, result) = sealer.seal(&record(&json!({})), now());
    assert!(matches!(result, Err(Fault::File { .. })), "{result:?}");
    assert!(!String::from_utf8(lost.clone()).unwrap().contains("jane"));
    assert_eq!(value(&lost)["client"], "[lost]");
    assert!(sealer.mend(now()).is_err());
    ring.prepare(false).unwrap();
    assert_eq!(fs::metadata(&gone).unwrap().permissions().mode() & 0o777, 0o700);
    let mut sealer = Sealer::new(ring);
    sealer.mend(now()).unwrap();
    assert!(sealer.seal(&record(&json!({})), now()).1.is_ok());
}

#[test]
fn what_cannot_be_written_leaves_no_part_behind() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing takes the place of a folder.
    fs::create_dir(folder.path().join("erase.request")).unwrap();
    assert!(ring(folder.path()).ask(&json!({})).is_err());
    let left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().path()).collect();
    assert_eq!(left, [folder.path().join("erase.request")]);
}

#[test]
fn records_as_they_are_come_back_as_they_were() {
    assert!(PERSONAL.iter().all(|field| FIELDS.contains(field)), "{PERSONAL:?}");
    let folder = tempfile::tempdir().unwrap();
    let ring = ring(folder.path());
    let mut sealer = Sealer::new(ring.clone());
    let mut cut = 0;
    for line in include_str!("../../../tests/golden/events/records.jsonl").lines() {
        let sealed = seal(&mut sealer, line.as_bytes());
        assert_eq!(&*ring.opener().open(&sealed), line.as_bytes());
        let (was, stored) = (value(line.as_bytes()), value(&sealed));
        for field in PERSONAL {
            let was = pick(&was, field);
            let word = was.as_ref().map(|_| Value::from("[sealed]"));
            assert_eq!(pick(&stored, field), word, "{field}");
            cut += u32::from(was.is_some());
        }
        let event: Event<'_> = serde_json::from_slice(&sealed).unwrap();
        assert_eq!(event.client, Client::Hidden(Hidden::Sealed));
    }
    assert!(cut > 20, "{cut}");
}

#[test]
fn lengths_do_not_tell_names_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut sealer = Sealer::new(ring(folder.path()));
    let mut length = |name: &str| seal(&mut sealer, &record(&json!({"principal": name}))).len();
    assert_eq!(length("jo"), length("johann"));
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,40}|[\u{0}-\u{20}\"\\\\\u{2028}é]{0,20}|.*\",\"sealed\":\\{\"key\":\".*|\\[sealed\\]"
}

/// A key is made once, not for each case: a disk may take its time.
#[test]
fn whatever_is_sealed_opens_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let ring = ring(folder.path());
    let sealer = std::cell::RefCell::new(Sealer::new(ring.clone()));
    let names = "[a-z]{1,8}";
    proptest!(|(
        principal in text(), path in text(), host in text(), detail in text(), key in names,
        deep in any::<bool>(),
    )| {
        let error = if deep { json!({"detail": detail}) } else { json!(detail) };
        let more = json!({
            "principal": principal, "path": path, "host": host, "error": error, key: host,
        });
        let line = record(&more);
        let sealed = seal(&mut sealer.borrow_mut(), &line);
        prop_assert!(value(&sealed).is_object());
        prop_assert_eq!(&*ring.opener().open(&sealed), &*line);
    });
}

#[test]
fn any_octet_that_was_changed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let ring = ring(folder.path());
    let line = record(&json!({}));
    let sealed = seal(&mut Sealer::new(ring.clone()), &line);
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut sealed = sealed.clone();
            sealed[at] ^= 1 << bit;
            let (shown, why) = ring.opener().look(&sealed);
            let text = String::from_utf8_lossy(&shown);
            assert!(*shown != *line && !text.contains("jane"), "{at}: {text}");
            // Where it is no sealed line any more, it shows its own words.
            assert!(why.is_some() || *shown == *sealed, "{at}: {text}");
        }
    }
}

proptest! {
    #[test]
    fn no_octets_are_too_much_for_it(
        line in prop::collection::vec(any::<u8>(), 0..200), text in text(),
    ) {
        let mut opener = ring(std::path::Path::new("/nowhere")).opener();
        prop_assert_eq!(&*opener.open(&line), &*line);
        let id = "untagged-2026-11-00c0ffee00c0ffee";
        let odd = format!("{text},\"sealed\":{{\"key\":\"{id}\",\"box\":\"{text}\"}}}}");
        opener.open(odd.as_bytes());
    }
}
