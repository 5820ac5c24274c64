//! Which destinations are reached through another proxy, and how. The permit stays the only
//! ticket: the other proxy is asked for the address that was judged, never for a name that it
//! would look up again, unless the configuration leaves names to it.

mod connect;
mod fault;
mod http;
mod socks;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ::http::HeaderValue;

use crate::net::{Authority, Host, HostPattern, NetworkSet};

/// The chains, in order; the first that covers a destination decides.
#[derive(Clone, Debug, Default)]
pub struct Chains(Vec<Chain>);

/// Some destinations, and the way to them.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Hosts that it covers.
    pub hosts: Vec<HostPattern>,
    /// Networks that it covers; with no host and no network it covers all.
    pub networks: NetworkSet,
    /// The proxy in between; none means directly.
    pub via: Option<Arc<Parent>>,
    /// Who turns names into addresses.
    pub names: Names,
}

/// Who turns names into addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// This proxy: the other one is asked for the judged address.
    #[default]
    Address,
    /// The proxy in between, which alone knows them. Where they lead is not ours to know.
    Host,
}

/// Another proxy between this one and destinations. The configuration's word is enough to connect
/// to it, also where its network is not public.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Parent {
    /// How it is spoken to.
    pub speech: ParentSpeech,
    /// Where it is.
    pub authority: Authority,
    /// Its addresses, where the configuration has them.
    pub addresses: Vec<IpAddr>,
    /// What it wants to know of us.
    pub credentials: Option<Credentials>,
}

/// How a parent is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParentSpeech {
    /// `CONNECT` of HTTP/1.1.
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS 5.
    Socks5,
}

/// A name and a password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The name; of HTTP without a colon.
    pub name: String,
    /// The password.
    pub password: String,
}

/// The way to the socket of a permit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Egress {
    /// Straight there.
    #[default]
    Direct,
    /// Through another proxy.
    Through {
        parent: Arc<Parent>,
        /// What the parent is asked for, where it turns names into addresses itself.
        asked: Option<Authority>,
        /// The proxies that a tunnel has come through (RFC 9110 section 7.6.3).
        trail: Option<HeaderValue>,
    },
}

// === impl Chains ===

impl FromIterator<Chain> for Chains {
    fn from_iter<I: IntoIterator<Item = Chain>>(chains: I) -> Self {
        Self(chains.into_iter().collect())
    }
}

impl Chains {
    /// Whether all destinations are reached directly.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name is left to the proxy in between. Asked before anybody is asked for the name,
    /// so networks are not looked at.
    pub(super) fn leaves(&self, host: &Host) -> bool {
        self.by_name(host).is_some()
    }

    fn by_name(&self, host: &Host) -> Option<&Chain> {
        let Host::Name(_) = host else { return None };
        let chain = self.0.iter().find(|chain| chain.covers_host(host))?;
        Some(chain).filter(|chain| chain.names == Names::Host && chain.via.is_some())
    }

    /// The proxy in between, as records show it; without an address, where the name is enough.
    pub fn via(&self, host: &Host, socket: Option<SocketAddr>) -> Option<String> {
        match socket {
            Some(socket) => self.egress(host, socket).shown(),
            None => self.by_name(host)?.via.as_ref().map(ToString::to_string),
        }
    }

    /// The way to one socket of a host.
    pub(super) fn egress(&self, host: &Host, socket: SocketAddr) -> Egress {
        if let Some(Chain { via: Some(parent), .. }) = self.by_name(host) {
            let asked = Some(Authority { host: host.clone(), port: socket.port() });
            return Egress::Through { parent: Arc::clone(parent), asked, trail: None };
        }
        match self.0.iter().find(|chain| chain.covers(host, socket.ip())) {
            Some(Chain { via: Some(parent), .. }) => {
                Egress::Through { parent: Arc::clone(parent), asked: None, trail: None }
            }
            Some(Chain { via: None, .. }) | None => Egress::Direct,
        }
    }
}

impl Chain {
    fn covers_all(&self) -> bool {
        self.hosts.is_empty() && self.networks.is_empty()
    }

    fn covers_host(&self, host: &Host) -> bool {
        self.covers_all() || self.hosts.iter().any(|one| one.matches(host))
    }

