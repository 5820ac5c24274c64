//! A destination host in one canonical form, and patterns over it.
//!
//! Parsing follows the WHATWG host parser, as browsers do: IDNA to ASCII, lower case,
//! and IPv4 in decimal, octal or hexadecimal notation becomes the address it means, so
//! that `0x7f.1` or `2130706433` cannot pass as a name.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use thiserror::Error;

/// A destination as the client named it: a DNS name or an address literal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name: ASCII, lower case, no trailing dot.
    Name(Arc<str>),
    /// An address literal. IPv4-mapped IPv6 is already unwrapped.
    Address(IpAddr),
}

/// Why a text is not a host. Always the client's (or the config's) fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HostError {
    /// Nothing stands where a host should be.
    #[error("the host is empty")]
    Empty,
    /// RFC 6874 zone identifiers name an interface of this machine, not a destination.
    #[error("an IPv6 zone identifier is local to one machine and cannot be a destination")]
    Zone,
    /// The text is no DNS name, IPv4 or bracketed IPv6 address (RFC 3986 section 3.2.2).
    #[error("`{0}` is not a valid host name or address")]
    Invalid(String),
    /// RFC 1035 section 2.3.4.
    #[error("the host name is longer than 253 octets")]
    TooLong,
}

impl Host {
    /// Parses the host part of an authority; IPv6 stands in brackets.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text.is_empty() {
            return Err(HostError::Empty);
        }
        if text.starts_with('[') && text.contains('%') {
            return Err(HostError::Zone);
        }
        if let Some(host) = Self::plain(text) {
            return Ok(host);
        }
        match url::Host::parse(text) {
            Ok(url::Host::Ipv4(address)) => Ok(Self::Address(IpAddr::V4(address))),
            Ok(url::Host::Ipv6(address)) => Ok(Self::from(IpAddr::V6(address))),
            Ok(url::Host::Domain(name)) => Self::name(&name),
            Err(_) => Err(HostError::Invalid(printable(text))),
        }
    }

    /// A host that stands in its canonical form already, as nearly all do: the whole parser takes
    /// ten times as long to say the same.
    fn plain(text: &str) -> Option<Self> {
        let letters = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
        if text.len() > 253 || !text.bytes().all(letters) {
            return None;
        }
        let label_fits =
            |label: &str| (1..=63).contains(&label.len()) && !label.starts_with("xn--");
        // A last label that begins with a digit may be a number, and the whole an address.
        let last = text.rsplit('.').next()?.bytes().next()?;
        if last.is_ascii_digit() {
            return text.parse().ok().map(Self::Address);
        }
        text.split('.').all(label_fits).then(|| Self::Name(text.into()))
    }

    fn name(text: &str) -> Result<Self, HostError> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() {
            return Err(HostError::Empty);
        }
        if name.len() > 253 {
            return Err(HostError::TooLong);
        }
        let label_fits = |label: &str| (1..=63).contains(&label.len());
        if !name.split('.').all(label_fits) {
            return Err(HostError::Invalid(printable(text)));
        }
        // The WHATWG parser takes a final dot off before it looks for a number; after
        // ours is gone the rest may end in one (`1.2.3.4.` is the address 1.2.3.4).
        if name.len() != text.len()
            && let Ok(url::Host::Ipv4(address)) = url::Host::parse(name)
        {
            return Ok(Self::Address(IpAddr::V4(address)));
        }
        Ok(Self::Name(name.into()))
    }

    /// The address, if the client named one.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Name(_) => None,
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

fn printable(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}

// === impl HostPattern ===

/// A rule's pattern over hosts: `api.example.com`, `*.example.com` (sub-domains only)
/// or an address literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// Exactly this host.
    Exact(Host),
    /// Every sub-domain; the text starts with the dot.
    Below(Box<str>),
}

impl HostPattern {
    /// Parses a pattern; an IPv6 literal may stand without brackets.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text.strip_prefix("*.").unwrap_or(text).contains('*') {
            return Err(HostError::Invalid(printable(text)));
        }
        if let Some(parent) = text.strip_prefix("*.") {
            return match Host::parse(parent)? {
                Host::Name(name) => Ok(Self::Below(format!(".{name}").into())),
                Host::Address(_) => Err(HostError::Invalid(printable(text))),
            };
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self::Exact(Host::from(IpAddr::V6(address))));
        }
        Host::parse(text).map(Self::Exact)
    }

    /// Whether the host falls under the pattern.
    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Exact(mine), host) => mine == host,
            (Self::Below(suffix), Host::Name(name)) => {
                name.len() > suffix.len() && name.ends_with(&**suffix)
            }
            (Self::Below(_), Host::Address(_)) => false,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(f),
            Self::Below(suffix) => write!(f, "*{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_ipv4_notations_are_the_address_they_mean() {
        for text in
            ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "127.0.0.1."]
        {
            assert_eq!(Host::parse(text).unwrap().to_string(), "127.0.0.1", "{text}");
        }
    }

    #[test]
    fn mapped_ipv6_is_ipv4() {
        assert_eq!(Host::parse("[::ffff:8.8.8.8]").unwrap().to_string(), "8.8.8.8");
        assert_eq!(Host::parse("[::ffff:808:808]").unwrap().to_string(), "8.8.8.8");
    }

    #[test]
    fn names_are_lower_case_ascii_without_the_final_dot() {
        assert_eq!(Host::parse("API.Example.COM.").unwrap().to_string(), "api.example.com");
        assert_eq!(Host::parse("bücher.example").unwrap().to_string(), "xn--bcher-kva.example");
    }

    #[test]
    fn zones_and_nonsense_are_refused() {
        assert_eq!(Host::parse("[fe80::1%25eth0]"), Err(HostError::Zone));
        for text in ["", ".", "a..b", "a b", "1.2.3.4.5", "256.1.1.1", "a/b", "a@b", "[::1", "::1"]
        {
            assert!(Host::parse(text).is_err(), "{text:?}");
        }
        let long = vec!["abcdefgh"; 30].join(".");
        assert_eq!(Host::parse(&long), Err(HostError::TooLong));
    }

    proptest::proptest! {
        /// The short way says what the whole parser says.
        #[test]
        fn plain_hosts_are_what_the_parser_makes_of_them(text in "[a-z0-9x.-]{1,24}") {
            if let Some(plain) = Host::plain(&text) {
                let parsed = match url::Host::parse(&text) {
                    Ok(url::Host::Ipv4(address)) => Host::Address(IpAddr::V4(address)),
                    Ok(url::Host::Domain(name)) => Host::name(&name).unwrap(),
                    other => panic!("{text}: {other:?}"),
                };
                proptest::prop_assert_eq!(plain, parsed);
            }
        }

        #[test]
        fn plain_addresses_are_what_the_parser_makes_of_them(text in "([0-9]{1,4}\\.){1,4}[0-9]{1,4}") {
            if let Some(plain) = Host::plain(&text) {
                let parsed = url::Host::parse(&text).unwrap();
                proptest::prop_assert_eq!(plain.to_string(), parsed.to_string());
            }
        }
    }

    #[test]
    fn patterns() {
        let below = HostPattern::parse("*.example.com").unwrap();
        assert!(below.matches(&Host::parse("a.b.EXAMPLE.com").unwrap()));
        assert!(!below.matches(&Host::parse("example.com").unwrap()));
        assert!(!below.matches(&Host::parse("badexample.com").unwrap()));
        let exact = HostPattern::parse("2001:db8::1").unwrap();
        assert!(exact.matches(&Host::parse("[2001:db8:0::1]").unwrap()));
    }
}
