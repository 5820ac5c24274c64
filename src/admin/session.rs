//! `/api/v1/session`: who asks, and sessions of browsers.

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde::Deserialize;

use super::access::{COOKIE, Peer};
use super::reply::{self, Answer, Body, Wrong};
use super::role::Who;
use super::routes::read;
use super::state::Admin;

/// Octets of a token and what is around it.
const MOST: usize = 4 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    token: String,
}

/// `GET`
pub(super) fn who(who: &Who) -> Response<Body> {
    reply::json(who)
}

/// `POST`: a token becomes a cookie.
pub(super) async fn login(admin: &Admin, peer: &Peer, request: Request<Incoming>) -> Answer {
    let Login { token } = read(request, MOST).await?;
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
pub(super) fn logout(admin: &Admin, peer: &Peer, headers: &HeaderMap) -> Answer {
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