    fn covers(&self, host: &Host, address: IpAddr) -> bool {
        self.covers_host(host) || self.networks.contains(address)
    }
}

// === impl Egress ===

impl Egress {
    /// The same for a tunnel that has come through these proxies.
    pub(super) fn following(self, trail: Option<HeaderValue>) -> Self {
        match self {
            Self::Direct => Self::Direct,
            Self::Through { parent, asked, .. } => Self::Through { parent, asked, trail },
        }
    }

    /// The proxy in between, as records show it.
    pub(super) fn shown(&self) -> Option<String> {
        match self {
            Self::Direct => None,
            Self::Through { parent, .. } => Some(parent.to_string()),
        }
    }

    /// Whether the address is found by the proxy in between.
    pub(super) fn is_beyond(&self) -> bool {
        matches!(self, Self::Through { asked: Some(_), .. })
    }
}

// === impl Parent ===

impl ParentSpeech {
    /// The scheme of its URL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
        }
    }
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.speech.name(), self.authority)
    }
}

impl fmt::Debug for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent(name: &str) -> Arc<Parent> {
        let authority = Authority::parse(name, Some(3128)).unwrap();
        let credentials = Some(Credentials { name: "n".to_owned(), password: "pass".to_owned() });
        Arc::new(Parent { speech: ParentSpeech::Http, authority, addresses: vec![], credentials })
    }

    fn chain(hosts: &[&str], networks: &[&str], via: Option<&str>, names: Names) -> Chain {
        Chain {
            hosts: hosts.iter().map(|one| HostPattern::parse(one).unwrap()).collect(),
            networks: networks.iter().map(|one| one.parse().unwrap()).collect(),
            via: via.map(parent),
            names,
        }
    }

    fn shown(chains: &Chains, host: &str, address: &str) -> String {
        let egress = chains.egress(&Host::parse(host).unwrap(), address.parse().unwrap());
        let asked = if egress.is_beyond() { " by name" } else { "" };
        format!("{}{asked}", egress.shown().unwrap_or_else(|| "direct".to_owned()))
    }

    #[test]
    fn the_first_chain_that_covers_decides() {
        let chains: Chains = [
            chain(&["*.near.example"], &["10.0.0.0/8"], None, Names::Address),
            chain(&["*.inner.example"], &[], Some("inner"), Names::Host),
            chain(&[], &["192.0.2.0/24"], Some("net"), Names::Address),
            chain(&[], &[], Some("all"), Names::Address),
        ]
        .into_iter()
        .collect();
        assert_eq!(shown(&chains, "a.near.example", "198.51.100.1:80"), "direct");
        assert_eq!(shown(&chains, "a.example", "10.1.1.1:80"), "direct");
        assert_eq!(shown(&chains, "a.example", "192.0.2.1:80"), "http://net:3128");
        assert_eq!(shown(&chains, "a.example", "198.51.100.1:80"), "http://all:3128");
        assert_eq!(shown(&chains, "a.inner.example", "0.0.0.0:80"), "http://inner:3128 by name");
        let leaves = |host: &str| chains.leaves(&Host::parse(host).unwrap());
        assert!(leaves("a.inner.example"));
        assert!(!leaves("a.near.example") && !leaves("a.example") && !leaves("192.0.2.1"));
        assert_eq!(shown(&Chains::default(), "a.example", "192.0.2.1:80"), "direct");
    }

    #[test]
    fn an_address_needs_nobody_to_resolve_it() {
        let chains: Chains = [chain(&[], &[], Some("all"), Names::Host)].into_iter().collect();
        assert_eq!(shown(&chains, "192.0.2.1", "192.0.2.1:80"), "http://all:3128");
        assert_eq!(shown(&chains, "a.example", "0.0.0.0:80"), "http://all:3128 by name");
    }

    #[test]
    fn passwords_are_never_shown() {
        let all = chain(&[], &[], Some("all"), Names::Host);
        let credentials = Credentials { name: "n".to_owned(), password: "pass".to_owned() };
        assert!(!format!("{all:?} {credentials:?}").contains("pass\""), "{all:?}");
    }
}
