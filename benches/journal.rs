//! The journal: entries of 1 KB a second with a sync each 1,000, and then sealing, reading and
//! verifying them: `cargo bench --bench journal`. Prints figures; asserts nothing.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::Path;
use std::time::Instant;

use borderpost::audit::journal::{Fault, Kind, Log, Reader, Settings, Signer, seal, verify};
use jiff::Timestamp;

const ENTRIES: u32 = 200_000;
const GROUP: u32 = 1_000;

fn main() -> Result<(), Fault> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let folder = folder.path();
    let settings = Settings { segment_octets: 64 << 20, ..Settings::default() };
    let signer = Signer::open_or_make(folder, "bench.example/journal")?;
    let (mut log, _) = Log::open(folder, settings, signer, Timestamp::now())?;

    timed("append, write, sync each 1,000", ENTRIES, || write(&mut log))?;
    for path in log.unsealed()? {
        let begin = Instant::now();
        let sealed = seal(&path)?;
        let (plain, packed) = (float(sealed.plain), float(sealed.packed));
        let rate = plain / 1e6 / begin.elapsed().as_secs_f64();
        println!("{:<32} {rate:>9.0} MB/s, ratio {:.2}", "seal", plain / packed);
    }
    timed("read", ENTRIES, || read(folder))?;
    let report = timed("verify", ENTRIES, || verify(folder, None, None, &mut |_| {}))?;
    println!("  {} entries, sound: {}", report.entries, report.is_sound());
    drop(log);
    let signer = Signer::open_or_make(folder, "bench.example/journal")?;
    timed("open", ENTRIES, || Log::open(folder, settings, signer, Timestamp::now()))?;
    Ok(())
}

fn write(log: &mut Log) -> Result<(), Fault> {
    let now = Timestamp::now();
    let mut line = String::with_capacity(1_100);
    for number in 0..ENTRIES {
        record(&mut line, number);
        log.append(Kind::Ended, now, line.as_bytes());
        if number % GROUP == GROUP - 1 {
            log.sync()?;
            log.tick(Timestamp::now())?;
        }
    }
    log.sync()
}

fn read(folder: &Path) -> Result<u64, Fault> {
    let (mut reader, mut octets) = (Reader::open(folder), 0);
    while let Some(entry) = reader.next_entry()? {
        octets += u64::try_from(entry.payload().map_or(0, <[u8]>::len)).unwrap_or(0);
    }
    Ok(octets)
}

fn float(octets: u64) -> f64 {
    f64::from(u32::try_from(octets).unwrap_or(u32::MAX))
}

/// Some 1 KB that changes as records do.
fn record(line: &mut String, number: u32) {
    use std::fmt::Write;
    line.clear();
    let scattered = number.wrapping_mul(2_654_435_761);
    let begun = write!(
        line,
        r#"{{"time":"2026-01-01T00:{:02}:{:02}.{:03}Z","id":"{scattered:08x}-{number:08x}","#,
        number / 60_000 % 60,
        number / 1_000 % 60,
        number % 1_000,
    );
    begun.expect("a String takes every write");
    for field in 0..32 {
        let value = scattered.rotate_left(field) % 900;
        let more = write!(line, r#""field-{field}":"value-{value}-of-this","#);
        more.expect("a String takes every write");
    }
    line.push_str(r#""outcome":"allow"}"#);
}

fn timed<T>(what: &str, entries: u32, run: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = run();
    let seconds = begin.elapsed().as_secs_f64();
    println!("{what:<32} {:>9.0} entries/s  {seconds:.2} s", f64::from(entries) / seconds);
    result
}
