//! Which tunnels are looked into: what the configuration says, else what the policy needs.

use crate::net::{Host, HostPattern, NetworkSet};
use crate::policy::{Facts, Peer, Place, Policy, PrincipalSet, Reach, Stake};

/// What becomes of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Its TLS is opened, and every request in it is decided by itself.
    Open,
    /// It does not come about.
    Refuse,
    /// Its bytes pass unread, but for plain HTTP.
    Tunnel,
}

/// Which tunnels are opened where no rule says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenMode {
    /// All.
    Always,
    /// Those for whose destination some rule that could hold looks at what is inside.
    #[default]
    Need,
    /// None.
    Never,
}

/// What is asked of tunnels, and what happens to those that cannot be read.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Which tunnels are opened where no rule says it.
    pub mode: OpenMode,
    /// The first that covers a tunnel decides.
    pub rules: Vec<OpenRule>,
    /// A tunnel to be opened whose client names no server (SNI).
    pub without_name: Plan,
    /// One whose client names another server under an encrypted hello (RFC 9849).
    pub encrypted: Plan,
    /// One in which no TLS and no HTTP is spoken.
    pub unreadable: Plan,
    /// Hosts whose tunnels may name another host inside.
    pub relaxed: Vec<HostPattern>,
    /// After how many refusals of our certificate a client counts as pinned.
    pub pinned_after: u32,
}

/// What becomes of some tunnels.
#[derive(Clone, Debug)]
pub struct OpenRule {
    /// The destination hosts; empty for all.
    pub hosts: Vec<HostPattern>,
    /// Where a destination must lie, by some database; absent for anywhere.
    pub to: Option<Reach>,
    /// The destination networks; empty for all.
    pub networks: NetworkSet,
    /// The clients' networks; empty for all.
    pub clients: NetworkSet,
    /// The principals; absent for all.
    pub principals: Option<PrincipalSet>,
    /// What becomes of them.
    pub plan: Plan,
}

impl Default for Opening {
    fn default() -> Self {
        Self {
            mode: OpenMode::default(),
            rules: Vec::new(),
            without_name: Plan::Refuse,
            encrypted: Plan::Refuse,
            unreadable: Plan::Refuse,
            relaxed: Vec::new(),
            pinned_after: 3,
        }
    }
}

impl Opening {
    /// What becomes of a tunnel to these places, of which nothing but its head is known.
    pub fn plan(&self, policy: &Policy, facts: &Facts<'_>, places: &[Place<'_>]) -> Plan {
        self.ruled(facts, places).unwrap_or_else(|| match self.mode {
            OpenMode::Always => Plan::Open,
            OpenMode::Need if needs(policy, facts, places) => Plan::Open,
            OpenMode::Need | OpenMode::Never => Plan::Tunnel,
        })
    }

    /// The same where nobody can open any.
    pub fn plan_shut(&self, facts: &Facts<'_>, places: &[Place<'_>]) -> Plan {
        let ruled = self.ruled(facts, places);
        ruled.filter(|plan| *plan == Plan::Refuse).unwrap_or(Plan::Tunnel)
    }

    fn ruled(&self, facts: &Facts<'_>, places: &[Place<'_>]) -> Option<Plan> {
        self.rules.iter().find(|rule| rule.covers(facts, places)).map(|rule| rule.plan)
    }

    /// Whether any tunnel can come to be opened.
    pub fn opens(&self) -> bool {
        self.mode != OpenMode::Never || self.rules.iter().any(|rule| rule.plan == Plan::Open)
    }

    /// Whether tunnels to this host may name another one inside.
    pub fn relaxes(&self, host: &Host) -> bool {
        self.relaxed.iter().any(|pattern| pattern.matches(host))
    }
}

/// Whether what is inside could change the answer for one of the places.
fn needs(policy: &Policy, facts: &Facts<'_>, places: &[Place<'_>]) -> bool {
    let content = policy.weigh_slices(facts.content.slices().cloned().collect(), false);
    let facts = Facts { content: &content, peer: Peer::Awaited, ..*facts };
    stake(policy, &facts, places) != Stake::Nothing
}

/// The most that depends on what is not known yet, for one of the places.
pub(super) fn stake(policy: &Policy, facts: &Facts<'_>, places: &[Place<'_>]) -> Stake {
    let stakes = places.iter().map(|place| policy.stake(&Facts { place: Some(*place), ..*facts }));
    stakes.max().unwrap_or(Stake::Nothing)
}

impl OpenRule {
    fn covers(&self, facts: &Facts<'_>, places: &[Place<'_>]) -> bool {
        let hosts = self.hosts.is_empty() || self.hosts.iter().any(|one| one.matches(facts.host));
        let networks =
            self.networks.is_empty() || places.iter().all(|one| self.networks.contains(one.judged));
        let at = facts.circumstances.at;
        let lies = |reach: &Reach| places.iter().any(|place| reach.holds(place.entry, at).0);
        let named = |set: &PrincipalSet| facts.principal.is_some_and(|name| set.contains(name));
        let clients = self.clients.is_empty() || self.clients.contains(facts.client);
        hosts
            && self.to.as_ref().is_none_or(lies)
            && networks
            && clients
            && self.principals.as_ref().is_none_or(named)
    }
}
