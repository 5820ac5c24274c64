//! Keys of personal fields whose term is over, or that somebody wants destroyed: all but those of
//! which a legal hold keeps a record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::journal::{Fault, Kind, Reader};
use super::super::personal::{Class, KeyId, KeyRing, Month, Opener, key_of};
use super::term::{Days, Line, Terms};
use super::{LegalHold, Retention};

/// How long personal fields can be read, by class and from the end of their month on; where none
/// is set, as long as their records are kept. Of those a pack wants kept, forever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PersonalTerms {
    /// Of records without tags.
    pub untagged: Option<Days>,
    /// Of records with tags.
    pub tagged: Option<Days>,
    /// Of records of what a rule did not let out.
    pub refused: Option<Days>,
    /// Of records that a pack wants kept for some years.
    pub pack: Option<Days>,
}

/// What became of keys, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    /// Those to destroy, and the setting that says so.
    pub(super) due: BTreeMap<KeyId, String>,
    /// Those that are due and that a legal hold keeps, by its name.
    pub(super) held: BTreeMap<KeyId, String>,
}

/// An erasure on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Of what records.
    pub class: Class,
    /// Of which month.
    pub month: Month,
    /// Why, in the words of who wants it.
    pub reason: String,
    /// The keys to destroy.
    pub keys: BTreeSet<KeyId>,
}

// === impl PersonalTerms ===

impl PersonalTerms {
    /// For how long, and the setting that says so.
    fn of(&self, class: Class, terms: &Terms) -> Option<(Days, String)> {
        let Terms { untagged, tagged, refused } = *terms;
        let (own, kept, word) = match class {
            Class::Untagged => (self.untagged, Some(untagged), "untagged"),
            Class::Tagged => (self.tagged, Some(tagged), "tagged"),
            // They may have tags, too.
            Class::Refused if tagged > refused => (self.refused, Some(tagged), "tagged"),
            Class::Refused => (self.refused, Some(refused), "refused"),
            Class::Pack => (self.pack, None, "pack"),
        };
        let own = own.map(|days| (days, format!("journal.personal_{class} = \"{days}\"")));
        own.or_else(|| kept.map(|days| (days, format!("journal.keep_{word} = \"{days}\""))))
    }
}

/// The keys that are due, as far as the settings say; what earlier passes have found held is not
/// sought again while that hold is open.
pub(super) fn due(
    journal: &Path,
    retention: &Retention,
    ring: &KeyRing,
    now: Timestamp,
    known: &mut BTreeMap<KeyId, String>,
) -> Result<Keys, String> {
    let mut keys = Keys::default();
    for id in ring.keys().map_err(|fault| fault.to_string())? {
        let term = retention.personal.of(id.class, &retention.terms);
        if let Some((_, setting)) = term.filter(|(days, _)| days.after(id.month.end()) <= now) {
            keys.due.insert(id, setting);
        }
    }
    let open: Vec<_> = retention.holds.iter().filter(|hold| hold.is_open(now)).collect();
    known.retain(|id, name| keys.due.contains_key(id) && open.iter().any(|one| one.name == *name));
    let unknown = keys.due.keys().filter(|id| !known.contains_key(id)).copied().collect();
    known.extend(held(journal, &unknown, &open, ring).map_err(|fault| fault.to_string())?);
    keys.held = known.clone();
    keys.due.retain(|id, _| !keys.held.contains_key(id));
    Ok(keys)
}

/// Those of some keys under which a record is sealed that a hold means.
fn held(
    journal: &Path,
    keys: &BTreeSet<KeyId>,
    holds: &[&LegalHold],
    ring: &KeyRing,
) -> Result<BTreeMap<KeyId, String>, Fault> {
    let mut found = BTreeMap::new();
    let from = keys.iter().map(|id| id.month.begin()).min();
    let Some(from) = from.filter(|_| !holds.is_empty()) else { return Ok(found) };
    let mut reader = Reader::open(journal).since(from.as_millisecond());
    let mut opener = ring.opener();
    while let Some(entry) = reader.next_entry()? {
        let (Some(Kind::Ended | Kind::Decided), Some(payload)) = (entry.kind(), entry.payload())
        else {
            continue;
        };
        let Some(id) = key_of(payload).filter(|id| keys.contains(id)) else { continue };
        if found.contains_key(&id) {
            continue;
        }
        if let Some(hold) = first(holds, payload, &mut opener) {
            found.insert(id, hold.name.clone());
            if found.len() == keys.len() {
                break;
            }
        }
    }
    Ok(found)
}

/// The first hold that means a record; one that nobody can read may be meant by each.
fn first<'h>(
    holds: &[&'h LegalHold],
    payload: &[u8],
    opener: &mut Opener,
) -> Option<&'h LegalHold> {
    let line = opener.open(payload);
    let line = serde_json::from_slice::<Line<'_>>(&line).ok();
    holds.iter().find(|hold| line.as_ref().is_none_or(|line| hold.means(line))).copied()
}

// === impl Erasure ===

impl Erasure {
    /// The keys of some records that are there; an error says which hold keeps one of them.
    pub fn of(
        (class, month): (Class, Month),
        reason: &str,
        journal: &Path,
        retention: &Retention,
        ring: &KeyRing,
        now: Timestamp,
    ) -> Result<Self, String> {
        let keys = ring.keys().map_err(|fault| fault.to_string())?;
        let keys: BTreeSet<_> =
            keys.into_iter().filter(|id| (id.class, id.month) == (class, month)).collect();
        if keys.is_empty() {
            let folder = ring.folder().display();
            return Err(format!("{folder}: there is no key of {class} records of {month}"));
        }
        let open: Vec<_> = retention.holds.iter().filter(|hold| hold.is_open(now)).collect();
        let held = held(journal, &keys, &open, ring).map_err(|fault| fault.to_string())?;
        if let Some((id, hold)) = held.first_key_value() {
            return Err(format!(
                "the legal hold `{hold}` means a record whose personal fields are under the key \
                 {id}; end the hold first"
            ));
        }
        Ok(Self { class, month, reason: reason.to_owned(), keys })
    }

    /// What the journal is told, before it is done.
    pub fn note(&self, now: Timestamp) -> Value {
        json!({ "erasure": {
            "as_of": now.to_string(),
            "class": self.class.name(),
            "month": self.month.to_string(),
            "reason": self.reason,
            "keys": self.keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }})
    }

    /// Destroys the keys.
    pub fn run(&self, ring: &KeyRing, now: Timestamp) -> Result<(), super::super::personal::Fault> {
        self.keys.iter().try_for_each(|id| ring.destroy(id, &self.reason, now))
    }
}
