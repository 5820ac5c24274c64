//! The register: who is recognised, and what is refused when it is built.

use std::net::IpAddr;

use jiff::civil::date;
use proptest::prelude::*;

use crate::geo::Country;
use crate::net::{HostPattern, parse_network};

use super::*;

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

fn claims(texts: &[&str]) -> Vec<Claim> {
    let claim = |text: &&str| match text.split_once(' ').unwrap() {
        ("host", rest) => Claim::Host(HostPattern::parse(rest).unwrap()),
        ("net", rest) => Claim::Network(parse_network(rest).unwrap()),
        ("as", rest) => Claim::Asn(rest.parse().unwrap()),
        ("key", rest) => Claim::Key(KeyDigest([rest.parse().unwrap(); 32])),
        other => panic!("{other:?}"),
    };
    texts.iter().map(claim).collect()
}

fn party(id: &str, texts: &[&str]) -> PartyDraft {
    PartyDraft { claims: claims(texts), ..PartyDraft::new(id, id.to_uppercase()) }
}

fn shown(register: &Register, found: Option<Match<'_>>) -> Option<String> {
    found.map(|found| format!("{} by {}", register.get(found.party).id, found.by))
}

fn faults(drafts: Vec<PartyDraft>) -> Vec<(usize, Part, String)> {
    let errors = Register::build(drafts).unwrap_err();
    errors.into_iter().map(|error| (error.party, error.part, error.to_string())).collect()
}

fn stake(owner: &str, percent: &str, during: Period) -> StakeDraft {
    StakeDraft { owner: owner.to_owned(), percent: Percent::parse(percent).unwrap(), during }
}

fn seat(kind: SeatKind, code: &str, during: Period) -> Seat {
    Seat { kind, country: Country::parse(code).unwrap(), during }
}

// === recognising ===

#[test]
fn the_host_comes_first_then_key_network_and_asn() {
    let register = Register::build(vec![
        party("by-asn", &["as 64500"]),
        party("by-net", &["net 203.0.113.0/24"]),
        party("by-key", &["key 1"]),
        party("by-host", &["host *.a.example"]),
    ])
    .unwrap();
    let (name, key) = (host("x.a.example"), KeyDigest([1; 32]));
    let mut seen = Sighting {
        host: Some(&name),
        key: Some(&key),
        address: Some(IpAddr::from([203, 0, 113, 7])),
        asns: &[64_499, 64_500],
    };
    let first = |seen: &Sighting<'_>| shown(&register, register.recognise(seen)).unwrap();
    assert_eq!(register.matches(&seen).count(), 4);
    assert_eq!(first(&seen), "by-host by host *.a.example");
    seen.host = None;
    assert_eq!(first(&seen), format!("by-key by key {key}"));
    seen.key = None;
    assert_eq!(first(&seen), "by-net by network 203.0.113.0/24");
    seen.address = None;
    assert_eq!(first(&seen), "by-asn by AS64500");
    seen.asns = &[];
    assert_eq!(register.recognise(&seen), None);
}

#[test]
fn the_longest_suffix_wins_and_the_host_itself_before_all() {
    let register = Register::build(vec![
        party("wide", &["host *.example"]),
        party("mid", &["host *.a.example"]),
        party("exact", &["host x.a.example", "host 192.0.2.1"]),
    ])
    .unwrap();
    let by = |text| shown(&register, register.by_host(&host(text)));
    assert_eq!(by("x.a.example").unwrap(), "exact by host x.a.example");
    assert_eq!(by("X.A.Example.").unwrap(), "exact by host x.a.example");
    assert_eq!(by("y.x.a.example").unwrap(), "mid by host *.a.example");
    assert_eq!(by("a.example").unwrap(), "wide by host *.example");
    assert_eq!(by("ba.example").unwrap(), "wide by host *.example");
    assert_eq!(by("0xc0.0.2.1").unwrap(), "exact by host 192.0.2.1");
    for nobody in ["example", "example.com", "192.0.2.2", "[2001:db8::1]"] {
        assert_eq!(by(nobody), None, "{nobody}");
    }
}

