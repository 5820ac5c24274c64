//! The first reading: everything that stands before the transactions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::audit::event::Event;
use crate::audit::journal::{self, Entry, Gaps, Kind, Unread};
use crate::config::RecordSet;

use super::candidates::Candidates;
use super::in_force::{ConfigSeen, InForce, PackSeen};
use super::totals::{Seen, Totals};
use super::walk::{Met, Walk};

/// The shape of the document; another number for one that older readers misread.
pub(super) const SCHEMA: &str = "borderpost-record-set/1";

/// Entries of one kind that are told one by one.
const TOLD: usize = 1_000;

/// A report without its transactions.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Document {
    pub(super) schema: &'static str,
    pub(super) made: Timestamp,
    pub(super) program: String,
    pub(super) pack: PackSaid,
    pub(super) period: PeriodSaid,
    pub(super) verification: Verified,
    pub(super) packs: Vec<PackSeen>,
    pub(super) configurations: Vec<ConfigSeen>,
    pub(super) databases: Vec<DatabaseSeen>,
    pub(super) totals: Totals,
    pub(super) gaps: Listed,
    pub(super) notes: Listed,
    pub(super) unended: Unended,
    /// Entries that could not be read: the report is without what they say.
    pub(super) unread: Vec<Unread>,
    /// How many places there are beside those.
    pub(super) more_unread: u64,
    pub(super) candidates: Candidates,
    pub(super) attach: Vec<Attach>,
}

/// The pack that the report is by.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PackSaid {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) digest: String,
    pub(super) authority: String,
    pub(super) retain_years: Option<u16>,
}

/// What it is a report of.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PeriodSaid {
    /// None: from the first entry on.
    pub(super) since: Option<Timestamp>,
    pub(super) until: Timestamp,
    /// Entries up to this number were read.
    pub(super) entries: u64,
}

/// How the journal verified.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Verified {
    pub(super) sound: bool,
    pub(super) entries: u64,
    pub(super) pruned: u64,
    pub(super) segments: u64,
    pub(super) checkpoints: u64,
    pub(super) unsigned: u64,
    pub(super) root: Option<String>,
    pub(super) keys: Vec<String>,
    /// Whether one of them was given by who asked; else the journal's own word stands.
    pub(super) key_given: bool,
    pub(super) checkpoint: Option<String>,
    pub(super) findings: Vec<String>,
    pub(super) more_findings: u64,
}

/// A database as records name it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DatabaseSeen {
    pub(super) name: String,
    pub(super) build: String,
    pub(super) sha256: String,
    #[serde(flatten)]
    pub(super) seen: Seen,
}

/// Entries that are told one by one.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Listed {
    pub(super) list: Vec<EntrySaid>,
    pub(super) more: u64,
}

/// What an entry says.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EntrySaid {
    pub(super) sequence: u64,
    pub(super) at: Option<Timestamp>,
    pub(super) says: Value,
}

/// Verdicts under the pack that no record follows: under way, or cut off by the end of a run, whose
/// records the next one makes.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Unended {
    pub(super) count: usize,
    pub(super) list: Vec<EntrySaid>,
}

/// What the report does not have.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Attach {
    pub(super) item: String,
    pub(super) cite: String,
    pub(super) text: String,
    pub(super) document: String,
    /// Whether the record says some of it.
    pub(super) partly: bool,
}

/// What is gathered on the way.
#[derive(Default)]
struct Gathered {
    totals: Totals,
    in_force: InForce,
    databases: BTreeMap<(String, String, String), Seen>,
    gaps: Listed,
    notes: Listed,
    /// Verdicts whose requests have not ended yet, by their ids.
    open: BTreeMap<String, EntrySaid>,
}

/// Reads the journal once and puts together all but the transactions.
pub(super) fn document(
    set: &RecordSet,
    walk: &Walk<'_>,
    verification: Verified,
) -> anyhow::Result<(Document, Gaps)> {
    let mut all = Gathered::default();
    let (entries, mut gaps) = walk.each(u64::MAX, |met| {
        all.take(met, walk);
        Ok(())
    })?;
    gaps.extend(all.in_force.look_back(walk)?);
    let since = Some(walk.period.since).filter(|since| *since > Timestamp::MIN);
    let databases = all.databases.into_iter();
    let (packs, configurations) = all.in_force.told();
    let document = Document {
        schema: SCHEMA,
        made: Timestamp::now(),
        program: format!("borderpost {}", env!("CARGO_PKG_VERSION")),
        pack: PackSaid {
            id: set.pack.id.clone(),
            version: set.pack.version.clone(),
            digest: set.pack.digest.clone(),
            authority: set.pack.authority.clone(),
            retain_years: set.pack.retain_years,
        },
        period: PeriodSaid { since, until: walk.period.until, entries },
        verification,
        packs,
        configurations,
        databases: databases
            .map(|((name, build, sha256), seen)| DatabaseSeen { name, build, sha256, seen })
            .collect(),
        totals: all.totals,
        gaps: all.gaps,
        notes: all.notes,
        unended: Unended {
            count: all.open.len(),
            list: all.open.into_values().take(TOLD).collect(),
        },
        unread: gaps.places().to_vec(),
        more_unread: gaps.more(),
        candidates: Candidates::default(),
        attach: attach(set),
    };
    Ok((document, gaps))
}

