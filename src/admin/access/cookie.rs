//! Cookies: names, and what keeps scripts, other sites and other hosts of the same site from them.

use http::{HeaderMap, HeaderValue, header};

use super::super::reply::Wrong;

/// What cookies of this listener are called. A browser sends those that one port of a host has set to
/// every other port of it, so that two programs on one machine would take each other's away.
#[derive(Clone, Debug)]
pub(in super::super) struct Cookies(Box<str>);

/// A cookie of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Cookie {
    pub(in super::super) name: String,
    secure: bool,
    /// Whether it comes along where a link of another site leads here.
    lax: bool,
}

impl Cookies {
    /// Those of the listener that this tells from others of its host.
    pub(in super::super) fn of(mark: &str) -> Self {
        Self(format!("borderpost-{mark}").into())
    }

    /// What carries a session. Behind TLS the name itself says that no other host and no connection
    /// without TLS has set it (RFC 6265bis section 4.1.3.2).
    pub(in super::super) fn session(&self, secure: bool) -> Cookie {
        Cookie { name: self.named("", secure), secure, lax: false }
    }

    /// What a browser knows that has begun a login elsewhere, and comes back by a link from there.
    pub(in super::super) fn login(&self, secure: bool) -> Cookie {
        Cookie { name: self.named("-login", secure), secure, lax: true }
    }

    fn named(&self, what: &str, secure: bool) -> String {
        let host = if secure { "__Host-" } else { "" };
        format!("{host}{}{what}", self.0)
    }
}

impl Cookie {
    /// What ends one.
    pub(in super::super) const OVER: &'static str = "; Max-Age=0";

    /// The same for a session that begins at the end of such a link.
    pub(in super::super) fn lax(self) -> Self {
        Self { lax: true, ..self }
    }

    /// The field that sets it.
    pub(in super::super) fn set(&self, value: &str, more: &str) -> Result<HeaderValue, Wrong> {
        let secure = if self.secure { "; Secure" } else { "" };
        let site = if self.lax { "Lax" } else { "Strict" };
        let text =
            format!("{}={value}; Path=/; HttpOnly; SameSite={site}{secure}{more}", self.name);
        text.parse().map_err(Wrong::unavailable)
    }
}

/// The values of a cookie (RFC 6265 section 5.4).
pub(in super::super) fn values<'h>(
    headers: &'h HeaderMap,
    name: &str,
) -> impl Iterator<Item = &'h str> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.filter(move |(own, _)| own.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_for_this_host_and_no_script() {
        let cookies = Cookies::of("3129");
        let text = |cookie: Cookie, more: &str| {
            cookie.set("v", more).unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(
            text(cookies.session(true).lax(), ""),
            "__Host-borderpost-3129=v; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            text(cookies.session(false), Cookie::OVER),
            "borderpost-3129=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        );
        assert_eq!(
            text(cookies.login(true), ""),
            "__Host-borderpost-3129-login=v; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn a_value_is_found_by_its_whole_name() {
        let headers = HeaderMap::from_iter([(
            header::COOKIE,
            "a=b; borderpost-login=x; borderpost=y;c; borderpost = z".parse().unwrap(),
        )]);
        assert_eq!(values(&headers, "borderpost").collect::<Vec<_>>(), ["y", "z"]);
        assert_eq!(values(&headers, "border").count(), 0);
    }
}
