//! What a reload replaces as a whole.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnetwork::IpNetwork;

use crate::data::{Carriers, Tag};
use crate::geo::Atlas;
use crate::net::{Host, HostPattern, Nat64};
use crate::policy::{Declared, Exporter, PackInfo, Policy};

use super::chain::Chains;
use super::login::Login;

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
    /// Who clients are.
    pub principals: Principals,
    /// Who may log in with a password; absent where nobody is listed.
    pub login: Option<Arc<dyn Login>>,
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
    /// The packs that the rules come from.
    pub packs: Vec<PackInfo>,
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

/// A client that is known by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name in rules and records.
    pub name: Arc<str>,
    /// On whose behalf it acts.
    pub exporter: Option<Arc<Exporter>>,
    /// Whether it is believed what it declares of its transfers. Tags, which can only make an
    /// answer stricter, are believed of everybody.
    pub declares: bool,
}

/// What is true of every request to some hosts, or of some principals.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// The destinations; empty for all.
    pub hosts: Vec<HostPattern>,
    /// The principals; empty for all.
    pub principals: Vec<String>,
    /// What the data is.
    pub tags: Vec<Tag>,
    /// What is declared of the transfer.
    pub declared: Declared,
}

impl Route {
    /// Whether a request is of this kind.
    pub fn covers(&self, host: &Host, principal: Option<&str>) -> bool {
        let named = |name: &str| self.principals.iter().any(|one| one == name);
        (self.hosts.is_empty() || self.hosts.iter().any(|one| one.matches(host)))
            && (self.principals.is_empty() || principal.is_some_and(named))
    }
}

/// Who a client is, told by its network; the longest prefix wins.
#[derive(Clone, Debug, Default)]
pub struct Principals(Vec<(IpNetwork, Arc<Principal>)>);

impl Principals {
    /// The principal behind an address.
    pub fn of(&self, client: IpAddr) -> Option<&Arc<Principal>> {
        self.0.iter().find(|(network, _)| network.contains(client)).map(|(_, one)| one)
    }

    /// Every name, once for each of its networks.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, one)| &*one.name)
    }
}

impl FromIterator<(IpNetwork, Arc<Principal>)> for Principals {
    fn from_iter<I: IntoIterator<Item = (IpNetwork, Arc<Principal>)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix()));
        Self(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_client_network_names_the_principal() {
        let principals: Principals = [("10.0.0.0/8", "staff"), ("10.1.0.0/16", "svc-etl")]
            .map(|(network, name)| {
                let principal = Principal { name: name.into(), exporter: None, declares: false };
                (network.parse().unwrap(), Arc::new(principal))
            })
            .into_iter()
            .collect();
        let of = |address: &str| principals.of(address.parse().unwrap()).map(|one| &*one.name);
        assert_eq!(of("10.1.2.3"), Some("svc-etl"));
        assert_eq!(of("10.2.2.3"), Some("staff"));
        assert_eq!(of("192.0.2.1"), None);
    }
}
