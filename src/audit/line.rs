//! A record as one line of JSON. The struct below is the documentation of the format:
//! README's table of fields is tested against it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::policy::{Mode, Outcome};

use super::record::{Location, Record};

/// The fields of a line, in order.
#[derive(Debug, Serialize)]
struct Line<'a> {
    time: String,
    id: String,
    client: String,
    principal: Option<&'a str>,
    method: &'a str,
    scheme: &'a str,
    host: Option<String>,
    port: Option<u16>,
    path: Option<&'a str>,
    address: Option<String>,
    location: Option<Place<'a>>,
    tags: Vec<&'a str>,
    rules: Vec<RuleLine<'a>>,
    outcome: Option<Outcome>,
    mode: &'static str,
    cite: Option<&'a str>,
    hold: Option<String>,
    status: Option<u16>,
    error: Option<ErrorLine<'a>>,
    bytes_out: u64,
    bytes_in: u64,
    timings_us: Timings,
    config: &'a str,
}

#[derive(Debug, Serialize)]
struct Place<'a> {
    state: String,
    countries: Vec<&'static str>,
    databases: BTreeMap<&'a str, Option<&'static str>>,
    builds: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    asns: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correction: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct RuleLine<'a> {
    rule: &'a str,
    pack: &'a str,
    outcome: Outcome,
    mode: Mode,
    presumed: bool,
    cite: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ErrorLine<'a> {
    fault: &'static str,
    code: &'static str,
    detail: &'a str,
}

#[derive(Debug, Serialize)]
struct Timings {
    resolve: Option<u128>,
    decide: Option<u128>,
    connect: Option<u128>,
    first_byte: Option<u128>,
    total: u128,
}

impl Record {
    /// Appends the record as one JSON line.
    pub(super) fn write_line(&self, into: &mut Vec<u8>) -> serde_json::Result<()> {
        let rules: Vec<_> = self.rules().collect();
        // The rule that decides comes first; an observing one is first where none acts.
        let observed = rules.first().is_some_and(|rule| rule.mode == Mode::Observe);
        let micros = |duration: Option<Duration>| duration.map(|d| d.as_micros());
        let line = Line {
            time: format!("{:.3}", self.at),
            id: self.id.to_string(),
            client: self.client.to_string(),
            principal: self.principal.as_deref(),
            method: self.method.as_str(),
            scheme: self.scheme,
            host: self.authority.as_ref().map(|authority| authority.host.to_string()),
            port: self.authority.as_ref().map(|authority| authority.port),
            path: self.path.as_deref(),
            address: self.address.map(|address| address.to_string()),
            location: self.location.as_ref().map(Location::line),
            tags: self.tags.iter().map(crate::data::Tag::as_str).collect(),
            outcome: self.outcome,
            // The mode of what was decided: `observe` where a rule would have had a say.
            mode: if observed { Mode::Observe.name() } else { Mode::Enforce.name() },
            cite: rules
                .first()
                .filter(|rule| rule.mode == Mode::Enforce)
                .and_then(|rule| rule.cite),
            rules,
            hold: self.hold.map(|waiting| waiting.hold.to_string()),
            status: self.status,
            error: self.failure.as_ref().map(|failure| ErrorLine {
                fault: failure.fault.name(),
                code: failure.code,
                detail: &failure.detail,
            }),
            bytes_out: self.bytes_out,
            bytes_in: self.bytes_in,
            timings_us: Timings {
                resolve: micros(self.timings.resolve),
                decide: micros(self.timings.decide),
                connect: micros(self.timings.connect),
                first_byte: micros(self.timings.first_byte),
                total: self.timings.total.as_micros(),
            },
            config: &self.config,
        };
        serde_json::to_writer(&mut *into, &line)?;
        into.push(b'\n');
        Ok(())
    }

    fn rules(&self) -> impl Iterator<Item = RuleLine<'_>> {
        self.held.iter().filter_map(|held| {
            let rule = self.policy.rules().get(held.rule)?;
            Some(RuleLine {
                rule: &rule.id,
                pack: &rule.pack,
                outcome: rule.outcome,
                mode: rule.mode,
                presumed: held.presumed,
                cite: rule.cite.as_deref(),
                lifted: self.lifted(held),
            })
        })
    }
}

impl Location {
    fn line(&self) -> Place<'_> {
        let entry = self.atlas.entry(self.entry);
        let databases = self.atlas.databases();
        let answers = databases.iter().zip(entry.answers());
        Place {
            state: entry.state().to_string(),
            countries: entry.candidates().iter().map(|country| country.code()).collect(),
            databases: answers.map(|(db, a)| (&*db.name, a.country.map(|c| c.code()))).collect(),
            builds: databases.iter().map(|db| (&*db.name, db.build_date())).collect(),
            asns: entry.asns().to_vec(),
            correction: entry.correction().and_then(|correction| correction.reason.as_deref()),
        }
    }
}
