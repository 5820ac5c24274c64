//! From a request to its answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::access::{self, Peer};
use super::assets;
use super::oidc::{self, Oidc};
use super::params::Params;
use super::reply::{self, Answer, Body, Wrong};
use super::role::Who;
use super::state::Admin;
use super::table::{Found, Op, Plain, Records, Works, as_text, find};
use super::{DESCRIPTION, Reload};
use super::{
    decisions, desk, journal, level, meters, policy, rates, readings, session, status, totals,
    trust,
};

/// How long a body may take: else whoever sends none keeps a connection.
const PATIENCE: Duration = Duration::from_secs(10);

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Who asks for what.
pub(super) struct Asked {
    pub(super) who: Who,
    /// What stands for the placeholder of the path.
    pub(super) held: String,
    pub(super) params: Params,
    /// Method, path and query, for the note of who read what.
    pub(super) what: String,
    pub(super) request: Request<Incoming>,
}

/// Answers one request.
pub(super) async fn answer(
    admin: &Arc<Admin>,
    peer: &Peer,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path();
    let private = path.starts_with("/api/") || path.starts_with("/oidc/");
    let answered = route(admin, peer, request).await;
    Ok(guarded(answered.unwrap_or_else(Wrong::response), private))
}

/// Fields that every answer has: what a page from here may do is what comes from here.
fn guarded(mut response: Response<Body>, private: bool) -> Response<Body> {
    const FIELDS: [(header::HeaderName, &str); 5] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
             form-action 'self'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let fields = response.headers_mut();
    for (name, value) in FIELDS {
        fields.insert(name, HeaderValue::from_static(value));
    }
    if private {
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

async fn route(admin: &Arc<Admin>, peer: &Peer, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    access::check(&admin.access, peer, &head)?;
    let uri = head.uri.clone();
    let (route, held) = match find(&head.method, uri.path()) {
        Found::Route(route, held) => (route, held.to_owned()),
        Found::Methods(methods) => return Err(not_allowed(&methods)),
        Found::Nothing if uri.path().starts_with("/api/") => {
            let detail = "there is no such path; GET / tells all";
            return Err(Wrong::new(StatusCode::NOT_FOUND, detail));
        }
        Found::Nothing => return Ok(reply::text(StatusCode::NOT_FOUND, TEXT, as_text())),
    };
    let who = match route.role {
        None => Who::local(),
        Some(least) => {
            let who = prove(admin, peer, &head.headers).await?;
            let who = who.ok_or_else(|| access::unproved(UNPROVED))?;
            who.may(least)?;
            who
        }
    };
    let query = if uri.path().starts_with("/api/") { uri.query() } else { None };
    let params = Params::read(query)?;
    let what =
        format!("{} {}", head.method, uri.path_and_query().map_or("/", |path| path.as_str()));
    let request = Request::from_parts(head, body);
    let asked = Asked { who, held, params, what, request };
    match route.op {
        Op::Desk(op) => desk::answer(admin, op, asked).await,
        Op::Login(op) => oidc::answer(admin, peer, op, &asked.request.into_parts().0).await,
        Op::Plain(op) => plain(admin, op, &asked.held, &asked.request).await,
        Op::Records(op) => records(admin, op, asked).await,
        Op::Sessions(op) => session::answer(admin, peer, op, asked).await,
        Op::Works(op) => works(admin, op, asked).await,
    }
}

/// What somebody is told who has proved nothing.
const UNPROVED: &str = "who asks here must prove who they are: `Authorization: Bearer TOKEN` of \
                        [[admin.token]] or of the issuer of [admin.oidc], a session (POST \
                        /api/v1/session), or a certificate";

/// Who asks; none where nothing was shown. Keys of an issuer may have to be asked for.
async fn prove(admin: &Admin, peer: &Peer, headers: &HeaderMap) -> Result<Option<Who>, Wrong> {
    let token = access::bearer(headers).filter(|token| Oidc::is_token(token));
    match (&admin.oidc, token) {
        (Some(oidc), Some(token)) => oidc.bearer(&admin.memory, peer, token).await.map(Some),
        (_, _) => admin.access.who(&admin.memory, peer, headers),
    }
}

async fn records(admin: &Arc<Admin>, op: Records, asked: Asked) -> Answer {
    match op {
        Records::Decision => decisions::one(admin, asked).await,
        Records::Decisions => decisions::list(admin, asked).await,
        Records::Export => decisions::export(admin, asked).await,
        Records::Proof => decisions::proof(admin, asked).await,
        Records::Series => totals::series(admin, asked).await,
        Records::Stream => decisions::stream(admin, asked).await,
        Records::Top => totals::top(admin, asked).await,
    }
}

async fn works(admin: &Admin, op: Works, asked: Asked) -> Answer {
    match op {
        Works::Journal => journal::view(admin, asked).await,
        Works::Level => level::get(admin, asked),
        Works::Meters => meters::view(admin, asked).await,
        Works::Policy => policy::view(admin, asked),
        Works::Rates => rates::view(admin, asked),
        Works::Readings => readings::list(admin, asked).await,
        Works::Reload => reload(admin, asked).await,
        Works::SetLevel => level::set(admin, asked).await,
        Works::Status => status::view(admin, asked).await,
        Works::Test => policy::test(admin, asked).await,
        Works::Verify => journal::verify(admin, asked).await,
        Works::WhatIf => policy::what_if(admin, asked).await,
    }
}

/// What is no JSON, for clients and machines.
async fn plain(admin: &Admin, op: Plain, held: &str, request: &Request<Incoming>) -> Answer {
    let (proxy, headers) = (&admin.proxy, request.headers());
    match op {
        Plain::Bundle => trust::bundle(proxy.authority()).await,
        Plain::Ca => trust::roots(proxy.authority()),
        Plain::Description => Ok(reply::text(StatusCode::OK, "application/json", DESCRIPTION)),
        // A browser names it first; who asks by hand takes anything.
        Plain::Home if accepts(headers, "text/html") => assets::file(assets::HOME, headers),
        Plain::Home => Ok(reply::text(StatusCode::OK, TEXT, as_text())),
        Plain::Live => Ok(reply::text(StatusCode::OK, TEXT, "ok\n")),
        Plain::Metrics => Ok(metrics(admin, headers)),
        Plain::Pac => trust::pac(proxy.listens_on(), access::asked_host(headers, request.uri())),
        Plain::Ready => Ok(ready(admin)),
        Plain::Ui => assets::file(held, headers),
    }
}

/// In OpenMetrics for those who know it; all others take the older format for what it is.
fn metrics(admin: &Admin, headers: &HeaderMap) -> Response<Body> {
    let metrics = admin.proxy.metrics();
    if accepts(headers, "application/openmetrics-text") {
        reply::text(StatusCode::OK, OPEN_METRICS, metrics.render())
    } else {
        reply::text(StatusCode::OK, METRICS, metrics.render_classic())
    }
}

/// Whether a client names a media type.
pub(super) fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|one| one.to_str().ok());
    accepted.flat_map(|list| list.split(',')).any(|one| {
        let kind = one.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(wanted)
    })
}

