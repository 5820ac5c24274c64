//! One request to the destination and its answer back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::uri::Uri;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::{Body as _, Incoming};
use tokio::time::sleep;

use super::body::Body;
use super::draft::Draft;
use super::error::Error;
use super::guard::{InFlight, Informer, Served, Wire};
use super::judge::Judged;
use super::outgoing::{Outgoing, Progress};
use super::pool::Key;
use super::target::{Speech, Target};
use super::upstream::Answered;
use super::{Proxy, fields, statement};

/// The client's side of one exchange.
pub(super) struct Client<'w> {
    pub(super) wire: &'w Wire,
    pub(super) in_flight: &'w InFlight,
}

impl Client<'_> {
    /// An exchange that broke off because the client broke its body off is its fault.
    fn blame(&self, sent: &Progress, error: Error) -> Error {
        match self.wire.body_fault() {
            Some(fault) => Error::on_the_wire(&fault),
            None if sent.is_broken() => {
                let text = "the request's body ended before its announced end";
                let status = StatusCode::BAD_REQUEST;
                Error::client(status, "request-cut", text, "RFC 9112 section 8")
            }
            None => error,
        }
    }
}

/// Sends the request on one of the permits and waits for the head of the answer.
pub(super) async fn send(
    draft: &mut Draft,
    client: &Client<'_>,
    target: &Target,
    judged: &Judged,
    mut request: Request<Incoming>,
) -> Result<Answered, Error> {
    let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
    active.carriers.strip(request.headers_mut());
    statement::strip(request.headers_mut());
    fields::forward_request(&mut request, proxy.via())?;
    address(&mut request, target, client.in_flight.asks_whole_server())?;
    frame(&mut request);
    let request = prepare(request, draft, client.in_flight.informer());
    let key = |permit: &crate::policy::Permit| Key {
        socket: permit.socket(),
        tls: (target.scheme == Speech::Https).then(|| target.authority.host.clone()),
        epoch: active.epoch,
    };
    let sent = Arc::clone(draft.sent());
    let answered = tokio::select! {
        answered = proxy.upstream.send(&judged.permits, key, request) => {
            answered.map_err(|error| client.blame(&sent, error))?
        }
        () = silence(proxy.settings.response_timeout, &sent) => return Err(silent()),
    };
    draft.set_permit(&answered.permit, judged.entry(answered.permit.socket()));
    let first_byte = draft.elapsed();
    let record = draft.record();
    record.timings.connect = answered.connect;
    record.timings.first_byte = Some(first_byte);
    check(&answered.response)?;
    Ok(answered)
}

/// Hands the answer to the client.
pub(super) fn pass_back(answered: Answered, mut draft: Draft, served: Served) -> Response<Body> {
    let Answered { response, lease, .. } = answered;
    let (mut head, body) = response.into_parts();
    fields::forward_response(&mut head.headers, head.version, draft.proxy().via());
    head.version = Version::HTTP_11;
    draft.record().status = Some(head.status.as_u16());
    Response::from_parts(head, Body::passed(body, draft, lease, served))
}

/// Rewrites the target to origin form and sets `Host` from it
/// (RFC 9112 sections 3.2.1 and 3.2.2).
fn address(
    request: &mut Request<Incoming>,
    target: &Target,
    whole_server: bool,
) -> Result<(), Error> {
    let port = target.scheme.default_port().unwrap_or(target.authority.port);
    let host = HeaderValue::try_from(target.authority.to_host_field(port));
    let host = host.map_err(|_| bad_target())?;
    request.headers_mut().insert(header::HOST, host);
    let path = match request.uri().path_and_query() {
        _ if whole_server => Uri::from_static("*"),
        Some(path) => Uri::from(path.clone()),
        None => Uri::from_static("/"),
    };
    *request.uri_mut() = path;
    *request.version_mut() = Version::HTTP_11;
    Ok(())
}

/// Says how the body is framed where hyper would guess that a method has none: a chunked
/// GET would lose its body (RFC 9112 section 6.3).
fn frame(request: &mut Request<Incoming>) {
    let sized = request.headers().contains_key(header::CONTENT_LENGTH);
    if !sized && !request.body().is_end_stream() {
        let chunked = HeaderValue::from_static("chunked");
        request.headers_mut().insert(header::TRANSFER_ENCODING, chunked);
    }
}

/// Puts the body on its way: counted, and held back where the client waits for a word.
/// Interim answers are passed on as they come (RFC 9110 section 15.2).
fn prepare(request: Request<Incoming>, draft: &Draft, informer: Informer) -> Request<Outgoing> {
    let sent = Arc::clone(draft.sent());
    let mut request = request.map(|body| Outgoing::new(body, sent));
    let expects = request.headers().contains_key(header::EXPECT);
    let gate = Mutex::new(expects.then(|| request.body_mut().gated()));
    hyper::ext::on_informational(&mut request, move |interim| {
        if interim.status() != StatusCode::CONTINUE {
            let mut headers = interim.headers().clone();
            fields::strip(&mut headers);
            headers.remove(header::CONTENT_LENGTH);
            informer.inform(interim.status(), &headers);
            return;
        }
        // The client reads its own 100 from our HTTP server once the body is asked for.
        let open = gate.lock().unwrap_or_else(PoisonError::into_inner).take();
        if open.is_some_and(|open| open.send(()).is_err()) {
            tracing::debug!("the destination said 100 to a request that has ended");
        }
    });
    request
}

/// Refuses answers that other parsers could read differently (RFC 9112 section 6.3).
fn check(response: &Response<Incoming>) -> Result<(), Error> {
    let headers = response.headers();
    let malformed = |text: &str| {
        let status = StatusCode::BAD_GATEWAY;
        Err(Error::upstream(status, "response", "answer-malformed", "http_protocol_error", text))
    };
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let coded = codings.next();
    if coded.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
        || codings.next().is_some()
    {
        return malformed("the destination sent a Transfer-Encoding other than chunked");
    }
    if coded.is_some() && headers.contains_key(header::CONTENT_LENGTH) {
        return malformed("the destination sent both Transfer-Encoding and Content-Length");
    }
    if headers.get_all(header::CONTENT_LENGTH).iter().count() > 1 {
        return malformed("the destination sent Content-Length more than once");
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return malformed("the destination switched protocols without being asked to");
    }
    Ok(())
}

/// Ends when nothing has been sent for `limit`; an answer is due by then.
async fn silence(limit: Duration, sent: &Progress) {
    let mut before = sent.bytes();
    loop {
        sleep(limit).await;
        let now = sent.bytes();
        if now == before {
            return;
        }
        before = now;
    }
}

fn silent() -> Error {
    let text = "the destination did not answer in time";
    let status = StatusCode::GATEWAY_TIMEOUT;
    Error::upstream(status, "response", "answer-timeout", "http_response_timeout", text)
}

fn bad_target() -> Error {
    let status = StatusCode::BAD_REQUEST;
    Error::client(
        status,
        "target-invalid",
        "the target cannot stand in Host",
        "RFC 9112 section 3.2",
    )
}

impl Proxy {
    /// Our own mark in `Via`.
    pub(super) fn via(&self) -> &HeaderValue {
        &self.via
    }
}
