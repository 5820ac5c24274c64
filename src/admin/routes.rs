//! One match from method and path to answer; the table is in the module above.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};

use crate::net::{Authority, Host};
use crate::proxy::Proxy;

use super::Reload;
use super::desk::{Wanted, Wrong};
use super::trust;

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const INDEX: &str = "borderpost admin\n\nGET  /ca.pem\nGET  /ca-bundle.pem\nGET  /livez\nGET  /metrics\nGET  /proxy.pac\nGET  /readyz\nGET  /api/v1/holds\n\
     POST /api/v1/holds/ID/approve\nPOST /api/v1/holds/ID/deny\nPOST /api/v1/reload\n\
     GET  /api/v1/reports\nPOST /api/v1/reports/ID/close\n";

/// Answers one request.
pub(super) async fn answer(
    proxy: &Proxy,
    reloads: &mpsc::Sender<Reload>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if let Err(why) = is_from_here(request.headers()) {
        return Ok(reply(StatusCode::FORBIDDEN, TEXT, why));
    }
    let uri = request.uri().clone();
    if let Some(wanted) = Wanted::of(uri.path(), uri.query()) {
        let method = wanted.method();
        return Ok(if *request.method() == method {
            wanted.answer(proxy.desk(), request).await
        } else {
            Wrong::method(&method).response()
        });
    }
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => reply(StatusCode::OK, TEXT, INDEX),
        (&Method::GET, "/ca.pem") => trust::roots(proxy.authority()),
        (&Method::GET, "/ca-bundle.pem") => trust::bundle(proxy.authority()).await,
        (&Method::GET, "/livez") => reply(StatusCode::OK, TEXT, "ok\n"),
        (&Method::GET, "/metrics") => metrics(proxy, request.headers()),
        (&Method::GET, "/proxy.pac") => match proxy.listens_on() {
            Some(listen) => trust::pac(listen, asked(request.headers())),
            None => reply(StatusCode::NOT_FOUND, TEXT, "no listener for clients\n"),
        },
        (&Method::GET, "/readyz") => ready(proxy),
        (&Method::POST, "/api/v1/reload") => reload(reloads).await,
        (
            _,
            "/" | "/ca.pem" | "/ca-bundle.pem" | "/livez" | "/metrics" | "/proxy.pac" | "/readyz"
            | "/api/v1/reload",
        ) => reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "this path takes another method\n"),
        _ => reply(StatusCode::NOT_FOUND, TEXT, INDEX),
    })
}

/// In OpenMetrics for those who know it; all others take the older format for what it is.
fn metrics(proxy: &Proxy, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|one| one.to_str().ok());
    let open = accepted.flat_map(|list| list.split(',')).any(|one| {
        let kind = one.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/openmetrics-text")
    });
    if open {
        reply(StatusCode::OK, OPEN_METRICS, proxy.metrics().render())
    } else {
        reply(StatusCode::OK, METRICS, proxy.metrics().render_classic())
    }
}

/// Whether requests are served and recorded.
fn ready(proxy: &Proxy) -> Response<Full<Bytes>> {
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
    reply(status, TEXT, text.concat())
}

async fn reload(reloads: &mpsc::Sender<Reload>) -> Response<Full<Bytes>> {
    let (done, result) = oneshot::channel();
    let asked = reloads.send(Reload { done }).await.is_ok();
    match result.await {
        Ok(Ok(digest)) if asked => reply(StatusCode::OK, TEXT, format!("reloaded: {digest}\n")),
        Ok(Err(problems)) => reply(StatusCode::UNPROCESSABLE_ENTITY, TEXT, format!("{problems}\n")),
        Ok(Ok(_)) | Err(_) => {
            reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the program is stopping\n")
        }
    }
}

/// A page in a browser on this machine must not be able to work the admin listener: not
/// by its own requests (`Origin`), and not under a name of its own that resolves here
/// (DNS rebinding).
fn is_from_here(headers: &HeaderMap) -> Result<(), &'static str> {
    if headers.contains_key(header::ORIGIN) {
        return Err("requests from web pages are not taken\n");
    }
    let local = match asked(headers) {
        Some(Host::Address(_)) => true,
        Some(Host::Name(name)) => &*name == "localhost",
        None => false,
    };
    if local { Ok(()) } else { Err("ask for this listener by address or as localhost\n") }
}

/// How the client calls this listener.
fn asked(headers: &HeaderMap) -> Option<Host> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| Authority::parse(host, Some(80)).ok());
    host.map(|authority| authority.host)
}

fn reply(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
