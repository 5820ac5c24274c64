//! The parts of an event.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::policy::{Mode, Outcome};

/// On whose behalf the client acts, as far as packs ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exporter<'a> {
    /// Its name.
    pub id: Cow<'a, str>,
    /// Where it is at home.
    pub jurisdiction: Cow<'a, str>,
    /// What it is.
    #[serde(default)]
    pub attributes: Cow<'a, [String]>,
}

/// The session towards the destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls<'a> {
    /// The version, `1.2` or `1.3`.
    pub version: Cow<'a, str>,
    /// The protocol that was agreed on.
    pub alpn: Option<Cow<'a, str>>,
    /// The digest of the destination's public key.
    pub key: Option<Cow<'a, str>>,
}

/// What the databases say of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location<'a> {
    /// Whether they know it, and agree.
    pub state: Cow<'a, str>,
    /// Where it may be.
    pub countries: Vec<Cow<'a, str>>,
    /// First-level subdivisions in which it may be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Cow<'a, str>>,
    /// What each database answers.
    #[serde(default)]
    pub databases: BTreeMap<Cow<'a, str>, Option<Cow<'a, str>>>,
    /// When each was built.
    #[serde(default)]
    pub builds: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// The SHA-256 of each.
    #[serde(default)]
    pub digests: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// Autonomous systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asns: Vec<u32>,
    /// Why a correction was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Cow<'a, str>>,
}

/// Who receives, by what the register knows it, and who that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient<'a> {
    /// Its name in the register.
    pub party: Cow<'a, str>,
    /// By what it was known.
    pub by: Cow<'a, str>,
    /// How people name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
    /// Where it is seated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<Seat<'a>>,
    /// Who owns it, directly and through others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Owner<'a>>,
}

/// A seat of a party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat<'a> {
    /// `organised`, `principal-place` or `resident`.
    pub kind: Cow<'a, str>,
    /// The country.
    pub country: Cow<'a, str>,
}

/// What somebody holds of a party: the recipient, or another that owns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner<'a> {
    /// Who holds.
    pub party: Cow<'a, str>,
    /// Of whom.
    pub of: Cow<'a, str>,
    /// How much.
    pub percent: Cow<'a, str>,
    /// Where the holder is seated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<Seat<'a>>,
}

/// One slice of the data; never a value of it, and ids only by their number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data<'a> {
    /// What it is.
    pub tags: Vec<Cow<'a, str>>,
    /// The jurisdiction of its subjects.
    pub of: Option<Cow<'a, str>>,
    /// How many people.
    pub subjects: Option<u64>,
    /// How many devices.
    pub devices: Option<u64>,
    /// How many records.
    pub records: Option<u64>,
    /// The form in which it stands: pseudonymised and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Cow<'a, str>>,
    /// Whether its tags are linked to one another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub linked: bool,
    /// Whether it told of a place; which one is never recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub located: bool,
}

/// What was found of one tag: how often, how sure, where the surest of it stood and how it looked.
/// Equal values have equal digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding<'a> {
    /// The tag.
    pub tag: Cow<'a, str>,
    /// How many values.
    pub count: u64,
    /// How many distinct ones.
    pub distinct: u64,
    /// How sure.
    pub confidence: Cow<'a, str>,
    /// From what: a value, a shape, a label.
    pub source: Cow<'a, str>,
    /// What found it.
    pub detector: Cow<'a, str>,
    /// In which layer.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub layer: Cow<'a, str>,
    /// From which octet of it on.
    pub offset: u64,
    /// How it looks.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub shape: Cow<'a, str>,
    /// Its keyed digest.
    pub digest: Cow<'a, str>,
    /// The key's name.
    pub key: Cow<'a, str>,
}

/// What was taken out of the body, and which rules had barred it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redacted<'a> {
    /// How many values.
    pub values: u64,
    /// The rules, as `pack/rule`.
    pub rules: Cow<'a, [String]>,
}

/// What was declared of the transfer; what was not is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context<'a> {
    /// The kind of transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Cow<'a, str>>,
    /// The contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<Cow<'a, str>>,
    /// Clauses in it.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub contract_has: Cow<'a, [String]>,
    /// The end-use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Cow<'a, str>>,
    /// Legal mechanisms of the transfer.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub mechanism: Cow<'a, [String]>,
    /// Consents of the subjects.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub consent: Cow<'a, [String]>,
    /// Approvals and licences.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub approval: Cow<'a, [String]>,
    /// What the recipient is to us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_kind: Option<Cow<'a, str>>,
    /// Where in the life of the data the transfer stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Cow<'a, str>>,
}

/// A volume, before and with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count<'a> {
    /// Pack, counter and class.
    pub meter: Cow<'a, str>,
    /// For whom it is counted.
    pub holder: Cow<'a, str>,
    /// Before the request.
    pub before: u64,
    /// With it.
    pub after: u64,
    /// The least count that is past the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// A candidate for a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report<'a> {
    /// The pack that wants it.
    pub pack: Cow<'a, str>,
    /// The report's name.
    pub report: Cow<'a, str>,
    /// Days until it is due.
    pub due_days: u16,
    /// Whether they are business days.
    pub business_days: bool,
}

/// A rule that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule<'a> {
    /// Its name in the pack.
    pub rule: Cow<'a, str>,
    /// The pack.
    pub pack: Cow<'a, str>,
    /// The pack's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Cow<'a, str>>,
    /// The pack's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Cow<'a, str>>,
    /// What it demands.
    pub outcome: Outcome,
    /// Whether it acts or only tells.
    pub mode: Mode,
    /// Whether it holds because something is not known.
    #[serde(default)]
    pub presumed: bool,
    /// Its legal source.
    pub cite: Option<Cow<'a, str>>,
    /// What lifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted: Option<Cow<'a, str>>,
}

/// Why no answer of the destination came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error<'a> {
    /// Whose fault it is: `client`, `policy`, `upstream`, `proxy`.
    pub fault: Cow<'a, str>,
    /// A short stable word.
    pub code: Cow<'a, str>,
    /// What happened, in words.
    pub detail: Cow<'a, str>,
}

/// Where the time went, in microseconds; a stage that was not reached is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// Name to addresses.
    pub resolve: Option<u64>,
    /// Locating and judging.
    pub decide: Option<u64>,
    /// Until a connection was up.
    pub connect: Option<u64>,
    /// Until the head of the answer.
    pub first_byte: Option<u64>,
    /// Until the last byte.
    pub total: u64,
}
