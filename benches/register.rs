//! Who receives, and who is covered, in a register of 10,000 parties with 30,000 stakes:
//! `cargo bench --bench register`.

use std::hint::black_box;
use std::net::IpAddr;

use borderpost::geo::Country;
use borderpost::net::{Host, HostPattern, parse_network};
use borderpost::policy::register::{
    Claim, Definition, KeyDigest, PartyDraft, Percent, Period, Register, Seat, SeatKind, Sighting,
    StakeDraft,
};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::civil::date;

const PARTIES: u32 = 10_000;

/// A small generator, so that every run asks the same register.
fn random(seed: &mut u64) -> u32 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    u32::try_from(*seed >> 33).expect("31 bits")
}

fn country(code: &str) -> Country {
    Country::parse(code).expect("a country")
}

/// Each party has a host, a suffix, a network, a smaller one within it, an ASN, a key and three
/// owners; one in fifty is organised in the country that is asked for.
fn drafts() -> Vec<PartyDraft> {
    let mut seed = 7;
    let party = |number: u32| {
        let mut draft = PartyDraft::new(format!("p{number}"), format!("Party {number}"));
        let country = country(if number.is_multiple_of(50) { "CN" } else { "SG" });
        draft.seats.push(Seat { kind: SeatKind::Organised, country, during: Period::ALWAYS });
        let host = |text: String| Claim::Host(HostPattern::parse(&text).expect("a host"));
        let network = |text: String| Claim::Network(parse_network(&text).expect("a network"));
        let (high, low) = (number / 256, number % 256);
        let mut key = [0; 32];
        key.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
        draft.claims = vec![
            host(format!("api.vendor{number}.example")),
            host(format!("*.vendor{number}.example")),
            network(format!("20.{high}.{low}.0/24")),
            network(format!("20.{high}.{low}.64/28")),
            Claim::Asn(64_500 + number),
            Claim::Key(KeyDigest(key)),
        ];
        let mut stake = |hundredths| StakeDraft {
            owner: format!("p{}", random(&mut seed) % PARTIES),
            percent: Percent::from_hundredths(hundredths).expect("a share"),
            during: Period::ALWAYS,
        };
        draft.owners = vec![stake(5_000), stake(2_500), stake(2_500)];
        draft
    };
    (0..PARTIES).map(party).collect()
}

fn recognise(criterion: &mut Criterion) {
    let register = Register::build(drafts()).expect("the bench's parties are right");
    let mut group = criterion.benchmark_group("recognise");
    let name = |number: u32, case: &str| match case {
        "exact" => format!("api.vendor{number}.example"),
        "suffix" => format!("eu.v2.vendor{number}.example"),
        _ => format!("eu.v2.nobody{number}.example"),
    };
    for case in ["exact", "suffix", "nobody"] {
        let hosts = (0..PARTIES).map(|number| name(number * 7 % PARTIES, case));
        let hosts: Vec<_> = hosts.map(|text| Host::parse(&text).expect("a host")).collect();
        let mut next = hosts.iter().cycle();
        group.bench_function(format!("host, {case}"), |bencher| {
            bencher.iter(|| register.by_host(black_box(next.next().expect("a cycle"))));
        });
    }
    let mut seed = 3;
    let addresses = (0..PARTIES).map(|_| {
        let [_, high, low, host] = (random(&mut seed) % (40 << 16)).to_be_bytes();
        IpAddr::from([20, high, low, host])
    });
    let addresses: Vec<_> = addresses.collect();
    let mut next = addresses.iter().cycle();
    group.bench_function("network", |bencher| {
        bencher.iter(|| register.by_address(*black_box(next.next().expect("a cycle"))));
    });
    let host = Host::parse("www.nobody.example").expect("a host");
    let (key, address) = (KeyDigest([9; 32]), IpAddr::from([21, 0, 0, 1]));
    let seen = Sighting {
        host: Some(&host),
        key: Some(&key),
        address: Some(address),
        asns: &[64_000, 64_001],
    };
    group.bench_function("by all, nobody", |bencher| {
        bencher.iter(|| register.recognise(black_box(&seen)));
    });
    group.finish();
}

fn standing(criterion: &mut Criterion) {
    let register = Register::build(drafts()).expect("the bench's parties are right");
    let definition = Definition {
        countries: country("CN").into(),
        owned_at_least: Percent::from_hundredths(5_000),
        ..Definition::default()
    };
    let on = date(2026, 1, 1);
    let last = register.find("p9999").expect("a party");
    let standing = register.standing(&definition, on);
    let covered = standing.covered().count();
    let mut group = criterion.benchmark_group("register");
    group.bench_function(format!("standing, {covered} of 10,000 covered"), |bencher| {
        bencher.iter(|| register.standing(black_box(&definition), on));
    });
    let seed = register.find("p0").expect("a party");
    group.bench_function("effective percent", |bencher| {
        bencher.iter(|| register.effective_percent(black_box(last), on, |id| id == seed));
    });
    group.sample_size(10);
    group.bench_function("build", |bencher| {
        bencher.iter_batched(
            drafts,
            |drafts| Register::build(drafts).expect("the bench's parties are right"),
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, recognise, standing);
criterion_main!(benches);
