//! One request to the destination and its answer back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use tokio::time::sleep;

use crate::policy::Permit;

use super::body::Body;
use super::draft::Draft;
use super::error::Error;
use super::frame::{Pause, patience};
use super::guard::{InFlight, Informer, Served, Wire};
use super::ingress::Ingress;
use super::inspect::Source;
use super::judge::Judged;
use super::mark::Mark;
use super::outgoing::{Outgoing, Progress};
use super::pool::Key;
use super::sender::Address;
use super::target::Target;
use super::upgrade::Upgrade;
use super::upstream::{Answered, Met};
use super::wire::{Fault, FaultKind};
use super::{Proxy, fields, statement};

/// The client's side of one exchange.
pub(super) struct Client<'w> {
    pub(super) ingress: &'w Ingress,
    pub(super) wire: &'w Wire,
    pub(super) in_flight: &'w InFlight,
}

impl Client<'_> {
    /// An exchange that broke off because the client broke its body off is its fault.
    fn blame(&self, sent: &Progress, error: Error) -> Error {
        match self.wire.body_fault() {
            Some(fault) => Error::on_the_wire(&fault),
            None if sent.is_stalled() => Error::on_the_wire(&Fault::new(FaultKind::BodyTimeout, 0)),
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
    mut judged: Judged,
    mut request: Request<Source>,
) -> Result<Answered, Error> {
    let (proxy, active) = (Arc::clone(draft.proxy()), Arc::clone(draft.active()));
    active.carriers.strip(request.headers_mut());
    statement::strip(request.headers_mut());
    fields::forward_request(&mut request, proxy.via())?;
    let upgrade = request.extensions().get::<Upgrade>().cloned();
    let address = Address::of(&request, target, client.in_flight.asks_whole_server())?;
    let limit = patience(&proxy.settings, request.headers(), proxy.settings.response_timeout);
    let request = prepare(request, draft, client.in_flight.informer());
    let alone = fields::proves_connection(request.headers()).then_some(client.ingress.slot.id);
    let key = |permit: &Permit| Key { client: alone, ..target.key(permit, &active) };
    let sent = Arc::clone(draft.sent());
    let Judged { permits, met, .. } = &mut judged;
    let met = met.take();
    let sending = async {
        match (met, permits.first()) {
            (Some(met), Some(permit)) => {
                let mut met = Met { permit: permit.clone(), ..met };
                met.lease.key.client = alone;
                proxy.upstream.send_to(met, request, &address).await
            }
            (_, _) => proxy.upstream.send(permits, key, request, &address).await,
        }
    };
    let started = Instant::now();
    let answered = tokio::select! {
        answered = sending => answered.map_err(|error| {
            barred(draft, &sent).unwrap_or_else(|| client.blame(&sent, error))
        })?,
        () = silence(limit, &sent) => return Err(silent()),
    };
    draft.awaited_since(started);
    draft.set_permit(&answered.permit, judged.entry(answered.permit.socket()));
    let first_byte = draft.elapsed();
    let record = draft.record();
    record.timings.connect = answered.connect;
    record.tls.clone_from(&answered.lease.link.session);
    record.timings.first_byte = Some(first_byte);
    check(&answered.response, upgrade.as_ref())?;
    Ok(answered)
}

/// Why the body was broken off, if the policy did it.
fn barred(draft: &mut Draft, sent: &Progress) -> Option<Error> {
    let told = sent.later().take_told()?;
    draft.learn(told)
}

/// Hands the answer to the client.
pub(super) fn pass_back(answered: Answered, mut draft: Draft, served: Served) -> Response<Body> {
    let Answered { response, lease, .. } = answered;
    let (mut head, body) = response.into_parts();
    fields::forward_response(&mut head.headers, head.version, draft.proxy().via());
    head.version = Version::HTTP_11;
    draft.record().status = Some(head.status.as_u16());
    let settings = &draft.proxy().settings;
    let pause = Pause::new(patience(settings, &head.headers, settings.body_timeout));
    Response::from_parts(head, Body::passed(body, pause, (draft, lease), served))
}

/// Puts the body on its way: counted, and held back where the client waits for a word.
/// Interim answers are passed on as they come (RFC 9110 section 15.2).
fn prepare(request: Request<Source>, draft: &Draft, informer: Informer) -> Request<Outgoing> {
    let sent = Arc::clone(draft.sent());
    let active = Arc::clone(draft.active());
    let version = request.version();
    let settings = &draft.proxy().settings;
    let limit = patience(settings, request.headers(), settings.body_timeout);
    let mut request = request.map(|body| match version {
        Version::HTTP_2 => Outgoing::new(body, sent, active).limited(limit),
        _ => Outgoing::new(body, sent, active),
    });
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
fn check(response: &Response<Incoming>, upgrade: Option<&Upgrade>) -> Result<(), Error> {
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
    match upgrade {
        Some(upgrade) if upgrade.is_extended() && response.status().is_success() => {
            malformed("the destination took a handshake of WebSocket for another request")
        }
        _ if response.status() != StatusCode::SWITCHING_PROTOCOLS => Ok(()),
        Some(upgrade) => upgrade.check(headers),
        None => malformed("the destination switched protocols without being asked to"),
    }
}

/// Ends when nothing has been sent for `limit`; an answer is due by then.
pub(super) async fn silence(limit: Duration, sent: &Progress) {
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

impl Proxy {
    /// Our own mark in `Via`.
    pub(super) fn via(&self) -> &Mark {
        &self.via
    }
}
