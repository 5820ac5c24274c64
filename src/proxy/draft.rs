//! A record under way. However a request ends, its draft ends with it, and exactly one
//! record is written.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, Request};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::audit::{Failure, Fault, Found, Location, Record, Timings};
use crate::geo::EntryId;
use crate::net::Authority;
use crate::policy::{Declared, HeldRules, Mode, Permit, Refusal};
use crate::telemetry::{Event, Stage};

use super::active::Active;
use super::chain::Egress;
use super::counting::Counting;
use super::error::{Error, Failed};
use super::ingress::Ingress;
use super::later::Told;
use super::outgoing::Progress;
use super::statement::Statement;
use super::target::{Speech, Target};
use super::who::Asker;
use super::{Proxy, forward, held, labels, trace};

/// The record of a request that has not ended.
#[derive(Debug)]
pub(super) struct Draft {
    record: Option<Box<Record>>,
    started: Instant,
    proxy: Arc<Proxy>,
    active: Arc<Active>,
    /// Body bytes on their way out, counted where they pass.
    sent: Arc<Progress>,
    /// Whether the request has a body; without one its head is all that leaves.
    has_body: bool,
    /// Whether its head tells of somebody by itself.
    head_tells: bool,
    /// How long the destination was waited for.
    awaited: Duration,
}

impl Draft {
    /// The record of an HTTP request.
    pub(super) fn begin<B>(
        proxy: &Arc<Proxy>,
        active: &Arc<Active>,
        client: SocketAddr,
        request: &Request<B>,
    ) -> Self {
        let tunnel = *request.method() == Method::CONNECT;
        let scheme = if tunnel { Speech::Connect } else { Speech::Http };
        let mut draft = Self::open(proxy, active, client, scheme);
        let path = (!tunnel).then(|| request.uri().path().to_owned());
        let record = draft.record();
        record.method.clone_from(request.method());
        record.path = path;
        record.trace = trace::of(request.headers());
        draft
    }

    /// The record of a tunnel, however it is asked for.
    pub(super) fn open(
        proxy: &Arc<Proxy>,
        active: &Arc<Active>,
        client: SocketAddr,
        scheme: Speech,
    ) -> Self {
        let record = Record {
            at: Timestamp::now(),
            id: Uuid::now_v7(),
            trace: None,
            client,
            principal: None,
            authenticated: None,
            method: Method::CONNECT,
            scheme: scheme.name(),
            tunnel: None,
            server_name: None,
            messages_out: None,
            authority: None,
            path: None,
            reader: Arc::clone(&active.inspector),
            address: None,
            beyond: false,
            via: None,
            tls: None,
            location: None,
            tags: crate::data::Tags::default(),
            policy: Arc::clone(&active.policy),
            held: HeldRules::new(),
            counts: Vec::new(),
            exporter: None,
            recipient: None,
            declared: Declared::default(),
            slices: Vec::new(),
            found: None,
            redacted: None,
            approvals: None,
            hold: None,
            outcome: None,
            status: None,
            failure: None,
            bytes_out: 0,
            bytes_in: 0,
            timings: Timings::default(),
            config: Arc::clone(&active.digest),
        };
        Self {
            record: Some(Box::new(record)),
            started: Instant::now(),
            proxy: Arc::clone(proxy),
            active: Arc::clone(active),
            sent: Arc::default(),
            has_body: false,
            head_tells: false,
            awaited: Duration::ZERO,
        }
    }

    /// The record as it stands.
    pub(super) fn record(&mut self) -> &mut Record {
        self.record.as_deref_mut().expect("only `drop` takes the record")
    }

    /// The policy and databases that this request is judged by.
    pub(super) fn active(&self) -> &Arc<Active> {
        &self.active
    }

    /// The proxy that serves this request.
    pub(super) fn proxy(&self) -> &Arc<Proxy> {
        &self.proxy
    }

    /// Where outgoing bytes are counted.
    pub(super) fn sent(&self) -> &Arc<Progress> {
        &self.sent
    }

    /// Time since the head was read.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Notes that the destination was waited for since then.
    pub(super) fn awaited_since(&mut self, since: Instant) {
        self.awaited += since.elapsed();
    }

    pub(super) fn set_target(&mut self, target: &Target) {
        let record = self.record();
        record.scheme = target.scheme.name();
        record.authority = Some(target.authority.clone());
    }

    /// Notes where the tunnel leads that the request came out of.
    pub(super) fn set_inside(&mut self, ingress: &Ingress) {
        if let Some(inside) = &ingress.inside {
            let record = self.record();
            record.scheme = inside.speech.name();
            record.authority = Some(inside.authority.clone());
        }
    }

    /// Notes who asks.
    pub(super) fn set_asker(&mut self, asker: &Asker) {
        let record = self.record();
        record.principal = Some(Arc::clone(&asker.principal.name));
        record.authenticated = Some(asker.by);
    }

