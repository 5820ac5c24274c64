//! One pass over the sealed segments. A segment in which nothing can be due yet is not opened.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::index::forget;
use super::super::index_folder;
use super::super::journal::{Entry, Fault, Kind, Ranges, prune, scan, sealed_segments};
use super::super::personal::{KeyId, KeyRing, Opener};
use super::Retention;
use super::keys::{self, Keys};
use super::term::{Basis, Line};

/// How long a segment rests in which a legal hold alone keeps something: a day.
const REST: SignedDuration = SignedDuration::from_hours(24);

/// Ranges in a note: at most 44 octets each, and an entry has 1 MiB.
const RANGES: usize = 20_000;

/// While it is there the index may have what was dropped: a run may end in between.
const FORGETS: &str = "index-forgets";

/// What earlier passes have learned: when something in a segment may be due.
#[derive(Debug, Default)]
pub struct Pass {
    due: BTreeMap<PathBuf, Timestamp>,
    /// Keys that a legal hold keeps, by its name.
    held: BTreeMap<KeyId, String>,
}

/// What a pass has done, or would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Entries that have lost their payload, by what had kept them until now.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Entries that are due and that a legal hold keeps, by its name.
    pub held: BTreeMap<String, u64>,
    /// Keys of personal fields that were destroyed, and the setting that says so.
    pub keys: BTreeMap<KeyId, String>,
    /// Keys that are due and that a legal hold keeps, by its name.
    pub keys_held: BTreeMap<KeyId, String>,
    /// Entries that could not be read, and are kept therefore.
    pub unread: u64,
    /// Segments that were rewritten.
    pub segments: u64,
    /// Octets of them before and after.
    pub octets: (u64, u64),
    /// Segments that could not be read or rewritten, and why.
    pub failed: Vec<String>,
}

/// What becomes of an entry.
enum Fate {
    /// It is kept until then.
    Kept(Timestamp),
    Held(String),
    Unread,
    Dropped(Basis),
}

/// Puts a note into the journal, on the disk and signed, before what it says is done.
pub type Announce<'a> = dyn FnMut(&Value) -> Result<(), String> + 'a;

/// Drops the payloads that nothing keeps any longer, and destroys the keys of personal fields whose
/// term is over, once each was announced; where nothing hears it, only tells which.
pub fn retain(
    folder: &Path,
    retention: &Retention,
    ring: &KeyRing,
    now: Timestamp,
    mut announce: Option<&mut Announce<'_>>,
    pass: &mut Pass,
) -> Result<Passed, Fault> {
    let mut passed = Passed::default();
    let segments = sealed_segments(folder)?;
    pass.due.retain(|path, _| segments.contains(path));
    let mut plans = Vec::new();
    for path in segments {
        if pass.due.get(&path).is_some_and(|due| *due > now) {
            continue;
        }
        match Plan::of(&path, retention, ring, now) {
            Ok(plan) => plans.push(plan),
            Err(fault) => passed.failed.push(fault.to_string()),
        }
    }
    let done = passed.drop_all(folder, plans, now, announce.as_deref_mut(), pass);
    // Last, for a hold may ask for what they open.
    let keys = keys::due(folder, retention, ring, now, &mut pass.held);
    let done =
        done.and(keys).and_then(|keys| passed.destroy(keys, ring, now, announce.as_deref_mut()));
    if let Err(why) = done {
        passed.failed.push(why);
    }
    if announce.is_some() {
        passed.forget(folder);
    }
    Ok(passed)
}

/// Whether the index beside a journal may still have what was dropped from that.
pub fn is_forgetting(journal: &Path) -> bool {
    journal.join(FORGETS).exists()
}

/// What becomes of a segment.
struct Plan {
    path: PathBuf,
    /// What is dropped.
    sequences: Ranges,
    found: Passed,
    /// When something in it is due next.
    due: Timestamp,
}

impl Plan {
    fn of(
        path: &Path,
        retention: &Retention,
        ring: &KeyRing,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let (mut found, mut sequences) = (Passed::default(), Ranges::default());
        let (mut opener, mut due) = (ring.opener(), Timestamp::MAX);
        scan(path, |entry| match fate(retention, entry, &mut opener, now) {
            Fate::Kept(until) => due = due.min(until),
            Fate::Held(name) => {
                *found.held.entry(name).or_default() += 1;
                due = due.min(now.saturating_add(REST).unwrap_or(Timestamp::MAX));
            }
            Fate::Unread => found.unread += 1,
            Fate::Dropped(basis) => {
                *found.dropped.entry(basis.name()).or_default() += 1;
                sequences.push(entry.sequence());
            }
        })?;
        Ok(Self { path: path.to_owned(), sequences, found, due })
    }

    fn run(&mut self) -> Result<(), Fault> {
        if self.sequences.is_empty() {
            return Ok(());
        }
        let pruned = prune(&self.path, |entry| !self.sequences.has(entry.sequence()))?;
        self.found.segments = 1;
        self.found.octets = (pruned.before, pruned.after);
        Ok(())
    }
}

/// What is dropped, in notes of which each is short enough for an entry.
fn begun(plans: &[Plan], now: Timestamp) -> Vec<Value> {
    let mut all = Ranges::default();
    plans.iter().for_each(|plan| all.append(&plan.sequences));
    let note = |part: Ranges| {
        json!({ "retention": {
            "stage": "begun", "as_of": now.to_string(), "entries": part.count(), "sequences": part,
        }})
    };
    all.parts(RANGES).map(note).collect()
}

