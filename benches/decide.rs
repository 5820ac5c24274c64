//! One decision over 100 rules: `cargo bench --bench decide`.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "a bench that cannot go on has failed")]

use std::fmt::Write;
use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};

use borderpost::config::{self, Origin};
use borderpost::data::{Tag, Tags};
use borderpost::net::Host;
use borderpost::policy::{
    Circumstances, Counted, Counts, Decision, Declared, Exporter, Facts, Peer, Place, Slice,
};
use criterion::{Criterion, criterion_group, criterion_main};

/// A hundred rules as a company would have them: each names tags, places and something
/// more. None of them holds for the requests below, so that none spares the others; all of those
/// for the data name Hong Kong.
fn hundred_rules() -> String {
    let mut text = config::DEFAULT.replace("packs = [\"default\"]", "packs = []");
    let countries = ["CN", "RU", "IR", "KP", "CU", "VE", "BY", "SY"];
    for (number, country) in (0..100).zip(countries.iter().cycle()) {
        let tag = ["health", "omic", "financial", "geo", "biometric"][number % 5];
        let more =
            ["methods = [\"PUT\"]", "hosts = [\"*.mail.example\"]", "clients = [\"10.0.0.0/8\"]"]
                [number % 3];
        writeln!(
            text,
            "[[rule]]\nid = \"r{number}\"\noutcome = \"block\"\nreason = \"bench\"\n[rule.when]\n\
             tags = [\"{tag}\", \"label.l{number}\"]\nto = [\"{country}\", \"HK\"]\n{more}"
        )
        .expect("a String takes every write");
    }
    text
}

fn decide(criterion: &mut Criterion) {
    let origin = Origin::Text { name: "bench".to_owned(), text: hundred_rules() };
    let active = config::load(&origin).expect("the bench's rules are right").active;
    let host = Host::parse("api.example.com").expect("a host");
    for (name, tags, address) in [
        ("untagged to CN", "", "114.114.114.114"),
        ("health to US", "health", "8.8.8.8"),
        ("health and omic to CN", "health omic.human", "114.114.114.114"),
        ("health and omic to HK", "health omic.human", "1.36.0.1"),
    ] {
        let tags: Tags = tags.split_whitespace().filter_map(Tag::parse).collect();
        let content = active.policy.weigh(tags, true);
        let judged: IpAddr = address.parse().expect("an address");
        let entry = active.atlas.locate(judged);
        let socket = SocketAddr::new(judged, 443);
        let facts = Facts {
            client: IpAddr::from([192, 168, 1, 1]),
            principal: None,
            method: "POST",
            host: &host,
            place: Some(Place { socket, judged, special: None, entry }),
            peer: Peer::Hidden,
            content: &content,
            circumstances: Circumstances::at(jiff::Timestamp::UNIX_EPOCH),
        };
        criterion.bench_function(&format!("decide, 100 rules, {name}"), |bencher| {
            bencher.iter(|| active.policy.decide(black_box(&facts)));
        });
    }
}

/// Every shipped pack, a register of 10,000 parties, and company rules up to 200 in all.
fn all_packs(folder: &std::path::Path) -> String {
    let packs = [
        "cn-cross-border",
        "company-example",
        "default",
        "eu-gdpr-ch5",
        "gids-2020",
        "in-dpdp",
        "ru-152fz",
        "sanctions-us",
        "uk-transfer",
        "us-28cfr202",
        "us-padfa",
    ];
    let mut text = hundred_rules().replace("packs = []", &format!("packs = {packs:?}"));
    text = text.replace("\"geoip/", concat!("\"", env!("CARGO_MANIFEST_DIR"), "/geoip/"));
    text = text.replace("# folder = \"state\"", &format!("folder = \"{}\"", folder.display()));
    text = text.replace("[state]", "[register]\nfiles = [\"parties.csv\"]\n\n[state]");
    let mut parties = "party,fact,value,percent,from,until,note\n".to_owned();
    for number in 0..10_000 {
        let owner = (number * 7 + 1) % 10_000;
        let country = ["US", "CN", "SG", "DE"][number % 4];
        writeln!(
            parties,
            "p{number},name,Party {number},,,,\np{number},kind,company,,,,\n\
             p{number},organised_in,{country},,,,\np{number},host,*.p{number}.example,,,,\n\
             p{number},owner,p{owner},30,,,"
        )
        .expect("a String takes every write");
    }
    std::fs::write(folder.join("parties.csv"), parties).expect("the folder can be written");
    std::fs::write(folder.join("borderpost.toml"), &text).expect("the folder can be written");
    text
}

/// A slice of so many people.
fn slice(tag: &str, of: &str, subjects: u64) -> Slice {
    Slice {
        tags: Tag::parse(tag).into_iter().collect(),
        of: borderpost::geo::Country::parse(of),
        subjects: Some(subjects),
        ..Slice::default()
    }
}

#[expect(clippy::too_many_lines, reason = "one table of requests and what is measured on each")]
fn law(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    all_packs(folder.path());
    let origin = Origin::File(folder.path().join("borderpost.toml"));
    let active = match config::load(&origin) {
        Ok(loaded) => loaded.active,
        Err(problems) => panic!("{problems}"),
    };
    let rules = active.policy.rules().len();
    let exporter = Exporter {
        id: "acme".to_owned(),
        jurisdiction: borderpost::geo::Country::parse("US").expect("a country"),
        attributes: Vec::new(),
    };
    let declared =
        Declared { transaction: Some("data-brokerage".to_owned()), ..Declared::default() };
    let at = "2026-11-01T12:00:00Z".parse().expect("a moment");
    for (name, host, data, address) in [
        ("untagged to US", "api.example.com", vec![], "8.8.8.8"),
        ("health of 5 to US", "api.example.com", vec![slice("health", "US", 5)], "8.8.8.8"),
        (
            "many slices to CN",
            "a.p1.example",
            vec![
                slice("omic.human.genome", "US", 101),
                slice("health", "US", 10_001),
                slice("government.us", "US", 1),
                slice("minors", "US", 1),
            ],
            "114.114.114.114",
        ),
    ] {
        let host = Host::parse(host).expect("a host");
        let content = active.policy.weigh_slices(data, true);
        let judged: IpAddr = address.parse().expect("an address");
        let entry = active.atlas.locate(judged);
        let place = Place { socket: SocketAddr::new(judged, 443), judged, special: None, entry };
        let mut counts = Counts::default();
        let circumstances = Circumstances {
            exporter: Some(&exporter),
            declared: &declared,
            ..Circumstances::at(at)
        };
        let facts = Facts {
            client: IpAddr::from([192, 168, 1, 1]),
            principal: None,
            method: "POST",
            host: &host,
            place: Some(place),
            peer: Peer::Hidden,
            content: &content,
            circumstances,
        };
        for metered in active.policy.meters(&facts) {
            counts.insert(metered.meter, Counted { before: 0, after: 20_000, open: false });
        }
        let circumstances = Circumstances { counts: Some(&counts), ..circumstances };
        let facts = Facts { circumstances, ..facts };
        let held = match active.policy.decide(&facts) {
            Decision::Allow(permit) => permit.held().len(),
            Decision::Refuse(refusal) => refusal.held.len(),
            Decision::Inspect => 0,
        };
        let name = format!("decide, {rules} rules of all packs, {name}, {held} hold");
        criterion.bench_function(&name, |bencher| {
            bencher.iter(|| active.policy.decide(black_box(&facts)));
        });
    }
}

criterion_group!(benches, decide, law);
criterion_main!(benches);
