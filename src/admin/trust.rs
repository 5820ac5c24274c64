//! What clients need: the roots to trust, and a PAC file that names the proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use http::StatusCode;

use crate::net::Host;
use crate::tls::Authority;

use super::reply::{self, Answer, Wrong};

/// RFC 8555 section 9.1
const PEM: &str = "application/pem-certificate-chain";
const PAC: &str = "application/x-ns-proxy-autoconfig";

/// `GET /ca.pem`
pub(super) fn roots(authority: Option<&Arc<Authority>>) -> Answer {
    let authority = authority.ok_or_else(none)?;
    Ok(reply::text(StatusCode::OK, PEM, authority.roots_pem()))
}

/// `GET /ca-bundle.pem`
pub(super) async fn bundle(authority: Option<&Arc<Authority>>) -> Answer {
    let authority = authority.map(Arc::clone).ok_or_else(none)?;
    // The platform's roots are up to some hundred files.
    let text = tokio::task::spawn_blocking(move || authority.bundle_pem()).await;
    Ok(reply::text(StatusCode::OK, PEM, text.map_err(Wrong::unavailable)?))
}

/// `GET /proxy.pac`; `asked` is how the client called this listener.
pub(super) fn pac(listen: Option<SocketAddr>, asked: Option<Host>) -> Answer {
    let missing = || Wrong::new(StatusCode::NOT_FOUND, "no listener for clients");
    let listen = listen.ok_or_else(missing)?;
    Ok(reply::text(StatusCode::OK, PAC, pac_text(listen, asked)))
}

fn none() -> Wrong {
    let detail = "there is no certificate authority: `borderpost ca init` makes one in \
                  `state.folder`, or name your own under [tls.authority]; then start again";
    Wrong::new(StatusCode::NOT_FOUND, detail)
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
