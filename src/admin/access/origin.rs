//! Pages in a browser on this machine must not work the admin listener: not by their own requests
//! (`Origin`, `Sec-Fetch-Site`), and not under a name of theirs that resolves here (DNS rebinding).

use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri, header};
use url::{Origin, Url};

use crate::net::{Authority, Host};

use super::super::reply::Wrong;
use super::{Access, Peer};

/// Refuses what a page of somebody else asks.
pub(in super::super) fn check(access: &Access, peer: &Peer, head: &Parts) -> Result<(), Wrong> {
    let refused = |why: &str| Err(Wrong::new(StatusCode::FORBIDDEN, why));
    let called = asked(&head.headers, &head.uri, if peer.secure { 443 } else { 80 });
    let Some(called) = called else {
        return refused("`Host` does not say how this listener is called");
    };
    let known = match &called.host {
        Host::Address(_) => true,
        Host::Name(name) => {
            &**name == "localhost" || access.names.iter().any(|known| *known == **name)
        }
    };
    if !known {
        return refused(
            "ask for this listener by address, as localhost, or by a name in `admin.names`",
        );
    }
    if !is_own(peer, head) {
        return refused("requests from pages of other sites are not taken");
    }
    let site = head.headers.get("sec-fetch-site");
    // A link somewhere may lead here; what it leads to is read by who follows it.
    let page = head.headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    let foreign = site.is_some_and(|site| site == "cross-site" || site == "same-site");
    if foreign && (!page || head.uri.path().starts_with("/api/")) {
        return refused("requests from pages of other sites are not taken");
    }
    Ok(())
}

/// How the client calls this listener.
pub(in super::super) fn asked_host(headers: &HeaderMap, uri: &Uri) -> Option<Host> {
    asked(headers, uri, 80).map(|authority| authority.host)
}

fn asked(headers: &HeaderMap, uri: &Uri, port: u16) -> Option<Authority> {
    // HTTP/2 has it in the place of the field.
    let text = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers.get(header::HOST)?.to_str().ok()?,
    };
    Authority::parse(text, Some(port)).ok()
}

/// Whether the page that asks, if one does, was given by this listener.
fn is_own(peer: &Peer, head: &Parts) -> bool {
    let mut origins = head.headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let origin = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok());
    let Some(Origin::Tuple(scheme, host, port)) = origin.map(|origin| origin.origin()) else {
        return false;
    };
    // What stands before us may speak TLS where we do not.
    let default = if scheme == "https" { 443 } else { 80 };
    let Some(called) = asked(&head.headers, &head.uri, default) else { return false };
    let host = Host::parse(&host.to_string()).ok();
    origins.next().is_none()
        && (scheme == "https" || (scheme == "http" && !peer.secure))
        && host.is_some_and(|host| host == called.host)
        && port == called.port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(secure: bool, uri: &str, fields: &[(&'static str, &str)]) -> bool {
        let access = Access { names: vec!["post.example".to_owned()], ..Access::default() };
        let peer = Peer { address: None, certificate: None, secure };
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        check(&access, &peer, &request.body(()).unwrap().into_parts().0).is_ok()
    }

    #[test]
    fn the_listener_is_called_by_its_own_names() {
        for host in
            ["127.0.0.1:3129", "[::1]:3129", "localhost", "LOCALHOST:1", "post.example:3129"]
        {
            assert!(asks(false, "/", &[("host", host)]), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "", "a b"] {
            assert!(!asks(false, "/", &[("host", host)]), "{host}");
        }
        assert!(!asks(false, "/", &[]));
        assert!(asks(true, "https://post.example/", &[]), "as HTTP/2 has it");
    }

    #[test]
    fn pages_of_this_listener_may_ask_and_no_others() {
        let with = |secure, origin: &str| {
            asks(secure, "/api/v1/status", &[("host", "127.0.0.1:3129"), ("origin", origin)])
        };
        assert!(with(false, "http://127.0.0.1:3129"));
        assert!(with(true, "https://127.0.0.1:3129"));
        for origin in [
            "http://127.0.0.1",
            "http://127.0.0.1:3130",
            "http://localhost:3129",
            "null",
            "",
            "http://evil.example:3129",
            "file://",
            "http://127.0.0.1:3129.evil.example",
        ] {
            assert!(!with(false, origin), "{origin}");
        }
        assert!(!with(true, "http://127.0.0.1:3129"), "TLS was taken off on the way");
        let before_us = [("host", "post.example"), ("origin", "https://post.example")];
        assert!(asks(false, "/", &before_us), "a proxy before us may speak TLS");
    }

    #[test]
    fn what_browsers_say_of_the_page_counts() {
        let with = |site: &str, mode: &str, path: &str| {
            let fields =
                [("host", "localhost"), ("sec-fetch-site", site), ("sec-fetch-mode", mode)];
            asks(false, path, &fields)
        };
        assert!(with("same-origin", "cors", "/api/v1/status"));
        assert!(with("none", "navigate", "/api/v1/status"));
        assert!(with("cross-site", "navigate", "/"), "a link");
        assert!(!with("cross-site", "navigate", "/api/v1/decisions"));
        assert!(!with("cross-site", "no-cors", "/livez"));
        assert!(!with("same-site", "no-cors", "/api/v1/decisions"));
    }
}
