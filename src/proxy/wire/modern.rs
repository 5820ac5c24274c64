//! Judges the head of an HTTP/2 request where its parser does not (RFC 9113 section 8), by the
//! rules that hold for HTTP/1: what may go on as HTTP/1 must be read in one way only.

use http::{HeaderMap, Method, Request, header};
use hyper::ext::Protocol;

use super::field::{content_length, is_authority};
use super::{FaultKind, Limits};

/// Judges a head. What may not stand in a name, a value, a method or a path at all, and what
/// concerns the connection, the parser has refused already.
pub fn check<B>(request: &Request<B>, limits: &Limits) -> Result<(), FaultKind> {
    check_target(request, limits)?;
    check_fields(request.headers(), limits)
}

fn check_target<B>(request: &Request<B>, limits: &Limits) -> Result<(), FaultKind> {
    if request.extensions().get::<Protocol>().is_some() {
        return Err(FaultKind::ProtocolUnknown);
    }
    let (method, uri) = (request.method(), request.uri());
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let path = uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default();
    if method.as_str().len() + authority.len() + path.len() > limits.request_line {
        return Err(FaultKind::RequestLineTooLong);
    }
    if authority.contains('@') {
        return Err(FaultKind::TargetUserinfo);
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(FaultKind::TargetInvalid);
    }
    let whole_server = path == "*" && *method == Method::OPTIONS;
    let pathless = path.is_empty() && *method == Method::CONNECT;
    if path.starts_with('/') || whole_server || pathless {
        return Ok(());
    }
    Err(FaultKind::TargetForm)
}

fn check_fields(headers: &HeaderMap, limits: &Limits) -> Result<(), FaultKind> {
    // One Cookie may come in many pieces (RFC 9113 section 8.2.3).
    let cookies = headers.get_all(header::COOKIE).iter().count();
    if headers.len() - cookies.saturating_sub(1) > limits.headers {
        return Err(FaultKind::TooManyFields);
    }
    let padded =
        |value: &[u8]| matches!(value, [b' ' | b'\t', ..]) || matches!(value, [.., b' ' | b'\t']);
    if headers.values().any(|value| padded(value.as_bytes())) {
        return Err(FaultKind::FieldValuePadded);
    }
    let only = |name, repeated| {
        let mut values = headers.get_all(name).iter().map(|value| value.as_bytes());
        let first = values.next();
        if values.next().is_some() { Err(repeated) } else { Ok(first) }
    };
    if let Some(length) = only(header::CONTENT_LENGTH, FaultKind::ContentLengthRepeated)? {
        content_length(length)?;
    }
    if only(header::HOST, FaultKind::HostRepeated)?.is_some_and(|host| !is_authority(host)) {
        return Err(FaultKind::HostInvalid);
    }
    let expected = |value: &[u8]| value.eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(header::EXPECT).iter().any(|value| !expected(value.as_bytes())) {
        return Err(FaultKind::ExpectationUnknown);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(method: &str, uri: &str, fields: &[(&str, &str)]) -> Option<FaultKind> {
        let request = Request::builder().method(method).uri(uri);
        let request = fields.iter().fold(request, |request, (name, value)| {
            request.header(*name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        check(&request.body(()).unwrap(), &Limits::default()).err()
    }

    #[test]
    fn sound_heads_pass() {
        assert_eq!(kind("GET", "http://a.example/x?y", &[("host", "a.example")]), None);
        assert_eq!(kind("OPTIONS", "*", &[]), None);
        assert_eq!(kind("CONNECT", "a.example:443", &[]), None);
        assert_eq!(kind("PUT", "http://a/", &[("content-length", "3"), ("x", "a b\tc")]), None);
        let crumbs = vec![("cookie", "a=b"); 300];
        assert_eq!(kind("GET", "http://a/", &crumbs), None);
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        for (fields, expected) in [
            (&[("x", " a")][..], FaultKind::FieldValuePadded),
            (&[("x", "a\t")], FaultKind::FieldValuePadded),
            (&[("x", " ")], FaultKind::FieldValuePadded),
            (&[("content-length", "1"), ("content-length", "1")], FaultKind::ContentLengthRepeated),
            (&[("content-length", "+1")], FaultKind::ContentLengthInvalid),
            (&[("host", "a"), ("host", "a")], FaultKind::HostRepeated),
            (&[("host", "a/b")], FaultKind::HostInvalid),
            (&[("expect", "more")], FaultKind::ExpectationUnknown),
            (&[("x", "1"); 101], FaultKind::TooManyFields),
        ] {
            assert_eq!(kind("POST", "http://a/", fields), Some(expected), "{fields:?}");
        }
        let long = format!("http://a/{}", "a".repeat(8192));
        assert_eq!(kind("GET", &long, &[]), Some(FaultKind::RequestLineTooLong));
        assert_eq!(kind("GET", "*", &[]), Some(FaultKind::TargetForm));
        assert_eq!(kind("GET", "http://u@a/", &[]), Some(FaultKind::TargetUserinfo));
        assert_eq!(kind("GET", "http://a/ü", &[]), Some(FaultKind::TargetInvalid));
    }
}
