//! Our own answers: 451, 403, 400, 502, 504 and so on, as problem+json (RFC 9457) or as
//! a page or for gRPC, each with `Proxy-Status` (RFC 9209) and the decision id.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header,
};

use crate::audit::{HoldState, path_without_values};
use crate::data::Inspector;

use super::body::Body;
use super::draft::Draft;
use super::error::Error;
use super::fields::PSEUDONYM;
use super::grpc;
use super::guard::{Refusal, Served};
use super::problem::{Explained, Problem};

/// The header by which a client finds the record of what it was answered.
pub(super) const DECISION: HeaderName = HeaderName::from_static("x-borderpost-decision");

/// How the client wants to be answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    form: Form,
    close: bool,
    /// Whether a connection carries one request at a time, so that it can be asked to close.
    http1: bool,
}

/// In what form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Json,
    Page,
    Grpc,
}

impl Wish {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            form: Form::of(request.headers()),
            // What follows a refused CONNECT may be the tunnel's bytes already.
            close: *request.method() == Method::CONNECT,
            http1: request.version() <= Version::HTTP_11,
        }
    }
}

/// Answers an error.
pub(super) fn error(
    error: &Error,
    wish: Wish,
    mut draft: Draft,
    served: Option<Served>,
) -> Response<Body> {
    let problem = note(error, &mut draft);
    let client = draft.record().client.ip();
    let (kind, text) = match wish.form {
        Form::Json => ("application/problem+json", problem.json()),
        Form::Page => ("text/html; charset=utf-8", problem.page()),
        Form::Grpc => (grpc::TYPE, String::new()),
    };
    let mut response = Response::new(Body::own(Bytes::from(text), served));
    *response.status_mut() = problem.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    insert(headers, HeaderName::from_static("proxy-status"), &problem.proxy_status());
    insert(headers, DECISION, &problem.id);
    if wish.form == Form::Grpc {
        grpc::tell(headers, &problem);
    }
    if problem.status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(
            header::ALLOW,
            HeaderValue::from_static("CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
        );
    }
    if problem.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        for challenge in draft.active().auth.challenges() {
            headers.append(header::PROXY_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
    if problem.status == StatusCode::TOO_MANY_REQUESTS {
        let wait = draft.proxy().gate.wait(client).unwrap_or_default();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
    }
    // A person needs longer, but whoever tries again sees the decision within a minute of it.
    if draft.record().hold.is_some_and(|waiting| waiting.state == HoldState::Open) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    if wish.http1 && (wish.close || problem.status == StatusCode::REQUEST_TIMEOUT) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Puts an error on record, with the status that HTTP has for it.
pub(super) fn note(error: &Error, draft: &mut Draft) -> Problem {
    draft.set_error(error);
    let proxy = Arc::clone(draft.proxy());
    let kept = proxy.sink.keeps_verdicts();
    let explained = if kept { Explained::Kept } else { Explained::Again(&proxy.settings.explain) };
    let problem = Problem::of(error, draft.record(), &explained);
    draft.record().status = Some(problem.status.as_u16());
    draft.record().failure = Some(problem.failure());
    problem
}

/// Answers a request that the guard kept from the HTTP server.
pub(super) fn refused_on_the_wire(refused: &Refusal, mut draft: Draft) -> Response<Body> {
    let record = draft.record();
    // What the service was given stands in for the real request.
    let mut words = refused.request_line.split(' ');
    record.method = words.next().and_then(|word| word.parse().ok()).unwrap_or_else(no_method);
    record.path = None;
    record.scheme = "http";
    let mut failure = Error::on_the_wire(&refused.fault);
    if let Error::Failed(failed) = &mut failure {
        let reader = Arc::clone(&draft.record().reader);
        let line = redacted(&refused.request_line, &reader);
        failed.failure.detail = format!("{} (request line: {line})", failed.failure.detail);
    }
    error(&failure, Wish { form: Form::Json, close: true, http1: true }, draft, None)
}

/// What a record says of a request whose method cannot be read: a hyphen, as access logs do.
fn no_method() -> Method {
    Method::from_bytes(b"-").unwrap_or_default()
}

/// A request line without what may be data or a secret: the query, a user before the host, and
/// values in the path. What does not look like a request line may be anything, and is told by its
/// length.
fn redacted(line: &str, reader: &Arc<Inspector>) -> String {
    let words: Vec<_> = line.split(' ').collect();
    let [method, target, version] = words.as_slice() else {
        return format!("{} octets that are none", line.len());
    };
    if !method.bytes().all(|b| b.is_ascii_uppercase()) || !version.starts_with("HTTP/") {
        return format!("{} octets that are none", line.len());
    }
    let target = target.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = target.split_once("//").map_or(("", target), |(s, rest)| (s, rest));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let slashes = if scheme.is_empty() { "" } else { "//" };
    let path = path_without_values(reader, path);
    format!("{method} {scheme}{slashes}{host}{path} {version}")
}

/// An answer that we owe as the last recipient.
pub(super) fn own(status: StatusCode, mut draft: Draft, served: Served) -> Response<Body> {
    draft.record().status = Some(status.as_u16());
    let mut response = Response::new(Body::own(Bytes::new(), Some(served)));
    *response.status_mut() = status;
    response
}

impl Form {
    fn of(headers: &HeaderMap) -> Self {
        if grpc::is_spoken(headers) {
            Self::Grpc
        } else if prefers_html(headers) {
            Self::Page
        } else {
            Self::Json
        }
    }
}

/// Whether HTML is wanted at least as much as JSON (RFC 9110 section 12.5.1).
fn prefers_html(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let weight = |wanted: &[&str]| {
        let ranges = accept.split(',').map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            (kind, weight.unwrap_or(1.0))
        });
        ranges
            .filter(|(kind, _)| wanted.contains(&kind.as_str()))
            .map(|(_, q)| q)
            .fold(0.0, f32::max)
    };
    let html = weight(&["text/html", "application/xhtml+xml"]);
    html > 0.0 && html >= weight(&["application/json", "application/problem+json"])
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

impl Problem {
    /// RFC 9209: who answers, and why. Details are an sf-string: visible ASCII.
    fn proxy_status(&self) -> String {
        let visible = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
        let detail: String = self.detail.chars().take(200).map(visible).collect();
        let detail = detail.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{PSEUDONYM}; error={}; details=\"{detail}\"", self.proxy_status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_a_page_and_a_program_gets_json() {
        let html = |accept: &str| {
            let request = Request::builder().header("accept", accept).body(()).unwrap();
            Wish::of(&request).form == Form::Page
        };
        assert!(html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(!html("*/*"));
        assert!(!html("application/json, text/html;q=0.5"));
        assert!(!html("text/html;q=0"));
    }
}
