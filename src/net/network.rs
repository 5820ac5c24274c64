//! Networks in canonical form: `10.1.2.3/8` means `10.0.0.0/8`.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use thiserror::Error;

/// Parses a CIDR or a bare address and clears the host bits, which `ipnetwork` keeps
/// (two spellings of one network would else differ).
pub fn parse_network(text: &str) -> Result<IpNetwork, NetworkError> {
    let wrong = |_| NetworkError(text.chars().take(80).collect());
    let network: IpNetwork = text.parse().map_err(wrong)?;
    IpNetwork::new(network.network(), network.prefix()).map_err(wrong)
}

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a network such as 10.0.0.0/8 or 2001:db8::/32")]
pub struct NetworkError(String);

/// A small set of networks, asked by containment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkSet(Vec<IpNetwork>);

impl NetworkSet {
    /// Whether some network of the set holds the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The networks in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &IpNetwork> {
        self.0.iter()
    }
}

impl FromIterator<IpNetwork> for NetworkSet {
    fn from_iter<I: IntoIterator<Item = IpNetwork>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_are_cleared() {
        assert_eq!(parse_network("10.1.2.3/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(parse_network("2001:db8::1/32").unwrap().to_string(), "2001:db8::/32");
        assert_eq!(parse_network("192.0.2.1").unwrap().to_string(), "192.0.2.1/32");
        assert!(parse_network("10.0.0.0/33").is_err());
    }
}
