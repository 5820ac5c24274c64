//! What the head of a request says beside where it goes: its path, its query, the values of its
//! fields. It leaves before any body, so it is looked through before anything leaves.

use http::{HeaderMap, HeaderName, Uri};

use crate::data::{Findings, Inspection, Syntax};

/// Whether something stands in it that could be data.
pub(super) fn says_something(uri: &Uri, headers: &HeaderMap) -> bool {
    uri.query().is_some() || uri.path().len() > 1 || headers.keys().any(may_carry)
}

/// What is found in it; `inspection` is of nothing else.
pub(super) fn look(mut inspection: Inspection, uri: &Uri, headers: &HeaderMap) -> Findings {
    if uri.path().len() > 1 {
        // Segments are values of their own; a form reads percent-encoding.
        let segments = uri.path().replace('/', "&");
        inspection.text("path", Some(Syntax::Form), segments.as_bytes());
    }
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
    for (name, value) in headers.iter().filter(|(name, _)| may_carry(name)) {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
    text
}

/// Not fields of a grammar that has no room for data, nor those by which a client proves to the
/// destination who it is: they belong there.
fn may_carry(name: &HeaderName) -> bool {
    let name = name.as_str();
    !name.starts_with("sec-")
        && !name.starts_with("proxy-")
        && !matches!(
            name,
            "accept"
                | "accept-charset"
                | "accept-encoding"
                | "accept-language"
                | "access-control-request-headers"
                | "access-control-request-method"
                | "authorization"
                | "cache-control"
                | "connection"
                | "content-encoding"
                | "content-length"
                | "content-type"
                | "date"
                | "dnt"
                | "expect"
                | "host"
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
                | "via"
                | "x-api-key"
        )
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
            (HeaderName::from_static(name), http::HeaderValue::from_static(value))
        };
        let headers = headers.iter().map(pair).collect();
        let found = look(
            Inspection::new(&inspector, &Described::default()),
            &uri.parse().unwrap(),
            &headers,
        );
        assert!(found.tags().is_empty() || says_something(&uri.parse().unwrap(), &headers));
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
            (http::header::HOST, http::HeaderValue::from_static("a")),
            (http::header::ACCEPT, http::HeaderValue::from_static("*/*")),
        ]);
        assert!(!says_something(&"http://a/".parse().unwrap(), &headers));
        assert_eq!(found("http://a/", &[("authorization", "Bearer jo@firm.example.com")]), "");
    }
}
