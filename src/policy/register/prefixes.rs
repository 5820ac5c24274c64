//! Networks by address, the longest prefix first: one binary search and a short walk outwards.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};

use super::party::PartyId;

/// Networks of both families.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    /// What was added and is not yet in order.
    added: HashMap<IpNetwork, PartyId>,
    v4: Nested,
    v6: Nested,
}

/// Networks of one family, sorted by first address and then from large to small.
#[derive(Debug, Default)]
struct Nested(Vec<Prefix>);

#[derive(Clone, Copy, Debug)]
struct Prefix {
    first: u128,
    last: u128,
    length: u8,
    party: PartyId,
    /// The position of the smallest network around this one.
    outer: Option<usize>,
}

// === impl Prefixes ===

impl Prefixes {
    /// Adds a canonical network; returns the party that has it, the first that asked.
    pub(super) fn add(&mut self, network: IpNetwork, party: PartyId) -> PartyId {
        *self.added.entry(network).or_insert(party)
    }

    /// Puts the networks in order, and finds out which lie within which.
    pub(super) fn finish(&mut self) {
        for (network, party) in std::mem::take(&mut self.added) {
            let (first, last) = (bits(network.network()), bits(network.broadcast()));
            let family = match network {
                IpNetwork::V4(_) => &mut self.v4,
                IpNetwork::V6(_) => &mut self.v6,
            };
            family.0.push(Prefix { first, last, length: network.prefix(), party, outer: None });
        }
        self.v4.nest();
        self.v6.nest();
    }

    /// The smallest network that holds the address.
    pub(super) fn find(&self, address: IpAddr) -> Option<(IpNetwork, PartyId)> {
        let number = bits(address);
        let (network, party) = match address {
            IpAddr::V4(_) => {
                let found = self.v4.find(number)?;
                let first = u32::try_from(found.first).expect("an IPv4 address has 32 bits");
                let network = Ipv4Network::new(Ipv4Addr::from_bits(first), found.length);
                (network.map(IpNetwork::V4), found.party)
            }
            IpAddr::V6(_) => {
                let found = self.v6.find(number)?;
                let network = Ipv6Network::new(Ipv6Addr::from_bits(found.first), found.length);
                (network.map(IpNetwork::V6), found.party)
            }
        };
        Some((network.expect("the length was a network's of this family"), party))
    }
}

// === impl Nested ===

impl Nested {
    fn nest(&mut self) {
        self.0.sort_unstable_by_key(|prefix| (prefix.first, prefix.length));
        let mut open: Vec<(usize, u128)> = Vec::new();
        for (at, prefix) in self.0.iter_mut().enumerate() {
            while open.pop_if(|(_, last)| *last < prefix.first).is_some() {}
            prefix.outer = open.last().map(|(outer, _)| *outer);
            open.push((at, prefix.last));
        }
    }

    /// Networks overlap only by lying within each other. So the last one that begins at or before
    /// the number either holds it, or ended before it and lies within all that do.
    fn find(&self, number: u128) -> Option<&Prefix> {
        let after = self.0.partition_point(|prefix| prefix.first <= number);
        let nearest = self.0.get(after.checked_sub(1)?);
        std::iter::successors(nearest, |prefix| self.0.get(prefix.outer?))
            .find(|prefix| number <= prefix.last)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