    /// Notes what is said of the data.
    pub(super) fn set_statement(&mut self, statement: &Statement) {
        let record = self.record();
        record.tags = statement.tags();
        record.exporter.clone_from(&statement.exporter);
        record.declared.clone_from(&statement.declared);
        record.slices.clone_from(&statement.slices);
    }

    /// Gives back what was counted, to be counted again by what is left.
    pub(super) fn count_again(&self) {
        let counting = self.sent.later().take_counting();
        counting.into_iter().for_each(|counting| counting.give_back(&self.active.policy));
    }

    /// Notes what was found in what it carries.
    pub(super) fn set_found(&mut self, found: Found, in_head: bool) {
        self.record().found = Some(Box::new(found));
        self.head_tells |= in_head;
    }

    /// Notes what the body told while it left; the error that ended it, if one did.
    pub(super) fn learn(&mut self, told: Told) -> Option<Error> {
        let Told { found, statement, answer } = told;
        self.set_found(found, false);
        self.set_statement(&statement);
        let counts = self.sent.later().counting().map(|one| one.tolled(&self.active.policy));
        let record = self.record();
        counts.into_iter().for_each(|counts| record.counts = counts);
        match answer {
            None => None,
            Some(Ok(permit)) => {
                record.outcome = Some(permit.outcome());
                record.held.clone_from(permit.held());
                None
            }
            Some(Err(error)) => Some(error),
        }
    }

    /// Takes over what was reserved of volumes, until the request has ended.
    pub(super) fn set_counting(&mut self, counting: Counting) {
        let counts = counting.tolled(&self.active.policy);
        self.record().counts = counts;
        if !counting.is_empty() {
            self.sent.later().count(counting);
        }
    }

    /// Notes that a body, or the bytes of a tunnel, are to leave beside the head.
    pub(super) fn expect_body(&mut self) {
        self.has_body = true;
    }

    /// Notes that the body has turned out to be empty.
    pub(super) fn expect_nothing(&mut self) {
        self.has_body = false;
    }

    /// Tells at once what a rule wants told.
    fn alert(&self, record: &Record) {
        let rules = record.held.iter().filter(|held| held.lifted.is_none());
        let rules = rules.filter_map(|held| record.policy.rule(held)).filter(|rule| rule.alert);
        for rule in rules.filter(|rule| rule.mode == Mode::Enforce) {
            let id = record.id.to_string();
            Event::Alert(&rule.pack, &rule.id, &id).record(&self.proxy.metrics);
        }
    }

    /// Keeps what was reserved where data left: a byte of the body, or a head that is all.
    fn settle(&mut self) {
        let counting = self.sent.later().take_counting();
        let Some(counting) = counting else { return };
        let policy = Arc::clone(&self.active.policy);
        let body = self.sent.has_left();
        let head = (!self.has_body || self.head_tells) && self.sent.is_handed();
        let record = self.record();
        let left = body || head || record.bytes_out > 0;
        let held = record.held.clone();
        if left {
            counting.tell(&policy, &self.proxy.metrics);
        }
        counting.settle(&policy, &held, left);
    }

    /// The record as it will be if the request goes out on this permit.
    pub(super) fn foreseen(&mut self, permit: Option<&Permit>) -> Vec<u8> {
        let record = self.record();
        let Some(permit) = permit else { return record.line() };
        let outcome = record.outcome.replace(permit.outcome());
        let held = std::mem::replace(&mut record.held, permit.held().clone());
        let line = record.line();
        (record.outcome, record.held) = (outcome, held);
        line
    }

    /// Notes the permit on which the request goes out.
    pub(super) fn set_permit(&mut self, permit: &Permit, entry: Option<EntryId>) {
        self.set_place(Some(permit.socket()), entry);
        let via = self.egress(permit.socket()).shown();
        let record = self.record();
        record.via = via;
        record.outcome = Some(permit.outcome());
        record.held.clone_from(permit.held());
    }

    /// Notes a refusal.
    pub(super) fn set_refusal(&mut self, refusal: &Refusal, entry: Option<EntryId>) {
        self.set_place(refusal.socket, entry);
        let record = self.record();
        record.outcome = Some(refusal.outcome);
        record.held.clone_from(&refusal.held);
    }

    /// Notes a failure and counts it where it lies beyond the proxy.
    pub(super) fn set_failure(&mut self, failed: &Failed) {
        if let Some(stage) = failed.stage {
            let stage = Stage { stage, reason: failed.failure.code };
            Event::UpstreamFailed(stage, &failed.failure.detail).record(&self.proxy.metrics);
        }
        self.record().failure = Some(failed.failure.clone());
    }

    /// Notes that a body broke off after the answer had begun.
    pub(super) fn cut(&mut self, fault: Fault, code: &'static str, detail: impl Into<String>) {
        let failure = Failure { fault, code, detail: detail.into() };
        self.record().failure.get_or_insert(failure);
    }

