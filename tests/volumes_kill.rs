//! The store of volumes is killed at any moment, again and again: nothing that it
//! acknowledged is ever missing, and what was given back counts at most once more.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use borderpost::audit::{Ask, HmacKey, Meter, Subjects, Volumes, Window};
use jiff::Timestamp;

/// Names the file and the first id to whom is to be killed.
const CHILD: &str = "BORDERPOST_VOLUMES_KILL";
const KILLS: u64 = 60;
const WINDOW: Window = Window::RollingMonths(12);

fn meter() -> Meter {
    Meter { name: "pack/bulk/class".to_owned(), holder: "holder".to_owned() }
}

fn open(path: &Path) -> Volumes {
    Volumes::open(path, HmacKey::new(&[5; 32]).unwrap()).unwrap()
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn with_ask<T>(ids: impl Iterator<Item = u64>, run: impl FnOnce(&[Ask<'_>]) -> T) -> T {
    let names: Vec<String> = ids.map(|id| id.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    run(&[Ask { meter: &meter(), window: &WINDOW, subjects: Subjects::Ids(&names) }])
}

/// A sequence that differs in every round and is the same in every run.
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// How many ids the set has that begins here.
fn size(first: u64) -> u64 {
    1 + mix(first) % 40
}

/// What the child says after the store has said it.
enum Said {
    Reserved(Range<u64>),
    GaveBack(Range<u64>),
}

/// In the child: reserves one set after the other until it is killed.
fn reserve_for_ever(order: &str) {
    let (first, path) = order.split_once(' ').unwrap();
    let volumes = open(Path::new(path));
    let mut first: u64 = first.parse().unwrap();
    let mut still_open = Vec::new();
    // Longer than any round; should the parent be gone, this ends by itself.
    for _ in 0..100_000 {
        let set = first..first + size(first);
        let (reservation, _) = with_ask(set.clone(), |asks| volumes.reserve(asks, now())).unwrap();
        say("reserved", &set);
        match first % 5 {
            0 => {
                reservation.give_back().unwrap();
                say("gave-back", &set);
            }
            1 => drop(reservation),
            // Open for ever, as if the request still ran.
            2 => still_open.push(reservation),
            _ => reservation.left(),
        }
        first = set.end;
    }
}

fn say(what: &str, set: &Range<u64>) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "\n{what} {} {}", set.start, set.end).unwrap();
    output.flush().unwrap();
}

fn heard(line: &str) -> Option<Said> {
    let mut words = line.split(' ');
    let what = words.next()?;
    let set = words.next()?.parse().ok()?..words.next()?.parse().ok()?;
    match what {
        "reserved" => Some(Said::Reserved(set)),
        "gave-back" => Some(Said::GaveBack(set)),
        _ => None,
    }
}

/// A child, and what it says. A line that the kill cut has no end and is not heard.
fn start(path: &Path, first: u64) -> (Child, Receiver<Said>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "whatever_was_acknowledged_counts_after_a_kill", "--nocapture"])
        .env(CHILD, format!("{first} {}", path.to_str().unwrap()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        while output.read_line(&mut line).is_ok_and(|octets| octets > 0) {
            if let Some(said) = line.strip_suffix('\n').and_then(heard)
                && sender.send(said).is_err()
            {
                return;
            }
            line.clear();
        }
    });
    (child, receiver)
}

/// Lets the child say so many things, then so many more microseconds pass, then kills it.
/// Returns everything it said.
fn kill(mut child: Child, said: &Receiver<Said>, after: u64, micros: u64) -> Vec<Said> {
    let mut heard = Vec::new();
    for _ in 0..after {
        heard.extend(said.recv());
    }
    // Not for the result: any moment will do.
    heard.extend(said.recv_timeout(Duration::from_micros(micros)));
    child.kill().unwrap();
    child.wait().unwrap();
    heard.extend(said.iter());
    heard
}

#[test]
fn whatever_was_acknowledged_counts_after_a_kill() {
    if let Ok(order) = env::var(CHILD) {
        return reserve_for_ever(&order);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("volumes");
    let (mut kept, mut doubtful) = (BTreeSet::new(), BTreeSet::new());
    let (mut first, mut rounds_heard) = (0, 0);
    for round in 0..KILLS {
        let (child, said) = start(&path, first);
        // Some are killed before they say anything, in the middle of opening.
        let (after, micros) = (mix(round) % 60, mix(round + 1_000) % 3_000);
        let after = if round % 6 == 0 { 0 } else { after };
        let said = kill(child, &said, after, micros);
        rounds_heard += u32::from(!said.is_empty());
        for said in said {
            match said {
                Said::Reserved(set) => {
                    first = set.end;
                    kept.extend(set);
                }
                Said::GaveBack(set) => {
                    // Not durable at once: it may count again.
                    kept.retain(|id| !set.contains(id));
                    doubtful.extend(set);
                }
            }
        }
        // Reserved, but killed before it was said: perhaps.
        let unsaid = first..first + size(first);
        doubtful.extend(unsaid.clone());
        first = unsaid.end;
        let volumes = open(&path);
        let counted = with_ask(kept.iter().copied(), |asks| volumes.count(asks, now())).unwrap();
        let [counted] = counted.as_slice() else { panic!("one ask, one answer") };
        assert_eq!(counted.before, counted.after, "round {round}: acknowledged, but not counted");
        let most = u64::try_from(kept.len() + doubtful.len()).unwrap();
        assert!(counted.before <= most, "round {round}: {} of at most {most}", counted.before);
    }
    assert!(rounds_heard > 40, "only {rounds_heard} children said anything");
    println!("{} subjects acknowledged in {KILLS} rounds", kept.len());
}
