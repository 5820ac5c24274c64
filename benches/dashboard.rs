//! What it costs that somebody looks: the dashboard's first page beside a journal of five million
//! records, and requests through the program while the page and the live stream are open.
//! `cargo bench --bench dashboard -- 200000` for a smaller journal. Prints figures; asserts nothing.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench prints its figures, and one that cannot go on has failed"
)]

#[path = "fixtures/load.rs"]
mod load;
#[path = "fixtures/records.rs"]
mod records;
#[expect(dead_code, reason = "it is measured against itself, not against the forwarder")]
#[path = "fixtures/server.rs"]
mod server;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use borderpost::audit::journal::{Fault, Kind, Settings, seal};
use borderpost::audit::{journal_folder, open_journal};
use jiff::{SignedDuration, Timestamp};
use records::{Chance, record, template};
use server::Server;

const RECORDS: u64 = 5_000_000;
const TIME: Duration = Duration::from_secs(20);
const CONNECTIONS: usize = 16;

/// What the first page asks for, and how often, in seconds (`src/admin/ui/now.mjs`).
const PAGE: [(&str, u64); 8] = [
    ("status", 5),
    ("rates", 1),
    ("top?by=country&limit=250&since=", 10),
    ("top?by=country&limit=250&since=&outcome=block", 10),
    ("top?by=host&limit=5&since=", 10),
    ("top?by=client&limit=5&since=", 10),
    ("top?by=tag&limit=5&since=", 10),
    ("top?by=rule&limit=5&since=", 10),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(RECORDS);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let state = folder.path().join("state");
    let begun = Instant::now();
    write(&state, number)?;
    println!("{number} records written in {:.1?}", begun.elapsed());
    let begun = Instant::now();
    index(&state)?;
    println!("indexed in {:.1?}", begun.elapsed());

    let kept = format!("folder = \"{}\"", state.display());
    let config = folder.path().join("bench.toml");
    // No segment is closed and compressed while it is measured (after 4 GiB, in a fourth round, it
    // would be): that costs the same whoever looks, but a third of one round and nothing of the next.
    let others = [
        ("# folder = \"state\"", &*kept),
        ("# segment_time = \"1h\"", "segment_time = \"24h\""),
        ("# segment_size = \"256MiB\"", "segment_size = \"4GiB\""),
    ];
    let (ours, admin) = Server::borderpost(&config, &others)?;
    println!("ready after start {:.0?}, {} MiB resident", ours.ready, ours.resident() >> 20);
    for which in ["first", "next"] {
        let (shown, whole) = visit(admin);
        println!("{which} visit: page {shown:.0?}, with every ranking {whole:.0?}");
    }
    costs(&ours, admin);
    Ok(())
}

/// A journal of so many records of the last day.
fn write(state: &Path, number: u64) -> Result<(), Fault> {
    let (mut log, _) = open_journal(state, "borderpost", Settings::default(), None)?;
    let (mut chance, template, now) = (Chance(1), template(), Timestamp::now());
    let hosts = ((number / 5).max(100), (number / 80).max(100));
    let mut line = Vec::new();
    for sequence in 0..number {
        let ago = 86_000_000 * (number - sequence) / number;
        let ago = SignedDuration::from_millis(i64::try_from(ago).expect("a day"));
        let time = now.checked_sub(ago).expect("a day");
        line.clear();
        let event = record(&template, &mut chance, (sequence, time), hosts);
        event.write(&mut line).expect("a Vec takes every write");
        log.append(Kind::Ended, time, &line);
        if sequence % 1_000 == 999 {
            log.sync()?;
            log.tick(time)?;
        }
    }
    log.sync()?;
    // Else the program does it while it is measured.
    log.unsealed()?.iter().try_for_each(|path| seal(path).map(drop))
}

