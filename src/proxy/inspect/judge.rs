//! Decides again about a body under way, whenever something new was found in it: with all that was
//! found, all that is counted, and the socket that it goes to.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;
use jiff::Timestamp;
use uuid::Uuid;

use crate::audit::{Deed, Found, Location, Record, Tolled};
use crate::data::{Findings, Tags};
use crate::net::Authority;
use crate::policy::{Approval, Certificate, Facts, HeldRules, Outcome, Peer, Permit, Verdict};

use super::super::Proxy;
use super::super::active::Active;
use super::super::counting::{Counting, counted};
use super::super::draft::Draft;
use super::super::error::Error;
use super::super::frame::Cut;
use super::super::held;
use super::super::later::Told;
use super::super::outgoing::Progress;
use super::super::request::Ask;
use super::super::statement::Statement;

/// What is known of the request beside its body.
#[derive(Debug)]
pub(in crate::proxy) struct Judge {
    proxy: Arc<Proxy>,
    active: Arc<Active>,
    client: IpAddr,
    id: Uuid,
    method: Method,
    authority: Authority,
    /// What was declared.
    statement: Statement,
    /// What was found in the head.
    head: Findings,
    certificate: Option<Arc<Certificate>>,
    approvals: Option<Arc<[Approval]>>,
    at: Timestamp,
    /// Whether what it decides about goes on for long: then each decision has its own time.
    lasting: bool,
    sent: Arc<Progress>,
    /// The record as it stood, where no verdict is kept yet that says what it says.
    foreseen: Option<Box<Record>>,
    kept: Mutex<Option<Kept>>,
}

/// A verdict that was kept: on what, by which rules, and what it was.
type Kept = (Tags, HeldRules, Outcome);

impl Judge {
    /// Decides about the rest of a body as about its beginning.
    pub(in crate::proxy) fn new(
        draft: &mut Draft,
        ask: Ask<'_>,
        (statement, head): (Statement, Findings),
        certificate: Option<Arc<Certificate>>,
    ) -> Self {
        let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
        let sent = Arc::clone(draft.sent());
        let record = draft.record();
        let foreseen = record.tags.is_empty() && proxy.sink.keeps_verdicts();
        let foreseen = foreseen.then(|| Box::new(record.clone()));
        Self {
            proxy,
            active,
            client: ask.ingress.client.ip(),
            id: record.id,
            method: ask.method.clone(),
            authority: ask.target.authority.clone(),
            statement,
            head,
            certificate,
            approvals: record.approvals.clone(),
            at: record.at,
            lasting: false,
            sent,
            foreseen,
            kept: Mutex::default(),
        }
    }

    /// Decides about what goes on after the request.
    pub(in crate::proxy) fn lasting(self, lasting: bool) -> Self {
        Self { lasting, ..self }
    }

    /// Decides with what was found so far. An error ends the body.
    pub(super) async fn again(self: Arc<Self>, found: Findings) -> Result<(), Cut> {
        // In a task of its own: a body that ends meanwhile must not lose what was counted for it.
        let judged = tokio::spawn(async move { self.judge(found).await }).await;
        judged.unwrap_or_else(|_| Err("the decision about the body failed".into()))
    }

    async fn judge(&self, found: Findings) -> Result<(), Cut> {
        let Some(socket) = self.sent.socket() else {
            return Err("the body has nowhere to go yet".into());
        };
        // The record comes after all verdicts, and has what is counted: it waits for this one, or
        // there is no other.
        let testimony = self.sent.testimony().lock().await;
        if testimony.is_over() {
            return Err("the request has ended".into());
        }
        let (found, statement) = self.seen(found);
        let (answer, counting) = self.decide(&statement, socket).await;
        let found = Found::of(&found, &self.active.inspector);
        let answer = match answer {
            Ok(permit) => {
                let counts = counting.as_ref().map(|all| all.tolled(&self.active.policy));
                let counts = counts.unwrap_or_default();
                let foreseen = || self.foreseen(&statement, &found, &permit, counting.as_ref());
                self.keep(&statement, (&permit, &counts), foreseen).await.map(|()| permit)
            }
            Err(error) => Err(error),
        };
        let barred = answer.is_err();
        self.sent.later().tell(Told { found, statement, answer: Some(answer) }, counting);
        if barred { Err("the policy bars what was found in the body".into()) } else { Ok(()) }
    }

    /// Counts only what was found so far: what came since does not leave.
    pub(super) async fn recount(&self, found: &Findings) {
        let Some(socket) = self.sent.socket() else { return };
        let (_, statement) = self.seen(found.clone());
        let (_, counting) = self.decide(&statement, socket).await;
        if let Some(counting) = counting {
            self.sent.later().count(counting);
        } else {
            tracing::error!(host = %self.authority.host, "what left cannot be counted");
        }
    }