#[test]
fn the_longest_prefix_wins() {
    let register = Register::build(vec![
        party("wide", &["net 10.0.0.0/8", "net 2001:db8::/32"]),
        party("mid", &["net 10.1.0.0/16", "net 2001:db8:1::/48"]),
        party("host", &["net 10.1.2.3", "net ::ffff:10.2.0.0/112"]),
    ])
    .unwrap();
    let by = |text: &str| shown(&register, register.by_address(text.parse().unwrap()));
    assert_eq!(by("10.1.2.3").unwrap(), "host by network 10.1.2.3/32");
    assert_eq!(by("::ffff:10.1.2.3").unwrap(), "host by network 10.1.2.3/32");
    assert_eq!(by("10.1.2.4").unwrap(), "mid by network 10.1.0.0/16");
    assert_eq!(by("10.2.9.9").unwrap(), "host by network 10.2.0.0/16");
    assert_eq!(by("10.255.255.255").unwrap(), "wide by network 10.0.0.0/8");
    assert_eq!(by("2001:db8:1::1").unwrap(), "mid by network 2001:db8:1::/48");
    assert_eq!(by("2001:db8:2::1").unwrap(), "wide by network 2001:db8::/32");
    for nobody in ["9.255.255.255", "11.0.0.0", "2001:db9::", "::a01:203"] {
        assert_eq!(by(nobody), None, "{nobody}");
    }
}

proptest! {
    #[test]
    fn networks_are_found_as_one_by_one(
        networks in proptest::collection::vec((0u32..64, 26u8..=32), 0..12), asked in 0u32..64,
    ) {
        let networks: Vec<_> = networks
            .into_iter()
            .map(|(low, length)| parse_network(&format!("10.0.0.{low}/{length}")).unwrap())
            .collect();
        let claims = networks.iter().copied().map(Claim::Network).collect();
        let draft = PartyDraft { claims, ..PartyDraft::new("a", "A") };
        let register = Register::build(vec![draft]).unwrap();
        let address = IpAddr::from((10 << 24 | asked).to_be_bytes());
        let holding = networks.iter().filter(|network| network.contains(address));
        let expected = holding.max_by_key(|network| network.prefix()).copied();
        let found = register.by_address(address).map(|found| found.by);
        let expected = expected.map(MatchedBy::Network);
        prop_assert_eq!(found, expected);
    }
}

proptest! {
    #[test]
    fn hosts_are_found_as_one_by_one(
        texts in proptest::collection::btree_set("(\\*\\.)?([ab]\\.){0,3}[ab]", 0..12),
        asked in "([ab]\\.){0,4}[ab]",
    ) {
        let patterns: Vec<_> = texts.iter().map(|text| HostPattern::parse(text).unwrap()).collect();
        let claims = patterns.iter().cloned().map(Claim::Host).collect();
        let draft = PartyDraft { claims, ..PartyDraft::new("a", "A") };
        let register = Register::build(vec![draft]).unwrap();
        let asked = host(&asked);
        let exact = |pattern: &HostPattern| matches!(pattern, HostPattern::Exact(_));
        let matching = patterns.iter().filter(|pattern| pattern.matches(&asked));
        let expected = matching.max_by_key(|one| (exact(one), one.to_string().len()));
        let found = register.by_host(&asked).map(|found| found.by);
        prop_assert_eq!(found, expected.map(MatchedBy::Host));
    }
}

// === mistakes ===

#[test]
fn nothing_stands_for_two_parties() {
    let texts = ["host a.example", "host *.a.example", "net 10.0.0.0/8", "as 1", "key 1"];
    let twice = [&texts[..], &texts[..]].concat();
    assert!(Register::build(vec![party("a", &twice)]).is_ok(), "one party may say it twice");
    let told = faults(vec![party("a", &texts), party("b", &texts)]);
    let positions: Vec<_> = told.iter().map(|(party, part, _)| (*party, *part)).collect();
    assert_eq!(positions, (0..5).map(|at| (1, Part::Claim(at))).collect::<Vec<_>>());
    assert_eq!(told[2].2, "network 10.0.0.0/8 already stands for `a`");
    let mapped =
        faults(vec![party("a", &["net 10.0.0.0/8"]), party("b", &["net ::ffff:a00:0/104"])]);
    assert_eq!(mapped.len(), 1, "IPv4 in IPv6 is the same network");
}

