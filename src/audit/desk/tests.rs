//! What the desk keeps, counts, drops and takes back.

use std::fs;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use tempfile::TempDir;

use crate::data::{Tag, Tags};
use crate::policy::{Due, Report};

use super::candidate::due_date;
use super::docket::MOST_HOLDS;
use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn tags(names: &[&str]) -> Tags {
    names.iter().filter_map(|name| Tag::parse(name)).collect()
}

fn held(client: &str, host: &str, when: &str) -> Hold {
    Hold {
        id: Uuid::now_v7(),
        first: at(when),
        last: at(when),
        asked: 1,
        client: client.to_owned(),
        host: Host::parse(host).unwrap(),
        port: 443,
        method: "POST".to_owned(),
        tags: tags(&["health"]),
        rules: vec![HoldingRule {
            rule: "pack/rule".to_owned(),
            cite: Some("Act 7".to_owned()),
            reason: "because".to_owned(),
        }],
        needs: vec!["transaction".to_owned()],
        rulings: Vec::new(),
    }
}

fn ruling(decision: Decided, when: &str, expires: Option<&str>) -> Ruling {
    Ruling {
        decision,
        at: at(when),
        by: "counsel".to_owned(),
        reason: "contract 7".to_owned(),
        expires: expires.map(at),
    }
}

fn candidate(host: &str, when: &str) -> Candidate {
    let report = Report {
        id: "rejected".to_owned(),
        due_days: 14,
        business_days: false,
        cite: "Act 7".to_owned(),
    };
    let zone = TimeZone::get("America/New_York").unwrap();
    let due = Due { pack: "pack".to_owned(), rule: "rule".to_owned(), report, zone };
    let deed = Deed {
        decision: Uuid::now_v7(),
        at: at(when),
        client: "svc".to_owned(),
        host: Host::parse(host).unwrap(),
        tags: tags(&["health"]),
    };
    Candidate::new(&due, &deed)
}

fn closing(outcome: Told) -> Closing {
    Closing {
        at: at("2026-11-26T12:00:00Z"),
        by: "counsel".to_owned(),
        outcome,
        note: "told by letter".to_owned(),
        evidence: Some("DMS 1".to_owned()),
    }
}

const NOW: &str = "2026-11-25T12:00:00Z";
const LATER: &str = "2026-11-25T13:00:00Z";
const LATE: &str = "2026-11-26T12:00:00Z";

#[test]
fn the_same_asked_again_is_one_hold() {
    let mut docket = Docket::new(Vec::new(), Vec::new());
    let first = docket.hold(held("svc", "a.example", NOW)).0;
    let again = docket.hold(held("svc", "a.example", LATER)).0;
    assert_eq!((again.id, again.asked, again.first), (first.id, 2, first.first));
    assert_eq!(again.last, at(LATER));
    for other in [
        held("other", "a.example", NOW),
        held("svc", "b.example", NOW),
        Hold { tags: tags(&["health", "omic"]), ..held("svc", "a.example", NOW) },
        Hold { rules: Vec::new(), ..held("svc", "a.example", NOW) },
    ] {
        assert_eq!(docket.hold(other.clone()).0, other);
    }
    assert_eq!(docket.open_holds(), 5);
    let elsewhere = Hold { port: 80, method: "GET".to_owned(), ..held("svc", "a.example", LATE) };
    assert_eq!(docket.hold(elsewhere).0.asked, 3, "port and method do not make another matter");
}

