//! Recorded decisions, taken again by another policy or as of another day: what `replay` and the
//! API's what-if have in common. It needs nothing but the line of the record.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use crate::data::{Tag, Tags};
use crate::geo::{self, Answer, Country, Entry};
use crate::net::{Host, Special};
use crate::policy::{
    Approval, Circumstances, Counted, Counts, Decision, Declared, Explanation, Exporter, Facts,
    Held, Peer, Place, Policy, Refusal, Slice, State, Verdict,
};

use super::event::Client;

/// The address, if it was ours to know.
fn known<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    match Option::<String>::deserialize(from)?.as_deref() {
        None | Some("chained") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// What a record must tell to be decided again; see the README's table of fields.
#[derive(Debug, Deserialize)]
pub struct Replayed {
    /// When it was decided.
    pub time: Timestamp,
    /// The decision id.
    pub id: String,
    client: Client,
    principal: Option<String>,
    exporter: Option<Sender>,
    method: String,
    /// The destination's host.
    pub host: Option<String>,
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
    #[serde(rename = "rule")]
    id: String,
    pack: String,
    /// The exemption that lifted it, or the hold that somebody approved.
    lifted: Option<String>,
}

impl Replayed {
    /// Reads the line of a record.
    pub fn read(line: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(line)
    }

    /// The decision then and the one that would be taken; none where that cannot be said: without
    /// a decision, or told of a place, which no record keeps.
    pub fn compare(&self, policy: &Policy, at: Option<Timestamp>) -> Option<(String, String)> {
        let outcome = self.outcome.as_ref()?;
        let rule = self.rules.first().map(|rule| format!("{}/{}", rule.pack, rule.id));
        let before = told(outcome, rule);
        let refused = |refusal: &Refusal| told(refusal.outcome.name(), name(policy, &refusal.held));
        let answer = |facts: &Facts<'_>, place: Place<'_>| match policy.decide(facts) {
            // As it was then: before anything was known of the place.
            Decision::Refuse(refusal) if facts.place.is_none() => refused(&refusal),
            Decision::Refuse(_) | Decision::Allow(_) | Decision::Inspect => {
                match policy.conclude(facts, place) {
                    Verdict::Allow(permit) => {
                        told(permit.outcome().name(), name(policy, permit.held()))
                    }
                    // It is closed; a rule that needs no place has refused before.
                    Verdict::Refuse(closed) if closed.held.is_empty() => {
                        match policy.decide(&Facts { place: None, ..*facts }) {
                            Decision::Refuse(refusal) => refused(&refusal),
                            Decision::Allow(_) | Decision::Inspect => refused(&closed),
                        }
                    }
                    Verdict::Refuse(refusal) => refused(&refusal),
                }
            }
        };
        Some((before, self.ask(policy, at, answer)?))
    }

    /// Every rule's part in the decision that a policy would take.
    pub fn explain(&self, policy: &Policy, at: Option<Timestamp>) -> Option<Explanation> {
        self.ask(policy, at, |facts, place| match policy.decide(facts) {
            Decision::Refuse(_) => policy.explain(facts),
            Decision::Allow(_) | Decision::Inspect => {
                policy.explain(&Facts { place: Some(place), ..*facts })
            }
        })
    }

    fn ask<T>(
        &self,
        policy: &Policy,
        at: Option<Timestamp>,
        answer: impl FnOnce(&Facts<'_>, Place<'_>) -> T,
    ) -> Option<T> {
        // Where it was is not recorded, so that rules on areas cannot be asked again.
        if self.data.iter().any(|one| one.located) {
            return None;
        }
        // Nor is who asked, once that was erased.
        let client = self.client.socket()?;
        let host = Host::parse(self.host.as_deref()?).ok()?;
        let entry =
            self.location.as_ref().map_or_else(|| Entry::supposed(Vec::new()), Location::entry);
        let socket =
            self.address.unwrap_or_else(|| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
        let judged: IpAddr = socket.ip().to_canonical();
        // The databases place public addresses alone; an operator's word is said of any.
        let placed = self.location.as_ref().is_some_and(Location::is_of_databases);
        let special = self.address.filter(|_| !placed).and_then(|_| Special::of(judged));
        let place = Place { socket, judged, special, entry: &entry };
        // What was refused without a word on where it was, was refused before anybody was asked.
        let refuses = |word: &String| ["hold", "require", "block"].contains(&&**word);
        let early = self.location.is_none() && self.outcome.as_ref().is_some_and(refuses);
        let found = Some(place).filter(|_| !early);
        let exporter = self.exporter.as_ref().and_then(Sender::exporter);
        let declared = self.context.declared();
        let content = policy.weigh_slices(self.data.iter().map(Data::slice).collect(), true);
        let at = at.unwrap_or(self.time);
        let approvals = self.approvals(&host, content.tags(), at);
        let circumstances = Circumstances {
            exporter: exporter.as_ref(),
            declared: &declared,
            approvals: &approvals,
            ..Circumstances::at(at)
        };
        let facts = Facts {
            client: client.ip(),
            principal: self.principal.as_deref(),
            method: &self.method,
            host: &host,
            place: found,
            peer: Peer::Hidden,
            content: &content,
            circumstances,
        };
        let counts = self.counts(policy, &facts);
        let circumstances = Circumstances { counts: Some(&counts), ..circumstances };
        Some(answer(&Facts { circumstances, ..facts }, place))
    }

    /// What people had approved of it, which stays approved.
    fn approvals(&self, host: &Host, tags: &Tags, at: Timestamp) -> Vec<Approval> {
        let Some(address) = self.client.socket() else { return Vec::new() };
        let client = self.principal.clone().unwrap_or_else(|| address.ip().to_string());
        let mut by_hold: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for rule in &self.rules {
            // What an exemption lifted has its name; the policy still has it or has not.
            let hold = rule.lifted.as_deref().filter(|lifted| Uuid::parse_str(lifted).is_ok());
            if let Some(hold) = hold {
                by_hold.entry(hold).or_default().push(format!("{}/{}", rule.pack, rule.id));
            }
        }
        let approval = |(hold, rules): (&str, Vec<String>)| Approval {
            hold: hold.to_owned(),
            rules,
            client: client.clone(),
            host: host.clone(),
            tags: tags.clone(),
            expires: at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX),
        };
        by_hold.into_iter().map(approval).collect()
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
    fn is_of_databases(&self) -> bool {
        ![geo::State::NotPublic.name(), geo::State::Overridden.name()].contains(&&*self.state)
    }

    /// The place as it was judged. What is not public lies in no country.
    fn entry(&self) -> Entry {
        if self.state == geo::State::NotPublic.name() {
            return Entry::private();
        }
        Entry::supposed(self.answers())
    }

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
