//! `borderpost replay`: takes recorded decisions again, by other packs or as of another day, and
//! lists those that would change.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use jiff::Timestamp;
use serde::Deserialize;

use crate::audit::event::Client;
use crate::config;
use crate::data::{Tag, Tags};
use crate::geo::{Answer, Country, Entry};
use crate::net::Host;
use crate::policy::{
    Circumstances, Counted, Counts, Declared, Exporter, Facts, Held, Peer, Place, Policy, Slice,
    State, Verdict,
};

use super::ConfigArgument;
use super::output::{Usage, line};

/// Decide recorded requests again.
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// A file of records.
    records: PathBuf,
    /// A pack that takes the place of the one with its id, or is added.
    #[arg(long = "pack", value_name = "FILE")]
    packs: Vec<PathBuf>,
    /// Decide as of this moment instead of the record's own.
    #[arg(long, value_name = "MOMENT")]
    at: Option<Timestamp>,
    #[command(flatten)]
    config: ConfigArgument,
}

/// The address, if it was ours to know.
fn known<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    match Option::<String>::deserialize(from)?.as_deref() {
        None | Some("chained") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// What a record must tell to be decided again; see the README's table of fields.
#[derive(Debug, Deserialize)]
struct Line {
    time: Timestamp,
    id: String,
    client: Client,
    principal: Option<String>,
    exporter: Option<Sender>,
    method: String,
    host: Option<String>,
    #[serde(default, deserialize_with = "known")]
    address: Option<SocketAddr>,
    location: Option<Location>,
    #[serde(default)]
    data: Vec<Data>,
    #[serde(default)]
    context: Said,
    #[serde(default)]
    counts: Vec<Count>,
    outcome: Option<String>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Sender {
    id: String,
    jurisdiction: String,
    attributes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Location {
    state: String,
    countries: Vec<String>,
    databases: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Deserialize)]
struct Data {
    tags: Vec<String>,
    of: Option<String>,
    subjects: Option<u64>,
    devices: Option<u64>,
    records: Option<u64>,
    state: Option<String>,
    #[serde(default)]
    linked: bool,
    /// It told of a place, which no record keeps.
    #[serde(default)]
    located: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    transaction: Option<String>,
    contract: Option<String>,
    contract_has: Vec<String>,
    purpose: Option<String>,
    mechanism: Vec<String>,
    consent: Vec<String>,
    approval: Vec<String>,
    recipient_kind: Option<String>,
    phase: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Count {
    meter: String,
    before: u64,
    after: u64,
}

#[derive(Debug, Deserialize)]
struct Rule {
    rule: String,
    pack: String,
}

impl Replay {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut drafts = Vec::new();
        for path in &self.packs {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).with_context(|| name.clone())?;
            drafts.push((name, text));
        }
        let active = config::load_with(&self.config.origin(), &drafts)?.active;
        let name = self.records.display().to_string();
        let file = BufReader::new(File::open(&self.records).with_context(|| name.clone())?);
        let (mut asked, mut changed, mut left) = (0_u64, 0_u64, 0_u64);
        for (number, text) in file.lines().enumerate() {
            let text = text?;
            let wrong = |error| Usage(format!("{name}:{}: no record: {error}", number + 1));
            let record: Line = serde_json::from_str(&text).map_err(wrong)?;
            // What failed before a decision has none to compare; what told of a place lost it.
            let Some((before, after)) = record.compare(&active.policy, self.at) else {
                left += 1;
                continue;
            };
            asked += 1;
            if before != after {
                changed += 1;
                let host = record.host.as_deref().unwrap_or("-");
                line(format!("{} {} {host}: {before} -> {after}", record.time, record.id));
            }
        }
        line(format!("{asked} decided again, {changed} otherwise, {left} that cannot be"));
        Ok(())
    }
}

impl Line {
    /// The decision then and the one that would be taken.
    fn compare(&self, policy: &Policy, at: Option<Timestamp>) -> Option<(String, String)> {
        // Where it was is not recorded, so that rules on areas cannot be asked again.
        // Nor is who asked, once that was erased.
        let client = self.client.socket()?;
        let outcome = self.outcome.as_ref().filter(|_| !self.data.iter().any(|one| one.located))?;
        let rule = self.rules.first().map(|rule| format!("{}/{}", rule.pack, rule.rule));
        let before = told(outcome, rule);
        let host = Host::parse(self.host.as_deref()?).ok()?;
        let entry =
            Entry::supposed(self.location.as_ref().map_or_else(Vec::new, Location::answers));
        let socket =
            self.address.unwrap_or_else(|| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
        let judged: IpAddr = socket.ip().to_canonical();
        let place = Place { socket, judged, special: None, entry: &entry };
        let exporter = self.exporter.as_ref().and_then(Sender::exporter);
        let declared = self.context.declared();
        let content = policy.weigh_slices(self.data.iter().map(Data::slice).collect(), true);
        let circumstances = Circumstances {
            exporter: exporter.as_ref(),
            declared: &declared,
            ..Circumstances::at(at.unwrap_or(self.time))
        };
        let facts = Facts {
            client: client.ip(),
            principal: self.principal.as_deref(),
            method: &self.method,
            host: &host,
            place: Some(place),
            peer: Peer::Hidden,
            content: &content,
            circumstances,
        };
        let counts = self.counts(policy, &facts);
        let circumstances = Circumstances { counts: Some(&counts), ..circumstances };
        let after = match policy.conclude(&Facts { circumstances, ..facts }, place) {
            Verdict::Allow(permit) => told(permit.outcome().name(), name(policy, permit.held())),
            Verdict::Refuse(refusal) => told(refusal.outcome.name(), name(policy, &refusal.held)),
        };
        Some((before, after))
    }

    fn counts(&self, policy: &Policy, facts: &Facts<'_>) -> Counts {
        let mut counts = Counts::default();
        for metered in policy.meters(facts) {
            if let Some(count) = self.counts.iter().find(|count| count.meter == metered.name) {
                let counted =
                    Counted { before: count.before, after: count.after, open: metered.open };
                counts.insert(metered.meter, counted);
            }
        }
        counts
    }
}

fn told(outcome: &str, rule: Option<String>) -> String {
    rule.map_or_else(|| outcome.to_owned(), |rule| format!("{outcome} by {rule}"))
}

fn name(policy: &Policy, held: &[Held]) -> Option<String> {
    let rule = held.first().and_then(|held| policy.rule(held))?;
    Some(format!("{}/{}", rule.pack, rule.id))
}

impl Location {
    /// What the databases said, or the correction in their place.
    fn answers(&self) -> Vec<Answer> {
        let answer = |code: &Option<String>| Answer {
            country: code.as_deref().and_then(Country::parse),
            ..Answer::default()
        };
        if self.state == "overridden" || self.databases.is_empty() {
            return self.countries.iter().map(|code| answer(&Some(code.clone()))).collect();
        }
        self.databases.values().map(answer).collect()
    }
}

impl Sender {
    fn exporter(&self) -> Option<Exporter> {
        let jurisdiction = Country::parse(&self.jurisdiction)?;
        Some(Exporter { id: self.id.clone(), jurisdiction, attributes: self.attributes.clone() })
    }
}

impl Data {
    fn slice(&self) -> Slice {
        let tags: Tags = self.tags.iter().filter_map(|tag| Tag::parse(tag)).collect();
        let state = self.state.as_deref();
        let state = State::WORDS.into_iter().find(|(name, _)| Some(*name) == state);
        Slice {
            tags,
            of: self.of.as_deref().and_then(Country::parse),
            subjects: self.subjects,
            devices: self.devices,
            records: self.records,
            ids: Vec::new(),
            linked: self.linked,
            state: state.map(|(_, state)| state),
            point: None,
        }
    }
}

impl Said {
    fn declared(&self) -> Declared {
        Declared {
            transaction: self.transaction.clone(),
            contract: self.contract.clone(),
            contract_has: self.contract_has.clone(),
            purpose: self.purpose.clone(),
            mechanism: self.mechanism.clone(),
            consent: self.consent.clone(),
            approval: self.approval.clone(),
            recipient_kind: self.recipient_kind.clone(),
            phase: self.phase.clone(),
        }
    }
}
