//! The index against the journal that it is of: whatever is asked, both say the same.

mod clock;
mod comparing;
mod keeping;
mod searching;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::super::event::Event;
use super::super::journal::{Kind, Log, Reader, Settings, Signer};
use super::super::personal::KeyRing;
use super::lock::Lock;
use super::tail::Tail;
use super::*;

const MONTH: Duration = Duration::from_hours(30 * 24);
const ANSWER: Duration = Duration::from_mins(1);

/// A journal and its index in a folder of their own.
struct Place {
    root: tempfile::TempDir,
    /// What the made records begin at, in milliseconds.
    begin: i64,
}

impl Place {
    fn new() -> Self {
        let begin = Timestamp::now().as_millisecond() - 6 * 3_600_000;
        Self { root: tempfile::tempdir().unwrap(), begin }
    }

    fn journal(&self) -> PathBuf {
        self.root.path().join("journal")
    }

    fn index(&self) -> PathBuf {
        self.root.path().join("index")
    }

    fn log(&self) -> Log {
        let signer = Signer::open_or_make(&self.journal(), "proxy.example/journal").unwrap();
        let settings = Settings { segment_octets: 200_000, ..Settings::default() };
        Log::open(&self.journal(), settings, signer, self.at(0)).unwrap().0
    }

    fn at(&self, milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(self.begin + milliseconds).unwrap()
    }

    /// Appends made records, some seconds apart, and a verdict on some before.
    fn fill(&self, log: &mut Log, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let line = self.record(number);
            // Records are entered when requests end.
            let at = self.at(i64::from(number) * 9_000 + 3_000);
            if number.is_multiple_of(3) {
                log.append(Kind::Decided, at, line.as_bytes());
            }
            log.append(Kind::Ended, at, line.as_bytes());
            log.write().unwrap();
            log.tick(at).unwrap();
        }
        log.sync().unwrap();
    }

    fn record(&self, number: u32) -> String {
        let pick = |salt: u32, of: u32| number.wrapping_mul(2_654_435_761).rotate_left(salt) % of;
        let id = uuid::Uuid::from_u128(u128::from(number) << 64 | 7);
        let tags: &[&str] = match pick(3, 5) {
            0 => &["health"],
            1 => &["health.record", "financial.card"],
            2 => &["healthy"],
            _ => &[],
        };
        let countries: &[&str] = match pick(5, 4) {
            0 => &["AA"],
            1 => &["BB", "AA"],
            2 => &["CC"],
            _ => &[],
        };
        let rule = |pack: &str, rule: &str| json!({"rule": rule, "pack": pack, "outcome": "log", "mode": "enforce", "cite": null});
        let observing = |rule: &str, outcome: &str, lifted: Option<&str>| json!({"rule": rule, "pack": "obs", "outcome": outcome, "mode": "observe", "cite": null, "lifted": lifted});
        let mut rules = match pick(7, 4) {
            0 => vec![rule("one", "stay"), rule("one", "told")],
            1 => vec![rule("two", "stay")],
            _ => vec![],
        };
        match pick(27, 6) {
            0 => rules.extend([observing("a", "log", None), observing("b", "block", None)]),
            1 => rules.push(observing("c", "hold", None)),
            2 => rules.push(observing("c", "log", None)),
            3 => rules.push(observing("d", "block", Some("exempt"))),
            _ => {}
        }
        let outcome = match pick(9, 8) {
            0 => json!("block"),
            1 => json!("log"),
            2 => json!(null),
            _ => json!("allow"),
        };
        let host = ["a.example", "b.example", "bexample", "sub.b.example", "ä\"example"];
        let host = host.get(usize::try_from(pick(11, 6)).unwrap());
        let error = json!({"fault": "upstream", "code": "unreachable", "detail": "x"});
        json!({
            "time": format!("{:.3}", self.at(i64::from(number) * 9_000 - i64::from(pick(1, 9_000)))),
            "id": if number.is_multiple_of(50) { format!("odd-{number}") } else { id.to_string() },
            "client": format!("{}:{}", ["10.0.0.1", "[2001:db8::1]", "10.0.0.2"][usize::try_from(pick(13, 3)).unwrap()], 1_000 + pick(15, 3)),
            "principal": (pick(17, 3) == 0).then_some("10.0.0.2").or_else(|| (pick(17, 3) == 1).then_some("ann")),
            "method": if pick(19, 3) == 0 { "POST" } else { "GET" },
            "scheme": "https",
            "host": host,
            "location": {"state": "known", "countries": countries},
            "tags": tags,
            "rules": rules,
            "outcome": outcome,
            "error": if pick(21, 9) == 0 { error } else { json!(null) },
            "status": 200,
            "bytes_out": pick(23, 5_000),
            "bytes_in": pick(25, 5_000),
            "config": "c1",
        })
        .to_string()
    }

    fn keeping(&self, keep: Duration) -> Keeping {
        let (folder, journal) = (self.index(), self.journal());
        let keys = KeyRing::at(&self.index().with_file_name("keys"));
        Keeping { folder, journal, keys, keep }
    }

    fn tail(&self) -> Tail {
        let lock = Lock::take(&self.index()).unwrap();
        let tail = Tail::open(lock, &self.keeping(MONTH));
        tail.map_err(|(_, fault)| fault).unwrap()
    }

    fn look(&self) -> Index {
        Index::open_read_only(&self.index(), ANSWER).unwrap()
    }
}

/// Enters everything.
fn follow(tail: &mut Tail) {
    while tail.step().unwrap() > 0 {}
}

/// Every record of a journal.
fn records(journal: &Path) -> Vec<(u64, Event<'static>)> {
    let (mut reader, mut all) = (Reader::open(journal), Vec::new());
    while let Some(entry) = reader.next_entry().unwrap() {
        if entry.kind() == Some(Kind::Ended) {
            let line = std::str::from_utf8(entry.payload().unwrap()).unwrap();
            all.push((entry.sequence(), Event::read(line).unwrap()));
        }
    }
    all
}