/// Starts and notes are few, and tell who did what: they always stay.
fn fate(retention: &Retention, entry: &Entry<'_>, opener: &mut Opener, now: Timestamp) -> Fate {
    let (Some(Kind::Ended | Kind::Decided), Some(payload)) = (entry.kind(), entry.payload()) else {
        return Fate::Kept(Timestamp::MAX);
    };
    // The clock may have been set back since: what was entered counts, too.
    let entered = entry.at().and_then(|at| Timestamp::from_millisecond(at).ok());
    let early = entered.is_some_and(|at| retention.terms.shortest().after(at) > now);
    if early {
        return Fate::Kept(entered.map_or(now, |at| retention.terms.shortest().after(at)));
    }
    let Ok(line) = serde_json::from_slice::<Line<'_>>(payload) else { return Fate::Unread };
    let (until, basis) = retention.terms.until(&line);
    if until > now {
        return Fate::Kept(until);
    }
    let mut open = retention.holds.iter().filter(|hold| hold.is_open(now));
    let opened = opener.open(payload);
    let Ok(line) = serde_json::from_slice::<Line<'_>>(&opened) else { return Fate::Unread };
    match open.find(|hold| hold.means(&line)) {
        Some(hold) => Fate::Held(hold.name.clone()),
        None => Fate::Dropped(basis),
    }
}

fn listed(keys: &BTreeMap<KeyId, String>) -> Vec<Value> {
    keys.iter().map(|(id, by)| json!({ "key": id.to_string(), "by": by })).collect()
}

// === impl Passed ===

impl Passed {
    /// Whether there is something to note.
    pub fn is_empty(&self) -> bool {
        self.dropped.is_empty() && self.keys.is_empty()
    }

    /// What the journal is told: how many of what class, and by which setting.
    pub fn note(&self, retention: &Retention, now: Timestamp) -> Value {
        let by = Basis::ALL.into_iter().filter_map(|basis| {
            let entries = self.dropped.get(basis.name())?;
            Some(json!({
                "class": basis.name(),
                "entries": entries,
                "by": basis.setting(&retention.terms),
            }))
        });
        json!({ "retention": {
            "stage": "done",
            "as_of": now.to_string(),
            "dropped": by.collect::<Vec<_>>(),
            "held": self.held,
            "keys": listed(&self.keys),
            "keys_held": self.keys_held.iter()
                .map(|(id, hold)| (id.to_string(), hold)).collect::<BTreeMap<_, _>>(),
            "segments": self.segments,
            "octets_before": self.octets.0,
            "octets_after": self.octets.1,
        }})
    }

    /// Drops what is due, once that is announced.
    fn drop_all(
        &mut self,
        folder: &Path,
        plans: Vec<Plan>,
        now: Timestamp,
        announce: Option<&mut Announce<'_>>,
        pass: &mut Pass,
    ) -> Result<(), String> {
        let Some(announce) = announce else {
            plans.into_iter().for_each(|plan| self.add(plan.found));
            return Ok(());
        };
        if plans.iter().any(|plan| !plan.sequences.is_empty()) {
            begun(&plans, now).iter().try_for_each(announce)?;
            fs::write(folder.join(FORGETS), b"").map_err(|error| error.to_string())?;
        }
        for mut plan in plans {
            match plan.run() {
                Ok(()) => {
                    self.add(plan.found);
                    pass.due.insert(plan.path, plan.due);
                }
                Err(fault) => self.failed.push(fault.to_string()),
            }
        }
        Ok(())
    }

    /// Destroys keys, once that is announced.
    fn destroy(
        &mut self,
        keys: Keys,
        ring: &KeyRing,
        now: Timestamp,
        announce: Option<&mut Announce<'_>>,
    ) -> Result<(), String> {
        self.keys_held = keys.held;
        let Some(announce) = announce else {
            self.keys = keys.due;
            return Ok(());
        };
        if !keys.due.is_empty() {
            announce(&json!({ "retention": {
                "stage": "begun", "as_of": now.to_string(), "keys": listed(&keys.due),
            }}))?;
        }
        for (id, by) in keys.due {
            match ring.destroy(&id, &by, now) {
                Ok(()) => drop(self.keys.insert(id, by)),
                Err(fault) => self.failed.push(fault.to_string()),
            }
        }
        Ok(())
    }

    /// Makes the index forget what was dropped, and what keys opened. It is built anew from what is
    /// left: a row that is deleted may stay in a file for long.
    fn forget(&mut self, folder: &Path) {
        let owed = folder.join(FORGETS);
        if self.is_empty() && !owed.exists() {
            return;
        }
        let done = forget(&index_folder(folder)).map_err(|fault| fault.to_string());
        let done = done.and_then(|()| match fs::remove_file(&owed) {
            Err(error) if owed.exists() => Err(error.to_string()),
            Ok(()) | Err(_) => Ok(()),
        });
        if let Err(why) = done {
            self.failed.push(format!("the index still has what was erased: {why}"));
        }
    }

    fn add(&mut self, other: Self) {
        for (class, count) in other.dropped {
            *self.dropped.entry(class).or_default() += count;
        }
        for (hold, count) in other.held {
            *self.held.entry(hold).or_default() += count;
        }
        self.unread += other.unread;
        self.segments += other.segments;
        self.octets.0 += other.octets.0;
        self.octets.1 += other.octets.1;
    }
}
