//! A record put into words: an [`Event`], and that as one line of JSON.

use std::borrow::Cow;
use std::time::Duration;

use crate::policy::{Declared, Due, Mode, Slice, Unit};

use super::event::{
    Context, Count, Data, Error, Event, Exporter, Finding, Location, Redacted, Report, Rule,
    Timings, Tls,
};
use super::found::{Found, Kind};
use super::record::{self, Authenticated, Record, Tolled};
use super::{owner, path};

impl Record {
    /// The record as it stands, as one line of JSON without its end.
    pub fn line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(2_048);
        self.write_line(&mut line)
            .expect("a record has only string keys and a Vec takes every write");
        line.truncate(line.len().saturating_sub(1));
        line
    }

    /// Appends the record as one JSON line.
    pub(super) fn write_line(&self, into: &mut Vec<u8>) -> serde_json::Result<()> {
        self.event().write(into)?;
        into.push(b'\n');
        Ok(())
    }

    /// The record in words.
    pub(super) fn event(&self) -> Event<'_> {
        let rules: Vec<_> = self.rules().collect();
        // The rule that decides comes first; an observing one is first where none acts.
        let observed = rules.first().is_some_and(|rule| rule.mode == Mode::Observe);
        let duties = self.policy.duties(&self.held);
        Event {
            time: self.at,
            ended: self.at.checked_add(self.timings.total).ok(),
            id: self.id.to_string().into(),
            trace: self.trace.as_ref().map(|trace| trace.id().into()),
            span: self.trace.as_ref().map(|trace| trace.span().into()),
            sampled: self.trace.map(|trace| trace.sampled),
            client: self.client.into(),
            principal: self.principal.as_deref().map(Cow::Borrowed),
            authenticated: self.authenticated.map(Authenticated::name).map(Cow::Borrowed),
            exporter: self.exporter.as_deref().map(exporter),
            method: self.shown(self.method.as_str()),
            scheme: self.scheme.into(),
            tunnel: self.tunnel.map(Cow::Borrowed),
            messages_out: self.messages_out,
            server_name: self.server_name.as_ref().map(|name| name.to_string().into()),
            host: self.authority.as_ref().map(|authority| authority.host.to_string().into()),
            port: self.authority.as_ref().map(|authority| authority.port),
            path: self.path_shown(),
            address: self.address_text(),
            via: self.via.as_deref().map(Cow::Borrowed),
            tls: self.tls.as_ref().map(tls),
            location: self.location.as_ref().map(record::Location::in_words),
            recipient: owner::recipient(self),
            data: self.slices.iter().map(data).collect(),
            found: self.found.iter().flat_map(|found| findings(found)).collect(),
            redacted: self.redacted.as_ref().map(redacted),
            context: context(&self.declared),
            counts: self.counts.iter().map(count).collect(),
            reports: duties.reports.into_iter().map(report).collect(),
            retain_years: record::retain_years(&self.policy, &self.held, &self.counts),
            tags: self.tags.iter().map(|tag| tag.as_str().into()).collect(),
            outcome: self.outcome,
            // The mode of what was decided: `observe` where a rule would have had a say.
            mode: if observed { Mode::Observe } else { Mode::Enforce },
            cite: rules
                .first()
                .filter(|rule| rule.mode == Mode::Enforce)
                .and_then(|rule| rule.cite.clone()),
            rules,
            hold: self.hold.map(|waiting| waiting.hold.to_string().into()),
            status: self.status,
            error: self.failure.as_ref().map(|failure| Error {
                fault: failure.fault.name().into(),
                code: failure.code.into(),
                detail: (&*failure.detail).into(),
            }),
            bytes_out: self.bytes_out,
            bytes_in: self.bytes_in,
            timings_us: timings(&self.timings),
            config: (&*self.config).into(),
        }
    }

    /// The path, without the values that stand in it.
    fn path_shown(&self) -> Option<Cow<'_, str>> {
        self.path.as_deref().map(|path| self.shown(path))
    }

    fn shown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        path::path_without_values(&self.reader, text)
    }

    /// The socket that was judged; `chained` where another proxy found it.
    fn address_text(&self) -> Option<Cow<'_, str>> {
        let text = self.address.map(|address| address.to_string().into());
        text.or_else(|| self.beyond.then_some(Cow::Borrowed("chained")))
    }

    fn rules(&self) -> impl Iterator<Item = Rule<'_>> {
        self.held.iter().filter_map(|held| {
            let rule = self.policy.rule(held)?;
            let pack =
                self.policy.packs().get(rule.pack_index).filter(|one| !one.digest.is_empty());
            Some(Rule {
                rule: (&*rule.id).into(),
                pack: (&*rule.pack).into(),
                version: pack.map(|pack| (&*pack.version).into()),
                digest: pack.map(|pack| (&*pack.digest).into()),
                outcome: held.outcome,
                mode: rule.mode,
                presumed: held.presumed,
                cite: rule.cite.as_deref().map(Cow::Borrowed),
                lifted: self.lifted(held).map(Cow::Borrowed),
            })
        })
    }
}

