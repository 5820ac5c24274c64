//! Where a request wants to go: one canonical authority from the request-target, which
//! the `Host` field must agree with (RFC 9112 section 3.2).

use std::net::SocketAddr;

use http::uri::Scheme;
use http::{HeaderMap, Method, Request, StatusCode, Version, header};

use crate::net::{Authority, Host};
use crate::policy::Permit;
use crate::tls::Alpn;

use super::active::Active;
use super::error::{Error, Failed};
use super::ingress::{Ingress, Inside, Pinned};
use super::pool::Key;
use super::upgrade::Upgrade;

/// The destination and how it is spoken to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The canonical destination.
    pub(super) authority: Authority,
    /// What is spoken there.
    pub(super) scheme: Speech,
    /// What is offered where TLS is spoken.
    pub(super) alpn: Alpn,
}

/// What is spoken to the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// A tunnel: whatever the client speaks.
    Connect,
    /// HTTP over TCP.
    Http,
    /// HTTP over TLS, handshaken by us (absolute form with `https`).
    Https,
    /// A tunnel that was asked for in SOCKS.
    Socks5,
    /// A tunnel that nobody asked for: the connection was redirected here.
    Transparent,
}

impl Speech {
    /// The word in the record.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Transparent => "transparent",
        }
    }

    /// Whether bytes pass as they are.
    pub(super) const fn is_tunnel(self) -> bool {
        match self {
            Self::Connect | Self::Socks5 | Self::Transparent => true,
            Self::Http | Self::Https => false,
        }
    }

    /// The scheme of its URIs.
    pub(super) fn scheme(self) -> Option<Scheme> {
        match self {
            Self::Connect | Self::Socks5 | Self::Transparent => None,
            Self::Http => Some(Scheme::HTTP),
            Self::Https => Some(Scheme::HTTPS),
        }
    }

    /// The port that the scheme implies.
    pub(super) const fn default_port(self) -> Option<u16> {
        match self {
            Self::Connect | Self::Socks5 | Self::Transparent => None,
            Self::Http => Some(80),
            Self::Https => Some(443),
        }
    }
}

impl Target {
    /// What a connection to a permit's socket must be good for.
    pub(super) fn key(&self, permit: &Permit, active: &Active) -> Key {
        let tls = (self.scheme == Speech::Https).then(|| (self.authority.host.clone(), self.alpn));
        let socket = permit.socket();
        let egress = active.chains.egress(&self.authority.host, socket);
        Key { socket, tls, egress, client: None, epoch: active.epoch }
    }

    /// Reads where a request goes that came in here.
    pub(super) fn at<B>(request: &Request<B>, ingress: &Ingress) -> Result<Self, Error> {
        let inside = ingress.inside.as_ref();
        let target = inside.map_or_else(
            || Self::of(request, ingress.pinned),
            |tunnel| tunnel.target(request, ingress),
        )?;
        // WebSocket takes a connection for itself.
        let alone = request.extensions().get::<Upgrade>().is_some();
        Ok(if alone { Self { alpn: Alpn::Http1, ..target } } else { target })
    }

    /// Reads the request-target and holds the `Host` field against it.
    pub(super) fn of<B>(request: &Request<B>, pinned: Option<Pinned>) -> Result<Self, Error> {
        if let Some(pinned) = pinned {
            return Self::redirected(request, pinned.socket);
        }
        let speech = Speech::of(request)?;
        let Some(written) = request.uri().authority() else { return Err(not_absolute()) };
        let authority = Authority::parse(written.as_str(), speech.default_port());
        let authority = authority.map_err(|error| {
            let written = anonymous(written.as_str());
            let text = format!("the target `{written}` is not a destination: {error}");
            bad("target-invalid", text, "RFC 9112 section 3.2")
        })?;
        check_host(request.version(), request.headers(), &authority)?;
        Ok(Self { authority, scheme: speech, alpn: Alpn::Http1 })
    }
}