#[test]
fn ids_are_unique_and_known() {
    let mut owned = party("b", &[]);
    owned.owners.push(stake("nobody", "10", Period::ALWAYS));
    let mut person = PartyDraft { kind: PartyKind::Person, ..party("c", &[]) };
    let employer = "no-one".to_owned();
    person.employers.push(EmploymentDraft { employer, during: Period::ALWAYS });
    let told = faults(vec![party("a", &[]), party("a", &[]), owned, person]);
    let expected = [
        (1, Part::Party, "the id `a` is taken by another party".to_owned()),
        (2, Part::Owner(0), "no party has the id `nobody`".to_owned()),
        (3, Part::Employer(0), "no party has the id `no-one`".to_owned()),
    ];
    assert_eq!(told, expected);
}

#[test]
fn stakes_are_at_most_the_whole_on_every_day() {
    let early = Period::new(None, Some(date(2026, 1, 1))).unwrap();
    let late = Period::new(Some(date(2026, 1, 1)), None).unwrap();
    let owned = |stakes: Vec<StakeDraft>| {
        vec![party("x", &[]), PartyDraft { owners: stakes, ..party("a", &[]) }]
    };
    let sold = owned(vec![stake("x", "100", early), stake("x", "100", late)]);
    assert!(Register::build(sold).is_ok(), "what is sold is not held twice");
    let told = faults(owned(vec![
        stake("x", "60", Period::ALWAYS),
        stake("x", "40", early),
        stake("x", "40.01", late),
    ]));
    let message = "the owners of `a` hold 100.01 % on 2026-01-01, which is more than 100 %";
    assert_eq!(told, [(1, Part::Owner(2), message.to_owned())]);
    let told = faults(owned(vec![stake("x", "60", early), stake("x", "60", Period::ALWAYS)]));
    let message = "the owners of `a` hold 120.00 % at first, which is more than 100 %";
    assert_eq!(told, [(1, Part::Owner(1), message.to_owned())]);
}

#[test]
fn persons_reside_and_companies_are_organised() {
    use SeatKind::{Organised, PrincipalPlace, Resident};
    let early = Period::new(None, Some(date(2026, 1, 1))).unwrap();
    let late = Period::new(Some(date(2026, 1, 1)), None).unwrap();
    let with = |kind, seats| PartyDraft { kind, seats, ..party("a", &[]) };
    let moved = vec![seat(Organised, "SG", early), seat(Organised, "NO", late)];
    assert!(Register::build(vec![with(PartyKind::Company, moved)]).is_ok());
    let homes = vec![seat(Resident, "SG", early), seat(Resident, "NO", Period::ALWAYS)];
    assert!(Register::build(vec![with(PartyKind::Person, homes)]).is_ok());
    let wrong = [
        (PartyKind::Company, vec![seat(Resident, "SG", early)], Part::Seat(0)),
        (PartyKind::Person, vec![seat(PrincipalPlace, "SG", early)], Part::Seat(0)),
        (
            PartyKind::Company,
            vec![seat(Organised, "SG", early), seat(Organised, "NO", Period::ALWAYS)],
            Part::Seat(1),
        ),
    ];
    for (kind, seats, part) in wrong {
        assert_eq!(faults(vec![with(kind, seats)])[0].1, part);
    }
    let owners = vec![stake("b", "1", Period::ALWAYS)];
    let state = PartyDraft { owners, ..with(PartyKind::State, Vec::new()) };
    assert_eq!(faults(vec![state, party("b", &[])])[0].1, Part::Owner(0));
    let employers = vec![EmploymentDraft { employer: "b".to_owned(), during: Period::ALWAYS }];
    let works = PartyDraft { employers, ..party("a", &[]) };
    assert_eq!(faults(vec![works, party("b", &[])])[0].1, Part::Employer(0));
}

#[test]
fn periods_end_before_their_last_day() {
    let (first, last) = (date(2026, 1, 1), date(2026, 2, 1));
    assert_eq!(Period::new(Some(first), Some(first)), None);
    let period = Period::new(Some(first), Some(last)).unwrap();
    assert!(period.contains(first) && !period.contains(last));
    assert!(!period.contains(date(2025, 12, 31)) && period.contains(date(2026, 1, 31)));
    assert!(!period.overlaps(&Period::new(Some(last), None).unwrap()));
    assert!(period.overlaps(&Period::new(None, Some(date(2026, 1, 2))).unwrap()));
}