fn timings(timings: &record::Timings) -> Timings {
    let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    Timings {
        resolve: timings.resolve.map(micros),
        decide: timings.decide.map(micros),
        connect: timings.connect.map(micros),
        first_byte: timings.first_byte.map(micros),
        total: micros(timings.total),
    }
}

fn exporter(exporter: &crate::policy::Exporter) -> Exporter<'_> {
    let crate::policy::Exporter { id, jurisdiction, attributes } = exporter;
    Exporter {
        id: (&**id).into(),
        jurisdiction: jurisdiction.code().into(),
        attributes: (&**attributes).into(),
    }
}

fn tls(session: &record::Tls) -> Tls<'_> {
    Tls {
        version: session.version.into(),
        alpn: session.alpn.map(Cow::Borrowed),
        key: session.key.as_deref().map(Cow::Borrowed),
    }
}

fn redacted(redacted: &record::Redacted) -> Redacted<'_> {
    Redacted { values: redacted.values, rules: (&*redacted.rules).into() }
}

fn data(slice: &Slice) -> Data<'_> {
    Data {
        tags: slice.tags.iter().map(|tag| tag.as_str().into()).collect(),
        of: slice.of.map(|country| country.code().into()),
        subjects: slice.amount(Unit::Subject),
        devices: slice.devices,
        records: slice.records,
        state: slice.state.map(|state| state.name().into()),
        linked: slice.linked,
        located: slice.point.is_some(),
    }
}

fn findings(found: &Found) -> impl Iterator<Item = Finding<'_>> {
    found.kinds.iter().map(|Kind { count, distinct, one }| Finding {
        tag: one.tag.as_str().into(),
        count: *count,
        distinct: *distinct,
        confidence: one.confidence.name().into(),
        source: one.source.name().into(),
        detector: (&*one.detector).into(),
        layer: one.layer.as_str().into(),
        offset: one.offset,
        shape: one.shape.as_str().into(),
        digest: one.digest.to_string().into(),
        key: (&*found.key_id).into(),
    })
}

fn context(declared: &Declared) -> Context<'_> {
    Context {
        transaction: declared.transaction.as_deref().map(Cow::Borrowed),
        contract: declared.contract.as_deref().map(Cow::Borrowed),
        contract_has: (&*declared.contract_has).into(),
        purpose: declared.purpose.as_deref().map(Cow::Borrowed),
        mechanism: (&*declared.mechanism).into(),
        consent: (&*declared.consent).into(),
        approval: (&*declared.approval).into(),
        recipient_kind: declared.recipient_kind.as_deref().map(Cow::Borrowed),
        phase: declared.phase.as_deref().map(Cow::Borrowed),
    }
}

fn count(tolled: &Tolled) -> Count<'_> {
    let Tolled { meter, holder, counted, limit } = tolled;
    Count {
        meter: (&**meter).into(),
        holder: (&**holder).into(),
        before: counted.before,
        after: counted.after,
        limit: *limit,
    }
}

fn report(due: Due) -> Report<'static> {
    let Due { pack, report, .. } = due;
    Report {
        pack: pack.into(),
        report: report.id.into(),
        due_days: report.due_days,
        business_days: report.business_days,
    }
}

impl record::Location {
    fn in_words(&self) -> Location<'_> {
        let entry = self.atlas.entry(self.entry);
        let databases = self.atlas.databases();
        let code = |country: crate::geo::Country| Cow::Borrowed(country.code());
        let answers = databases.iter().zip(entry.answers());
        Location {
            state: entry.state().to_string().into(),
            countries: entry.candidates().iter().map(code).collect(),
            regions: entry.subdivisions().iter().map(|one| one.to_string().into()).collect(),
            databases: answers.map(|(db, a)| ((&*db.name).into(), a.country.map(code))).collect(),
            builds: databases
                .iter()
                .map(|db| ((&*db.name).into(), db.build_date().into()))
                .collect(),
            digests: databases
                .iter()
                .map(|db| ((&*db.name).into(), hex(&db.sha256.0).into()))
                .collect(),
            asns: entry.asns().to_vec(),
            correction: entry
                .correction()
                .and_then(|correction| correction.reason.as_deref())
                .map(Cow::Borrowed),
        }
    }
}

/// Through `Display` the digests would take more of the writer's time than all other fields.
fn hex(digest: &[u8; 32]) -> String {
    let sign = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    let mut text = String::with_capacity(2 * digest.len());
    text.extend(digest.iter().flat_map(|byte| [sign(byte >> 4), sign(byte & 15)]));
    text
}
