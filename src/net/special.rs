//! Addresses that are not public destinations, and IPv4 hidden inside IPv6.
//!
//! Databases are never asked for either: `::ffff:8.8.8.8` has no answer in any of the
//! committed ones though `8.8.8.8` has, and 6to4 answers the same country whatever
//! IPv4 address is inside.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::Ipv6Network;

/// What an address is set apart for (IANA special-purpose registries, RFC 6890).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Special {
    /// 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32, 3fff::/20.
    Documentation,
    /// 198.18.0.0/15, 2001:2::/48.
    Benchmarking,
    /// 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// 127.0.0.0/8, ::1.
    Loopback,
    /// Cloud metadata services: they hand out credentials to whoever can ask.
    Metadata,
    /// 224.0.0.0/4, ff00::/8.
    Multicast,
    /// RFC 1918 and fc00::/7.
    Private,
    /// Class E, broadcast, IPv4-compatible IPv6, discard and other reserved blocks.
    Reserved,
    /// 100.64.0.0/10 (RFC 6598).
    Shared,
    /// 2002::/16, deprecated by RFC 7526.
    SixToFour,
    /// 2001::/32: the packets go to a relay that the address itself names.
    Teredo,
    /// 0.0.0.0/8, ::.
    Unspecified,
}

impl Special {
    /// Every kind, in the order of its name.
    pub const ALL: [Self; 12] = [
        Self::Benchmarking,
        Self::Documentation,
        Self::LinkLocal,
        Self::Loopback,
        Self::Metadata,
        Self::Multicast,
        Self::Private,
        Self::Reserved,
        Self::Shared,
        Self::SixToFour,
        Self::Teredo,
        Self::Unspecified,
    ];

    /// The name that configuration and records use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Benchmarking => "benchmarking",
            Self::Documentation => "documentation",
            Self::LinkLocal => "link-local",
            Self::Loopback => "loopback",
            Self::Metadata => "metadata",
            Self::Multicast => "multicast",
            Self::Private => "private",
            Self::Reserved => "reserved",
            Self::Shared => "shared",
            Self::SixToFour => "6to4",
            Self::Teredo => "teredo",
            Self::Unspecified => "unspecified",
        }
    }

    /// The kind that `name` names.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What the address is set apart for, if it is not a public destination.
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn of_v4(address: Ipv4Addr) -> Option<Special> {
    Some(match address.octets() {
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [100, 100, 100, 200]
        | [168, 63, 129, 16] => Special::Metadata,
        [0, ..] => Special::Unspecified,
        [127, ..] => Special::Loopback,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Special::Private,
        [100, 64..=127, ..] => Special::Shared,
        [169, 254, ..] => Special::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Special::Documentation,
        [198, 18..=19, ..] => Special::Benchmarking,
        // RFC 6890 protocol assignments and the 6to4 relay anycast block of RFC 7526.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Special::Reserved,
        [224..=239, ..] => Special::Multicast,
        _ => return None,
    })
}

fn of_v6(address: Ipv6Addr) -> Option<Special> {
    Some(match address.segments() {
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254 | 0x23] => Special::Metadata,
        [0, 0, 0, 0, 0, 0, 0, 0] => Special::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Special::Loopback,
        [0x2002, ..] => Special::SixToFour,
        [0x2001, 0, ..] => Special::Teredo,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Special::Documentation,
        [0x2001, 2, 0, ..] => Special::Benchmarking,
        [0x2001, 0..=0x01ff, ..] => Special::Reserved,
        [0xfe80..=0xfebf, ..] => Special::LinkLocal,
        [0xfc00..=0xfdff, ..] => Special::Private,
        [0xff00..=0xffff, ..] => Special::Multicast,
        [0x2000..=0x3fff, ..] => return None,
        // Only 2000::/3 is allotted to global unicast; all else is reserved (this
        // includes IPv4-compatible ::/96, 64:ff9b:1::/48 and fec0::/10).
        _ => Special::Reserved,
    })
}

// === impl Canonical ===

/// How an IPv4 address was hidden inside an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Embedding {
    /// `::ffff:0:0/96` (RFC 4291 section 2.5.5.2).
    Mapped,
    /// `64:ff9b::/96` (RFC 6052) or a configured prefix.
    Nat64,
    /// `2002::/16` (RFC 3056).
    SixToFour,
}

/// The prefixes under which this network's NAT64 gateways embed IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat64(Vec<Ipv6Network>);