impl Inside {
    /// Reads where a request goes that was found inside: where the tunnel leads. It may say so
    /// in `Host`, in `:authority` or in the target itself.
    fn target<B>(&self, request: &Request<B>, ingress: &Ingress) -> Result<Target, Error> {
        if request.method() == Method::CONNECT {
            let text = "a tunnel inside a tunnel cannot be looked into";
            return Err(bad("tunnel-nested", text, "RFC 9110 section 9.3.6"));
        }
        let named = |text: &str| Authority::parse(text, Some(self.authority.port));
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let host = hosts.next().map(|host| host.to_str().unwrap_or_default());
        if hosts.next().is_some() {
            let text = "a request must carry one Host field only";
            return Err(bad("host-repeated", text, "RFC 9112 section 3.2"));
        }
        let written = request.uri().authority().map(http::uri::Authority::as_str);
        if written.or(host).is_none() && request.version() >= Version::HTTP_11 {
            let text = "an HTTP/1.1 request must carry a Host field";
            return Err(bad("host-missing", text, "RFC 9112 section 3.2"));
        }
        let mut authority = self.authority.clone();
        for text in written.into_iter().chain(host) {
            let found = named(text).map_err(|error| {
                let text = format!("`{}` is not a destination: {error}", anonymous(text));
                bad("target-invalid", text, "RFC 9112 section 3.2")
            })?;
            if found != self.authority && !self.relaxed && !self.means(&found, ingress) {
                let host = &self.authority;
                let text = format!("the tunnel was opened to {host}, and this asks for {found}");
                return Err(Failed::fronted(text).into());
            }
            authority = found;
        }
        Ok(Target { authority, scheme: self.speech, alpn: self.alpn })
    }

    /// Whether a client that resolved the name itself may mean this host by the address that the
    /// tunnel was opened to: whether the name has that address is asked later.
    fn means(&self, found: &Authority, ingress: &Ingress) -> bool {
        let named =
            matches!((&self.authority.host, &found.host), (Host::Address(_), Host::Name(_)));
        named && found.port == self.authority.port && ingress.pinned.is_some_and(|one| one.verified)
    }
}

impl Target {
    /// The target of a request that was meant for the server itself (origin form, RFC 9112 section
    /// 3.2.1) at this socket.
    fn redirected<B>(request: &Request<B>, socket: SocketAddr) -> Result<Self, Error> {
        let (scheme, written) = (request.uri().scheme(), request.uri().authority());
        if *request.method() == Method::CONNECT || scheme.is_some_and(|s| *s != Scheme::HTTP) {
            let text = "this connection was redirected here: it can ask for what is at its \
                        destination, and for no tunnel or other scheme";
            return Err(bad("target-not-origin", text, "RFC 9112 section 3.2.1"));
        }
        let host = request.headers().get(header::HOST);
        let written = match (written, host) {
            (Some(written), _) => Some(written.as_str()),
            (None, Some(host)) => Some(host.to_str().unwrap_or_default()),
            (None, None) => None,
        };
        let own = Authority { host: Host::from(socket.ip()), port: socket.port() };
        let authority = written.map(|text| Authority::parse(text, Some(socket.port())));
        let authority = authority.unwrap_or(Ok(own)).map_err(|error| {
            let text = format!("the request names no destination: {error}");
            bad("target-invalid", text, "RFC 9112 section 3.2")
        })?;
        check_host(request.version(), request.headers(), &authority)?;
        if authority.port != socket.port() {
            let text = format!("the request is for `{authority}`, the connection to {socket}");
            return Err(bad("host-mismatch", text, "RFC 9112 section 3.2.2"));
        }
        Ok(Self { authority, scheme: Speech::Http, alpn: Alpn::Http1 })
    }
}

impl Speech {
    fn of<B>(request: &Request<B>) -> Result<Self, Error> {
        if request.method() == Method::CONNECT {
            return Ok(Self::Connect);
        }
        match request.uri().scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => Ok(Self::Http),
            Some(scheme) if *scheme == Scheme::HTTPS => Ok(Self::Https),
            Some(scheme) => {
                let text = format!("the scheme `{scheme}` is not forwarded, only http and https");
                Err(bad("scheme-unsupported", text, "RFC 9110 section 4.2"))
            }
            None => Err(not_absolute()),
        }
    }
}