fn attach(set: &RecordSet) -> Vec<Attach> {
    let outside = |item: &crate::config::RecordItem| {
        Some(Attach {
            item: item.id.clone(),
            cite: item.cite.clone(),
            text: item.text.clone(),
            document: item.kept.outside.clone()?,
            partly: !item.kept.from.is_empty(),
        })
    };
    set.items.iter().filter_map(outside).collect()
}

// === impl Gathered ===

impl Gathered {
    fn take(&mut self, met: Met<'_>, walk: &Walk<'_>) {
        match met {
            Met::Ended(_, _, event) => {
                self.open.remove(&*event.id);
                self.ended(&event, walk);
            }
            Met::Elsewhere(event) => drop(self.open.remove(&*event.id)),
            Met::Decided(entry, line) => self.decided(EntrySaid::new(&entry, line), walk),
            Met::Configured(sequence, configured) => self.in_force.noted(sequence, *configured),
            Met::Other(entry) => match entry.kind() {
                Some(Kind::Gap) => self.gaps.add(&entry),
                Some(Kind::Note) => self.notes.add(&entry),
                _ => {}
            },
        }
    }

    fn ended(&mut self, event: &Event<'_>, walk: &Walk<'_>) {
        self.totals.all.add(event);
        for rule in &event.rules {
            let word = |text: &Option<std::borrow::Cow<'_, str>>| {
                text.as_deref().unwrap_or_default().to_owned()
            };
            let key = (rule.pack.clone().into_owned(), word(&rule.version), word(&rule.digest));
            self.in_force.held(key, event.time);
        }
        if let Some(location) = &event.location {
            for (name, build) in &location.builds {
                let digest = location.digests.get(name).map(|digest| digest.clone().into_owned());
                let key = (name.to_string(), build.to_string(), digest.unwrap_or_default());
                Seen::note(&mut self.databases, key, event.time);
            }
        }
        self.in_force.seen(&event.config, event.time);
        if walk.concerns(event) {
            self.totals.add(event, walk.pack);
        }
    }

    /// Of requests that wait or run when the journal is read there are no more than connections;
    /// each run that was killed leaves as many.
    fn decided(&mut self, said: EntrySaid, walk: &Walk<'_>) {
        let of_pack = |list: &str| {
            let items = said.says.get(list).and_then(Value::as_array).into_iter().flatten();
            let mut packs = items.filter_map(|item| item.get("pack").and_then(Value::as_str));
            packs.any(|pack| pack == walk.pack)
        };
        // Before it has come to its end it may be no rule that makes it a transaction, but a volume.
        let counts = said.says.get("counts").and_then(Value::as_array).into_iter().flatten();
        let mut meters = counts.filter_map(|count| count.get("meter").and_then(Value::as_str));
        let counted = meters.any(|meter| walk.owns(meter));
        let within = said.at.is_some_and(|at| walk.period.has(at));
        let id = said.says.get("id").and_then(Value::as_str);
        if let Some(id) =
            id.filter(|_| within && (counted || of_pack("rules") || of_pack("reports")))
        {
            self.open.insert(id.to_owned(), said);
        }
    }
}

// === impl Listed ===

impl Listed {
    fn add(&mut self, entry: &Entry<'_>) {
        if self.list.len() < TOLD {
            self.list.push(EntrySaid::of(entry));
        } else {
            self.more += 1;
        }
    }
}

impl EntrySaid {
    fn of(entry: &Entry<'_>) -> Self {
        Self::new(entry, entry.payload().unwrap_or_default())
    }

    fn new(entry: &Entry<'_>, payload: &[u8]) -> Self {
        let says = serde_json::from_slice(payload)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(payload)));
        let at = entry.at().and_then(|at| Timestamp::from_millisecond(at).ok());
        Self { sequence: entry.sequence(), at, says }
    }
}

// === impl Verified ===

impl Verified {
    pub(super) fn new(
        report: &journal::Report,
        key_given: bool,
        checkpoint: Option<String>,
    ) -> Self {
        let told = report.findings.len().min(TOLD);
        Self {
            sound: report.is_sound(),
            entries: report.entries,
            pruned: report.pruned,
            segments: report.segments,
            checkpoints: report.checkpoints,
            unsigned: report.unsigned,
            root: report.root.as_ref().map(ToString::to_string),
            keys: report.signers.iter().map(ToString::to_string).collect(),
            key_given,
            checkpoint,
            findings: report.findings.iter().take(told).map(ToString::to_string).collect(),
            more_findings: report.more,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::super::walk::Period;
    use super::*;
    use crate::audit::personal::KeyRing;

    #[test]
    fn a_verdict_that_grows_a_volume_and_is_cut_off_is_told() {
        let (now, keys) = (Timestamp::now(), KeyRing::at(Path::new("/nowhere")));
        let period = Period { since: Timestamp::MIN, until: Timestamp::MAX };
        let walk = Walk { folder: Path::new("/nowhere"), keys: &keys, pack: "act", period };
        let mut all = Gathered::default();
        for (id, counts) in [
            ("counted", json!([{"meter": "act/genomes", "before": 0, "after": 60}])),
            ("of another pack", json!([{"meter": "action/genomes"}])),
            ("of none", json!([])),
        ] {
            let says = json!({"id": id, "rules": [], "reports": [], "counts": counts});
            all.decided(EntrySaid { sequence: 1, at: Some(now), says }, &walk);
        }
        let open: Vec<_> = all.open.keys().collect();
        assert_eq!(open, ["counted"]);
    }
}