    /// Notes what was found of a body that broke off: nothing more of it leaves.
    pub(super) fn note(&self, found: Findings) {
        let (found, statement) = self.seen(found);
        let found = Found::of(&found, &self.active.inspector);
        self.sent.later().note(Told { found, statement, answer: None });
    }

    /// All that was found in the request, and what is known of its data by that.
    fn seen(&self, found: Findings) -> (Findings, Statement) {
        let mut all = self.head.clone();
        all.absorb(found);
        let statement = self.statement.seeing(&all);
        (all, statement)
    }

    /// What was counted before is given back and counted again with the rest: the same people are
    /// counted once, and what cannot be told apart is not counted twice.
    async fn decide(
        &self,
        statement: &Statement,
        socket: SocketAddr,
    ) -> (Result<Permit, Error>, Option<Counting>) {
        let policy = &self.active.policy;
        let content = statement.content(&self.active, true);
        let approvals = if self.lasting {
            self.proxy.desk.approvals(&self.authority.host)
        } else {
            self.approvals.clone()
        };
        let facts = Facts {
            client: self.client,
            principal: statement.principal_name(),
            method: self.method.as_str(),
            host: &self.authority.host,
            place: None,
            peer: self.certificate.as_deref().map_or(Peer::Hidden, Peer::Shown),
            content: &content,
            circumstances: statement.circumstances(self.moment(), approvals.as_deref()),
        };
        let place = self.active.place(&self.authority.host, socket);
        let before = self.sent.later().take_counting();
        before.into_iter().for_each(|counting| counting.give_back(policy));
        let volumes = (self.proxy.volumes.as_ref(), &*self.proxy.metrics);
        let counting = match Counting::reserve(volumes, policy, &facts, &[place]).await {
            Ok(counting) => counting,
            Err(error) => return (Err(Error::uncounted(&error)), None),
        };
        let counts = counting.at(place.socket);
        let answer = match policy.conclude(&counted(&facts, &counts), place) {
            Verdict::Allow(permit) => Ok(permit),
            Verdict::Refuse(refusal) => Err(Error::Refused(Box::new(refusal))),
        };
        (answer, Some(counting))
    }

    /// The record as it will be if the body goes on by this permit; none where a verdict stands that
    /// says the rest.
    fn foreseen(
        &self,
        statement: &Statement,
        found: &Found,
        permit: &Permit,
        counting: Option<&Counting>,
    ) -> Option<Box<Record>> {
        // Of what had no tags none was kept.
        let stands = self.last().as_ref().is_some_and(|(tags, ..)| !tags.is_empty());
        let record = self.foreseen.as_ref().filter(|_| !stands)?;
        let place = self.active.place(&self.authority.host, permit.socket());
        let location = Location { atlas: Arc::clone(&self.active.atlas), entry: place.entry.id() };
        Some(Box::new(Record {
            address: Some(permit.socket()).filter(|_| !record.beyond),
            location: Some(location),
            tags: statement.tags(),
            exporter: statement.exporter.clone(),
            declared: statement.declared.clone(),
            slices: statement.slices.clone(),
            found: Some(Box::new(found.clone())),
            counts: counting.map(|one| one.tolled(&self.active.policy)).unwrap_or_default(),
            outcome: Some(permit.outcome()),
            held: permit.held().clone(),
            ..Record::clone(record)
        }))
    }

    /// Keeps what follows from a permit before anything leaves by it.
    async fn keep(
        &self,
        statement: &Statement,
        permitted: (&Permit, &[Tolled]),
        foreseen: impl FnOnce() -> Option<Box<Record>>,
    ) -> Result<(), Error> {
        if !self.proxy.sink.takes(!statement.slices.is_empty()) {
            return Err(Error::unrecorded());
        }
        let client = statement.principal_name();
        let deed = Deed {
            decision: self.id,
            at: self.moment(),
            client: client.map_or_else(|| self.client.to_string(), str::to_owned),
            host: self.authority.host.clone(),
            tags: statement.tags(),
        };
        let (permit, _) = permitted;
        let verdict = (deed.tags.clone(), permit.held().clone(), permit.outcome());
        // Each octet of a body may tell of something: only what changes the verdict is kept anew.
        if self.last().as_ref() == Some(&verdict) {
            return Ok(());
        }
        let foreseen = foreseen();
        held::permitted_later(&self.proxy, &self.active.policy, &deed, permitted, foreseen).await?;
        *self.last() = Some(verdict);
        Ok(())
    }

    fn last(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moment(&self) -> Timestamp {
        if self.lasting { Timestamp::now() } else { self.at }
    }
}
