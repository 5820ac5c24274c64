//! Rules chosen by country: none is left out that could hold.

use crate::geo::{Answer, Entry, Subdivision};

use super::*;

fn decide(condition: Condition, entry: &Entry, at: &str) -> &'static str {
    let policy =
        Policy::new(vec![rule("r", Outcome::Block, vec![condition])], PolicySettings::default());
    let asked = Asked { policy: &policy, atlas: atlas(), tags: &[], complete: true };
    asked.with(Some("20.0.1.1"), |facts| {
        let place = facts.place.map(|place| Place { entry, ..place });
        let circumstances = Circumstances::at(at.parse().unwrap());
        word(&policy.decide(&Facts { place, circumstances, ..*facts }))
    })
}

fn supposed(codes: &[&str], subdivision: Option<&str>) -> Entry {
    let subdivision = subdivision.map(|code| Subdivision::parse(code).unwrap());
    let answer = |code| Answer { country: Country::parse(code), subdivision, ..Answer::default() };
    Entry::supposed(codes.iter().map(|code| answer(code)).collect())
}

#[test]
fn a_place_that_is_named_only_from_a_day_on() {
    let day = "2026-01-01T00:00:00Z".parse().unwrap();
    let places = Dated::new([day], |at| {
        let codes: &[&str] = if at >= day { &["CN"] } else { &["RU"] };
        Places { countries: countries(codes), ..Places::default() }
    });
    let dated = || Reach { places: places.clone(), ..reach(&[], &[], Consensus::Any, false) };
    let (cn, ru) = (supposed(&["CN"], None), supposed(&["RU"], None));
    for (at, inside, outside) in
        [("2025-12-31T23:59:59Z", &ru, &cn), ("2026-01-01T00:00:00Z", &cn, &ru)]
    {
        assert_eq!(decide(Condition::To(dated()), inside, at), "block");
        assert_eq!(decide(Condition::To(dated()), outside, at), "allow");
        assert_eq!(decide(Condition::Outside(dated()), inside, at), "allow");
        assert_eq!(decide(Condition::Outside(dated()), outside, at), "block");
    }
}

#[test]
fn a_region_is_told_without_its_country() {
    let regions = vec![(Subdivision::parse("UA-43").unwrap(), Validity::default())];
    let to = || {
        let reach = reach(&[], &[], Consensus::Any, false);
        Condition::To(Reach { regions: regions.clone(), ..reach })
    };
    let at = "2026-01-01T00:00:00Z";
    assert_eq!(decide(to(), &supposed(&["RU"], Some("UA-43")), at), "block");
    assert_eq!(decide(to(), &supposed(&["RU"], None), at), "allow");
}

#[test]
fn two_countries_meet_two_conditions() {
    let to = |codes| Condition::To(reach(codes, &[], Consensus::Any, false));
    let rules = vec![rule("r", Outcome::Block, vec![to(&["CN"]), to(&["SG"])])];
    let policy = Policy::new(rules, PolicySettings::default());
    let asked = Asked { policy: &policy, atlas: atlas(), tags: &[], complete: true };
    let decided = ["20.0.2.1", "20.0.3.1"].map(|address| word(&asked.decide(Some(address))));
    assert_eq!(decided, ["allow", "block"], "one place alone, then both");
}

#[test]
fn more_rules_than_fit_a_word_are_told_apart() {
    let rules = (0..200).map(|number| {
        let code = if number == 130 { "CN" } else { "RU" };
        let to = Condition::To(reach(&[code], &[], Consensus::Any, false));
        rule(&format!("r{number}"), Outcome::Log, vec![to])
    });
    let policy = Policy::new(rules.collect(), PolicySettings::default());
    let asked = Asked { policy: &policy, atlas: atlas(), tags: &[], complete: true };
    let Decision::Allow(permit) = asked.decide(Some("20.0.2.1")) else { panic!() };
    let ids = permit.held().iter().map(|held| &*policy.rule(held).unwrap().id);
    assert_eq!(ids.collect::<Vec<_>>(), ["r130"]);
}
