//! What was in force: the packs and databases behind the digests that records name, as the journal
//! says it where each configuration was put in force, which may be long before the period.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::journal::{Gaps, Onward, segments};
use crate::audit::{Configured, Named};

use super::totals::Seen;
use super::walk::Walk;

/// Loads of one digest that are told: they differ in databases and programs.
const LOADS: usize = 50;

/// Digests whose loads are kept.
const DIGESTS: usize = 10_000;

/// A pack that was in force.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PackSeen {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) digest: String,
    /// None also where it is known by records alone.
    pub(super) signer: Option<String>,
    pub(super) mode: Option<String>,
    /// Whether a rule of it held.
    pub(super) held: bool,
    #[serde(flatten)]
    pub(super) seen: Seen,
}

/// A configuration as records name it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ConfigSeen {
    pub(super) digest: String,
    /// What it is made of; nothing where a journal of before does not say.
    pub(super) loads: Vec<Load>,
    #[serde(flatten)]
    pub(super) seen: Seen,
}

/// An entry by which a configuration was put in force.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Load {
    pub(super) sequence: u64,
    #[serde(flatten)]
    pub(super) configured: Configured,
}

/// Id, version and digest.
type Key = (String, String, String);

/// What is gathered of it.
#[derive(Default)]
pub(super) struct InForce {
    /// Packs whose rules held.
    held: BTreeMap<Key, Seen>,
    configurations: BTreeMap<String, Seen>,
    loads: BTreeMap<String, Vec<Load>>,
}

impl InForce {
    /// A rule of a pack held.
    pub(super) fn held(&mut self, pack: Key, at: Timestamp) {
        Seen::note(&mut self.held, pack, at);
    }

    /// A record names a configuration.
    pub(super) fn seen(&mut self, digest: &str, at: Timestamp) {
        Seen::note(&mut self.configurations, digest.to_owned(), at);
    }

    /// An entry says what one is made of.
    pub(super) fn noted(&mut self, sequence: u64, configured: Configured) {
        if self.loads.len() >= DIGESTS && !self.loads.contains_key(&configured.digest) {
            return;
        }
        let loads = self.loads.entry(configured.digest.clone()).or_default();
        let same = |load: &Load| {
            let known = &load.configured;
            known.packs == configured.packs
                && known.databases == configured.databases
                && known.program == configured.program
        };
        if loads.len() < LOADS && !loads.iter().any(same) {
            loads.push(Load { sequence, configured });
        }
    }

    /// Looks for what was put in force before the period began, the last segment first, until
    /// nothing is missing.
    pub(super) fn look_back(&mut self, walk: &Walk<'_>) -> anyhow::Result<Gaps> {
        let mut gaps = Gaps::default();
        let all = if self.is_missing() { segments(walk.folder)? } else { Vec::new() };
        let mut end = u64::MAX;
        for segment in all.into_iter().rev() {
            if !self.is_missing() {
                break;
            }
            let mut reader = Onward::open(walk.folder).from_sequence(segment.first);
            let mut found = Vec::new();
            while let Some(entry) = reader.next_entry()? {
                let sequence = entry.sequence();
                if sequence >= end {
                    break;
                }
                let configured = entry.payload().filter(|_| Walk::may_configure(&entry));
                found.extend(configured.and_then(Configured::read).map(|one| (sequence, one)));
            }
            gaps.extend(reader.into_gaps());
            // What was in force last is what the period began with.
            for (sequence, configured) in found.into_iter().rev() {
                if self.misses(&configured.digest) {
                    self.noted(sequence, configured);
                }
            }
            end = segment.first;
        }
        Ok(gaps)
    }

    fn misses(&self, digest: &str) -> bool {
        self.configurations.contains_key(digest) && !self.loads.contains_key(digest)
    }

    fn is_missing(&self) -> bool {
        self.configurations.keys().any(|digest| !self.loads.contains_key(digest))
    }

    /// Packs and configurations, as the report tells them.
    pub(super) fn told(mut self) -> (Vec<PackSeen>, Vec<ConfigSeen>) {
        let mut packs: BTreeMap<Key, (Option<Named>, Seen)> = BTreeMap::new();
        let mut configurations = Vec::new();
        for (digest, seen) in self.configurations {
            let loads = self.loads.remove(&digest).unwrap_or_default();
            for named in loads.iter().flat_map(|load| &load.configured.packs) {
                // Rules of one's own have no version, which records say by an empty one.
                let version = if named.version == "-" { "" } else { &named.version };
                let key = (named.id.clone(), version.to_owned(), named.digest.clone());
                let (_, all) = packs.entry(key).or_insert_with(|| (Some(named.clone()), seen));
                all.widen(seen);
            }
            configurations.push(ConfigSeen { digest, loads, seen });
        }
        for (key, seen) in &self.held {
            packs.entry(key.clone()).or_insert((None, *seen)).1.widen(*seen);
        }
        let pack = |(key, (named, seen)): (Key, (Option<Named>, Seen))| {
            let held = self.held.contains_key(&key);
            let (id, version, digest) = key;
            let (signer, mode) = named.map(|one| (one.signer, one.mode)).unzip();
            PackSeen { id, version, digest, signer: signer.flatten(), mode, held, seen }
        };
        (packs.into_iter().map(pack).collect(), configurations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn configured(digest: &str, pack: &str) -> Configured {
        configured_at(digest, pack, ("7", "sha256:aa"))
    }

    fn configured_at(digest: &str, pack: &str, (version, of): (&str, &str)) -> Configured {
        let note = serde_json::json!({ "configuration": {
            "at": "2026-01-01T00:00:00Z", "by": "start", "digest": digest, "program": "1",
            "packs": [{
                "id": pack, "version": version, "digest": of, "signer": "built in",
                "mode": "enforce", "rules": 3,
            }],
            "databases": [],
        }});
        Configured::read(note.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn rules_of_ones_own_are_one_pack() {
        let mut all = InForce::default();
        all.seen("c1", at(10));
        all.held(("local".to_owned(), String::new(), String::new()), at(10));
        all.noted(3, configured_at("c1", "local", ("-", "")));
        let (packs, _) = all.told();
        let told: Vec<_> = packs.iter().map(|one| (&*one.id, &*one.version, one.held)).collect();
        assert_eq!(told, [("local", "", true)]);
    }

    #[test]
    fn packs_are_in_force_though_no_rule_of_them_held() {
        let mut all = InForce::default();
        let key = |id: &str| (id.to_owned(), "7".to_owned(), "sha256:aa".to_owned());
        all.seen("c1", at(10));
        all.seen("c1", at(20));
        all.seen("old", at(1));
        all.held(key("before"), at(1));
        all.noted(3, configured("c1", "act"));
        all.noted(9, configured("c1", "act"));
        all.noted(9, configured("nobody names it", "other"));
        let (packs, configurations) = all.told();
        let told: Vec<_> =
            packs.iter().map(|one| (&*one.id, one.held, one.seen.last.as_second())).collect();
        assert_eq!(told, [("act", false, 20), ("before", true, 1)]);
        assert_eq!(packs[0].signer.as_deref(), Some("built in"));
        let loads: Vec<_> = configurations.iter().map(|one| one.loads.len()).collect();
        assert_eq!(loads, [1, 0], "the same load is told once, and what is not said is nothing");
    }
}
