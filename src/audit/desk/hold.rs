//! A hold: a request that waits until a person decides, and what people decided of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::data::Tags;
use crate::net::Host;
use crate::policy::Approval;

use super::shelf::Filed;
use super::written;

/// Rulings of one hold are kept, all of them; this many are enough for any change of mind.
const MOST_RULINGS: usize = 100;

/// What waits for a person: everything that one client may not send to one host because of the
/// same rules, however often it asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The id of the first decision that held it.
    #[serde(with = "written")]
    pub id: Uuid,
    /// When it was first asked.
    #[serde(with = "written")]
    pub first: Timestamp,
    /// When it was last asked.
    #[serde(with = "written")]
    pub last: Timestamp,
    /// How often it was asked.
    pub asked: u64,
    /// Who asks: the principal, else the address.
    pub client: String,
    /// The destination.
    #[serde(with = "written::host")]
    pub host: Host,
    /// Its port, when first asked.
    pub port: u16,
    /// The method, when first asked.
    pub method: String,
    /// What the data is.
    #[serde(with = "written::tags")]
    pub tags: Tags,
    /// The rules that hold it.
    pub rules: Vec<HoldingRule>,
    /// The declarations that are missing.
    pub needs: Vec<String>,
    /// What people decided, the last of which counts.
    pub rulings: Vec<Ruling>,
}

/// A rule that holds a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingRule {
    /// `pack/rule`
    pub rule: String,
    /// The source.
    pub cite: Option<String>,
    /// Why.
    pub reason: String,
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// Whether it may pass.
    pub decision: Decided,
    /// When.
    #[serde(with = "written")]
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When an approval ends.
    #[serde(with = "written::option")]
    pub expires: Option<Timestamp>,
}

/// Whether a person lets it pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decided {
    /// It may pass until the approval ends.
    Approve,
    /// It may not pass; an approval is withdrawn.
    Deny,
}

impl Decided {
    /// The word in paths and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

/// How a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldState {
    /// Nobody has decided.
    Open,
    /// It passes.
    Approved,
    /// It does not pass.
    Denied,
    /// It passed until the approval ended; who asks again waits again.
    Expired,
}

impl HoldState {
    /// Every state, and its word.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("open", Self::Open),
        ("approved", Self::Approved),
        ("denied", Self::Denied),
        ("expired", Self::Expired),
    ];
}

/// What makes two requests the same matter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct HoldKey {
    client: String,
    host: Host,
    tags: String,
    rules: Vec<String>,
}

impl Hold {
    /// How it stands at a moment.
    pub fn state(&self, at: Timestamp) -> HoldState {
        match self.rulings.last() {
            None => HoldState::Open,
            Some(Ruling { decision: Decided::Deny, .. }) => HoldState::Denied,
            Some(Ruling { expires, .. }) if expires.is_some_and(|end| at < end) => {
                HoldState::Approved
            }
            Some(_) => HoldState::Expired,
        }
    }

    /// Whether another ruling fits.
    pub(super) fn has_room(&self) -> bool {
        self.rulings.len() < MOST_RULINGS
    }

    /// The approval, if one is in force.
    pub(super) fn approval(&self, at: Timestamp) -> Option<Approval> {
        let expires = self.rulings.last()?.expires?;
        (self.state(at) == HoldState::Approved).then(|| Approval {
            hold: self.id.to_string(),
            rules: self.rules.iter().map(|one| one.rule.clone()).collect(),
            client: self.client.clone(),
            host: self.host.clone(),
            tags: self.tags.clone(),
            expires,
        })
    }
}

impl Filed for Hold {
    type Key = HoldKey;

    fn id(&self) -> Uuid {
        self.id
    }

    fn key(&self) -> HoldKey {
        let mut rules: Vec<_> = self.rules.iter().map(|one| one.rule.clone()).collect();
        rules.sort_unstable();
        let (client, host) = (self.client.clone(), self.host.clone());
        HoldKey { client, host, tags: self.tags.to_string(), rules }
    }
}
