//! Host and port: what a request-target, a `Host` field and (later) an SNI must agree on.

use std::fmt;

use thiserror::Error;

use super::{Host, HostError};

/// One canonical destination name (RFC 3986 section 3.2 without user information).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// The host part.
    pub host: Host,
    /// The port part, never 0.
    pub port: u16,
}

/// Why a text is not an authority.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthorityError {
    /// The host part is wrong.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The port is not a number from 1 to 65535, or is missing where no default exists.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// RFC 9110 section 4.2.4: user information in a target misleads and leaks.
    #[error("user information (`user@`) is not allowed in a target")]
    UserInformation,
}

impl Authority {
    /// Parses `host[:port]`; without a port, `default_port` stands in.
    pub fn parse(text: &str, default_port: Option<u16>) -> Result<Self, AuthorityError> {
        if text.contains('@') {
            return Err(AuthorityError::UserInformation);
        }
        let (host, port) = split(text);
        let port = match port {
            None => default_port.ok_or(AuthorityError::Port)?,
            Some("") if default_port.is_some() => default_port.unwrap_or_default(),
            Some(digits) => parse_port(digits)?,
        };
        Ok(Self { host: Host::parse(host)?, port })
    }

    /// `host` when the port is the scheme's own, else `host:port` (RFC 9110 section 7.2).
    pub fn to_host_field(&self, scheme_port: u16) -> String {
        if self.port == scheme_port { self.host.to_string() } else { self.to_string() }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Splits at the last colon that is not inside IPv6 brackets.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

fn parse_port(digits: &str) -> Result<u16, AuthorityError> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AuthorityError::Port);
    }
    digits.parse().ok().filter(|port| *port != 0).ok_or(AuthorityError::Port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_host_and_port() {
        let shown = |text: &str, port| Authority::parse(text, port).map(|a| a.to_string());
        assert_eq!(shown("Example.com", Some(80)).unwrap(), "example.com:80");
        assert_eq!(shown("[2001:DB8::1]:8443", None).unwrap(), "[2001:db8::1]:8443");
        assert_eq!(shown("[::1]", Some(443)).unwrap(), "[::1]:443");
        assert_eq!(shown("a:", Some(80)).unwrap(), "a:80");
    }

    #[test]
    fn refuses_bad_ports_and_user_information() {
        for text in ["a:0", "a:65536", "a:+80", "a:http", "a: 80"] {
            assert_eq!(Authority::parse(text, Some(80)), Err(AuthorityError::Port), "{text}");
        }
        assert_eq!(Authority::parse("a", None), Err(AuthorityError::Port));
        assert_eq!(Authority::parse("u:p@a:80", None), Err(AuthorityError::UserInformation));
        assert!(Authority::parse("::1:80", None).is_err(), "IPv6 needs brackets");
    }
}