#[test]
fn an_approval_names_what_was_held_and_ends() {
    let mut docket = Docket::new(Vec::new(), Vec::new());
    let hold = docket.hold(held("svc", "a.example", NOW)).0;
    assert!(docket.approvals(at(NOW)).is_empty());
    let approve = ruling(Decided::Approve, NOW, Some(LATE));
    let approved = docket.rule(hold.id, approve.clone()).unwrap();
    assert_eq!(approved.state(at(LATER)), HoldState::Approved);
    assert_eq!(approved.state(at(LATE)), HoldState::Expired, "the end itself is not covered");
    let approvals = docket.approvals(at(LATER));
    let of_host = approvals.get(&hold.host).unwrap();
    assert_eq!(of_host.len(), 1);
    let approval = of_host.first().unwrap();
    assert_eq!(
        (&*approval.hold, &approval.rules),
        (&*hold.id.to_string(), &vec!["pack/rule".to_owned()])
    );
    assert_eq!(
        (&*approval.client, &approval.tags, approval.expires),
        ("svc", &hold.tags, at(LATE))
    );
    assert!(docket.approvals(at(LATE)).is_empty());
    // Who asks after the end waits anew; the old hold stays as it was decided.
    let anew = docket.hold(held("svc", "a.example", LATE)).0;
    assert_ne!(anew.id, hold.id);
    assert_eq!(anew.state(at(LATE)), HoldState::Open);
    let late = docket.rule(hold.id, ruling(Decided::Approve, LATE, None));
    assert!(matches!(late, Err(DeskError::Late(_))), "{late:?}");
    let unknown = docket.rule(Uuid::now_v7(), approve);
    assert!(matches!(unknown, Err(DeskError::Unknown(_))), "{unknown:?}");
}

#[test]
fn a_denial_stands_and_withdraws() {
    let mut docket = Docket::new(Vec::new(), Vec::new());
    let hold = docket.hold(held("svc", "a.example", NOW)).0;
    docket.rule(hold.id, ruling(Decided::Approve, NOW, Some(LATE))).unwrap();
    docket.rule(hold.id, ruling(Decided::Deny, LATER, None)).unwrap();
    assert!(docket.approvals(at(LATER)).is_empty());
    let again = docket.hold(held("svc", "a.example", LATE)).0;
    assert_eq!((again.id, again.state(at(LATE))), (hold.id, HoldState::Denied));
    assert_eq!(again.rulings.len(), 2, "every decision is kept");
    docket.rule(hold.id, ruling(Decided::Approve, LATE, Some("2026-11-27T12:00:00Z"))).unwrap();
    assert_eq!(docket.approvals(at(LATE)).len(), 1, "a mind may change");
}

#[test]
fn too_many_holds_drop_the_one_that_nobody_asks_for() {
    let mut docket = Docket::new(Vec::new(), Vec::new());
    let mut ids = Vec::new();
    for number in 0..MOST_HOLDS {
        let (hold, dropped) = docket.hold(held("svc", &format!("h{number}.example"), NOW));
        assert_eq!(dropped, None);
        ids.push(hold.id);
    }
    docket.hold(held("svc", "h0.example", LATER));
    docket.rule(ids[1], ruling(Decided::Deny, NOW, None)).unwrap();
    // One is decided and no longer open.
    assert_eq!(docket.hold(held("svc", "more.example", LATER)).1, None);
    let (_, dropped) = docket.hold(held("svc", "most.example", LATER));
    assert_eq!(dropped.map(|hold| hold.id), Some(ids[2]));
    assert_eq!(docket.open_holds(), MOST_HOLDS);
    assert!(docket.holds.get(ids[0]).is_some() && docket.holds.get(ids[1]).is_some());
}

#[test]
fn candidates_of_one_day_are_one_until_a_person_closes_it() {
    let mut docket = Docket::new(Vec::new(), Vec::new());
    // 23:30 and 00:30 in New York: two days there, one in UTC.
    let (evening, night) = ("2026-11-25T04:30:00Z", "2026-11-25T05:30:00Z");
    docket.note(vec![candidate("a.example", evening), candidate("a.example", evening)]).unwrap();
    docket.note(vec![candidate("a.example", night), candidate("b.example", night)]).unwrap();
    let all: Vec<_> = docket.candidates.iter().cloned().collect();
    let days: Vec<_> = all.iter().map(|one| (one.day, one.due, one.count)).collect();
    let (first, second) = (date(2026, 11, 24), date(2026, 11, 25));
    let (first_due, second_due) = (date(2026, 12, 8), date(2026, 12, 9));
    assert_eq!(days, [(first, first_due, 2), (second, second_due, 1), (second, second_due, 1)]);
    let id = all.first().unwrap().id;
    docket.close(id, closing(Told::NotDue)).unwrap();
    assert!(matches!(docket.close(id, closing(Told::Reported)), Err(DeskError::Late(_))));
    docket.note(vec![candidate("a.example", evening)]).unwrap();
    assert_eq!(docket.open_candidates(), 3, "what was closed does not stand for what came later");
}

