//! Decides again about a body under way, whenever something new was found in it: with all that was
//! found, all that is counted, and the socket that it goes to.

use std::net::IpAddr;
use std::sync::Arc;

use http::Method;
use jiff::Timestamp;

use crate::audit::Found;
use crate::data::Findings;
use crate::net::Host;
use crate::policy::{Approval, Certificate, Content, Facts, Peer, Place, Verdict};

use super::super::Proxy;
use super::super::active::Active;
use super::super::counting::{Counting, counted};
use super::super::draft::Draft;
use super::super::error::Error;
use super::super::frame::Cut;
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
    method: Method,
    host: Host,
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
}

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
        Self {
            proxy,
            active,
            client: ask.ingress.client.ip(),
            method: ask.method.clone(),
            host: ask.target.authority.host.clone(),
            statement,
            head,
            certificate,
            approvals: record.approvals.clone(),
            at: record.at,
            lasting: false,
            sent,
        }
    }

    /// Decides about what goes on after the request.
    pub(in crate::proxy) fn lasting(self, lasting: bool) -> Self {
        Self { lasting, ..self }
    }

    /// Decides with what was found so far. An error ends the body.
    pub(super) async fn again(self: Arc<Self>, found: Findings) -> Result<(), Cut> {
        let Some(socket) = self.sent.socket() else {
            return Err("the body has nowhere to go yet".into());
        };
        let mut all = self.head.clone();
        all.absorb(found);
        let statement = self.statement.seeing(&all);
        let content = statement.content(&self.active, true);
        let facts = self.facts(&statement, &content);
        let place = self.active.place(&self.host, socket);
        let (answer, counting) = self.decide(&facts, place).await;
        let key = self.active.inspector.as_ref().map(|one| one.detectors().digester().key_id());
        let found = Found::of(&all, key.unwrap_or_default());
        let barred = answer.is_err();
        self.sent.later().tell(Told { found, statement, answer: Some(answer) }, counting);
        if barred { Err("the policy bars what was found in the body".into()) } else { Ok(()) }
    }

    /// Counts only what was found so far: what came since does not leave.
    pub(super) async fn recount(&self, found: &Findings) {
        let Some(before) = self.sent.later().take_counting() else { return };
        let policy = &self.active.policy;
        before.give_back(policy);
        let Some(socket) = self.sent.socket() else { return };
        let mut all = self.head.clone();
        all.absorb(found.clone());
        let statement = self.statement.seeing(&all);
        let content = statement.content(&self.active, true);
        let (facts, place) =
            (self.facts(&statement, &content), self.active.place(&self.host, socket));
        let volumes = self.proxy.volumes.as_ref();
        match Counting::reserve(volumes, policy, &facts, &[place]).await {
            Ok(counting) => self.sent.later().count(counting),
            Err(error) => tracing::error!(%error, "what left cannot be counted"),
        }
    }

    fn facts<'a>(&'a self, statement: &'a Statement, content: &'a Content) -> Facts<'a> {
        let at = if self.lasting { Timestamp::now() } else { self.at };
        Facts {
            client: self.client,
            principal: statement.principal_name(),
            method: self.method.as_str(),
            host: &self.host,
            place: None,
            peer: self.certificate.as_deref().map_or(Peer::Hidden, Peer::Shown),
            content,
            circumstances: statement.circumstances(at, self.approvals.as_deref()),
        }
    }

    /// Notes what was found of a body that broke off: nothing more of it leaves.
    pub(super) fn note(&self, found: Findings) {
        let mut all = self.head.clone();
        all.absorb(found);
        let statement = self.statement.seeing(&all);
        let key = self.active.inspector.as_ref().map(|one| one.detectors().digester().key_id());
        let found = Found::of(&all, key.unwrap_or_default());
        self.sent.later().note(Told { found, statement, answer: None });
    }

    /// What was counted before is given back and counted again with the rest: the same people are
    /// counted once, and what cannot be told apart is not counted twice.
    async fn decide(
        &self,
        facts: &Facts<'_>,
        place: Place<'_>,
    ) -> (Result<crate::policy::Permit, Error>, Option<Counting>) {
        let policy = &self.active.policy;
        let before = self.sent.later().take_counting();
        before.into_iter().for_each(|counting| counting.give_back(policy));
        let volumes = self.proxy.volumes.as_ref();
        let counting = match Counting::reserve(volumes, policy, facts, &[place]).await {
            Ok(counting) => counting,
            Err(error) => return (Err(Error::uncounted(&error)), None),
        };
        counting.warn(policy, &self.proxy.metrics);
        let counts = counting.at(place.socket);
        let answer = match policy.conclude(&counted(facts, &counts), place) {
            Verdict::Allow(permit) => Ok(permit),
            Verdict::Refuse(refusal) => Err(Error::Refused(Box::new(refusal))),
        };
        (answer, Some(counting))
    }
}
