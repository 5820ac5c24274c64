//! The record of one request or tunnel. It keeps what the decision stood on (the policy
//! and the databases themselves, shared) and is put into words by the writer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::data::{Inspector, Tags};
use crate::geo::{Atlas, EntryId};
use crate::net::Authority;
use crate::policy::{
    Approval, Counted, Declared, Exporter, Held, HeldRules, Lift, Mode, Outcome, Policy, Slice,
};
use crate::telemetry::Trace;

use super::Found;
use super::desk::HoldState;
use super::event::would;

/// What is known of one request when it has ended.
#[derive(Clone, Debug)]
pub struct Record {
    /// When the head was read.
    pub at: Timestamp,
    /// The decision id: what the client was told and what one searches for.
    pub id: Uuid,
    /// The trace that it belongs to, as the client says (W3C Trace Context).
    pub trace: Option<Trace>,
    /// Who asked.
    pub client: SocketAddr,
    /// Who that is, if the configuration says.
    pub principal: Option<Arc<str>>,
    /// By what it is known; absent if nobody is.
    pub authenticated: Option<Authenticated>,
    /// The request method.
    pub method: http::Method,
    /// `http`, `https`, or how a tunnel came: `connect`, `socks5`, `transparent`.
    pub scheme: &'static str,
    /// What became of a tunnel: `opened`, or `unread`.
    pub tunnel: Option<&'static str>,
    /// Messages of WebSocket that left.
    pub messages_out: Option<u64>,
    /// The server that the client named inside a tunnel (SNI).
    pub server_name: Option<crate::net::Host>,
    /// The canonical destination; absent if the target could not be read.
    pub authority: Option<Authority>,
    /// The path without query.
    pub path: Option<String>,
    /// What tells values in it, which are not put into words.
    pub reader: Arc<Inspector>,
    /// The socket that was judged, and connected to if the request went out.
    pub address: Option<SocketAddr>,
    /// Whether another proxy finds the address, which is therefore not known.
    pub beyond: bool,
    /// The proxy in between, if the request went through one.
    pub via: Option<String>,
    /// The session towards the destination, if there is one of ours.
    pub tls: Option<Tls>,
    /// What the databases say of it.
    pub location: Option<Location>,
    /// What the client declared, and what was found.
    pub tags: Tags,
    /// On whose behalf the client acts.
    pub exporter: Option<Arc<Exporter>>,
    /// The party behind the destination, if the register knows it, and by what.
    pub recipient: Option<(String, String)>,
    /// What was declared of the transfer.
    pub declared: Declared,
    /// The data, by jurisdiction of its subjects.
    pub slices: Vec<Slice>,
    /// What was found in it, if it was looked into.
    pub found: Option<Box<Found>>,
    /// What was taken out of it before it left.
    pub redacted: Option<Redacted>,
    /// What was counted: before the request and with it.
    pub counts: Vec<Tolled>,
    /// The policy that decided.
    pub policy: Arc<Policy>,
    /// The rules that hold, the one that decided first.
    pub held: HeldRules,
    /// What people had approved towards the destination; rules that are lifted point here.
    pub approvals: Option<Arc<[Approval]>>,
    /// What the request waits for, if it does.
    pub hold: Option<Waiting>,
    /// The decision; absent if the request failed before one was reached.
    pub outcome: Option<Outcome>,
    /// The status that the client was answered with; absent if it left before.
    pub status: Option<u16>,
    /// Why no answer of the destination came back, if none did.
    pub failure: Option<Failure>,
    /// Body or tunnel bytes that left towards the destination.
    pub bytes_out: u64,
    /// Body or tunnel bytes that came back.
    pub bytes_in: u64,
    /// Where the time went.
    pub timings: Timings,
    /// Digest of the configuration and packs in force.
    pub config: Arc<str>,
}

/// A session with a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The version: `1.2` or `1.3`.
    pub version: &'static str,
    /// The protocol that was agreed on.
    pub alpn: Option<&'static str>,
    /// The digest of the destination's key, as pins have it; put into words once a connection.
    pub key: Option<Arc<str>>,
}

