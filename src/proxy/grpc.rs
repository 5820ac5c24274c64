//! Our own answers to gRPC, whose clients read no body: the status of the call and a line stand
//! in the head and end the stream (`Trailers-Only` in PROTOCOL-HTTP2.md of gRPC). A client takes
//! them before the status of HTTP, which stays what it is.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::audit::Fault;

use super::problem::Problem;

/// The type of what is asked and answered.
pub(super) const TYPE: &str = "application/grpc";

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// What does not stand for itself in a message: all but printable ASCII, and the sign itself.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// Whether a request is a call; gRPC-Web, which ends in its body, is another type.
pub(super) fn is_spoken(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let rest = kind.and_then(|kind| kind.strip_prefix(TYPE));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

/// Says what has come of the call.
pub(super) fn tell(headers: &mut HeaderMap, problem: &Problem) {
    headers.insert(STATUS, HeaderValue::from_static(code(problem.fault)));
    let line = problem.line();
    let line = utf8_percent_encode(&line, ENCODED).to_string();
    headers.extend(HeaderValue::from_str(&line).ok().map(|line| (MESSAGE, line)));
}

/// Codes as gRPC maps those of HTTP (http-grpc-status-mapping.md), and a refusal as what it is.
const fn code(fault: Fault) -> &'static str {
    const PERMISSION_DENIED: &str = "7";
    const INTERNAL: &str = "13";
    const UNAVAILABLE: &str = "14";
    match fault {
        Fault::Policy => PERMISSION_DENIED,
        Fault::Client => INTERNAL,
        Fault::Upstream | Fault::Us => UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_by_their_type() {
        let spoken = |kind: &'static str| {
            let field = (header::CONTENT_TYPE, HeaderValue::from_static(kind));
            is_spoken(&HeaderMap::from_iter([field]))
        };
        assert!(spoken("application/grpc"));
        assert!(spoken("application/grpc+proto"));
        assert!(spoken("application/grpc;charset=utf-8"));
        assert!(!spoken("application/grpc-web"));
        assert!(!spoken("application/json"));
        assert!(!is_spoken(&HeaderMap::new()));
    }
}
