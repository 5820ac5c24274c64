//! What a reload replaces as a whole.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::auth::Auth;
use crate::data::{Carriers, Inspector, Tag};
use crate::geo::Atlas;
use crate::net::{Host, HostPattern, Nat64};
use crate::policy::{Declared, Exporter, Facts, PackInfo, Place, Policy, PrincipalSet, Stake};
use crate::tls::Acceptor;

use super::chain::Chains;
use super::inspect;
use super::opening::{self, Opening};
use super::principals::Principals;

/// Everything that decides, as of one load of the configuration.
#[derive(Debug)]
pub struct Active {
    /// Counts loads; pooled connections and tunnels carry it.
    pub epoch: u64,
    /// `sha256:` and the digest of the configuration and packs.
    pub digest: Arc<str>,
    /// The rules.
    pub policy: Arc<Policy>,
    /// The databases and corrections.
    pub atlas: Arc<Atlas>,
    /// The headers that declare tags.
    pub carriers: Carriers,
    /// What requests and bodies are looked through for, and records are kept from.
    pub inspector: Arc<Inspector>,
    /// Which bodies are looked into.
    pub inspect: inspect::Settings,
    /// Who clients are.
    pub principals: Principals,
    /// What clients have to prove, and by what.
    pub auth: Auth,
    /// How listeners of TLS handshake, by the address that the configuration gives them.
    pub acceptors: HashMap<SocketAddr, Arc<Acceptor>>,
    /// On whose behalf clients act that are no principal.
    pub exporter: Option<Arc<Exporter>>,
    /// What is true of every request of a kind.
    pub routes: Vec<Route>,
    /// Names that need no name server.
    pub names: StaticNames,
    /// Destinations that are reached through other proxies.
    pub chains: Chains,
    /// The prefixes that hide IPv4 in IPv6.
    pub nat64: Nat64,
    /// What happens to a name with permitted and refused addresses.
    pub mixed: Mixed,
    /// Which tunnels are looked into.
    pub opening: Opening,
    /// The packs that the rules come from.
    pub packs: Vec<PackInfo>,
    /// The jurisdictions of the configuration, which packs name, and their countries and states.
    pub jurisdictions: Vec<(String, Vec<&'static str>)>,
}

/// What happens to a name of which some addresses are permitted and others refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mixed {
    /// Only the permitted ones are used.
    #[default]
    Avoid,
    /// The request is refused.
    Refuse,
}

/// Names that the configuration resolves itself.
#[derive(Clone, Debug, Default)]
pub struct StaticNames(HashMap<Host, Vec<IpAddr>>);

impl Active {
    /// What depends on looking into a request of which more could be known.
    pub(super) fn stake(&self, facts: &Facts<'_>, places: &[Place<'_>]) -> Stake {
        let stake = || opening::stake(&self.policy, facts, places);
        match self.inspect.when {
            inspect::When::Always => stake().max(Stake::Record),
            inspect::When::Needed => stake(),
            inspect::When::Never => Stake::Nothing,
        }
    }
}

impl StaticNames {
    /// The addresses of a name, if the configuration has it.
    pub fn get(&self, host: &Host) -> Option<&[IpAddr]> {
        // Most configurations have none; hashing a host for nothing costs 20 ns.
        if self.0.is_empty() { None } else { self.0.get(host).map(Vec::as_slice) }
    }
}

impl FromIterator<(Host, Vec<IpAddr>)> for StaticNames {
    fn from_iter<I: IntoIterator<Item = (Host, Vec<IpAddr>)>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

/// What is true of every request to some hosts, or of some principals.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// The destinations; empty for all.
    pub hosts: Vec<HostPattern>,
    /// The principals; empty for all.
    pub principals: PrincipalSet,
    /// What the data is.
    pub tags: Vec<Tag>,
    /// What is declared of the transfer.
    pub declared: Declared,
}

impl Route {
    /// Whether a request is of this kind.
    pub fn covers(&self, host: &Host, principal: Option<&str>) -> bool {
        (self.hosts.is_empty() || self.hosts.iter().any(|one| one.matches(host)))
            && (self.principals.is_empty()
                || principal.is_some_and(|name| self.principals.contains(name)))
    }
}
