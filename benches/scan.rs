//! The scan of JSON records: clean ones, and ones of which every tenth carries an e-mail, an SSN
//! and a telephone number; with records told apart and without, and as a
//! body in which layers are looked for. One core; beside it a pass of memchr over the same text,
//! for the ratio.
#![expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a measurement")]

use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;

use borderpost::data::{
    Described, Detectors, Digester, Inspection, Inspector, Limits, Options, Scanner,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SIZE: usize = 64 << 20;
const PIECE: usize = 16 << 10;

/// A small generator, so that every run sees the same text.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Records of a log; every so many carry personal data, none for 0.
fn records(every: u64) -> Vec<u8> {
    let mut random = Random(7);
    let mut text = String::with_capacity(SIZE + 1_024);
    let mut number = 0;
    while text.len() < SIZE {
        number += 1;
        record(&mut text, &mut random).expect("a string takes all");
        if every > 0 && number % every == 0 {
            personal(&mut text, &mut random).expect("a string takes all");
        }
        text.push_str("}\n");
    }
    text.into_bytes()
}

fn record(text: &mut String, random: &mut Random) -> std::fmt::Result {
    let (hour, minute, second) = (random.below(10), random.below(60), random.below(60));
    write!(
        text,
        "{{\"ts\":\"2026-03-14T0{hour}:{minute:02}:{second:02}.417Z\",\"level\":\"info\","
    )?;
    write!(text, "\"service\":\"checkout-{}\",", random.below(99))?;
    write!(text, "\"trace\":\"{:016x}{:016x}\",", random.next(), random.next())?;
    let [a, b] = [random.next() as u32, random.next() as u32 >> 16];
    let [c, d] = [random.below(1 << 12), random.below(1 << 48)];
    write!(text, "\"request\":\"{a:08x}-{b:04x}-4{c:03x}-a{c:03x}-{d:012x}\",")?;
    write!(text, "\"epoch\":17{:011},", random.below(100_000_000_000))?;
    write!(text, "\"duration\":{}.{:03},\"status\":200,", random.below(900), random.below(1_000))?;
    write!(text, "\"path\":\"/api/v2/items/{}\",", random.below(1_000_000))?;
    let rows = random.below(10_000);
    write!(text, "\"message\":\"processed the batch and wrote {rows} rows to the store after ")?;
    write!(text, "waiting for the lock\",\"region\":\"eu-central-1\",")?;
    write!(
        text,
        "\"load\":0.{:06},\"version\":\"3.{}.1\"",
        random.below(1_000_000),
        random.below(20)
    )
}

fn personal(text: &mut String, random: &mut Random) -> std::fmt::Result {
    let user = random.below(100_000);
    let (area, group, serial) =
        (random.below(600) + 1, random.below(99) + 1, random.below(9_999) + 1);
    write!(
        text,
        ",\"email\":\"user{user}@mail.com\",\"ssn\":\"{area:03}-{group:02}-{serial:04}\","
    )?;
    write!(text, "\"phone\":\"+1415{:07}\"", random.below(10_000_000))
}

fn scan(detectors: &Arc<Detectors>, text: &[u8], records: bool) -> u64 {
    let options = Options { records, ..Options::default() };
    let mut scanner = Scanner::new(Arc::clone(detectors), options);
    text.chunks(PIECE).for_each(|piece| scanner.push(piece));
    scanner.finish().count()
}

fn inspect(inspector: &Arc<Inspector>, text: &[u8]) -> u64 {
    let mut inspection = Inspection::new(inspector, &Described::default());
    text.chunks(PIECE).for_each(|piece| inspection.push(piece));
    inspection.finish().count()
}

fn scans(criterion: &mut Criterion) {
    let digester = Digester::new(&[7; 32], "bench").expect("32 octets are a key");
    let detectors = Arc::new(Detectors::new(digester));
    let inspector = Arc::new(Inspector::new(Arc::clone(&detectors), Limits::default()));
    for (name, every) in [("clean", 0), ("mixed", 10)] {
        let text = records(every);
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10).throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("memchr", |bencher| {
            bencher.iter(|| memchr::memchr(1, black_box(&text)));
        });
        group.bench_function("values", |bencher| bencher.iter(|| scan(&detectors, &text, false)));
        group.bench_function("records", |bencher| bencher.iter(|| scan(&detectors, &text, true)));
        group.bench_function("layers", |bencher| bencher.iter(|| inspect(&inspector, &text)));
        group.finish();
    }
}

criterion_group!(benches, scans);
criterion_main!(benches);
