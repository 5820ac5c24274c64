//! What can go wrong with another proxy: it is told apart from what goes wrong with the
//! destination.

use std::io;
use std::net::SocketAddr;

use ::http::StatusCode;

use crate::tls::TrustError;

use super::super::error::Error;
use super::Parent;

/// The parent says no.
pub(super) fn refused(parent: &Parent, said: &str) -> Error {
    let text = format!("{parent}, through which the destination is reached, said: {said}");
    failed("chain-refused", "http_request_denied", text)
}

/// The parent does not believe that we are who we say.
pub(super) fn unknown(parent: &Parent, said: &str) -> Error {
    let text = format!("{parent} does not let this proxy in: {said}");
    failed("chain-login", "http_request_denied", text)
}

pub(super) fn unreachable(parent: &Parent, socket: SocketAddr, error: &io::Error) -> Error {
    let text = format!("no connection to {parent} at {socket}: {error}");
    failed("chain-unreachable", "connection_refused", text)
}

pub(super) fn unresolved(parent: &Parent, error: &Error) -> Error {
    failed("chain-unreachable", "dns_error", format!("no way to {parent}: {error}"))
}

pub(super) fn nowhere(parent: &Parent) -> Error {
    failed("chain-unreachable", "dns_error", format!("{parent} has no address"))
}

pub(super) fn insecure(parent: &Parent, error: &TrustError) -> Error {
    failed("chain-tls", "tls_protocol_error", format!("no TLS with {parent}: {error}"))
}

/// The connection ended before there was an answer.
pub(super) fn cut(parent: &Parent, error: &io::Error) -> Error {
    let text = format!("{parent} closed the connection before it answered: {error}");
    failed("chain-cut", "connection_terminated", text)
}

/// What came is no answer.
pub(super) fn malformed(parent: &Parent, what: &str) -> Error {
    let text = format!("{parent} answered what cannot be read: {what}");
    failed("chain-malformed", "http_protocol_error", text)
}

pub(super) fn silent(parent: &Parent, deed: &str) -> Error {
    let text = format!("{parent} did not {deed} in time");
    let status = StatusCode::GATEWAY_TIMEOUT;
    Error::upstream(status, "chain", "chain-timeout", "connection_timeout", text)
}

fn failed(code: &'static str, proxy_status: &'static str, text: String) -> Error {
    Error::upstream(StatusCode::BAD_GATEWAY, "chain", code, proxy_status, text)
}
