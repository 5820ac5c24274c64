//! Which header fields pass, which are taken off and which are added
//! (RFC 9110 sections 7.6 and 7.8).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Version};

use super::error::Error;
use super::mark::Mark;

/// How we name ourselves in `Via` and `Proxy-Status`.
pub(super) const PSEUDONYM: &str = "borderpost";

/// Prepares a request's fields for the next hop; `own` is this process's own mark in
/// `Via`, by which it knows its requests when they come back.
pub(super) fn forward_request<B>(request: &mut Request<B>, own: &Mark) -> Result<(), Error> {
    check_loop(request.headers(), own)?;
    let version = request.version();
    let headers = request.headers_mut();
    let trailers = has_token(headers, &header::TE, "trailers");
    strip(headers);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    headers.append(header::VIA, own.hop(version));
    Ok(())
}

fn check_loop(headers: &HeaderMap, own: &Mark) -> Result<(), Error> {
    if headers.get_all(header::VIA).iter().any(|via| own.is_in(via)) {
        return Err(Error::looped("the request has passed this proxy before (Via)"));
    }
    Ok(())
}

/// The proxies that a tunnel has come through, in one value; this one may not be among them.
pub(super) fn trail(headers: &HeaderMap, own: &Mark) -> Result<Option<HeaderValue>, Error> {
    check_loop(headers, own)?;
    let values: Vec<_> = headers.get_all(header::VIA).iter().map(HeaderValue::as_bytes).collect();
    Ok((!values.is_empty())
        .then(|| HeaderValue::from_bytes(&values.join(&b", "[..])).ok())
        .flatten())
}

/// Prepares an answer's fields for the client.
pub(super) fn forward_response(headers: &mut HeaderMap, version: Version, own: &Mark) {
    strip(headers);
    // Another way to the destination would lead around the decision (RFC 7838).
    headers.remove(header::ALT_SVC);
    headers.append(header::VIA, own.hop(version));
}

/// Counts `Max-Forwards` down (RFC 9110 section 7.6.2). `Some` is the answer that we owe
/// as the last recipient.
pub(super) fn max_forwards<B>(request: &mut Request<B>) -> Result<Option<StatusCode>, Error> {
    if *request.method() == Method::TRACE {
        let text = "TRACE is not forwarded: it would echo credentials back to scripts";
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Err(Error::client(status, "trace", text, "RFC 9110 section 9.3.8"));
    }
    if *request.method() != Method::OPTIONS {
        return Ok(None);
    }
    let Some(value) = request.headers().get(header::MAX_FORWARDS) else { return Ok(None) };
    let Some(left) = value.to_str().ok().and_then(|text| text.parse::<u32>().ok()) else {
        let text = "Max-Forwards is not a number";
        let status = StatusCode::BAD_REQUEST;
        return Err(Error::client(status, "max-forwards", text, "RFC 9110 section 7.6.2"));
    };
    let Some(next) = left.checked_sub(1) else { return Ok(Some(StatusCode::NO_CONTENT)) };
    request.headers_mut().insert(header::MAX_FORWARDS, HeaderValue::from(next));
    Ok(None)
}

/// Whether the request proves who asks for its whole connection, not for itself alone: nobody else
/// may ride on that one (RFC 4559 section 6).
pub(super) fn proves_connection(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::AUTHORIZATION).iter();
    let scheme = |value: &HeaderValue| {
        let scheme = value.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"negotiate")
    };
    values.into_iter().any(scheme)
}

/// Takes off what concerns the connection we received it on.
pub(super) fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = tokens(headers, &header::CONNECTION)
            .filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok())
            // A field that frames or routes the message is not the client's to take off.
            .filter(|name| *name != header::HOST && *name != header::CONTENT_LENGTH)
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    // Most messages have none: asking each field is a third of the price of removing ten.
    while let Some(name) = headers.keys().find(|name| is_hop_by_hop(name)).cloned() {
        headers.remove(name);
    }
}

/// Fields that concern one connection only, beside those that `Connection` names.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',').map(str::trim).filter(|token| !token.is_empty()))
}

pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let bare =
        |found: &str| found.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case(token));
    tokens(headers, name).any(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Mark {
        Mark::of("borderpost-1")
    }

    #[test]
    fn connection_options_are_taken_off() {
        let mut request = Request::builder()
            .header("connection", "close, X-Secret, host")
            .header("x-secret", "1")
            .header("x-kept", "1")
            .header("host", "a")
            .header("keep-alive", "5")
            .header("proxy-authorization", "Basic x")
            .header("te", "trailers;q=0.5, gzip")
            .body(())
            .unwrap();
        forward_request(&mut request, &own()).unwrap();
        let mut names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["host", "te", "via", "x-kept"]);
        assert_eq!(request.headers()["via"], "1.1 borderpost-1");
    }

    #[test]
    fn a_request_that_comes_back_is_refused() {
        let mut request =
            Request::builder().header("via", "1.1 a, 1.1 borderpost-1").body(()).unwrap();
        assert!(forward_request(&mut request, &own()).is_err());
        let mut request = Request::builder().header("via", "1.1 borderpost-12").body(()).unwrap();
        assert!(forward_request(&mut request, &own()).is_ok());
    }

    #[test]
    fn a_tunnel_that_comes_back_is_refused() {
        let mut headers = HeaderMap::new();
        assert_eq!(trail(&headers, &own()).unwrap(), None);
        headers.append("via", HeaderValue::from_static("1.1 a"));
        headers.append("via", HeaderValue::from_static("1.1 b"));
        assert_eq!(trail(&headers, &own()).unwrap().unwrap(), "1.1 a, 1.1 b");
        headers.append("via", HeaderValue::from_static("1.1 c, 1.1 borderpost-1"));
        assert!(trail(&headers, &own()).is_err());
    }

    #[test]
    fn max_forwards_counts_down_for_options_only() {
        let request = |method: &str, left: &str| {
            Request::builder().method(method).header("max-forwards", left).body(()).unwrap()
        };
        let mut counted = request("OPTIONS", "2");
        assert_eq!(max_forwards(&mut counted).unwrap(), None);
        assert_eq!(counted.headers()["max-forwards"], "1");
        assert_eq!(
            max_forwards(&mut request("OPTIONS", "0")).unwrap(),
            Some(StatusCode::NO_CONTENT)
        );
        assert_eq!(max_forwards(&mut request("GET", "0")).unwrap(), None);
        assert!(max_forwards(&mut request("OPTIONS", "x")).is_err());
        assert!(max_forwards(&mut request("TRACE", "1")).is_err());
    }
}
