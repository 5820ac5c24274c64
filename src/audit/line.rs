//! A record as one line of JSON. The struct below is the documentation of the format:
//! README's table of fields is tested against it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::policy::{Declared, Due, Exporter, Mode, Outcome, Slice, Unit};

use super::found::{Found, Kind};
use super::path;
use super::record::{Authenticated, Location, Record, Redacted, Tolled};

/// The fields of a line, in order.
#[derive(Debug, Serialize)]
struct Line<'a> {
    time: String,
    id: String,
    client: String,
    principal: Option<&'a str>,
    authenticated: Option<&'static str>,
    exporter: Option<Sender<'a>>,
    method: Cow<'a, str>,
    scheme: &'a str,
    tunnel: Option<&'a str>,
    server_name: Option<String>,
    messages_out: Option<u64>,
    host: Option<String>,
    port: Option<u16>,
    path: Option<Cow<'a, str>>,
    address: Option<String>,
    via: Option<&'a str>,
    location: Option<Place<'a>>,
    recipient: Option<Recipient<'a>>,
    tags: Vec<&'a str>,
    data: Vec<Data<'a>>,
    found: Vec<FoundLine<'a>>,
    redacted: Option<RedactedLine<'a>>,
    context: Context<'a>,
    counts: Vec<Count<'a>>,
    rules: Vec<RuleLine<'a>>,
    outcome: Option<Outcome>,
    mode: &'static str,
    cite: Option<&'a str>,
    reports: Vec<ReportLine>,
    retain_years: Option<u16>,
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

/// On whose behalf the client acts, as far as packs ask.
#[derive(Debug, Serialize)]
struct Sender<'a> {
    id: &'a str,
    jurisdiction: &'static str,
    attributes: &'a [String],
}

/// Who receives, and by what the register knows it.
#[derive(Debug, Serialize)]
struct Recipient<'a> {
    party: &'a str,
    by: &'a str,
}

/// One slice of the data; never a value of it, and ids only by their number.
#[derive(Debug, Serialize)]
struct Data<'a> {
    tags: Vec<&'a str>,
    of: Option<&'static str>,
    subjects: Option<u64>,
    devices: Option<u64>,
    records: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    linked: bool,
    /// Whether it told of a place; which one is never recorded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    located: bool,
}

/// What was found of one tag: how often, how sure, where the surest of it stood and how it looked.
/// Equal values have equal digests.
#[derive(Debug, Serialize)]
struct FoundLine<'a> {
    tag: &'a str,
    count: u64,
    distinct: u64,
    confidence: &'static str,
    source: &'static str,
    detector: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    layer: &'a str,
    offset: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    shape: &'a str,
    digest: String,
    key: &'a str,
}

/// What was taken out of the body, and which rules had barred it.
#[derive(Debug, Serialize)]
struct RedactedLine<'a> {
    values: u64,
    rules: &'a [String],
}

/// What was declared of the transfer; what was not is absent.
#[derive(Debug, Serialize)]
struct Context<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    contract_has: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    mechanism: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    consent: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    approval: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Count<'a> {
    meter: &'a str,
    holder: &'a str,
    before: u64,
    after: u64,
}

#[derive(Debug, Serialize)]
struct ReportLine {
    pack: String,
    report: String,
    due_days: u16,
    business_days: bool,
}

