//! `/api/v1/session`: who asks, and sessions of browsers.

use http::{HeaderMap, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::access::{Cookie, Peer, Proved};
use super::asked::{Asked, read};
use super::oidc::Oidc;
use super::params::short;
use super::reply::{self, Answer, Body, Wrong};
use super::role::Who;
use super::state::Admin;
use super::table::Sessions;

/// Octets of a body: a token is far shorter.
const MOST: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    token: String,
}

/// Answers what is about who asks.
pub(super) async fn answer(admin: &Admin, peer: &Peer, op: Sessions, asked: Asked) -> Answer {
    asked.params.end()?;
    match op {
        Sessions::Login => login(admin, peer, asked.request).await,
        Sessions::Logout => logout(admin, peer, asked.request.headers()),
        Sessions::Ways => Ok(ways(admin)),
        Sessions::Who => Ok(reply::json(&asked.who)),
    }
}

/// `POST`: a token becomes a cookie.
async fn login(admin: &Admin, peer: &Peer, request: Request<Incoming>) -> Answer {
    let Login { token } = read(request, MOST).await?;
    short("token", &token, 1_024)?;
    let admission = admin.admission();
    if !admission.access.proves() {
        return Ok(reply::json(&Who::local()));
    }
    let Proved { who, proof } = admission.access.holder(&admin.memory, peer, &token)?;
    let begun = admin.memory.sessions.begin(proof, Timestamp::now());
    let begun = begun.ok_or_else(|| Wrong::unavailable("the system gives no randomness"))?;
    tracing::info!(name = &*who.name, "a session of a browser begins");
    let mut response = reply::json(&who.in_session(begun.expires));
    let cookie = admin.memory.sessions.cookies.session(peer.secure).set(&begun.cookie, "")?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// `DELETE`
fn logout(admin: &Admin, peer: &Peer, headers: &HeaderMap) -> Answer {
    admin.memory.sessions.end(headers);
    let mut response = reply::text(StatusCode::NO_CONTENT, "text/plain", "");
    response.headers_mut().remove(header::CONTENT_TYPE);
    // What stands before us may speak TLS where we do not.
    let cookies = &admin.memory.sessions.cookies;
    let plain = (!peer.secure).then(|| cookies.session(false));
    for cookie in [Some(cookies.session(true)), plain].into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie.set("", Cookie::OVER)?);
    }
    Ok(response)
}

/// `GET ways`: by what a browser may begin one.
fn ways(admin: &Admin) -> Response<Body> {
    let admission = admin.admission();
    let issuer = admission.oidc.as_deref().and_then(Oidc::place);
    reply::json(&json!({ "token": !admission.access.tokens.is_empty(), "oidc": issuer }))
}
