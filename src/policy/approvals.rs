//! Tests of what an approval lifts, for whom, and until when.

use jiff::Timestamp;

use crate::data::{Tag, TagPattern, Tags};
use crate::geo::{Atlas, Overlay};
use crate::net::Host;

use super::*;

const START: &str = "2026-11-25T12:00:00Z";
const END: &str = "2026-11-25T20:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn tags(names: &[&str]) -> Tags {
    names.iter().filter_map(|name| Tag::parse(name)).collect()
}

fn rule(pack: usize, id: &str, outcome: Outcome, tag: &str) -> Rule {
    let mask = TagMask::new(vec![TagPattern::parse(tag).unwrap()]);
    let rule = Rule::plain(id, outcome, vec![Condition::Tags(mask)]);
    Rule { pack: format!("p{pack}"), pack_index: pack, ..rule }
}

fn policy(rules: Vec<Rule>) -> Policy {
    let packs = (0..2).map(|pack| Pack { id: format!("p{pack}"), ..Pack::local() }).collect();
    Policy::with_law(rules, PolicySettings::default(), Law { packs, ..Law::default() })
}

fn approval(rules: &[&str]) -> Approval {
    Approval {
        hold: "the-hold".to_owned(),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        client: "svc".to_owned(),
        host: Host::parse("api.example").unwrap(),
        tags: tags(&["health", "omic"]),
        expires: at(END),
    }
}

/// One question; all else is as approved.
struct Asked<'a> {
    principal: Option<&'a str>,
    host: &'a str,
    tags: &'a [&'a str],
    at: &'a str,
}

const SAME: Asked<'_> =
    Asked { principal: Some("svc"), host: "api.example", tags: &["health"], at: START };

fn ask(policy: &Policy, approvals: &[Approval], asked: &Asked<'_>) -> Verdict {
    let atlas = Atlas::load(Vec::new(), Overlay::default()).unwrap();
    let content = policy.weigh(tags(asked.tags), true);
    let socket = "192.0.2.1:443".parse().unwrap();
    let judged = std::net::SocketAddr::ip(&socket);
    let place = Place { socket, judged, special: None, entry: atlas.locate(judged) };
    let host = Host::parse(asked.host).unwrap();
    let facts = Facts {
        client: std::net::IpAddr::from([127, 0, 0, 1]),
        principal: asked.principal,
        method: "POST",
        host: &host,
        place: None,
        peer: Peer::Hidden,
        content: &content,
        circumstances: Circumstances { approvals, ..Circumstances::at(at(asked.at)) },
    };
    policy.conclude(&facts, place)
}

fn outcome(verdict: &Verdict) -> Outcome {
    match verdict {
        Verdict::Allow(permit) => permit.outcome(),
        Verdict::Refuse(refusal) => refusal.outcome,
    }
}

#[test]
fn an_approval_is_for_one_client_one_host_some_data_and_some_time() {
    let policy = policy(vec![rule(0, "look", Outcome::Hold, "*")]);
    let approvals = [approval(&["p0/look"])];
    let told = |asked: Asked<'_>| outcome(&ask(&policy, &approvals, &asked));
    assert_eq!(told(SAME), Outcome::Log);
    assert_eq!(told(Asked { tags: &["health", "omic"], ..SAME }), Outcome::Log);
    assert_eq!(told(Asked { at: "2026-11-25T19:59:59.999Z", ..SAME }), Outcome::Log);
    for other in [
        Asked { at: END, ..SAME },
        Asked { at: "2027-01-01T00:00:00Z", ..SAME },
        Asked { principal: Some("svc2"), ..SAME },
        Asked { principal: None, ..SAME },
        Asked { host: "api2.example", ..SAME },
        Asked { host: "x.api.example", ..SAME },
        Asked { tags: &["health", "card"], ..SAME },
        Asked { tags: &["health.x"], ..SAME },
    ] {
        let shown = format!("{:?} {} {:?} {}", other.principal, other.host, other.tags, other.at);
        assert_eq!(told(other), Outcome::Hold, "{shown}");
    }
    let of_other_pack = [approval(&["p1/look", "look", "xp0/look", "p0/loo"])];
    assert_eq!(outcome(&ask(&policy, &of_other_pack, &SAME)), Outcome::Hold);
}

#[test]
fn an_approval_lifts_no_rule_that_bars() {
    for bar in [Outcome::Block, Outcome::Require] {
        let rules = vec![rule(0, "look", Outcome::Hold, "*"), rule(0, "bar", bar, "*")];
        let approvals = [approval(&["p0/look", "p0/bar"])];
        assert_eq!(outcome(&ask(&policy(rules), &approvals, &SAME)), bar);
    }
}

#[test]
fn a_conflict_of_duties_is_lifted_by_who_knew_every_bar() {
    let duty = Rule { duty: true, ..rule(1, "must", Outcome::Log, "*") };
    let bars = [rule(0, "bar", Outcome::Block, "*"), rule(0, "look", Outcome::Hold, "*")];
    let both = policy([vec![duty.clone()], bars.to_vec()].concat());
    assert_eq!(outcome(&ask(&both, &[], &SAME)), Outcome::Hold);
    for part in [&["p0/bar"][..], &["p1/must", "p0/bar"]] {
        assert_eq!(outcome(&ask(&both, &[approval(part)], &SAME)), Outcome::Hold, "{part:?}");
    }
    let approvals = [approval(&["p1/must"]), approval(&["p0/bar", "p0/look"])];
    let Verdict::Allow(permit) = ask(&both, &approvals, &SAME) else { panic!("still refused") };
    assert_eq!(permit.outcome(), Outcome::Log);
    let lifted = permit.held().iter().filter(|held| held.lifted == Some(Lift::Approval(1)));
    assert_eq!(lifted.count(), 2);
    assert_eq!(outcome(&ask(&both, &approvals, &Asked { at: END, ..SAME })), Outcome::Hold);
    // A duty of the same pack makes no conflict, and nothing to approve.
    let own = Rule { pack: "p0".to_owned(), pack_index: 0, ..duty };
    let own = policy([vec![own], bars.to_vec()].concat());
    assert_eq!(outcome(&ask(&own, &approvals, &SAME)), Outcome::Block);
}

#[test]
fn an_observing_rule_makes_nothing_due() {
    let report = Report {
        id: "told".to_owned(),
        due_days: 1,
        business_days: false,
        cite: "Act 7".to_owned(),
    };
    let pack = Pack { reports: vec![report], retain_years: Some(3), ..Pack::local() };
    for (mode, reports) in [(Mode::Enforce, 1), (Mode::Observe, 0)] {
        let rule = rule(0, "r", Outcome::Log, "*");
        let rule = Rule { reports: vec!["told".to_owned()], alert: true, mode, ..rule };
        let law = Law { packs: vec![pack.clone()], ..Law::default() };
        let policy = Policy::with_law(vec![rule], PolicySettings::default(), law);
        let Verdict::Allow(permit) = ask(&policy, &[], &SAME) else { panic!("refused") };
        let duties = policy.duties(permit.held());
        assert_eq!((duties.reports.len(), duties.alert), (reports, reports == 1));
        assert_eq!(duties.retain_years, Some(3));
    }
}
