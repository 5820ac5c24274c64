//! The journal: entries of 1 KB a second with a sync each 1,000, and then sealing, reading and
//! verifying them; and what it costs to encipher personal fields: `cargo bench --bench journal`.
//! Prints figures; asserts nothing.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::Path;
use std::time::Instant;

use borderpost::audit::Event;
use borderpost::audit::event::Client;
use borderpost::audit::journal::{Fault, Kind, Log, Reader, Settings, Signer, seal, verify};
use borderpost::audit::personal::{KeyRing, Sealer};
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
    personal();
    Ok(())
}

/// Records as they are, sealed and opened, and how much larger they are then.
fn personal() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let ring = KeyRing::at(folder.path());
    let (mut sealer, mut opener) = (Sealer::new(ring.clone()), ring.opener());
    let lines = include_str!("../tests/golden/events/records.jsonl").lines();
    let lines: Vec<_> = lines.map(str::as_bytes).collect();
    let now = Timestamp::now();
    let all = || lines.iter().copied().cycle().zip(0..ENTRIES).map(|(line, _)| line);
    let mut sealed: Vec<Vec<u8>> = Vec::new();
    timed("seal personal fields", ENTRIES, || {
        sealed = all().map(|line| sealer.seal(line, now).0).collect();
    });
    timed("open personal fields", ENTRIES, || {
        sealed.iter().map(|line| opener.open(line).len()).sum::<usize>()
    });
    timed("pass by what is not sealed", ENTRIES, || {
        all().map(|line| opener.open(line).len()).sum::<usize>()
    });
    let octets = |lines: &mut dyn Iterator<Item = usize>| {
        float(u64::try_from(lines.sum::<usize>()).unwrap_or(0))
    };
    let before = octets(&mut all().map(<[u8]>::len));
    let after = octets(&mut sealed.iter().map(Vec::len));
    println!(
        "  {:.0} octets a record, sealed {:.0}",
        before / f64::from(ENTRIES),
        after / f64::from(ENTRIES)
    );
    packed(&ring, &lines);
}

/// The same compressed, which ciphertext cannot be.
fn packed(ring: &KeyRing, lines: &[&[u8]]) {
    for seals in [false, true] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let mut sealer = Sealer::new(ring.clone());
        let mut made = || {
            let signer = Signer::open_or_make(folder.path(), "bench.example/journal")?;
            let settings = Settings { segment_octets: 1 << 20, ..Settings::default() };
            let (mut log, _) = Log::open(folder.path(), settings, signer, Timestamp::now())?;
            let now = Timestamp::now();
            for (line, number) in lines.iter().cycle().zip(0..20_000_u32) {
                let line = varied(line, number);
                let sealed = if seals { sealer.seal(&line, now).0 } else { line };
                log.append(Kind::Ended, now, &sealed);
                if number % GROUP == GROUP - 1 {
                    log.sync()?;
                    log.tick(Timestamp::now())?;
                }
            }
            let mut octets = 0;
            for path in log.unsealed()? {
                octets += seal(&path)?.packed;
            }
            Ok::<_, Fault>(octets)
        };
        let octets = made().expect("a disk with room");
        let what = if seals { "personal fields sealed" } else { "in the clear" };
        println!("  {what}: {:.0} octets a record, compressed", float(octets) / 20_000.0);
    }
}

/// Another id, client and moment, as other records have.
fn varied(line: &[u8], number: u32) -> Vec<u8> {
    let scattered = number.wrapping_mul(2_654_435_761);
    let mut event = Event::read(std::str::from_utf8(line).expect("golden")).expect("golden");
    event.id = format!("0192f0c1-{:04x}-7000-8000-{scattered:012x}", number >> 16).into();
    let client = std::net::Ipv4Addr::from(0x0a00_0000 | (scattered >> 20));
    event.client = Client::At((client, 1_024 + u16::try_from(number % 60_000).unwrap_or(0)).into());
    event.time += jiff::SignedDuration::from_millis(i64::from(number) * 7);
    let mut line = Vec::new();
    event.write(&mut line).expect("a Vec takes every write");
    line
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
