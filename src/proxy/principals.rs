//! Who clients can be: by the names that they prove, or by their networks.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnetwork::IpNetwork;

use crate::policy::Exporter;

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
    /// The groups it belongs to, without their `@`.
    pub groups: Vec<String>,
}

/// Everybody that the configuration names.
#[derive(Clone, Debug, Default)]
pub struct Principals {
    by_name: HashMap<Arc<str>, Arc<Principal>>,
    /// The longest prefix first.
    by_network: Vec<(IpNetwork, Arc<Principal>)>,
}

impl Principals {
    /// The principal behind an address; the longest prefix wins.
    pub fn of(&self, client: IpAddr) -> Option<&Arc<Principal>> {
        self.by_network.iter().find(|(network, _)| network.contains(client)).map(|(_, one)| one)
    }

    /// The principal of a name.
    pub fn named(&self, name: &str) -> Option<&Arc<Principal>> {
        self.by_name.get(name)
    }

    /// Everybody, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Principal> {
        self.by_name.values().map(|one| &**one)
    }
}

impl FromIterator<(Principal, Vec<IpNetwork>)> for Principals {
    fn from_iter<I: IntoIterator<Item = (Principal, Vec<IpNetwork>)>>(entries: I) -> Self {
        let mut all = Self::default();
        for (principal, networks) in entries {
            let principal = Arc::new(principal);
            all.by_name
                .entry(Arc::clone(&principal.name))
                .or_insert_with(|| Arc::clone(&principal));
            let networks = networks.into_iter();
            all.by_network.extend(networks.map(|network| (network, Arc::clone(&principal))));
        }
        all.by_network.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_client_network_names_the_principal() {
        let named = |name: &str| Principal {
            name: name.into(),
            exporter: None,
            declares: false,
            groups: Vec::new(),
        };
        let principals: Principals = [("10.0.0.0/8", "staff"), ("10.1.0.0/16", "svc-etl")]
            .map(|(network, name)| (named(name), vec![network.parse().unwrap()]))
            .into_iter()
            .chain([(named("nowhere"), Vec::new())])
            .collect();
        let of = |address: &str| principals.of(address.parse().unwrap()).map(|one| &*one.name);
        assert_eq!(of("10.1.2.3"), Some("svc-etl"));
        assert_eq!(of("10.2.2.3"), Some("staff"));
        assert_eq!(of("192.0.2.1"), None);
        assert!(principals.named("nowhere").is_some() && principals.named("10.1.2.3").is_none());
        assert_eq!(principals.all().count(), 3);
    }
}