/// What was taken out of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// How many values.
    pub values: u64,
    /// The rules that barred them, as `pack/rule`.
    pub rules: Vec<String>,
}

/// A count as the record tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tolled {
    /// Pack, counter and class.
    pub meter: String,
    /// For whom it is counted.
    pub holder: String,
    /// Before and with the request.
    pub counted: Counted,
    /// The least count that is past the threshold.
    pub limit: Option<u64>,
}

/// How many years a record is kept: as long as the longest of the packs whose rules hold, and of
/// those that counted it. What passes below a threshold is why a later transfer is refused (28 CFR
/// 202.205 adds up twelve months), and a transaction that the law wants on record as that one is.
pub(super) fn retain_years(policy: &Policy, held: &[Held], counts: &[Tolled]) -> Option<u16> {
    let counted = counts.iter().filter_map(|count| {
        let id = count.meter.split('/').next()?;
        policy.packs().iter().find(|pack| pack.id == id)?.retain_years
    });
    policy.duties(held).retain_years.max(counted.max())
}

impl Record {
    /// The trace that it belongs to, if that is recorded.
    pub fn traced(&self) -> Option<Trace> {
        self.trace.filter(|trace| trace.sampled)
    }

    /// Whether a rule that only observes would have kept it from going out.
    pub fn would_refuse(&self) -> bool {
        let observes =
            |held: &&Held| self.policy.rule(held).is_some_and(|rule| rule.mode == Mode::Observe);
        let observing = self.held.iter().filter(|held| held.lifted.is_none()).filter(observes);
        would(self.outcome, observing.map(|held| held.outcome)).is_some_and(Outcome::refuses)
    }

    /// The name of what lifts a rule: a granted exemption, or the hold that was approved.
    pub(super) fn lifted(&self, held: &Held) -> Option<&str> {
        let lift = held.lifted?;
        let at = lift.place();
        match lift {
            Lift::Grant(_) => self.policy.grants().get(at).map(|grant| &*grant.name),
            Lift::Approval(_) => self.approvals.as_ref()?.get(at).map(|one| &*one.hold),
        }
    }
}

/// One answer of the databases.
#[derive(Clone, Debug)]
pub struct Location {
    /// The databases.
    pub atlas: Arc<Atlas>,
    /// Their answer.
    pub entry: EntryId,
}

/// What a held request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The hold.
    pub hold: Uuid,
    /// How it stands.
    pub state: HoldState,
}

/// Where the time went; a stage that was not reached is absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// Name to addresses.
    pub resolve: Option<Duration>,
    /// Locating and judging all addresses.
    pub decide: Option<Duration>,
    /// Until a connection was up; absent for a pooled one.
    pub connect: Option<Duration>,
    /// From the head of the request to the head of the answer.
    pub first_byte: Option<Duration>,
    /// From the head of the request to the last byte of the answer.
    pub total: Duration,
}

/// By what a client is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticated {
    /// A name and a password (RFC 7617).
    Basic,
    /// A token (RFC 6750).
    Bearer,
    /// A certificate.
    Mtls,
    /// Nothing but the network that it is in.
    Network,
}

impl Authenticated {
    /// The word in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Bearer => "bearer",
            Self::Mtls => "mtls",
            Self::Network => "network",
        }
    }
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client sent what it may not send, or left.
    Client,
    /// A rule or setting forbids it.
    Policy,
    /// The destination, or the way to it, failed.
    Upstream,
    /// This proxy failed.
    Us,
}

impl Fault {
    /// The word in records and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Policy => "policy",
            Self::Upstream => "upstream",
            Self::Us => "proxy",
        }
    }
}

/// Why a request did not get the destination's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whose fault it is.
    pub fault: Fault,
    /// A short stable word.
    pub code: &'static str,
    /// What happened, in words.
    pub detail: String,
}
