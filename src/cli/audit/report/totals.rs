//! Totals. What is counted by something that a client chooses is bounded: the rest is counted
//! together.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::audit::event::Event;
use crate::policy::Outcome;

/// Rows of one table.
const MOST: usize = 10_000;

/// What adds up over requests.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Tally {
    pub(super) requests: u64,
    /// Of them, those that a rule did not let out.
    pub(super) refused: u64,
    pub(super) subjects: u64,
    pub(super) records: u64,
    pub(super) bytes_out: u64,
}

/// One total by some name.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Table {
    pub(super) rows: BTreeMap<String, Tally>,
    /// All names beyond those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) others: Option<Tally>,
}

/// A volume over the period.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Volume {
    pub(super) meter: String,
    pub(super) holder: String,
    pub(super) requests: u64,
    /// Before the first request of the period.
    pub(super) before: u64,
    /// After the last one that went out.
    pub(super) after: u64,
    pub(super) limit: Option<u64>,
}

/// From when until when something was seen in records.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Seen {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

/// All totals of one pack.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Totals {
    /// Of every request of the period, whatever rule.
    pub(super) all: Tally,
    /// Of those under the pack.
    pub(super) transactions: Tally,
    pub(super) by_class: Table,
    pub(super) by_country: Table,
    pub(super) by_recipient: Table,
    #[serde(serialize_with = "values")]
    pub(super) volumes: BTreeMap<(String, String), Volume>,
    /// Volumes beyond those.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) more_volumes: u64,
}

fn values<S: Serializer>(
    volumes: &BTreeMap<(String, String), Volume>,
    into: S,
) -> Result<S::Ok, S::Error> {
    into.collect_seq(volumes.values())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to the field")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

// === impl Tally ===

impl Tally {
    pub(super) fn add(&mut self, event: &Event<'_>) {
        let sum = |of: fn(&crate::audit::event::Data<'_>) -> Option<u64>| {
            event.data.iter().filter_map(of).fold(0, u64::saturating_add)
        };
        self.requests += 1;
        self.refused += u64::from(is_refused(event));
        self.subjects = self.subjects.saturating_add(sum(|data| data.subjects));
        self.records = self.records.saturating_add(sum(|data| data.records));
        self.bytes_out = self.bytes_out.saturating_add(event.bytes_out);
    }
}

/// Whether a rule did not let a request out.
pub(super) fn is_refused(event: &Event<'_>) -> bool {
    event.outcome.is_some_and(|outcome| outcome > Outcome::Log)
}

// === impl Table ===

impl Table {
    fn add(&mut self, name: &str, event: &Event<'_>) {
        let full = self.rows.len() >= MOST && !self.rows.contains_key(name);
        let row = if full {
            self.others.get_or_insert_default()
        } else {
            self.rows.entry(name.to_owned()).or_default()
        };
        row.add(event);
    }
}

// === impl Totals ===

impl Totals {
    /// Adds a transaction under the pack.
    pub(super) fn add(&mut self, event: &Event<'_>, pack: &str) {
        self.transactions.add(event);
        for tag in &event.tags {
            self.by_class.add(tag, event);
        }
        let mut countries = event.location.iter().flat_map(|one| &one.countries).peekable();
        if countries.peek().is_none() {
            self.by_country.add("unknown", event);
        }
        for country in countries {
            self.by_country.add(country, event);
        }
        let party = event.recipient.as_ref().map(|one| &*one.party);
        self.by_recipient.add(party.or(event.host.as_deref()).unwrap_or("unknown"), event);
        for count in &event.counts {
            let own = count.meter.strip_prefix(pack).is_some_and(|rest| rest.starts_with('/'));
            if own {
                self.count(count, is_refused(event));
            }
        }
    }

    fn count(&mut self, count: &crate::audit::event::Count<'_>, refused: bool) {
        let key = (count.meter.clone().into_owned(), count.holder.clone().into_owned());
        if !self.volumes.contains_key(&key) && self.volumes.len() >= MOST {
            self.more_volumes += 1;
            return;
        }
        let (meter, holder) = key.clone();
        let volume = self.volumes.entry(key).or_insert_with(|| Volume {
            meter,
            holder,
            requests: 0,
            before: count.before,
            after: count.before,
            limit: count.limit,
        });
        volume.requests += 1;
        volume.limit = count.limit.or(volume.limit);
        if !refused {
            volume.after = count.after;
        }
    }
}

// === impl Seen ===

impl Seen {
    /// Takes in another time.
    pub(super) fn widen(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// Notes that something was seen, of which there are few.
    pub(super) fn note<K: Ord>(seen: &mut BTreeMap<K, Self>, key: K, at: Timestamp) {
        if let Some(one) = seen.get_mut(&key) {
            one.first = one.first.min(at);
            one.last = one.last.max(at);
        } else if seen.len() < MOST {
            seen.insert(key, Self { first: at, last: at });
        }
    }
}