/// Whether requests are served and recorded.
fn ready(admin: &Admin) -> Response<Body> {
    let proxy = &admin.proxy;
    let healthy = proxy.records_healthy();
    let draining = proxy.drain.is_draining();
    let line = |name: &str, fine: bool| format!("{} {name}\n", if fine { "ok" } else { "no" });
    let active = proxy.active();
    let databases = active.atlas.databases().len();
    let text = [
        line("accepting requests", !draining),
        line("records can be written", healthy),
        format!("ok {databases} databases, {} rules\n", active.policy.rules().len()),
    ];
    let status =
        if healthy && !draining { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::text(status, TEXT, text.concat())
}

async fn reload(admin: &Admin, asked: Asked) -> Answer {
    asked.params.end()?;
    let (done, result) = oneshot::channel();
    let asked = admin.reloads.send(Reload { done }).await.is_ok();
    match result.await {
        Ok(Ok(digest)) if asked => {
            Ok(reply::text(StatusCode::OK, TEXT, format!("reloaded: {digest}\n")))
        }
        Ok(Err(problems)) => {
            // As the API answers all that it does not take; the text has its lines.
            Err(Wrong::new(StatusCode::UNPROCESSABLE_ENTITY, problems))
        }
        Ok(Ok(_)) | Err(_) => Err(Wrong::unavailable("the program is stopping")),
    }
}

fn not_allowed(methods: &[&Method]) -> Wrong {
    let mut words: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
    let detail = format!("this path takes {}", words.join(", "));
    if words.contains(&"GET") {
        words.push("HEAD");
    }
    Wrong::new(StatusCode::METHOD_NOT_ALLOWED, detail).with(header::ALLOW, words.join(", "))
}

/// Reads a body of JSON that is not longer than so many octets.
pub(super) async fn read<T: DeserializeOwned>(
    request: Request<Incoming>,
    most: usize,
) -> Result<T, Wrong> {
    let octets = octets(request.into_body(), most).await?;
    serde_json::from_slice(&octets).map_err(|error| {
        let detail = format!("the body is not the JSON that this path takes: {error}");
        Wrong::new(StatusCode::BAD_REQUEST, detail)
    })
}

async fn octets<B>(body: B, most: usize) -> Result<Bytes, Wrong>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Ok(read) = timeout(PATIENCE, Limited::new(body, most).collect()).await else {
        let detail = format!("a body comes within {} seconds here", PATIENCE.as_secs());
        return Err(Wrong::new(StatusCode::REQUEST_TIMEOUT, detail));
    };
    let body = read.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let detail = format!("a body has at most {most} octets here");
            Wrong::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        } else {
            Wrong::new(StatusCode::BAD_REQUEST, error.to_string())
        }
    })?;
    Ok(body.to_bytes())
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let (pieces, coming) = mpsc::channel(1);
        pieces.send(Ok(Bytes::from_static(b"{"))).await.unwrap();
        let never = reply::coming(TEXT, coming).into_body();
        let wrong = octets(never, 60_000).await.unwrap_err();
        assert_eq!(wrong.status, StatusCode::REQUEST_TIMEOUT);
    }
}
