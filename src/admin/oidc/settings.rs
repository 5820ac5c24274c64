//! What is set of OpenID Connect.

use std::fmt;
use std::path::PathBuf;

use url::{Host, Url};

use super::super::role::Role;

/// An issuer of tokens, and who its people are here.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// Its name, letter by letter as its tokens have it: an URL.
    pub issuer: Url,
    /// The same as it was written.
    pub name: String,
    /// How the issuer calls this program.
    pub client_id: String,
    /// What proves that to the issuer; none where it wants nothing.
    pub secret: Option<Secret>,
    /// For whom tokens on the API are.
    pub audience: String,
    /// How browsers reach the listener, where that is not told by where it listens.
    pub url: Option<String>,
    /// PEM files of the roots that count for the issuer instead of all others.
    pub roots: Vec<PathBuf>,
    /// What is asked for at a login.
    pub scopes: Vec<String>,
    /// The claim that lists somebody's groups.
    pub groups: String,
    /// The claim that names somebody; the first that is there of some, if none is set.
    pub person: Option<String>,
    /// What members of a group may.
    pub roles: Vec<(String, Role)>,
}

/// A secret that no diagnostics show.
#[derive(Clone)]
pub struct Secret(pub String);

impl OidcSettings {
    /// What is asked for at a login, unless something else is set.
    pub const SCOPES: [&'static str; 3] = ["openid", "profile", "email"];

    /// The claim that lists somebody's groups, unless another is set.
    pub const GROUPS: &'static str = "groups";

    /// Whether these settings read of people what the others do.
    pub(super) fn reads_people_as(&self, other: &Self) -> bool {
        self.read_of_people() == other.read_of_people()
    }

    fn read_of_people(&self) -> [&str; 5] {
        let person = self.person.as_deref().unwrap_or_default();
        [&self.name, &self.client_id, &self.audience, &self.groups, person]
    }

    /// Whether the issuer is reached by TLS.
    pub fn is_secure(&self) -> bool {
        self.issuer.scheme() == "https"
    }
}

/// Whether a URL may be asked: by TLS, or on this machine.
pub fn is_guarded(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.host().is_some() && (url.scheme() == "https" || (url.scheme() == "http" && here))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_travel_by_tls_or_within_this_machine() {
        let guarded = |text: &str| is_guarded(&Url::parse(text).unwrap());
        for fine in [
            "https://issuer.example",
            "http://127.0.0.1:8080/a",
            "http://[::1]/",
            "http://localhost:1",
        ] {
            assert!(guarded(fine), "{fine}");
        }
        for wrong in [
            "http://issuer.example",
            "http://10.0.0.1/",
            "http://localhost.example",
            "ftp://localhost",
            "file:///etc/passwd",
            "data:,x",
        ] {
            assert!(!guarded(wrong), "{wrong}");
        }
        assert_eq!(format!("{:?}", Secret("x".to_owned())), "Secret(..)");
    }
}
