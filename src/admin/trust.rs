//! What clients need: the roots to trust, and a PAC file that names the proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use crate::net::Host;
use crate::tls::Authority;

use super::desk::Wrong;

/// RFC 8555 section 9.1
const PEM: &str = "application/pem-certificate-chain";
const PAC: &str = "application/x-ns-proxy-autoconfig";

/// `GET /ca.pem`
pub(super) fn roots(authority: Option<&Arc<Authority>>) -> Response<Full<Bytes>> {
    authority.map_or_else(none, |authority| reply(PEM, authority.roots_pem()))
}

/// `GET /ca-bundle.pem`
pub(super) async fn bundle(authority: Option<&Arc<Authority>>) -> Response<Full<Bytes>> {
    let Some(authority) = authority.map(Arc::clone) else { return none() };
    // The platform's roots are up to some hundred files.
    match tokio::task::spawn_blocking(move || authority.bundle_pem()).await {
        Ok(text) => reply(PEM, text),
        Err(error) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Wrong::new(status, error.to_string()).response()
        }
    }
}

/// `GET /proxy.pac`; `asked` is how the client called this listener.
pub(super) fn pac(listen: SocketAddr, asked: Option<Host>) -> Response<Full<Bytes>> {
    reply(PAC, pac_text(listen, asked))
}

fn none() -> Response<Full<Bytes>> {
    let detail = "there is no certificate authority: `borderpost ca init` makes one in \
                  `state.folder`, or name your own under [tls.authority]; then start again";
    Wrong::new(StatusCode::NOT_FOUND, detail.to_owned()).response()
}

fn reply(kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// No `DIRECT` behind the proxy: a client that may go around it when it does not answer
/// would take data out undecided. Only names without a dot and this machine go direct; a
/// number or an IPv6 address has no dot either and is no name.
fn pac_text(listen: SocketAddr, asked: Option<Host>) -> String {
    // Listening on every address is no address to connect to.
    let host = if listen.ip().is_unspecified() { asked } else { Some(Host::from(listen.ip())) };
    let host = host.unwrap_or_else(|| Host::from(listen.ip()));
    let port = listen.port();
    format!(
        r#"function FindProxyForURL(url, host) {{
  var name = host.toLowerCase().replace(/\.$/, "");
  var plain = /^[a-z][a-z0-9_-]*$/.test(name);
  var here = /(^|\.)localhost$/.test(name) || /^127\.\d+\.\d+\.\d+$/.test(name) || /^\[?::1\]?$/.test(name);
  return plain || here ? "DIRECT" : "PROXY {host}:{port}";
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pac_file_names_an_address_to_connect_to() {
        let of = |listen: &str, asked: Option<&str>| {
            let asked = asked.map(|host| Host::parse(host).unwrap());
            pac_text(listen.parse().unwrap(), asked)
        };
        assert!(of("10.0.0.1:3128", Some("127.0.0.1")).contains(r#""PROXY 10.0.0.1:3128""#));
        assert!(of("0.0.0.0:3128", Some("localhost")).contains(r#""PROXY localhost:3128""#));
        assert!(of("[::]:3128", Some("[::1]")).contains(r#""PROXY [::1]:3128""#));
        assert_eq!(of("10.0.0.1:3128", None).matches("DIRECT").count(), 1);
    }
}