fn index(state: &Path) -> std::io::Result<()> {
    let mut reindex = Command::new(env!("CARGO_BIN_EXE_borderpost"));
    let output =
        reindex.args(["audit", "reindex", "--journal"]).arg(journal_folder(state)).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Gets the page and all that it asks for first, as browsers do, side by side: until it can be used,
/// and until every ranking stands.
fn visit(admin: SocketAddr) -> (Duration, Duration) {
    let begun = Instant::now();
    let shell = get(admin, "/");
    let of_page = |part: &&str| matches!(part.rsplit_once('.'), Some((_, "mjs" | "css" | "js")));
    let parts = shell.split('"').filter(of_page);
    parts.for_each(|part| drop(get(admin, part)));
    let first: Vec<_> = PAGE[..2].iter().map(|(path, _)| get(admin, &api(path))).collect();
    assert!(first.iter().all(|answer| answer.starts_with("HTTP/1.1 200")), "{first:?}");
    let shown = begun.elapsed();
    thread::scope(|scope| {
        for (path, _) in &PAGE[2..] {
            scope.spawn(move || {
                let answer = get(admin, &api(path));
                assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
            });
        }
    });
    (shown, begun.elapsed())
}

/// Answers a second of the program's processor time, with nobody looking and with two who look: one
/// at the first page, one at the live stream.
fn costs(ours: &Server, admin: SocketAddr) {
    let origin = load::origin();
    let request =
        format!("GET http://{origin}/x HTTP/1.1\r\nhost: {origin}\r\naccept: */*\r\n\r\n");
    let drive = || ours.measure(|| load::drive(ours.address, &request, CONNECTIONS, TIME));
    // The first load finds everything cold.
    drive();
    let mut sums = [0.0; 2];
    for round in 1..=3 {
        let watched = || {
            let open = Arc::new(AtomicBool::new(true));
            let told = Arc::new(AtomicU64::new(0));
            let looking = look(admin, &open, &told);
            let answers = drive();
            open.store(false, Ordering::Relaxed);
            looking.into_iter().for_each(|one| one.join().expect("who looks ends well"));
            (answers, told.load(Ordering::Relaxed))
        };
        // In turns: what grows with time must not look like a cost of either.
        let (alone, (watched, told)) = if round % 2 == 1 {
            (drive(), watched())
        } else {
            let watched = watched();
            (drive(), watched)
        };
        println!(
            "round {round}: {alone:>8.0} answers per processor second alone, {watched:.0} watched: \
             ratio {:.3}; {told} octets of live stream",
            watched / alone,
        );
        sums = [sums[0] + alone, sums[1] + watched];
    }
    println!("all rounds: ratio {:.3}", sums[1] / sums[0]);
}

fn look(
    admin: SocketAddr,
    open: &Arc<AtomicBool>,
    told: &Arc<AtomicU64>,
) -> Vec<thread::JoinHandle<()>> {
    let page = |(path, every): (&'static str, u64)| {
        let open = Arc::clone(open);
        thread::spawn(move || {
            while open.load(Ordering::Relaxed) {
                let next = Instant::now() + Duration::from_secs(every);
                let answer = get(admin, &api(path));
                assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
                while open.load(Ordering::Relaxed) && Instant::now() < next {
                    thread::sleep(Duration::from_millis(50));
                }
            }
        })
    };
    let mut looking: Vec<_> = PAGE.into_iter().map(page).collect();
    let (open, told) = (Arc::clone(open), Arc::clone(told));
    looking.push(thread::spawn(move || {
        let mut stream = ask(admin, &api("decisions/stream"));
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        let mut buffer = vec![0; 64 << 10];
        while open.load(Ordering::Relaxed) {
            if let Ok(read) = stream.read(&mut buffer) {
                told.fetch_add(u64::try_from(read).unwrap_or(0), Ordering::Relaxed);
            }
        }
    }));
    looking
}

/// Rankings begin at the whole hour a day ago, as those of the page do.
fn api(path: &str) -> String {
    let day = Timestamp::now().checked_sub(SignedDuration::from_hours(24)).expect("a day");
    let hour = day.as_second().div_euclid(3_600) * 3_600;
    let hour = Timestamp::from_second(hour).expect("a day").to_string();
    format!("/api/v1/{}", path.replace("since=", &format!("since={hour}")))
}

fn ask(admin: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(admin).expect("the admin listener accepts");
    let head = format!("GET {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the admin listener reads");
    stream
}

fn get(admin: SocketAddr, path: &str) -> String {
    let mut answer = Vec::new();
    ask(admin, path).read_to_end(&mut answer).expect("the admin listener answers");
    String::from_utf8_lossy(&answer).into_owned()
}
