//! Connecting to a permit's socket, and what can go wrong up to the answer's head.

use std::io;

use http::StatusCode;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::net::Host;
use crate::policy::Permit;
use crate::tls::TrustError;

use super::error::Error;
use super::upstream::Upstream;

impl Upstream {
    /// Connects to the permit's socket, and makes sure that it is the one.
    pub(super) async fn dial_direct(&self, permit: &Permit) -> Result<TcpStream, Error> {
        let socket = permit.socket();
        let dialled = timeout(self.settings().connect_timeout, TcpStream::connect(socket)).await;
        let stream = match dialled {
            Err(_) => return Err(connect_timeout(permit)),
            Ok(Err(error)) => return Err(connect_failed(permit, &error)),
            Ok(Ok(stream)) => stream,
        };
        match stream.peer_addr() {
            Ok(peer) if peer == socket => {}
            Ok(peer) => {
                let text = format!("asked for {socket} but was connected to {peer}");
                return Err(failed(
                    StatusCode::BAD_GATEWAY,
                    "peer-mismatch",
                    "destination_ip_prohibited",
                    text,
                ));
            }
            Err(error) => return Err(connect_failed(permit, &error)),
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
        Ok(stream)
    }
}

fn connect_timeout(permit: &Permit) -> Error {
    let text = format!("{} did not answer the connection in time", permit.socket());
    failed(StatusCode::GATEWAY_TIMEOUT, "connect-timeout", "connection_timeout", text)
}

fn connect_failed(permit: &Permit, error: &io::Error) -> Error {
    let socket = permit.socket();
    let kind = error.kind();
    if kind == io::ErrorKind::TimedOut {
        return connect_timeout(permit);
    }
    let unreachable = [io::ErrorKind::HostUnreachable, io::ErrorKind::NetworkUnreachable];
    let (code, proxy_status, text) = if kind == io::ErrorKind::ConnectionRefused {
        ("connect-refused", "connection_refused", format!("{socket} refuses connections"))
    } else if unreachable.contains(&kind) {
        ("connect-unreachable", "destination_ip_unroutable", format!("no route to {socket}"))
    } else {
        let text = format!("could not connect to {socket}: {error}");
        ("connect-failed", "connection_terminated", text)
    };
    failed(StatusCode::BAD_GATEWAY, code, proxy_status, text)
}

fn failed(
    status: StatusCode,
    code: &'static str,
    proxy_status: &'static str,
    text: String,
) -> Error {
    Error::upstream(status, "connect", code, proxy_status, text)
}

pub(super) fn tls_timeout(host: &Host) -> Error {
    let text = format!("{host} did not finish the TLS handshake in time");
    Error::upstream(StatusCode::GATEWAY_TIMEOUT, "tls", "tls-timeout", "connection_timeout", text)
}

pub(super) fn tls_failed(error: &TrustError) -> Error {
    let (code, proxy_status) = match error {
        TrustError::Handshake { source, .. } if is_certificate(source) => {
            ("tls-certificate", "tls_certificate_error")
        }
        TrustError::Handshake { source, .. } if wants_another(source) => {
            (NO_PROTOCOL, "tls_protocol_error")
        }
        TrustError::OfAuthority(_) => ("tls-certificate", "tls_certificate_error"),
        TrustError::Pin(_) => ("tls-pin", "tls_certificate_error"),
        TrustError::Handshake { .. }
        | TrustError::Identity(_)
        | TrustError::Name(_)
        | TrustError::Roots { .. } => ("tls-failed", "tls_protocol_error"),
    };
    Error::upstream(StatusCode::BAD_GATEWAY, "tls", code, proxy_status, error.to_string())
}

/// The destination speaks nothing of what it was offered (RFC 7301 section 3.2).
const NO_PROTOCOL: &str = "tls-no-protocol";

/// Whether the destination spoke TLS, and would have spoken something else in it.
pub(super) fn is_no_protocol(error: &Error) -> bool {
    matches!(error, Error::Failed(failed) if failed.failure.code == NO_PROTOCOL)
}

fn is_certificate(error: &io::Error) -> bool {
    matches!(of_tls(error), Some(rustls::Error::InvalidCertificate(_)))
}

fn wants_another(error: &io::Error) -> bool {
    let alert = rustls::AlertDescription::NoApplicationProtocol;
    matches!(of_tls(error), Some(rustls::Error::AlertReceived(told)) if *told == alert)
}

fn of_tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Whether a request that went out on a connection at rest may go out again, if it is repeatable:
/// the connection had closed, or its stream was never taken (RFC 9113 section 8.7).
pub(super) fn may_go_again(error: &hyper::Error) -> bool {
    match on_stream(error) {
        Some(h2) if h2.is_reset() => h2.reason() == Some(h2::Reason::REFUSED_STREAM),
        Some(h2) => !is_fault(h2),
        None => !error.is_parse(),
    }
}

/// Whether we ended a stream, or the connection, for what the destination sent.
fn is_fault(error: &h2::Error) -> bool {
    error.is_library()
}

/// What happened on the stream, where HTTP/2 was spoken.
fn on_stream(error: &hyper::Error) -> Option<&h2::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

/// An exchange that broke off before the answer's head.
pub(super) fn exchange_failed(error: &hyper::Error) -> Error {
    let because =
        std::error::Error::source(error).map_or(String::new(), |source| format!(": {source}"));
    let text = format!("the destination's answer could not be read: {error}{because}");
    let malformed = error.is_parse() || on_stream(error).is_some_and(is_fault);
    let (code, proxy_status) = if malformed {
        ("answer-malformed", "http_protocol_error")
    } else {
        ("answer-cut", "connection_terminated")
    };
    Error::upstream(StatusCode::BAD_GATEWAY, "response", code, proxy_status, text)
}