fn check_host(version: Version, headers: &HeaderMap, authority: &Authority) -> Result<(), Error> {
    let mut fields = headers.get_all(header::HOST).iter();
    let (first, second) = (fields.next(), fields.next());
    let host = match (first, second) {
        // HTTP/1.0 has none, and HTTP/2 has `:authority` instead (RFC 9113 section 8.3.1).
        (None, _) if version != Version::HTTP_11 => return Ok(()),
        (Some(host), None) => host,
        (None, _) => {
            let text = "an HTTP/1.1 request must carry a Host field";
            return Err(bad("host-missing", text, "RFC 9112 section 3.2"));
        }
        (Some(_), Some(_)) => {
            let text = "a request must carry one Host field only";
            return Err(bad("host-repeated", text, "RFC 9112 section 3.2"));
        }
    };
    // A client that names no port in Host means the target's.
    let named = host.to_str().ok().and_then(|h| Authority::parse(h, Some(authority.port)).ok());
    if named.as_ref() == Some(authority) {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(host.as_bytes());
    let text = format!("the Host field `{shown}` does not name the target `{authority}`");
    Err(bad("host-mismatch", text, "RFC 9112 section 3.2.2"))
}

/// An authority without who asks, which may be a secret.
fn anonymous(text: &str) -> &str {
    text.rsplit('@').next().unwrap_or_default()
}

fn bad(code: &'static str, text: impl Into<String>, rfc: &'static str) -> Error {
    Error::client(StatusCode::BAD_REQUEST, code, text, rfc)
}

fn not_absolute() -> Error {
    let text = "this is a forward proxy: the request must name its destination in full \
                (`GET http://host/path`) or ask for a tunnel (`CONNECT host:443`)";
    bad("target-not-absolute", text, "RFC 9112 section 3.2.2")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(method: &str, uri: &str, host: &[&str]) -> &'static str {
        code_at(None, method, uri, host)
    }

    fn code_at(pinned: Option<&str>, method: &str, uri: &str, host: &[&str]) -> &'static str {
        let mut request = Request::builder().method(method).uri(uri);
        for host in host {
            request = request.header("host", *host);
        }
        let pinned = pinned.map(|text| Pinned { socket: text.parse().unwrap(), verified: true });
        match Target::of(&request.body(()).unwrap(), pinned) {
            Ok(_) => "ok",
            Err(Error::Failed(failed)) => failed.failure.code,
            Err(Error::Refused(_)) => "refused",
        }
    }

    #[test]
    fn host_must_name_the_target() {
        assert_eq!(code("GET", "http://A.example/x", &["a.example"]), "ok");
        assert_eq!(code("GET", "http://a.example:80/", &["a.example"]), "ok");
        assert_eq!(code("GET", "http://a.example:8080/", &["a.example:8080"]), "ok");
        assert_eq!(code("GET", "http://127.1/", &["127.0.0.1"]), "ok");
        assert_eq!(code("CONNECT", "a.example:443", &["a.example"]), "ok");
        assert_eq!(code("CONNECT", "a.example:443", &["a.example:80"]), "host-mismatch");
        assert_eq!(code("GET", "http://a.example/", &["b.example"]), "host-mismatch");
        assert_eq!(code("GET", "http://a.example/", &[]), "host-missing");
        assert_eq!(code("GET", "http://a.example/", &["a.example", "a.example"]), "host-repeated");
    }

    #[test]
    fn a_redirected_request_is_for_its_own_destination() {
        let code = |method, uri, host: &[&str]| code_at(Some("192.0.2.1:8080"), method, uri, host);
        assert_eq!(code("GET", "/x", &["a.example"]), "ok");
        assert_eq!(code("GET", "/x", &["a.example:8080"]), "ok");
        assert_eq!(code("GET", "http://a.example/x", &["a.example"]), "ok");
        assert_eq!(code("OPTIONS", "*", &["192.0.2.1"]), "ok");
        assert_eq!(code("GET", "/x", &["a.example:80"]), "host-mismatch");
        assert_eq!(code("GET", "http://a.example:80/x", &["a.example:80"]), "host-mismatch");
        assert_eq!(code("GET", "http://a.example/x", &["b.example"]), "host-mismatch");
        assert_eq!(code("GET", "/x", &[]), "host-missing");
        assert_eq!(code("GET", "/x", &["a.example", "a.example"]), "host-repeated");
        assert_eq!(code("GET", "/x", &["a b"]), "target-invalid");
        assert_eq!(code("CONNECT", "a.example:8080", &["a.example:8080"]), "target-not-origin");
        assert_eq!(
            code("GET", "https://a.example:8080/", &["a.example:8080"]),
            "target-not-origin"
        );
    }

    #[test]
    fn only_absolute_http_targets_and_tunnels() {
        assert_eq!(code("GET", "/x", &["a.example"]), "target-not-absolute");
        assert_eq!(code("GET", "ftp://a.example/", &["a.example"]), "scheme-unsupported");
        assert_eq!(code("CONNECT", "a.example", &["a.example"]), "target-invalid");
        assert_eq!(code("GET", "http://u:p@a.example/", &["a.example"]), "target-invalid");
        assert_eq!(code("GET", "http://a.example:0/", &["a.example"]), "target-invalid");
    }
}
