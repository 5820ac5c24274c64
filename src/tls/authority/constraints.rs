//! Name constraints (RFC 5280 section 4.2.1.10): for which names an authority may sign. A
//! certificate beyond them would only be refused by every client.

use std::fmt;
use std::net::IpAddr;

use x509_parser::extensions::{GeneralName, GeneralSubtree, NameConstraints};

use crate::net::Host;

/// The subtrees of one certificate, as far as they speak of hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraints {
    /// Hosts must lie in one of these; none means any name.
    permitted: Subtrees,
    /// Hosts must lie in none of these.
    excluded: Subtrees,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Subtrees {
    /// `example.com` is that name and all below, `.example.com` only what is below.
    names: Vec<String>,
    /// Address and mask.
    networks: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Constraints {
    pub(super) fn of(extension: &NameConstraints<'_>) -> Self {
        let permitted = Subtrees::of(extension.permitted_subtrees.as_deref().unwrap_or_default());
        let excluded = Subtrees::of(extension.excluded_subtrees.as_deref().unwrap_or_default());
        Self { permitted, excluded }
    }

    /// Whether every name may be signed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a certificate for this host would be believed.
    pub(super) fn allow(&self, host: &Host) -> bool {
        let kind_is_listed = match host {
            Host::Name(_) => !self.permitted.names.is_empty(),
            Host::Address(_) => !self.permitted.networks.is_empty(),
        };
        (!kind_is_listed || self.permitted.hold(host)) && !self.excluded.hold(host)
    }

    /// A host in each of the permitted subtrees.
    pub(super) fn examples(&self) -> impl Iterator<Item = Host> {
        let below = |name: &String| match name.strip_prefix('.') {
            Some(parent) => format!("probe.{parent}"),
            None => name.clone(),
        };
        let names =
            self.permitted.names.iter().filter_map(move |name| Host::parse(&below(name)).ok());
        let addresses = self.permitted.networks.iter();
        names.chain(addresses.filter_map(|(address, _)| address_of(address).map(Host::from)))
    }
}

impl Subtrees {
    fn of(subtrees: &[GeneralSubtree<'_>]) -> Self {
        let mut found = Self::default();
        for subtree in subtrees {
            // We sign for hosts alone, so other kinds of names never meet their subtrees.
            if let GeneralName::DNSName(name) = &subtree.base {
                found.names.push(name.to_ascii_lowercase());
            } else if let GeneralName::IPAddress(octets) = &subtree.base {
                let (address, mask) = octets.split_at(octets.len() / 2);
                found.networks.push((address.to_owned(), mask.to_owned()));
            }
        }
        found
    }

    fn hold(&self, host: &Host) -> bool {
        match host {
            Host::Name(name) => self.names.iter().any(|tree| is_within(name, tree)),
            Host::Address(IpAddr::V4(address)) => self.hold_octets(&address.octets()),
            Host::Address(IpAddr::V6(address)) => self.hold_octets(&address.octets()),
        }
    }

    fn hold_octets(&self, octets: &[u8]) -> bool {
        self.networks.iter().any(|(network, mask)| {
            network.len() == octets.len()
                && network.iter().zip(mask).zip(octets).all(|((n, m), o)| n & m == o & m)
        })
    }
}

fn is_within(name: &str, tree: &str) -> bool {
    match name.strip_suffix(tree) {
        Some("") => !tree.starts_with('.'),
        Some(rest) => tree.is_empty() || tree.starts_with('.') || rest.ends_with('.'),
        None => false,
    }
}

fn address_of(octets: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

// === impl Display ===

impl fmt::Display for Constraints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("any");
        }
        let permitted = self.permitted.words();
        let mut words = if permitted.is_empty() { "any".to_owned() } else { permitted.join(", ") };
        let excluded = self.excluded.words();
        if !excluded.is_empty() {
            words.push_str(&format!("; not {}", excluded.join(", ")));
        }
        f.write_str(&words)
    }
}

impl Subtrees {
    fn words(&self) -> Vec<String> {
        let name = |name: &String| match name.strip_prefix('.') {
            Some(parent) => format!("below {parent}"),
            None => format!("{name} and below"),
        };
        let network = |(address, mask): &(Vec<u8>, Vec<u8>)| {
            let bits = mask.iter().map(|octet| octet.count_ones()).sum::<u32>();
            address_of(address).map(|address| format!("{address}/{bits}"))
        };
        self.names.iter().map(name).chain(self.networks.iter().filter_map(network)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtrees_hold_what_is_within() {
        let names = vec!["example.com".to_owned(), ".below.test".to_owned()];
        let networks = vec![(vec![10, 0, 0, 0], vec![255, 0, 0, 0])];
        let permitted = Subtrees { names, networks };
        let constraints = Constraints { permitted, excluded: Subtrees::default() };
        let allow = |text: &str| constraints.allow(&Host::parse(text).unwrap());
        for fine in ["example.com", "a.b.example.com", "x.below.test", "10.255.0.1"] {
            assert!(allow(fine), "{fine}");
        }
        for wrong in ["badexample.com", "com", "below.test", "11.0.0.1", "[2001:db8::1]"] {
            assert!(!allow(wrong), "{wrong}");
        }
        assert_eq!(constraints.to_string(), "example.com and below, below below.test, 10.0.0.0/8");
        assert!(Constraints::default().allow(&Host::parse("any.example").unwrap()));
    }

    #[test]
    fn what_is_excluded_is_not_allowed() {
        let excluded = Subtrees { names: vec!["a.example".to_owned()], networks: Vec::new() };
        let constraints = Constraints { permitted: Subtrees::default(), excluded };
        let allow = |text: &str| constraints.allow(&Host::parse(text).unwrap());
        assert!(allow("b.example") && allow("9.9.9.9") && !allow("x.a.example"));
    }
}
