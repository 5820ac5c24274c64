//! One decision over 100 rules: `cargo bench --bench decide`.

#![expect(clippy::indexing_slicing, reason = "a bench that cannot go on has failed")]

use std::fmt::Write;
use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};

use borderpost::config::{self, Origin};
use borderpost::data::{Tag, Tags};
use borderpost::net::Host;
use borderpost::policy::{Circumstances, Facts, Place};
use criterion::{Criterion, criterion_group, criterion_main};

/// A hundred rules as a company would have them: each names tags, places and something
/// more. None of them holds for the requests below, so that all are asked.
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
            content: &content,
            circumstances: Circumstances::at(jiff::Timestamp::UNIX_EPOCH),
        };
        criterion.bench_function(&format!("decide, 100 rules, {name}"), |bencher| {
            bencher.iter(|| active.policy.decide(black_box(&facts)));
        });
    }
}

criterion_group!(benches, decide);
criterion_main!(benches);
