//! The search index with a million hosts and 60,000 clients in five million records: how many
//! records a second it takes in, and how long the questions of a dashboard take.
//! `cargo bench --bench index -- 200000` for a smaller one.

#![expect(clippy::print_stdout, reason = "the figures are the result")]

#[path = "fixtures/records.rs"]
mod records;

use std::path::Path;
use std::time::{Duration, Instant};

use borderpost::audit::index::{Dimension, Filters, Index, Page, State, Writer};
use jiff::{SignedDuration, Timestamp};
use records::{Chance, record, template};

const RECORDS: u64 = 5_000_000;
const BATCH: u64 = 1_000;

/// Thirty days.
const TIME: u64 = 30 * 24 * 3_600_000;

fn main() {
    let number = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(RECORDS);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let begun = Instant::now();
    let slowest = fill(folder.path(), number);
    let took = begun.elapsed();
    let rate = u128::from(number) * 1_000 / took.as_millis().max(1);
    println!("{number} records in {took:.1?}: {rate} a second; slowest thousand {slowest:.1?}");
    let octets: u64 = std::fs::read_dir(folder.path())
        .expect("the folder")
        .filter_map(|file| Some(file.ok()?.metadata().ok()?.len()))
        .sum();
    println!("{} MiB, {} octets a record", octets >> 20, octets / number);
    ask(folder.path());
    forget(folder.path(), number);
}

/// Enters so many records; the time of the slowest batch.
fn fill(folder: &Path, number: u64) -> Duration {
    let mut writer = Writer::open(folder).expect("a new index");
    let mut state = writer.state().expect("a new index");
    let begin: Timestamp = "2026-10-01T00:00:00Z".parse().expect("a time");
    let (mut chance, mut slowest) = (Chance(1), Duration::ZERO);
    let template = template();
    let (hosts, clients) = ((number / 5).max(100), (number / 80).max(100));
    for first in (0..number).step_by(1_000) {
        let begun = Instant::now();
        let entered = writer.enter(&mut state, |batch, state: &mut State| {
            for sequence in first..(first + BATCH).min(number) {
                let after = TIME / number * sequence;
                let after = SignedDuration::from_millis(i64::try_from(after).expect("days"));
                let time = begin.checked_add(after).expect("days");
                let event = record(&template, &mut chance, (sequence, time), (hosts, clients));
                batch.pass(sequence, time.as_millisecond())?;
                batch.add(sequence, &event)?;
                state.next = sequence + 1;
            }
            Ok(())
        });
        entered.expect("room on the disk");
        slowest = slowest.max(begun.elapsed());
    }
    slowest
}

fn ask(folder: &Path) {
    let index = || Index::open_read_only(folder, Duration::from_mins(10)).expect("an index");
    let timed = |what: &str, ask: &dyn Fn(&Index) -> usize| {
        let begun = Instant::now();
        let found = ask(&index());
        println!("{what}: {:.0?}, {found} found", begun.elapsed());
    };
    let all = Filters::default();
    let some = |text: &str| Some(text.to_owned());
    let day: Timestamp = "2026-10-20T07:13:00Z".parse().expect("a time");
    let blocked = Filters { outcome: some("block"), ..Filters::default() };
    let since = Filters { since: Some(day), ..Filters::default() };
    let tagged = Filters { tag: some("class3"), ..Filters::default() };
    for (what, filters) in
        [("all", &all), ("blocked", &blocked), ("since", &since), ("tag", &tagged)]
    {
        for dimension in Dimension::ALL {
            let what = format!("top ten by {}, {what}", dimension.name());
            timed(&what, &|index| index.top(dimension, filters, 10).expect("an answer").len());
        }
    }
    timed("outcomes by hour, since", &|index| {
        index.over_time(&since, 3_600_000).expect("an answer").len()
    });
    let newest = Page { newest: true, after: None, limit: 200 };
    let domain = Filters { host: some(".h77.example"), ..Filters::default() };
    let client = Filters { client: some("10.0.0.7"), ..Filters::default() };
    let country = Filters { country: some("AJ"), outcome: some("block"), ..Filters::default() };
    for (what, filters) in [
        ("all", all),
        ("blocked", blocked),
        ("domain", domain),
        ("client", client),
        ("tag", tagged),
        ("country blocked", country),
    ] {
        timed(&format!("last 200, {what}"), &|index| {
            index.list(&filters, newest).expect("an answer").len()
        });
    }
}

/// Drops a third, in the steps of the keeper.
fn forget(folder: &Path, number: u64) {
    let mut writer = Writer::open(folder).expect("an index");
    let at: Timestamp = "2026-10-11T00:00:00Z".parse().expect("a time");
    let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
    loop {
        let step = Instant::now();
        let more = writer.drop_before(at.as_millisecond(), i64::MAX, 1_000).expect("an index");
        slowest = slowest.max(step.elapsed());
        if !more {
            break;
        }
    }
    println!("dropped {} in {:.1?}; slowest {slowest:.1?}", number / 3, begun.elapsed());
}