    /// Notes that the client's connection ended too early: it went away, or the time to
    /// drain was up.
    pub(super) fn leave(&mut self, when: &str) {
        if self.proxy.drain.is_cut() {
            self.cut(Fault::Us, "drained", format!("the proxy stopped {when}"));
        } else {
            self.cut(Fault::Client, "client-closed", format!("the client went away {when}"));
        }
    }

    /// Notes an error that was found before there was an answer.
    pub(super) fn set_error(&mut self, error: &Error) {
        match error {
            Error::Refused(refusal) => self.set_refusal(refusal, None),
            Error::Failed(failed) => self.set_failure(failed),
        }
    }

    /// The way to a socket of the target.
    fn egress(&self, socket: SocketAddr) -> Egress {
        let authority = self.record.as_deref().and_then(|record| record.authority.as_ref());
        let egress = |one: &Authority| self.active.chains.egress(&one.host, socket);
        authority.map(egress).unwrap_or_default()
    }

    fn set_place(&mut self, socket: Option<SocketAddr>, entry: Option<EntryId>) {
        let atlas = Arc::clone(&self.active.atlas);
        let beyond = socket.is_some_and(|socket| self.egress(socket).is_beyond());
        let record = self.record();
        record.beyond |= beyond;
        record.address = socket.filter(|_| !beyond).or(record.address);
        if let Some(entry) = entry {
            record.location = Some(Location { atlas, entry });
        }
    }
}

impl Draft {
    /// Writes the record: all there is to tell is known.
    fn conclude(&mut self) {
        let told = self.sent.later().take_told();
        if let Some(error) = told.and_then(|told| self.learn(told)) {
            self.set_error(&error);
            self.cut(Fault::Policy, "body-barred", "the policy bars what was found in the body");
        }
        let (total, sent) = (self.started.elapsed(), self.sent.bytes());
        if let Some(record) = self.record.as_deref_mut() {
            record.timings.total = total;
            record.bytes_out += sent;
            self.settle();
        }
        let Some(record) = self.record.take() else { return };
        self.alert(&record);
        let verdict = labels::of(&record);
        let metrics = &self.proxy.metrics;
        labels::inspected(&record)
            .into_iter()
            .for_each(|one| Event::Inspected(one).record(metrics));
        record.redacted.iter().for_each(|one| Event::Redacted(one.values).record(metrics));
        let (total, out, back) = (record.timings.total, record.bytes_out, record.bytes_in);
        let trace = record.traced();
        if record.would_refuse() {
            Event::WouldRefuse.record(metrics);
        }
        Event::Finished(verdict, total, out, back, trace).record(metrics);
        if let Some(answered) = record.timings.first_byte {
            let others = self.awaited + record.timings.resolve.unwrap_or_default();
            Event::Added(answered.saturating_sub(others), trace).record(metrics);
        }
        self.proxy.sink.write(record);
    }

    /// Concludes when the body has ended, too, or is given up: nothing of it has left for as long
    /// as a body may pause, or the program ends.
    async fn conclude_later(mut self, under_way: Option<CancellationToken>) {
        if let Some(ended) = under_way {
            let (proxy, sent) = (Arc::clone(&self.proxy), Arc::clone(&self.sent));
            tokio::select! {
                () = ended.cancelled() => {}
                () = forward::silence(proxy.settings.body_timeout, &sent) => {}
                () = proxy.drain.cut.cancelled() => {}
            }
            sent.later().end();
        }
        self.sent.testimony().lock().await.end();
        if self.sent.later().is_barred() {
            let told = self.sent.later().take_told();
            if let Some(error) = told.and_then(|told| self.learn(told)) {
                let error = held::refused(&mut self, error).await;
                self.set_error(&error);
                let text = "the policy bars what was found in the body";
                self.cut(Fault::Policy, "body-barred", text);
            }
        }
        self.conclude();
    }

    /// The same record, out of what is about to be dropped.
    fn moved(&mut self) -> Self {
        Self {
            record: self.record.take(),
            started: self.started,
            proxy: Arc::clone(&self.proxy),
            active: Arc::clone(&self.active),
            sent: Arc::clone(&self.sent),
            has_body: self.has_body,
            head_tells: self.head_tells,
            awaited: self.awaited,
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.record.is_none() {
            return;
        }
        if self.record.as_ref().is_some_and(|r| r.status.is_none() && r.failure.is_none()) {
            self.leave("before an answer was ready");
        }
        self.sent.finish();
        let (under_way, barred) = {
            let later = self.sent.later();
            (later.under_way(), later.is_barred())
        };
        if under_way.is_none() && !barred && self.sent.end_testimony() {
            return self.conclude();
        }
        // What is still to come of the body belongs into the record.
        let tasks = self.proxy.drain.tasks.clone();
        tasks.spawn(self.moved().conclude_later(under_way));
    }
}
