//! The journal as a whole.

mod completed;
mod failing;
mod faults;
mod mutated;
mod onward;
mod reading;
mod sealing;
mod writing;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::*;

/// Small enough that everything happens often.
pub(super) const SMALL: Settings = Settings {
    segment_octets: 4_000,
    segment_time: Duration::from_hours(1),
    checkpoint_entries: 10,
    checkpoint_time: Duration::from_secs(10),
    buffer_octets: 1 << 20,
};

/// A time, in milliseconds after that of the tests.
pub(super) fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_760_000_000_000 + milliseconds).unwrap()
}

pub(super) fn signer(folder: &Path) -> Signer {
    Signer::open_or_make(folder, "proxy.example/journal").unwrap()
}

pub(super) fn open(folder: &Path, settings: Settings) -> (Log, Recovered) {
    Log::open(folder, settings, signer(folder), at(0)).unwrap()
}

/// Appends entries that say their number, with what is due after each, and syncs.
pub(super) fn fill(log: &mut Log, numbers: std::ops::Range<u32>) {
    for number in numbers {
        log.append(Kind::Ended, at(i64::from(number)), payload(number).as_bytes());
        log.write().unwrap();
        log.tick(at(i64::from(number))).unwrap();
    }
    log.sync().unwrap();
}

pub(super) fn payload(number: u32) -> String {
    let rest = "x".repeat(usize::try_from(number % 90).unwrap());
    format!("{{\"record\":{number},\"rest\":\"{rest}\"}}")
}

/// The number in a payload of [`fill`].
pub(super) fn number(entry: &Entry<'_>) -> Option<u32> {
    let text = std::str::from_utf8(entry.payload()?).ok()?;
    text.strip_prefix("{\"record\":")?.split_once(',')?.0.parse().ok()
}

/// Sequence, kind and payload of an entry.
pub(super) type Kept = (u64, Option<Kind>, Option<Vec<u8>>);

/// Every entry of a journal.
pub(super) fn all(folder: &Path) -> Vec<Kept> {
    let (mut reader, mut found) = (Reader::open(folder), Vec::new());
    while let Some(entry) = reader.next_entry().unwrap() {
        found.push((entry.sequence(), entry.kind(), entry.payload().map(<[u8]>::to_vec)));
    }
    found
}

/// The numbers of [`fill`] that a journal holds.
pub(super) fn numbers(folder: &Path) -> Vec<u32> {
    let (mut reader, mut found) = (Reader::open(folder), Vec::new());
    while let Some(entry) = reader.next_entry().unwrap() {
        found.extend(number(&entry));
    }
    found
}

pub(super) fn check(folder: &Path) -> Report {
    verify(folder, None, None, &mut |_| {}).unwrap()
}

/// Asserts that nothing speaks against a journal.
pub(super) fn sound(folder: &Path) -> Report {
    let report = check(folder);
    let told: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
    assert!(report.is_sound(), "{told:#?}");
    report
}

/// The segments of a folder, with an ending.
pub(super) fn files(folder: &Path, ending: &str) -> Vec<std::path::PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = all.filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
    all.sort();
    all
}

/// Copies all files of a folder.
pub(super) fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for file in files(from, "") {
        std::fs::copy(&file, to.path().join(file.file_name().unwrap())).unwrap();
    }
    to
}
