//! One pass over the sealed segments. A segment in which nothing can be due yet is not opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::index::forget;
use super::super::index_folder;
use super::super::journal::{Entry, Fault, Kind, prune, scan, sealed_segments};
use super::super::personal::{KeyId, KeyRing, Opener};
use super::Retention;
use super::keys::{self, Keys};
use super::term::{Basis, Line};

/// How long a segment rests in which a legal hold alone keeps something: a day.
const REST: SignedDuration = SignedDuration::from_hours(24);

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

/// Drops the payloads that nothing keeps any longer, and destroys the keys of personal fields whose
/// term is over; with `dry`, only tells which.
pub fn retain(
    folder: &Path,
    retention: &Retention,
    ring: &KeyRing,
    now: Timestamp,
    dry: bool,
    pass: &mut Pass,
) -> Result<Passed, Fault> {
    let mut passed = Passed::default();
    let segments = sealed_segments(folder)?;
    pass.due.retain(|path, _| segments.contains(path));
    for path in segments {
        if pass.due.get(&path).is_some_and(|due| *due > now) {
            continue;
        }
        match segment(&path, retention, ring, now, dry, &mut passed) {
            Ok(due) => drop(pass.due.insert(path, due)),
            Err(fault) => passed.failed.push(fault.to_string()),
        }
    }
    // Last, for a hold may ask for what they open.
    match keys::due(folder, retention, ring, now, &mut pass.held) {
        Ok(keys) => passed.destroy(folder, keys, ring, (now, dry)),
        Err(why) => passed.failed.push(why),
    }
    Ok(passed)
}

/// Returns when something in the segment is due next.
fn segment(
    path: &Path,
    retention: &Retention,
    ring: &KeyRing,
    now: Timestamp,
    dry: bool,
    passed: &mut Passed,
) -> Result<Timestamp, Fault> {
    let mut due = Timestamp::MAX;
    let (mut found, mut any) = (Passed::default(), false);
    let mut opener = ring.opener();
    scan(path, |entry| match fate(retention, entry, &mut opener, now) {
        Fate::Kept(until) => due = due.min(until),
        Fate::Held(name) => {
            *found.held.entry(name).or_default() += 1;
            due = due.min(now.saturating_add(REST).unwrap_or(Timestamp::MAX));
        }
        Fate::Unread => found.unread += 1,
        Fate::Dropped(basis) => {
            *found.dropped.entry(basis.name()).or_default() += 1;
            any = true;
        }
    })?;
    if any && !dry {
        let keep = |entry: &Entry<'_>| {
            !matches!(fate(retention, entry, &mut opener, now), Fate::Dropped(_))
        };
        let pruned = prune(path, keep)?;
        found.segments = 1;
        found.octets = (pruned.before, pruned.after);
    }
    passed.add(found);
    Ok(if dry { now } else { due })
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
            "as_of": now.to_string(),
            "dropped": by.collect::<Vec<_>>(),
            "held": self.held,
            "keys": self.keys.iter().map(|(id, by)| json!({ "key": id.to_string(), "by": by }))
                .collect::<Vec<_>>(),
            "keys_held": self.keys_held.iter()
                .map(|(id, hold)| (id.to_string(), hold)).collect::<BTreeMap<_, _>>(),
            "segments": self.segments,
            "octets_before": self.octets.0,
            "octets_after": self.octets.1,
        }})
    }

    /// Destroys keys, and makes the index forget what they opened.
    fn destroy(
        &mut self,
        journal: &Path,
        keys: Keys,
        ring: &KeyRing,
        (now, dry): (Timestamp, bool),
    ) {
        self.keys_held = keys.held;
        if dry {
            self.keys = keys.due;
            return;
        }
        for (id, by) in keys.due {
            match ring.destroy(&id, &by, now) {
                Ok(()) => drop(self.keys.insert(id, by)),
                Err(fault) => self.failed.push(fault.to_string()),
            }
        }
        if !self.keys.is_empty()
            && let Err(fault) = forget(&index_folder(journal))
        {
            self.failed.push(format!("the index still has what was erased: {fault}"));
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
