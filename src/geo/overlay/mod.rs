//! The operator's corrections: networks and hosts whose country is known better here than in any
//! database (a vendor moved, a tunnel, a disputed region). They are asked before all databases.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use thiserror::Error;

use super::Country;
use super::steps::{Address, Steps};

/// What the operator says of an address or a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Correction {
    /// Where it is; none if that shall count as unknown.
    pub to: Option<Country>,
    /// Why, for the decision record.
    pub reason: Option<String>,
}

/// All corrections. The longest network wins, and the longest host pattern.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    corrections: Vec<Correction>,
    /// Canonical networks; the number is a position in `corrections`.
    networks: HashMap<IpNetwork, u32>,
    hosts: HashMap<String, u32>,
    /// By suffix without `*.`.
    suffixes: HashMap<String, u32>,
}

/// A correction that cannot be taken.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum OverlayError {
    /// Two corrections for one network or host.
    #[error("{0} is corrected twice; keep one of the two")]
    Duplicate(String),
    /// A host pattern of another form.
    #[error(
        "\"{0}\" is no host pattern; write \"host.example\" or \"*.example\", international names in their xn-- form"
    )]
    Host(String),
}

// === impl Overlay ===

impl Overlay {
    /// Corrects a network. Host bits are dropped: `10.1.2.3/8` means `10.0.0.0/8`.
    pub fn add_network(
        &mut self,
        network: IpNetwork,
        correction: Correction,
    ) -> Result<(), OverlayError> {
        let network = canonical(network);
        let id = self.keep(correction);
        match self.networks.insert(network, id) {
            None => Ok(()),
            Some(_) => Err(OverlayError::Duplicate(network.to_string())),
        }
    }

    /// Corrects a host: `host.example` itself, or with `*.example` all hosts below it but not
    /// `example`.
    pub fn add_host(&mut self, pattern: &str, correction: Correction) -> Result<(), OverlayError> {
        let lower = pattern.to_ascii_lowercase();
        let wildcard = lower.strip_prefix("*.");
        let name = wildcard.unwrap_or(&lower).trim_end_matches('.').to_owned();
        if !is_host(&name) {
            return Err(OverlayError::Host(pattern.to_owned()));
        }
        let id = self.keep(correction);
        let map = if wildcard.is_some() { &mut self.suffixes } else { &mut self.hosts };
        match map.insert(name, id) {
            None => Ok(()),
            Some(_) => Err(OverlayError::Duplicate(pattern.to_owned())),
        }
    }

    /// Both together; of two corrections of one network or host that of `other` holds.
    #[must_use]
    pub fn yield_to(mut self, other: Self) -> Self {
        let Self { corrections, networks, hosts, suffixes } = other;
        let first = super::narrow(self.corrections.len());
        self.corrections.extend(corrections);
        self.networks.extend(networks.into_iter().map(|(network, id)| (network, first + id)));
        self.hosts.extend(hosts.into_iter().map(|(host, id)| (host, first + id)));
        self.suffixes.extend(suffixes.into_iter().map(|(suffix, id)| (suffix, first + id)));
        self
    }

    /// Whether there is nothing to correct.
    pub fn is_empty(&self) -> bool {
        self.corrections.is_empty()
    }

    /// All corrections, as numbered.
    pub(super) fn corrections(&self) -> &[Correction] {
        &self.corrections
    }

    /// Returns the number of the correction for a host.
    pub(super) fn host(&self, host: &str) -> Option<u32> {
        let host = host.trim_end_matches('.');
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return self.host(&host.to_ascii_lowercase());
        }
        let exact = self.hosts.get(host);
        exact
            .or_else(|| {
                self.suffixes.get(parents(host).find(|suffix| self.suffixes.contains_key(*suffix))?)
            })
            .copied()
    }

    /// The corrections by IPv4 address: 0 for none, else one more than the number.
    pub(super) fn v4(&self) -> Steps<u32> {
        let networks = self.networks.iter().filter_map(|(network, id)| match network {
            IpNetwork::V4(v4) => Some((v4.network().to_bits(), v4.broadcast().to_bits(), id + 1)),
            IpNetwork::V6(_) => None,
        });
        flatten(networks.collect(), |address| address.checked_add(1))
    }

    /// The corrections by IPv6 address, numbered likewise.
    pub(super) fn v6(&self) -> Steps<u128> {
        let networks = self.networks.iter().filter_map(|(network, id)| match network {
            IpNetwork::V4(_) => None,
            IpNetwork::V6(v6) => Some((v6.network().to_bits(), v6.broadcast().to_bits(), id + 1)),
        });
        flatten(networks.collect(), |address| address.checked_add(1))
    }

    fn keep(&mut self, correction: Correction) -> u32 {
        self.corrections.push(correction);
        super::narrow(self.corrections.len() - 1)
    }
}

/// Drops host bits, and reduces IPv4-mapped networks to IPv4 as addresses are reduced.
fn canonical(network: IpNetwork) -> IpNetwork {
    let (address, prefix) = (network.network(), network.prefix());
    let v4 = |v4: Ipv4Addr, prefix| Ipv4Network::new(v4, prefix).map(IpNetwork::V4);
    let v6 = |v6: Ipv6Addr, prefix| Ipv6Network::new(v6, prefix).map(IpNetwork::V6);
    let built = match (address, prefix.checked_sub(96)) {
        (std::net::IpAddr::V4(address), _) => v4(address, prefix),
        (std::net::IpAddr::V6(address), Some(inner)) => match address.to_ipv4_mapped() {
            Some(mapped) => v4(mapped, inner),
            None => v6(address, prefix),
        },
        (std::net::IpAddr::V6(address), None) => v6(address, prefix),
    };
    built.expect("the prefix of a network fits its family")
}

/// Turns networks into steps: sorted by start and then from large to small, an inner network
/// interrupts the outer one, which resumes behind it.
fn flatten<A: Address>(mut networks: Vec<(A, A, u32)>, next: impl Fn(A) -> Option<A>) -> Steps<A> {
    networks.sort_unstable_by_key(|network| (network.0, std::cmp::Reverse(network.1)));
    let mut steps = Steps::new(0);
    let mut open: Vec<(A, u32)> = Vec::new();
    let close = |steps: &mut Steps<A>, open: &mut Vec<(A, u32)>, until: Option<A>| {
        while let Some((last, _)) = open.pop_if(|(last, _)| until.is_none_or(|until| *last < until))
        {
            if let Some(after) = next(last) {
                steps.push(after, open.last().map_or(0, |outer| outer.1));
            }
        }
    };
    for (first, last, id) in networks {
        close(&mut steps, &mut open, Some(first));
        steps.push(first, id);
        open.push((last, id));
    }
    close(&mut steps, &mut open, None);
    steps
}

/// The names above a host, longest first.
fn parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(host.split_once('.'), |(_, rest)| rest.split_once('.'))
        .map(|(_, rest)| rest)
}

fn is_host(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    name.len() <= 253
        && name
            .split('.')
            .all(|label| (1..=63).contains(&label.len()) && label.bytes().all(allowed))
}

#[cfg(test)]
mod tests;
