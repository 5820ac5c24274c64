//! Ten thousand refusals of one rule towards one destination on one day are one finding.

use std::time::Duration;

use borderpost::audit::{Event, Findings, Format};
use serde_json::Value;

use super::ocsf::Schema;
use super::{events, origin, value};

fn lines(out: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(out).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let schema = Schema::pinned();
    for one in &all {
        assert_eq!(schema.problems(one), Vec::<String>::new(), "{one:#}");
    }
    all
}

fn at(event: &Event<'static>, time: &str, host: &str) -> Event<'static> {
    let mut event = event.clone();
    event.time = time.parse().unwrap();
    event.host = Some(host.to_owned().into());
    event
}

#[test]
fn many_refusals_are_one_finding_with_their_number() {
    let (blocked, origin) = (&events()[1], origin());
    let mut findings = Findings::default();
    let mut out = Vec::new();
    for second in 0..50 {
        let time = format!("2026-11-30T23:59:{second:02}Z");
        findings.note(&at(blocked, &time, "a.example"), &origin, &mut out);
    }
    findings.note(&at(blocked, "2026-11-30T23:59:50Z", "b.example"), &origin, &mut out);
    let new = lines(&std::mem::take(&mut out));
    assert_eq!(new.len(), 2, "one for each destination");
    let uid = "us-28cfr202/bulk-health:a.example:2026-11-30";
    assert_eq!(new[0]["finding_info"]["uid"], uid);
    assert_eq!((&new[0]["type_uid"], &new[0]["count"]), (&200_601.into(), &1.into()));
    let related = &new[0]["finding_info"]["related_events"][0];
    assert_eq!(related["uid"], value(Format::Ocsf, blocked)["metadata"]["uid"]);
    assert_eq!(related["type_uid"], value(Format::Ocsf, blocked)["type_uid"]);

    findings.note(&at(blocked, "2026-12-01T00:00:00Z", "a.example"), &origin, &mut out);
    let told = lines(&std::mem::take(&mut out));
    assert_eq!(told.len(), 2, "the day's number, and the new day's finding");
    assert_eq!(told[0]["finding_info"]["uid"], uid);
    assert_eq!((&told[0]["type_uid"], &told[0]["count"]), (&200_602.into(), &50.into()));
    assert_eq!(told[0]["finding_info"]["related_events_count"], 50);
    assert_eq!(told[0]["end_time"], 1_796_083_189_000_u64);
    assert_eq!(told[1]["finding_info"]["uid"], "us-28cfr202/bulk-health:a.example:2026-12-01");
}

#[test]
fn numbers_are_told_every_so_often_and_when_the_day_is_over() {
    let (blocked, origin) = (&events()[1], origin());
    let every = Duration::from_mins(15);
    let moment = |time: &str| time.parse().unwrap();
    let mut findings = Findings::default();
    let mut out = Vec::new();
    let mut note = |findings: &mut Findings, time: &str| {
        findings.note(&at(blocked, time, "a.example"), &origin, &mut out);
        lines(&std::mem::take(&mut out)).len()
    };
    let told = |findings: &mut Findings, now: &str| {
        let mut out = Vec::new();
        findings.update(moment(now), every, &mut out);
        let told = lines(&out);
        assert!(told.len() < 2 && told.iter().all(|one| one["type_uid"] == 200_602));
        told.first().map(|one| one["count"].as_u64().unwrap())
    };
    assert_eq!(note(&mut findings, "2026-11-30T12:00:00Z"), 1);
    assert_eq!(findings.due(every), None, "what has not grown is told");
    note(&mut findings, "2026-11-30T12:00:01Z");
    note(&mut findings, "2026-11-30T12:00:02Z");
    assert_eq!(findings.due(every), Some(moment("2026-11-30T12:15:00Z")));
    assert_eq!(told(&mut findings, "2026-11-30T12:14:59Z"), None);
    assert_eq!(told(&mut findings, "2026-11-30T12:15:00Z"), Some(3));
    note(&mut findings, "2026-11-30T23:50:00Z");
    assert_eq!(told(&mut findings, "2026-11-30T23:50:00Z"), Some(4));
    note(&mut findings, "2026-11-30T23:59:00Z");
    assert_eq!(findings.due(every), Some(moment("2026-12-01T00:00:00Z")));
    assert_eq!(told(&mut findings, "2026-12-01T00:00:00Z"), Some(5));
    assert!(findings.is_empty());
    // What comes late is counted to the day that has begun: nobody opens a closed one again.
    assert_eq!(note(&mut findings, "2026-11-30T23:59:59Z"), 1);
    assert_eq!(note(&mut findings, "2026-12-01T00:00:01Z"), 0);
    assert_eq!(told(&mut findings, "2026-12-01T01:00:00Z"), Some(2));
}

#[test]
fn a_hand_over_tells_what_is_open_once() {
    let (blocked, origin) = (&events()[1], origin());
    let mut findings = Findings::default();
    let mut out = Vec::new();
    for host in ["b.example", "a.example", "a.example", "b.example", "b.example", "c.example"] {
        findings.note(&at(blocked, "2026-11-30T12:00:00Z", host), &origin, &mut out);
    }
    assert_eq!((lines(&std::mem::take(&mut out)).len(), findings.len()), (3, 3));
    findings.hand_over(&mut out);
    let counts: Vec<_> = lines(&out).iter().map(|one| one["count"].clone()).collect();
    assert_eq!(counts, [2, 3], "in order, and c, which happened once, is told already");
    assert!(findings.is_empty());
    findings.hand_over(&mut out);
    assert_eq!(lines(&out).len(), 2);
}

#[test]
fn what_is_kept_is_bounded_and_nothing_is_lost() {
    let (blocked, origin) = (&events()[1], origin());
    let mut findings = Findings::keeping(3);
    let mut out = Vec::new();
    for number in 0..100 {
        for _ in 0..2 {
            let host = format!("h{number}.example");
            findings.note(&at(blocked, "2026-11-30T12:00:00Z", &host), &origin, &mut out);
        }
        assert!(findings.len() <= 3);
    }
    findings.hand_over(&mut out);
    let told = lines(&out);
    let of = |kind: u64| told.iter().filter(|one| one["type_uid"] == kind).count();
    assert_eq!((of(200_601), of(200_602)), (100, 100));
}

#[test]
fn only_what_a_rule_refused_is_a_finding() {
    let mut findings = Findings::default();
    let mut out = Vec::new();
    for event in events() {
        findings.note(&event, &origin(), &mut out);
    }
    let found = lines(&out);
    let rules: Vec<_> = found.iter().map(|one| one["firewall_rule"]["name"].clone()).collect();
    assert_eq!(rules, ["bulk-health", "unknown-place", "unread"]);
}