#[derive(Debug, Serialize)]
struct RuleLine<'a> {
    rule: &'a str,
    pack: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
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
        let duties = self.policy.duties(&self.held);
        let line = Line {
            time: format!("{:.3}", self.at),
            id: self.id.to_string(),
            client: self.client.to_string(),
            principal: self.principal.as_deref(),
            authenticated: self.authenticated.map(Authenticated::name),
            exporter: self.exporter.as_deref().map(sender),
            method: self.shown(self.method.as_str()),
            scheme: self.scheme,
            tunnel: self.tunnel,
            messages_out: self.messages_out,
            server_name: self.server_name.as_ref().map(ToString::to_string),
            host: self.authority.as_ref().map(|authority| authority.host.to_string()),
            port: self.authority.as_ref().map(|authority| authority.port),
            path: self.path_shown(),
            address: self.address_text(),
            via: self.via.as_deref(),
            location: self.location.as_ref().map(Location::line),
            recipient: self.recipient.as_ref().map(|(party, by)| Recipient { party, by }),
            data: self.slices.iter().map(data).collect(),
            found: self.found.iter().flat_map(|found| found_lines(found)).collect(),
            redacted: self
                .redacted
                .as_ref()
                .map(|Redacted { values, rules }| RedactedLine { values: *values, rules }),
            context: context(&self.declared),
            counts: self.counts.iter().map(count).collect(),
            reports: duties.reports.into_iter().map(report).collect(),
            retain_years: duties.retain_years,
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
            timings_us: Timings::of(&self.timings),
            config: &self.config,
        };
        serde_json::to_writer(&mut *into, &line)?;
        into.push(b'\n');
        Ok(())
    }

    /// The path, without the values that stand in it.
    fn path_shown(&self) -> Option<Cow<'_, str>> {
        self.path.as_deref().map(|path| self.shown(path))
    }

    fn shown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        path::shown(&self.reader, text)
    }

    /// The socket that was judged; `chained` where another proxy found it.
    fn address_text(&self) -> Option<String> {
        let text = self.address.map(|address| address.to_string());
        text.or_else(|| self.beyond.then(|| "chained".to_owned()))
    }

    fn rules(&self) -> impl Iterator<Item = RuleLine<'_>> {
        self.held.iter().filter_map(|held| {
            let rule = self.policy.rule(held)?;
            let pack =
                self.policy.packs().get(rule.pack_index).filter(|one| !one.digest.is_empty());
            Some(RuleLine {
                rule: &rule.id,
                pack: &rule.pack,
                version: pack.map(|pack| &*pack.version),
                digest: pack.map(|pack| &*pack.digest),
                outcome: held.outcome,
                mode: rule.mode,
                presumed: held.presumed,
                cite: rule.cite.as_deref(),
                lifted: self.lifted(held),
            })
        })
    }
}

impl Timings {
    fn of(timings: &super::record::Timings) -> Self {
        let micros = |duration: Option<Duration>| duration.map(|d| d.as_micros());
        Self {
            resolve: micros(timings.resolve),
            decide: micros(timings.decide),
            connect: micros(timings.connect),
            first_byte: micros(timings.first_byte),
            total: timings.total.as_micros(),
        }
    }
}

fn sender(exporter: &Exporter) -> Sender<'_> {
    let Exporter { id, jurisdiction, attributes } = exporter;
    Sender { id, jurisdiction: jurisdiction.code(), attributes }
}

fn data(slice: &Slice) -> Data<'_> {
    Data {
        tags: slice.tags.iter().map(crate::data::Tag::as_str).collect(),
        of: slice.of.map(|country| country.code()),
        subjects: slice.amount(Unit::Subject),
        devices: slice.devices,
        records: slice.records,
        state: slice.state.map(|state| state.name()),
        linked: slice.linked,
        located: slice.point.is_some(),
    }
}

fn found_lines(found: &Found) -> impl Iterator<Item = FoundLine<'_>> {
    found.kinds.iter().map(|Kind { count, distinct, one }| FoundLine {
        tag: one.tag.as_str(),
        count: *count,
        distinct: *distinct,
        confidence: one.confidence.name(),
        source: one.source.name(),
        detector: &one.detector,
        layer: one.layer.as_str(),
        offset: one.offset,
        shape: one.shape.as_str(),
        digest: one.digest.to_string(),
        key: &found.key_id,
    })
}

fn context(declared: &Declared) -> Context<'_> {
    Context {
        transaction: declared.transaction.as_deref(),
        contract: declared.contract.as_deref(),
        contract_has: &declared.contract_has,
        purpose: declared.purpose.as_deref(),
        mechanism: &declared.mechanism,
        consent: &declared.consent,
        approval: &declared.approval,
        recipient_kind: declared.recipient_kind.as_deref(),
        phase: declared.phase.as_deref(),
    }
}

fn count(tolled: &Tolled) -> Count<'_> {
    let Tolled { meter, holder, counted } = tolled;
    Count { meter, holder, before: counted.before, after: counted.after }
}

fn report(due: Due) -> ReportLine {
    let Due { pack, report, .. } = due;
    ReportLine {
        pack,
        report: report.id,
        due_days: report.due_days,
        business_days: report.business_days,
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
