//! What the head of a request says beside where it goes: its path, its query, the values of its
//! fields. It leaves before any body, so it is looked through before anything leaves.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::data::{Findings, Inspection, Syntax};

/// Whether something stands in it that could be data.
pub(super) fn says_something(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    uri.query().is_some()
        || uri.path().len() > 1
        || headers.iter().any(|(name, value)| may_carry(name, value))
        || !is_known(method)
}

/// What is found in it; `inspection` is of nothing else.
pub(super) fn look(
    mut inspection: Inspection,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Findings {
    if !is_known(method) {
        inspection.text("method", Some(Syntax::Text), method.as_str().as_bytes());
    }
    inspection.path(uri.path());
    if let Some(query) = uri.query() {
        inspection.text("query", Some(Syntax::Form), query.as_bytes());
    }
    look_at_fields(&mut inspection, "header", headers);
    inspection.finish()
}

/// Looks at fields, of the head or behind a body.
pub(super) fn look_at_fields(inspection: &mut Inspection, name: &str, headers: &HeaderMap) {
    let text = fields(headers);
    if !text.is_empty() {
        inspection.text(name, Some(Syntax::Text), &text);
    }
}

/// The fields that may carry data, a line each.
fn fields(headers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in headers.iter().filter(|(name, value)| may_carry(name, value)) {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
    text
}

/// Not those that name the destination, nor those by which a client proves to it who it is: they
/// belong there. Fields of a narrow grammar may carry data only where they do not hold to it.
fn may_carry(name: &HeaderName, value: &HeaderValue) -> bool {
    let name = name.as_str();
    match name {
        "authorization" | "content-length" | "host" | "proxy-authorization" | "x-api-key" => false,
        "accept"
        | "accept-charset"
        | "accept-encoding"
        | "accept-language"
        | "access-control-request-headers"
        | "access-control-request-method"
        | "cache-control"
        | "connection"
        | "content-encoding"
        | "content-type"
        | "date"
        | "dnt"
        | "expect"
        | "if-match"
        | "if-modified-since"
        | "if-none-match"
        | "if-range"
        | "if-unmodified-since"
        | "keep-alive"
        | "max-forwards"
        | "pragma"
        | "priority"
        | "range"
        | "te"
        | "trailer"
        | "transfer-encoding"
        | "upgrade"
        | "upgrade-insecure-requests"
        | "via" => is_suspicious(value),
        _ if name.starts_with("sec-") || name.starts_with("proxy-") => is_suspicious(value),
        _ => true,
    }
}

/// Whether there is more in it than its grammar has room for: an address, or many digits.
fn is_suspicious(value: &HeaderValue) -> bool {
    let digits = value.as_bytes().iter().filter(|byte| byte.is_ascii_digit()).count();
    digits >= 9 || value.as_bytes().contains(&b'@') || !value.as_bytes().is_ascii()
}

/// Whether a method is a usual one; any other is a word of the client's.
fn is_known(method: &Method) -> bool {
    const KNOWN: [Method; 9] = [
        Method::CONNECT,
        Method::DELETE,
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::PATCH,
        Method::POST,
        Method::PUT,
        Method::TRACE,
    ];
    KNOWN.contains(method)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::data::{Described, Detectors, Digester, Inspector, Limits};

    fn found(uri: &str, headers: &[(&'static str, &'static str)]) -> String {
        let digester = Digester::new(&[7; 32], "k").unwrap();
        let detectors = Arc::new(Detectors::new(digester));
        let inspector = Arc::new(Inspector::new(detectors, Limits::default()));
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let headers: HeaderMap = headers.iter().map(pair).collect();
        let found = look(
            Inspection::new(&inspector, &Described::default()),
            &Method::GET,
            &uri.parse().unwrap(),
            &headers,
        );
        assert!(
            found.tags().is_empty()
                || says_something(&Method::GET, &uri.parse().unwrap(), &headers)
        );
        let one = |one: &crate::data::Finding| format!("{} {}", one.tag, one.layer.as_str());
        found.kept().iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn paths_queries_and_fields_are_looked_through() {
        assert_eq!(found("http://a/?email=jo%40firm.example.com", &[]), "id.contact.email query");
        assert_eq!(found("http://a/u/jo@firm.example.com", &[]), "id.contact.email path");
        assert_eq!(
            found("http://a/", &[("cookie", "card=4111111111111111")]),
            "financial.card header"
        );
        assert_eq!(
            found("http://a/", &[("x-user", "jo@firm.example.com")]),
            "id.contact.email header"
        );
    }

    #[test]
    fn what_has_no_room_for_data_is_not_looked_at() {
        let headers = HeaderMap::from_iter([
            (http::header::HOST, HeaderValue::from_static("a")),
            (http::header::ACCEPT, HeaderValue::from_static("*/*")),
        ]);
        assert!(!says_something(&Method::GET, &"http://a/".parse().unwrap(), &headers));
        let range = [("range", "card=4111111111111111")];
        assert_eq!(found("http://a/", &range), "financial.card header", "it is no range");
        assert_eq!(found("http://a/", &[("authorization", "Bearer jo@firm.example.com")]), "");
    }
}
