//! What a reload replaces as a whole.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnetwork::IpNetwork;

use crate::data::Carriers;
use crate::geo::Atlas;
use crate::net::{Host, Nat64};
use crate::policy::{PackInfo, Policy};

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
    /// Names that need no name server.
    pub names: StaticNames,
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

/// Who a client is, told by its network; the longest prefix wins.
#[derive(Clone, Debug, Default)]
pub struct Principals(Vec<(IpNetwork, Arc<str>)>);

impl Principals {
    /// The principal behind an address.
    pub fn of(&self, client: IpAddr) -> Option<Arc<str>> {
        let found = self.0.iter().find(|(network, _)| network.contains(client));
        found.map(|(_, name)| Arc::clone(name))
    }

    /// Every name, once for each of its networks.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, name)| &**name)
    }
}

impl FromIterator<(IpNetwork, Arc<str>)> for Principals {
    fn from_iter<I: IntoIterator<Item = (IpNetwork, Arc<str>)>>(entries: I) -> Self {
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
            .map(|(network, name)| (network.parse().unwrap(), Arc::from(name)))
            .into_iter()
            .collect();
        assert_eq!(principals.of("10.1.2.3".parse().unwrap()).as_deref(), Some("svc-etl"));
        assert_eq!(principals.of("10.2.2.3".parse().unwrap()).as_deref(), Some("staff"));
        assert_eq!(principals.of("192.0.2.1".parse().unwrap()), None);
    }
}
