//! From a request to its answer.

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::sync::oneshot;

use super::access::{self, Peer, Proved};
use super::asked::{Asked, accepts};
use super::assets;
use super::oidc;
use super::params::Params;
use super::reply::{self, Answer, Body, Wrong};
use super::state::Admin;
use super::table::{Found, Op, Plain, Records, Works, as_text, find};
use super::{DESCRIPTION, Reload};
use super::{
    decisions, desk, diagnostics, journal, meters, policy, rates, readings, session, status,
    totals, trust,
};

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

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
    let admission = admin.admission();
    access::check(&admission.access, peer, &head)?;
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
    let Proved { who, proof } = match route.role {
        None => Proved::local(),
        Some(least) => {
            let proved = admission.prove(&admin.memory, peer, &head.headers).await?;
            let proved = proved.ok_or_else(|| access::unproved(UNPROVED))?;
            proved.who.may(least)?;
            proved
        }
    };
    let query = if uri.path().starts_with("/api/") { uri.query() } else { None };
    let params = Params::read(query)?;
    let what =
        format!("{} {}", head.method, uri.path_and_query().map_or("/", |path| path.as_str()));
    let request = Request::from_parts(head, body);
    let asked = Asked { who, proof, held, params, what, request };
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
        Works::Level => diagnostics::get(admin, asked),
        Works::Meters => meters::view(admin, asked).await,
        Works::Policy => policy::view(admin, asked),
        Works::Rates => rates::view(admin, asked),
        Works::Readings => readings::list(admin, asked).await,
        Works::Reload => reload(admin, asked).await,
        Works::SetLevel => diagnostics::set(admin, asked).await,
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
    let Asked { who, params, .. } = asked;
    params.end()?;
    let who = who.noted();
    let (done, result) = oneshot::channel();
    let asked = admin.reloads.send(Reload { who, done }).await.is_ok();
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