#[test]
fn business_days_skip_the_weekend() {
    let due = |from: Date, due_days, business_days| {
        let (id, cite) = (String::new(), String::new());
        due_date(from, &Report { id, due_days, business_days, cite })
    };
    let (thursday, friday, saturday) = (date(2026, 11, 26), date(2026, 11, 27), date(2026, 11, 28));
    assert_eq!(due(friday, 1, true), date(2026, 11, 30));
    assert_eq!(due(friday, 1, false), saturday);
    assert_eq!(due(saturday, 1, true), date(2026, 11, 30));
    assert_eq!(due(thursday, 10, true), date(2026, 12, 10));
    assert_eq!(due(thursday, 14, false), date(2026, 12, 10));
    assert_eq!(due(saturday, 0, true), saturday);
}

fn write(store: &mut Store, docket: &mut Docket) {
    store.commit(docket).unwrap();
    docket.holds.settle();
    docket.candidates.settle();
}

#[test]
fn what_is_written_is_read_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state/holds.redb");
    let mut store = Store::open(&path).unwrap();
    let mut docket = Docket::new(Vec::new(), Vec::new());
    let hold = docket.hold(held("svc", "[2001:db8::1]", NOW)).0;
    docket.hold(held("svc", "b.example", NOW));
    docket.rule(hold.id, ruling(Decided::Approve, NOW, Some(LATE))).unwrap();
    docket.note(vec![candidate("a.example", NOW)]).unwrap();
    let id = docket.candidates.iter().next().unwrap().id;
    docket.close(id, closing(Told::Reported)).unwrap();
    write(&mut store, &mut docket);
    docket.hold(held("svc", "b.example", LATER));
    assert!(!docket.holds.is_urgent(), "nobody waits for a count");
    write(&mut store, &mut docket);
    let dropped = docket.hold(held("svc", "c.example", NOW)).0;
    write(&mut store, &mut docket);
    docket.holds.take(dropped.id);
    write(&mut store, &mut docket);
    drop(store);
    let (holds, candidates) = Store::open(&path).unwrap().load().unwrap();
    assert_eq!(holds, docket.holds.iter().cloned().collect::<Vec<_>>());
    assert_eq!(candidates, docket.candidates.iter().cloned().collect::<Vec<_>>());
    assert_eq!((holds.len(), candidates.len()), (2, 1));
    assert_eq!(Docket::new(holds, candidates).approvals(at(LATER)).len(), 1);
}

#[test]
fn what_cannot_be_written_is_taken_back() {
    let folder = TempDir::new().unwrap();
    let (path, away) = (folder.path().join("holds.redb"), folder.path().join("away"));
    let mut store = Store::open(&path).unwrap();
    let mut docket = Docket::new(Vec::new(), Vec::new());
    let hold = docket.hold(held("svc", "a.example", NOW)).0;
    write(&mut store, &mut docket);
    store.close();
    fs::rename(&path, &away).unwrap();
    docket.rule(hold.id, ruling(Decided::Approve, NOW, Some(LATE))).unwrap();
    docket.hold(held("svc", "b.example", NOW));
    docket.note(vec![candidate("a.example", NOW)]).unwrap();
    assert!(store.commit(&docket).is_err());
    docket.holds.roll_back();
    docket.candidates.roll_back();
    assert_eq!(docket.holds.iter().collect::<Vec<_>>(), [&hold]);
    assert_eq!((docket.candidates.len(), docket.approvals(at(NOW)).len()), (0, 0));
    // A failed write may have reached the disk: what is true is written over it.
    assert!(docket.holds.is_stale() && !docket.holds.is_urgent());
    fs::rename(&away, &path).unwrap();
    let again = docket.hold(held("svc", "b.example", LATER)).0;
    assert_eq!(again.asked, 1);
    write(&mut store, &mut docket);
    drop(store);
    let (holds, candidates) = Store::open(&path).unwrap().load().unwrap();
    assert_eq!(holds, [hold, again]);
    assert_eq!(candidates, []);
}

