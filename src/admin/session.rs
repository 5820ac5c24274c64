//! `/api/v1/session`: who asks, and sessions of browsers.

use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde::Deserialize;

use super::access::{COOKIE, Peer};
use super::params::short;
use super::reply::{self, Answer, Wrong};
use super::role::Who;
use super::routes::{Asked, read};
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
        Sessions::Who => Ok(reply::json(&asked.who)),
    }
}

/// `POST`: a token becomes a cookie.
async fn login(admin: &Admin, peer: &Peer, request: Request<Incoming>) -> Answer {
    let Login { token } = read(request, MOST).await?;
    short("token", &token, 1_024)?;
    if admin.access.is_open() {
        return Ok(reply::json(&Who::local()));
    }
    let who = admin.access.holder(&admin.memory, peer, &token)?;
    let begun = admin.memory.sessions.begin(&who, Timestamp::now());
    let (value, who) = begun.ok_or_else(|| Wrong::unavailable("the system gives no randomness"))?;
    tracing::info!(name = &*who.name, "a session of a browser begins");
    let mut response = reply::json(&who);
    response.headers_mut().insert(header::SET_COOKIE, cookie(&value, peer, "")?);
    Ok(response)
}

/// `DELETE`
fn logout(admin: &Admin, peer: &Peer, headers: &HeaderMap) -> Answer {
    admin.memory.sessions.end(headers);
    let mut response = reply::text(StatusCode::NO_CONTENT, "text/plain", "");
    response.headers_mut().remove(header::CONTENT_TYPE);
    response.headers_mut().insert(header::SET_COOKIE, cookie("", peer, "; Max-Age=0")?);
    Ok(response)
}

fn cookie(value: &str, peer: &Peer, more: &str) -> Result<HeaderValue, Wrong> {
    let secure = if peer.secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}");
    text.parse().map_err(Wrong::unavailable)
}
