//! From a request to its answer.

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::net::{Authority, Host};

use super::params::Params;
use super::reply::{self, Answer, Body, Wrong};
use super::role::Who;
use super::state::Admin;
use super::table::{Found, Op, as_text, find};
use super::{DESCRIPTION, Reload};
use super::{decisions, desk, journal, level, meters, policy, rates, status, totals, trust};

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
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    Ok(route(admin, request).await.unwrap_or_else(Wrong::response))
}

async fn route(admin: &Arc<Admin>, request: Request<Incoming>) -> Answer {
    is_from_here(request.headers())?;
    let uri = request.uri().clone();
    let (route, held) = match find(request.method(), uri.path()) {
        Found::Route(route, held) => (route, held.to_owned()),
        Found::Methods(methods) => return Err(not_allowed(&methods)),
        Found::Nothing if uri.path().starts_with("/api/") => {
            let detail = "there is no such path; GET / tells all";
            return Err(Wrong::new(StatusCode::NOT_FOUND, detail));
        }
        Found::Nothing => return Ok(reply::text(StatusCode::NOT_FOUND, TEXT, as_text())),
    };
    let who = Who::local();
    let query = if uri.path().starts_with("/api/") { uri.query() } else { None };
    let params = Params::read(query)?;
    let what = format!("{} {uri}", request.method());
    perform(admin, route.op, Asked { who, held, params, what, request }).await
}

async fn perform(admin: &Arc<Admin>, op: Op, asked: Asked) -> Answer {
    match op {
        Op::Decision => decisions::one(admin, asked).await,
        Op::Decisions => decisions::list(admin, asked).await,
        Op::Export => decisions::export(admin, asked).await,
        Op::Proof => decisions::proof(admin, asked).await,
        Op::Stream => decisions::stream(admin, asked).await,
        Op::Series => totals::series(admin, asked).await,
        Op::Top => totals::top(admin, asked).await,
        Op::Journal => journal::view(admin, asked).await,
        Op::Verify => journal::verify(admin, asked).await,
        Op::Test => policy::test(admin, asked).await,
        Op::WhatIf => policy::what_if(admin, asked).await,
        Op::Approve | Op::Close | Op::Deny | Op::Holds | Op::Reports => {
            desk::answer(admin, op, asked).await
        }
        Op::Meters => {
            asked.params.end()?;
            meters::view(admin).await
        }
        Op::Policy => {
            asked.params.end()?;
            Ok(policy::view(admin))
        }
        Op::Rates => {
            asked.params.end()?;
            Ok(rates::view(admin))
        }
        Op::Status => {
            asked.params.end()?;
            status::view(admin).await
        }
        Op::Level => level::get(admin),
        Op::SetLevel => level::set(admin, asked.request).await,
        Op::Reload => reload(admin).await,
        Op::Login | Op::Logout | Op::Who => {
            Err(Wrong::new(StatusCode::NOT_FOUND, "there are no sessions"))
        }
        Op::Description => Ok(reply::text(StatusCode::OK, "application/json", DESCRIPTION)),
        Op::Bundle | Op::Ca | Op::Home | Op::Live | Op::Metrics | Op::Pac | Op::Ready | Op::Ui => {
            plain(admin, op, asked.request.headers()).await
        }
    }
}

/// What is no JSON, for clients and machines.
async fn plain(admin: &Admin, op: Op, headers: &HeaderMap) -> Answer {
    let proxy = &admin.proxy;
    match op {
        Op::Bundle => trust::bundle(proxy.authority()).await,
        Op::Ca => trust::roots(proxy.authority()),
        Op::Live => Ok(reply::text(StatusCode::OK, TEXT, "ok\n")),
        Op::Metrics => Ok(metrics(admin, headers)),
        Op::Pac => trust::pac(proxy.listens_on(), asked_host(headers)),
        Op::Ready => Ok(ready(admin)),
        _ => Ok(reply::text(StatusCode::OK, TEXT, as_text())),
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
fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
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

async fn reload(admin: &Admin) -> Answer {
    let (done, result) = oneshot::channel();
    let asked = admin.reloads.send(Reload { done }).await.is_ok();
    match result.await {
        Ok(Ok(digest)) if asked => {
            Ok(reply::text(StatusCode::OK, TEXT, format!("reloaded: {digest}\n")))
        }
        Ok(Err(problems)) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(reply::text(status, TEXT, format!("{problems}\n")))
        }
        Ok(Ok(_)) | Err(_) => Err(Wrong::unavailable("the program is stopping")),
    }
}

/// A page in a browser on this machine must not be able to work the admin listener: not
/// by its own requests (`Origin`), and not under a name of its own that resolves here
/// (DNS rebinding).
fn is_from_here(headers: &HeaderMap) -> Result<(), Wrong> {
    let refused = |why: &str| Err(Wrong::new(StatusCode::FORBIDDEN, why));
    if headers.contains_key(header::ORIGIN) {
        return refused("requests from web pages are not taken");
    }
    let local = match asked_host(headers) {
        Some(Host::Address(_)) => true,
        Some(Host::Name(name)) => &*name == "localhost",
        None => false,
    };
    if local { Ok(()) } else { refused("ask for this listener by address or as localhost") }
}

/// How the client calls this listener.
fn asked_host(headers: &HeaderMap) -> Option<Host> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| Authority::parse(host, Some(80)).ok());
    host.map(|authority| authority.host)
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
    let body = Limited::new(request.into_body(), most).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let detail = format!("a body has at most {most} octets here");
            Wrong::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        } else {
            Wrong::new(StatusCode::BAD_REQUEST, error.to_string())
        }
    })?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| {
        let detail = format!("the body is not the JSON that this path takes: {error}");
        Wrong::new(StatusCode::BAD_REQUEST, detail)
    })
}
