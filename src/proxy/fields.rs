//! Which header fields pass, which are taken off and which are added
//! (RFC 9110 sections 7.6 and 7.8).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Version};

use uuid::Uuid;

use super::error::Error;

/// Fields that concern one connection only, beside those that `Connection` names.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// How we name ourselves in `Via` and `Proxy-Status`.
pub(super) const PSEUDONYM: &str = "borderpost";

/// This process's own mark in `Via`: a pseudonym (RFC 9110 section 7.6.3) that no other
/// proxy on the way has, or two of us in a row would take each other for a loop.
pub(super) fn mark() -> HeaderValue {
    // The last eight bytes of a version 7 UUID are random.
    let (_, random) = Uuid::now_v7().as_u64_pair();
    let mark = format!("{PSEUDONYM}-{random:016x}");
    HeaderValue::try_from(mark).expect("a pseudonym and hexadecimal digits are visible ASCII")
}

/// Prepares a request's fields for the next hop; `own` is this process's own mark in
/// `Via`, by which it knows its requests when they come back.
pub(super) fn forward_request<B>(request: &mut Request<B>, own: &HeaderValue) -> Result<(), Error> {
    check_loop(request.headers(), own)?;
    let version = request.version();
    let headers = request.headers_mut();
    let trailers = has_token(headers, &header::TE, "trailers");
    strip(headers);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    let via = [version_of(version).as_bytes(), own.as_bytes()].concat();
    let via = HeaderValue::from_bytes(&via).expect("a version and a pseudonym are visible ASCII");
    headers.append(header::VIA, via);
    Ok(())
}

fn check_loop(headers: &HeaderMap, own: &HeaderValue) -> Result<(), Error> {
    if headers.get_all(header::VIA).iter().any(|via| mentions(via, own)) {
        return Err(Error::looped("the request has passed this proxy before (Via)"));
    }
    Ok(())
}

/// The proxies that a tunnel has come through, in one value; this one may not be among them.
pub(super) fn trail(headers: &HeaderMap, own: &HeaderValue) -> Result<Option<HeaderValue>, Error> {
    check_loop(headers, own)?;
    let values: Vec<_> = headers.get_all(header::VIA).iter().map(HeaderValue::as_bytes).collect();
    Ok((!values.is_empty())
        .then(|| HeaderValue::from_bytes(&values.join(&b", "[..])).ok())
        .flatten())
}

/// Prepares an answer's fields for the client.
pub(super) fn forward_response(headers: &mut HeaderMap, version: Version, own: &HeaderValue) {
    strip(headers);
    // Another way to the destination would lead around the decision (RFC 7838).
    headers.remove(header::ALT_SVC);
    let via = [version_of(version).as_bytes(), own.as_bytes()].concat();
    let via = HeaderValue::from_bytes(&via).expect("a version and a pseudonym are visible ASCII");
    headers.append(header::VIA, via);
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
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
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

fn mentions(via: &HeaderValue, own: &HeaderValue) -> bool {
    let Ok(own) = own.to_str() else { return false };
    let hops = via.to_str().unwrap_or_default().split(',');
    hops.filter_map(|hop| hop.split_whitespace().nth(1)).any(|name| name == own)
}

const fn version_of(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0 ",
        Version::HTTP_2 => "2 ",
        _ => "1.1 ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> HeaderValue {
        HeaderValue::from_static("borderpost-1")
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