#[test]
fn a_damaged_file_is_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("holds.redb");
    drop(Store::open(&path).unwrap());
    let whole = fs::read(&path).unwrap();
    let fault = || Store::open(&path).and_then(|store| store.load()).unwrap_err().to_string();
    for bytes in [&whole[..0], &whole[..whole.len() / 2], &b"holds"[..]] {
        fs::write(&path, bytes).unwrap();
        assert!(fault().contains("damaged"), "{} octets: {}", bytes.len(), fault());
    }
    fs::write(&path, &whole).unwrap();
    let open = Store::open(&path).unwrap();
    assert!(fault().contains("another process"), "{}", fault());
    drop(open);
    drop(Store::open(&path).unwrap());
}

#[tokio::test]
async fn the_desk_answers_when_it_is_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("holds.redb");
    let metrics = Arc::new(Metrics::new());
    let desk = Desk::open(Some(&path), Arc::clone(&metrics)).unwrap();
    let mut changes = desk.changes();
    let asked = (0..50).map(|number| held("svc", &format!("h{}.example", number % 10), NOW));
    let waiting: Vec<_> = asked.map(|hold| desk.hold(hold)).collect();
    for one in waiting {
        one.await.unwrap();
    }
    let holds = desk.holds().await.unwrap();
    assert_eq!((holds.len(), holds.iter().map(|hold| hold.asked).sum::<u64>()), (10, 50));
    let hold = holds.into_iter().next().unwrap();
    assert_eq!(desk.approvals(&hold.host).map(|all| all.len()), None);
    let end = Timestamp::now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let approve = Ruling { expires: Some(end), ..ruling(Decided::Approve, NOW, None) };
    desk.rule(hold.id, approve).await.unwrap();
    assert_eq!(desk.approvals(&hold.host).map(|all| all.len()), Some(1));
    assert_eq!(desk.next_end(at(NOW)), Some(end));
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    desk.note(vec![candidate("a.example", NOW)]).await.unwrap();
    desk.note_later(vec![candidate("a.example", NOW)]).unwrap();
    assert_eq!(desk.candidates().await.unwrap().first().map(|one| one.count), Some(2));
    let text = metrics.render();
    for line in [
        "egress_holds_open 9",
        "egress_reports_open 1",
        "egress_holds_decided_total{decision=\"approve\"} 1",
        "egress_holds_decided_total{decision=\"deny\"} 0",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    desk.end().await;
    let (holds, candidates) = Store::open(&path).unwrap().load().unwrap();
    assert_eq!(
        holds.iter().map(|hold| hold.asked).sum::<u64>(),
        50,
        "counts are written at the end"
    );
    assert_eq!(candidates.first().map(|one| one.count), Some(2));
    assert!(desk.hold(held("svc", "z.example", NOW)).await.is_err());
}

#[tokio::test]
async fn without_a_folder_all_is_in_memory() {
    let desk = Desk::open(None, Arc::new(Metrics::new())).unwrap();
    let hold = desk.hold(held("svc", "a.example", NOW)).await.unwrap();
    let denied = desk.rule(hold.id, ruling(Decided::Deny, NOW, None)).await.unwrap();
    assert_eq!(denied.state(at(NOW)), HoldState::Denied);
}
