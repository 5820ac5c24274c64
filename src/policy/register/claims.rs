//! By what a party is recognised: hosts, certificate keys, networks and autonomous systems.
//! Asking allocates nothing.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use ipnetwork::{IpNetwork, Ipv4Network};

use crate::net::{Host, HostPattern};

use super::draft::Claim;
use super::key::KeyDigest;
use super::party::PartyId;
use super::prefixes::Prefixes;

/// What is known of a destination; the less is known, the less is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sighting<'a> {
    /// The canonical destination host.
    pub host: Option<&'a Host>,
    /// The key in the certificate that the destination showed.
    pub key: Option<&'a KeyDigest>,
    /// The address that is judged (the embedded IPv4, if any).
    pub address: Option<IpAddr>,
    /// The autonomous systems that databases name for it.
    pub asns: &'a [u32],
}

/// A party that was recognised, and what that stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'r> {
    /// Who it is.
    pub party: PartyId,
    /// By what.
    pub by: MatchedBy<'r>,
}

/// The entry of the register that a destination fell under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchedBy<'r> {
    /// This host, or hosts below it.
    Host(&'r HostPattern),
    /// This certificate key.
    Key(KeyDigest),
    /// This network, the smallest that holds the address.
    Network(IpNetwork),
    /// This autonomous system.
    Asn(u32),
}

/// Everything that stands for a party.
#[derive(Debug, Default)]
pub(super) struct Claims {
    exact: HashMap<Host, Named>,
    /// By parent, without `*.`.
    below: HashMap<Box<str>, Named>,
    /// How many labels the parents in `below` have, a bit for each count. Most hosts have parents
    /// that none of them can be; not to look for those took a third off a miss.
    depths: u128,
    keys: HashMap<KeyDigest, PartyId>,
    asns: HashMap<u32, PartyId>,
    networks: Prefixes,
}

#[derive(Debug)]
struct Named {
    party: PartyId,
    pattern: HostPattern,
}

// === impl Claims ===

impl Claims {
    /// Notes what stands for the party, unless it stands for another one: that one is returned.
    pub(super) fn add(&mut self, claim: &Claim, party: PartyId) -> Result<(), PartyId> {
        let named = |pattern: &HostPattern| Named { party, pattern: pattern.clone() };
        let holder = match claim {
            Claim::Host(pattern @ HostPattern::Exact(host)) => {
                self.exact.entry(host.clone()).or_insert_with(|| named(pattern)).party
            }
            Claim::Host(pattern @ HostPattern::Below(suffix)) => {
                let parent = suffix.strip_prefix('.').unwrap_or(suffix);
                self.depths |= 1 << labels(parent);
                self.below.entry(parent.into()).or_insert_with(|| named(pattern)).party
            }
            Claim::Network(network) => self.networks.add(canonical(*network), party),
            Claim::Asn(asn) => *self.asns.entry(*asn).or_insert(party),
            Claim::Key(key) => *self.keys.entry(*key).or_insert(party),
        };
        if holder == party { Ok(()) } else { Err(holder) }
    }

    /// Puts in order what was added; nothing is found before.
    pub(super) fn finish(&mut self) {
        self.networks.finish();
    }

    pub(super) fn by_host(&self, host: &Host) -> Option<Match<'_>> {
        let named = self.exact.get(host).or_else(|| match host {
            Host::Name(name) => self.above(name),
            Host::Address(_) => None,
        })?;
        Some(Match { party: named.party, by: MatchedBy::Host(&named.pattern) })
    }

    /// The entry with the longest suffix of the host.
    fn above(&self, host: &str) -> Option<&Named> {
        // The first parent has one label less than the host.
        let depths = (0..labels(host)).rev();
        let known = |(_, depth): &(&str, u32)| self.depths >> depth & 1 == 1;
        parents(host).zip(depths).filter(known).find_map(|(parent, _)| self.below.get(parent))
    }

    pub(super) fn knows_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    pub(super) fn by_key(&self, key: &KeyDigest) -> Option<Match<'_>> {
        let party = *self.keys.get(key)?;
        Some(Match { party, by: MatchedBy::Key(*key) })
    }

    pub(super) fn by_address(&self, address: IpAddr) -> Option<Match<'_>> {
        let (network, party) = self.networks.find(address.to_canonical())?;
        Some(Match { party, by: MatchedBy::Network(network) })
    }

    pub(super) fn by_asn(&self, asn: u32) -> Option<Match<'_>> {
        let party = *self.asns.get(&asn)?;
        Some(Match { party, by: MatchedBy::Asn(asn) })
    }
}

/// How many labels a name has. 253 octets hold at most 127 (RFC 1035 section 2.3.4); what was made
/// by hand and has more shares the last count.
fn labels(name: &str) -> u32 {
    let dots: u32 = name.bytes().map(|byte| u32::from(byte == b'.')).sum();
    (dots + 1).min(127)
}

/// The names above a host, longest first.
fn parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(host.split_once('.'), |(_, rest)| rest.split_once('.'))
        .map(|(_, rest)| rest)
}

/// Clears host bits, and takes IPv4 out of its mapping into IPv6 as [`Host`] does.
fn canonical(network: IpNetwork) -> IpNetwork {
    let mapped = match network {
        IpNetwork::V6(v6) => v6.network().to_ipv4_mapped().zip(v6.prefix().checked_sub(96)),
        IpNetwork::V4(_) => None,
    };
    let built = match mapped {
        Some((v4, prefix)) => Ipv4Network::new(v4, prefix).map(IpNetwork::V4),
        None => IpNetwork::new(network.network(), network.prefix()),
    };
    built.expect("the prefix of a network fits its family")
}

// === display ===

impl fmt::Display for MatchedBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(pattern) => write!(f, "host {pattern}"),
            Self::Key(key) => write!(f, "key {key}"),
            Self::Network(network) => write!(f, "network {network}"),
            Self::Asn(asn) => write!(f, "AS{asn}"),
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(pattern) => MatchedBy::Host(pattern).fmt(f),
            Self::Key(key) => MatchedBy::Key(*key).fmt(f),
            Self::Network(network) => MatchedBy::Network(*network).fmt(f),
            Self::Asn(asn) => MatchedBy::Asn(*asn).fmt(f),
        }
    }
}
