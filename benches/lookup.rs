//! The look-up over both shipped databases merged: random addresses, each query independent
//! (`thr`), waiting for the one before (`lat`), or few addresses again and again (`hot`).
#![expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement, not the program"
)]

use std::fs;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use borderpost::geo::{Atlas, Overlay, Source};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use maxminddb::{Reader, WithinOptions};

const COUNT: u32 = 1 << 18;
const HOT: usize = 256;

/// A small generator, so that every run asks the same addresses.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*seed ^ *seed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

fn file(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/");
    fs::read(format!("{folder}{name}-country.mmdb")).expect("the shipped databases are there")
}

fn sources() -> Vec<(Source, Vec<u8>)> {
    ["dbip", "ipfire"].map(|name| (Source::new(name, name), file(name))).into()
}

/// Random IPv4 addresses outside the reserved ranges.
fn addresses_v4() -> Vec<IpAddr> {
    let mut seed = 1;
    let random = std::iter::repeat_with(|| {
        let [.., a, b, c, d] = random(&mut seed).to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    });
    let public = |v4: &Ipv4Addr| {
        !(v4.is_private()
            || v4.is_loopback()
            || v4.is_multicast()
            || v4.octets()[0] >= 240
            || v4.octets()[0] == 0)
    };
    random.filter(public).map(IpAddr::V4).take(COUNT as usize).collect()
}

/// A random address in a random network, so that small networks count as much as large ones.
fn addresses_v6() -> Vec<IpAddr> {
    let bytes = file("dbip");
    let reader = Reader::from_source(&bytes).expect("the shipped database opens");
    let global = "2000::/3".parse().expect("a network");
    let within = reader.within(global, WithinOptions::default()).expect("a tree for IPv6");
    let networks: Vec<_> =
        within.map(|one| one.and_then(|one| one.network()).expect("a network")).collect();
    let mut seed = 2;
    let mut pick = || {
        let network = networks[random(&mut seed) as usize % networks.len()];
        let IpAddr::V6(first) = network.network() else { panic!("an IPv6 network") };
        let host = u128::MAX.checked_shr(network.prefix().into()).unwrap_or(0);
        let noise = u128::from(random(&mut seed)) << 64 | u128::from(random(&mut seed));
        IpAddr::V6(Ipv6Addr::from_bits(first.to_bits() | noise & host))
    };
    (0..COUNT).map(|_| pick()).collect()
}

fn lookup(criterion: &mut Criterion) {
    let atlas = Atlas::load(sources(), Overlay::default()).expect("the shipped databases load");
    let mut group = criterion.benchmark_group("locate");
    group.throughput(Throughput::Elements(COUNT.into()));
    for (family, addresses) in [("v4", addresses_v4()), ("v6", addresses_v6())] {
        group.bench_function(format!("{family} thr"), |bencher| {
            bencher.iter(|| {
                for address in &addresses {
                    black_box(atlas.locate(*black_box(address)));
                }
            });
        });
        group.bench_function(format!("{family} lat"), |bencher| {
            bencher.iter(|| {
                let mut zero = 0;
                for at in 0..COUNT as usize {
                    zero = depend_on(atlas.locate(addresses[at + zero]));
                }
                black_box(zero)
            });
        });
        group.bench_function(format!("{family} hot"), |bencher| {
            bencher.iter(|| {
                for address in addresses[..HOT].iter().cycle().take(COUNT as usize) {
                    black_box(atlas.locate(*black_box(address)));
                }
            });
        });
    }
    group.finish();
}

/// Always 0, which only we know: the next address waits for where this entry lies, and for
/// nothing else. (To read the entry, or addresses in random order, adds 140 ns of other misses.)
fn depend_on(entry: &borderpost::geo::Entry) -> usize {
    std::ptr::from_ref(entry).addr() >> 63
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    group.sample_size(20);
    group.bench_function("both, with reading", |bencher| {
        bencher.iter(|| Atlas::load(sources(), Overlay::default()).expect("they load"));
    });
    group.finish();
}

criterion_group!(benches, lookup, load);
criterion_main!(benches);