impl Nat64 {
    /// The well-known prefix and the operator's own /96 prefixes.
    pub fn new(own: impl IntoIterator<Item = Ipv6Network>) -> Self {
        let well_known = Ipv6Network::new(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
        Self(well_known.into_iter().chain(own).collect())
    }

    fn holds(&self, address: Ipv6Addr) -> bool {
        self.0.iter().any(|prefix| prefix.contains(address))
    }
}

impl Default for Nat64 {
    fn default() -> Self {
        Self::new([])
    }
}

/// An address taken apart: where packets go, and whose location counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canonical {
    /// The address to connect to.
    pub dial: IpAddr,
    /// The address that databases, rules and special networks are asked about.
    pub judged: IpAddr,
    /// How `judged` was found inside `dial`, if it was.
    pub embedding: Option<Embedding>,
    /// Set if the destination is not public.
    pub special: Option<Special>,
}

impl Canonical {
    /// Unwraps an address as far as it goes.
    pub fn of(address: IpAddr, nat64: &Nat64) -> Self {
        let plain = |address| Self {
            dial: address,
            judged: address,
            embedding: None,
            special: Special::of(address),
        };
        let IpAddr::V6(v6) = address else { return plain(address) };
        if let Some(v4) = v6.to_ipv4_mapped() {
            return Self { embedding: Some(Embedding::Mapped), ..plain(IpAddr::V4(v4)) };
        }
        let [.., g, h] = v6.segments();
        if nat64.holds(v6) {
            let inner = IpAddr::V4(join(g, h));
            return Self { dial: address, embedding: Some(Embedding::Nat64), ..plain(inner) };
        }
        if let [0x2002, b, c, ..] = v6.segments() {
            let inner = IpAddr::V4(join(b, c));
            // Also when 6to4 is opened, an inner address that is not public decides.
            let special = Special::of(inner).or(Some(Special::SixToFour));
            let embedding = Some(Embedding::SixToFour);
            return Self { dial: address, judged: inner, embedding, special };
        }
        plain(address)
    }
}

fn join(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Canonical {
        Canonical::of(text.parse().unwrap(), &Nat64::default())
    }

    #[test]
    fn embedded_ipv4_is_what_is_judged() {
        for text in ["::ffff:114.114.114.114", "64:ff9b::7272:7272", "2002:7272:7272::1"] {
            assert_eq!(canonical(text).judged.to_string(), "114.114.114.114", "{text}");
        }
        assert_eq!(canonical("64:ff9b::7272:7272").dial.to_string(), "64:ff9b::7272:7272");
        assert_eq!(canonical("::ffff:1.2.3.4").dial.to_string(), "1.2.3.4");
    }

    #[test]
    fn a_private_address_does_not_hide_in_ipv6() {
        assert_eq!(canonical("64:ff9b::a00:1").special, Some(Special::Private));
        assert_eq!(canonical("::ffff:169.254.169.254").special, Some(Special::Metadata));
        assert_eq!(canonical("2002:7f00:1::").special, Some(Special::Loopback));
        assert_eq!(canonical("2002:808:808::").special, Some(Special::SixToFour));
        assert_eq!(
            canonical("2001:0:4136:e378:8000:63bf:3fff:fdd2").special,
            Some(Special::Teredo)
        );
        assert_eq!(canonical("::7f00:1").special, Some(Special::Reserved));
    }

    #[test]
    fn an_operators_prefix_is_unwrapped_too() {
        let nat64 = Nat64::new(["2001:db8:64::/96".parse().unwrap()]);
        let found = Canonical::of("2001:db8:64::7272:7272".parse().unwrap(), &nat64);
        assert_eq!((found.judged.to_string().as_str(), found.special), ("114.114.114.114", None));
    }

    #[test]
    fn kinds() {
        for (text, kind) in [
            ("10.0.0.1", "private"),
            ("172.32.0.1", "public"),
            ("100.64.0.1", "shared"),
            ("100.100.100.200", "metadata"),
            ("fd00:ec2::254", "metadata"),
            ("fd00::1", "private"),
            ("fe80::1", "link-local"),
            ("198.19.0.1", "benchmarking"),
            ("255.255.255.255", "reserved"),
            ("0.0.0.0", "unspecified"),
            ("::", "unspecified"),
            ("224.0.0.1", "multicast"),
            ("2606:4700::1111", "public"),
            ("fec0::1", "reserved"),
            ("64:ff9b:1::1", "reserved"),
        ] {
            let found = canonical(text).special.map_or("public", Special::name);
            assert_eq!(found, kind, "{text}");
        }
        for kind in Special::ALL {
            assert_eq!(Special::parse(kind.name()), Some(kind));
        }
    }
}
