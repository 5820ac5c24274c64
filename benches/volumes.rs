//! Counting and reserving 1,000 subjects over a meter that has 1,000,000, and what the disk's
//! fsync alone costs: `cargo bench --bench volumes`.

#![expect(clippy::print_stderr, reason = "the size of the file is a result too")]

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

use borderpost::audit::{Ask, HmacKey, Meter, Subjects, Volumes, Window};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;

const WINDOW: Window = Window::RollingMonths(12);
const MILLION: u64 = 1_000_000;

fn with_ask<T>(meter: &Meter, ids: &[String], run: impl FnOnce(&[Ask<'_>]) -> T) -> T {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    run(&[Ask { meter, window: &WINDOW, subjects: Subjects::Ids(&ids) }])
}

fn names(ids: impl Iterator<Item = u64>) -> Vec<String> {
    ids.map(|id| format!("person-{id:09}")).collect()
}

/// Criterion tells means; a fold now and then moves them, not what most requests wait for.
fn median(store: &Volumes, meter: &Meter, now: Timestamp) {
    let mut waits: Vec<Duration> = (0..300)
        .map(|round| {
            let known = (0..500).map(|number| (round * 7_919 + number * 1_997) % MILLION);
            let new = (0..500).map(|number| 2 * MILLION + round * 500 + number);
            let ids = names(known.chain(new));
            let begin = Instant::now();
            let reserved = with_ask(meter, &ids, |asks| store.reserve(asks, now));
            let wait = begin.elapsed();
            drop(reserved.expect("room on the disk"));
            wait
        })
        .collect();
    waits.sort_unstable();
    let part = |percent: usize| waits.get(waits.len() * percent / 100).copied();
    eprintln!("count and reserve: median {:?}, 99 of 100 within {:?}", part(50), part(99));
}

fn volumes(criterion: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let path = folder.path().join("volumes");
    let key = HmacKey::new(&[9; 32]).expect("long enough");
    let meter = Meter { name: "pack/bulk/class".to_owned(), holder: "holder".to_owned() };
    let earlier: Timestamp = "2025-06-01T00:00:00Z".parse().expect("a time");
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    let store = Volumes::open(&path, key.clone()).expect("a new file");
    let begin = Instant::now();
    for first in (0..MILLION).step_by(10_000) {
        let ids = names(first..first + 10_000);
        let reserved = with_ask(&meter, &ids, |asks| store.reserve(asks, earlier));
        reserved.expect("room on the disk").0.left();
    }
    let octets = fs::metadata(&path).expect("the file").len();
    eprintln!("1,000,000 subjects: {:?}, {} MiB on disk", begin.elapsed(), octets >> 20);
    drop(store);
    let begin = Instant::now();
    let store = Volumes::open(&path, key).expect("the same file");
    eprintln!("opened again in {:?}", begin.elapsed());
    median(&store, &meter, now);

    let mut group = criterion.benchmark_group("1,000 subjects over 1,000,000");
    group.measurement_time(Duration::from_secs(4));
    let mut next = 0;
    // Half of them known, half new, and never the same twice.
    let mut fresh = || {
        next += 500;
        let known = (0..500).map(|number| (next * 7_919 + number * 1_997) % MILLION);
        names(known.chain((0..500).map(|number| MILLION + next + number)))
    };
    group.bench_function("count", |bencher| {
        bencher.iter_batched(
            &mut fresh,
            |ids| with_ask(&meter, &ids, |asks| store.count(asks, now)),
            criterion::BatchSize::PerIteration,
        );
    });
    group.bench_function("count and reserve", |bencher| {
        bencher.iter_batched(
            &mut fresh,
            // What it returns is dropped, and so has left, outside the measurement.
            |ids| with_ask(&meter, &ids, |asks| store.reserve(asks, now)),
            criterion::BatchSize::PerIteration,
        );
    });
    let mut raw = File::create(folder.path().join("raw")).expect("a file");
    group.bench_function("8 KB and fsync alone", |bencher| {
        bencher.iter(|| {
            raw.write_all(&[7; 8_192]).expect("room on the disk");
            raw.sync_data().expect("a disk");
        });
    });
    group.finish();
    let octets = fs::metadata(&path).expect("the file").len();
    eprintln!("in the end {} MiB on disk", octets >> 20);
}

criterion_group!(benches, volumes);
criterion_main!(benches);
