//! A login by a browser: it is sent to the issuer, comes back with a code, and gets a session (OpenID
//! Connect Core section 3.1). Where it goes is told by the configuration and the issuer alone, and after
//! that it is always the first page: nothing that comes with a request leads anywhere.

use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use url::{Url, form_urlencoded};

use crate::net::Host;

use super::super::access::{Cookie, Cookies, Peer, Proof, asked_host, values};
use super::super::admission::Admission;
use super::super::reply::{self, Answer, Body, Wrong};
use super::super::state::Admin;
use super::super::table::Login as Op;
use super::exchange::{self, told};
use super::pending::{Begun, challenge};
use super::{Oidc, Person, down, page};

/// Where a browser begins, and where it comes back to.
const BEGIN: &str = "/oidc/login";
const BACK: &str = "/oidc/callback";

/// What keeps a browser from being sent on and on, where what stands before us changes names.
const AGAIN: &str = "again";

/// Seconds for which a browser keeps what it has begun.
const KEPT: &str = "; Max-Age=600";

/// Octets of a query: a code of some issuers has more than a thousand.
const MOST: usize = 8 * 1024;

/// Answers a step of a login. A browser gets a page that says what is wrong.
pub(in super::super) async fn answer(admin: &Admin, peer: &Peer, op: Op, head: &Parts) -> Answer {
    let answered = match op {
        Op::Begin => begin(admin, peer, head).await,
        Op::Back => back(admin, peer, head).await,
    };
    answered.or_else(|wrong| {
        if wrong.status.is_server_error() {
            tracing::warn!(why = %wrong.detail, "a login by admin.oidc does not work");
        }
        page::of(wrong, &head.headers)
    })
}

/// `GET /oidc/login`
async fn begin(admin: &Admin, peer: &Peer, head: &Parts) -> Answer {
    let admission = admin.admission();
    let (oidc, base) = configured(&admission)?;
    if called_otherwise(base, head) && head.uri.query() != Some(AGAIN) {
        // The cookie of this login must be of the name under which the browser comes back.
        return go(&format!("{base}{BEGIN}?{AGAIN}"));
    }
    admin.memory.check(peer)?;
    let published = oidc.issuer.published(false).await.map_err(|why| down(&why))?;
    let metadata = &published.metadata;
    let login = metadata.login.as_ref().filter(|_| metadata.token.is_some());
    let login = login.ok_or_else(|| down("it has no login of people"))?;
    let begun = oidc.pending.begin(Instant::now());
    let begun = begun.ok_or_else(|| Wrong::unavailable("the system gives no randomness"))?;
    // Until it has ended well it is one that might have been wrong.
    admin.memory.fail(peer);
    let mut response = go(at_issuer(oidc, login, base, &begun).as_str())?;
    set(&mut response, &cookies(admin).login(secure(base)), &begun.browser, KEPT)?;
    Ok(response)
}

/// What the issuer is told (OpenID Connect Core section 3.1.2.1).
fn at_issuer(oidc: &Oidc, login: &Url, base: &str, begun: &Begun) -> Url {
    let settings = &oidc.issuer.settings;
    let mut url = login.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &settings.client_id)
        .append_pair("redirect_uri", &format!("{base}{BACK}"))
        .append_pair("scope", &settings.scopes.join(" "))
        .append_pair("state", &begun.state)
        .append_pair("nonce", &begun.words.nonce)
        .append_pair("code_challenge", &challenge(&begun.words.verifier))
        .append_pair("code_challenge_method", "S256");
    url
}

/// `GET /oidc/callback`
async fn back(admin: &Admin, peer: &Peer, head: &Parts) -> Answer {
    let admission = admin.admission();
    let (oidc, base) = configured(&admission)?;
    let query = head.uri.query().unwrap_or_default();
    let said = Said::read(query).map_err(|why| Wrong::new(StatusCode::BAD_REQUEST, why))?;
    let cookie = cookies(admin).login(secure(base));
    let browser = values(&head.headers, &cookie.name).next().unwrap_or_default();
    let words = oidc.pending.take(&said.state, browser, Instant::now()).ok_or_else(|| {
        let over = "this login is over, or another browser or tab began it; begin again";
        admin.memory.refused(peer, Wrong::new(StatusCode::BAD_REQUEST, over))
    })?;
    let published = oidc.issuer.published(false).await.map_err(|why| down(&why))?;
    let code = said.code(&oidc.issuer.settings.name, published.metadata.says_issuer)?;
    let target = format!("{base}{BACK}");
    let claims =
        exchange::person(&oidc.issuer, &published.metadata, &code, &words, &target).await?;
    let person = Person::of(&oidc.issuer.settings, &claims)?;
    let who = person.who(&oidc.issuer.settings)?;
    // What was said at the login is over in minutes, and a session lasts for hours.
    let proof = Proof::Issuer(Arc::new(person), None);
    let begun = admin.memory.sessions.begin(proof, Timestamp::now());
    let begun = begun.ok_or_else(|| Wrong::unavailable("the system gives no randomness"))?;
    admin.memory.forgive(peer);
    tracing::info!(name = &*who.name, role = who.role.name(), "a session of a browser begins");
    let mut response = go("/")?;
    set(&mut response, &cookie, "", Cookie::OVER)?;
    set(&mut response, &cookies(admin).session(secure(base)).lax(), &begun.cookie, "")?;
    Ok(response)
}

fn configured(admission: &Admission) -> Result<(&Oidc, &str), Wrong> {
    let oidc = admission.oidc.as_deref();
    let found = oidc.and_then(|oidc| Some((oidc, oidc.base.as_deref()?)));
    found.ok_or_else(|| {
        let detail = "nobody logs in here: there is no [admin.oidc] with a way back for browsers";
        Wrong::new(StatusCode::NOT_FOUND, detail)
    })
}

/// What comes back with a browser (RFC 6749 sections 4.1.2, 4.1.2.1; RFC 9207).
#[derive(Debug, Default)]
struct Said {
    state: String,
    code: Option<String>,
    issuer: Option<String>,
    error: Option<String>,
    description: Option<String>,
}

impl Said {
    /// Each parameter once; issuers add others.
    fn read(query: &str) -> Result<Self, &'static str> {
        if query.len() > MOST {
            return Err("what came back from the issuer is too long");
        }
        let (mut said, mut state) = (Self::default(), None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "state" => &mut state,
                "code" => &mut said.code,
                "iss" => &mut said.issuer,
                "error" => &mut said.error,
                "error_description" => &mut said.description,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err("what came back from the issuer says something twice");
            }
        }
        said.state = state.ok_or("no login comes back here: there is no `state`")?;
        Ok(said)
    }

    /// What can be changed for tokens, if the right issuer has given it.
    fn code(self, issuer: &str, says_issuer: bool) -> Result<String, Wrong> {
        let wrong = |why: &str| Wrong::new(StatusCode::BAD_REQUEST, why);
        let right = self.issuer.as_ref().map_or(!says_issuer, |said| said == issuer);
        if !right {
            return Err(wrong("another issuer answers than the one that was asked (`iss`)"));
        }
        if let Some(error) = self.error {
            let said = self.description.map(|more| format!(": {more}")).unwrap_or_default();
            let detail = format!("the issuer let nobody in: {}", told(&format!("{error}{said}")));
            return Err(Wrong::new(StatusCode::FORBIDDEN, detail));
        }
        self.code.ok_or_else(|| wrong("there is no `code` in what came back from the issuer"))
    }
}

const fn cookies(admin: &Admin) -> &Cookies {
    &admin.memory.sessions.cookies
}

fn secure(base: &str) -> bool {
    base.starts_with("https:")
}

/// Whether the browser calls this listener by another name than the one it comes back to.
fn called_otherwise(base: &str, head: &Parts) -> bool {
    let own = base.split_once("://").map(|(_, authority)| authority);
    let own = own.and_then(|own| http::uri::Authority::try_from(own).ok());
    let own = own.and_then(|own| Host::parse(own.host()).ok());
    own != asked_host(&head.headers, &head.uri)
}

/// To another page, by `GET`.
fn go(place: &str) -> Answer {
    let mut response = reply::text(StatusCode::SEE_OTHER, "text/plain", "");
    let place = HeaderValue::try_from(place).map_err(Wrong::unavailable)?;
    response.headers_mut().insert(header::LOCATION, place);
    Ok(response)
}

fn set(
    response: &mut Response<Body>,
    cookie: &Cookie,
    value: &str,
    more: &str,
) -> Result<(), Wrong> {
    let fields: &mut HeaderMap = response.headers_mut();
    fields.append(header::SET_COOKIE, cookie.set(value, more)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://issuer.example";

    #[test]
    fn what_comes_back_is_of_the_issuer_that_was_asked() {
        let code = |query: &str, says: bool| {
            let said = Said::read(query).map_err(str::to_owned)?;
            said.code(ISSUER, says).map_err(|wrong| format!("{} {}", wrong.status, wrong.detail))
        };
        assert_eq!(code("state=s&code=c%26d&session_state=x", false).unwrap(), "c&d");
        let own = format!("state=s&code=c&iss={ISSUER}");
        assert_eq!(
            (code(&own, true).unwrap(), code(&own, false).unwrap()),
            ("c".into(), "c".into())
        );
        assert!(code("state=s&code=c", true).unwrap_err().contains("another issuer"));
        let other = "state=s&code=c&iss=https://issuer.example/";
        assert!(code(other, false).unwrap_err().contains("another issuer"));
        let denied = "state=s&error=access_denied&error_description=no%0Away";
        let told = "403 Forbidden the issuer let nobody in: access_denied: no way";
        assert_eq!(code(denied, false).unwrap_err(), told);
        assert!(code("state=s", false).unwrap_err().contains("no `code`"));
        assert!(code("code=c", false).unwrap_err().contains("no `state`"));
        assert!(code("state=s&state=t&code=c", false).unwrap_err().contains("twice"));
        let long = format!("state=s&code={}", "c".repeat(MOST));
        assert!(code(&long, false).unwrap_err().contains("too long"));
    }

    #[test]
    fn a_browser_begins_where_it_comes_back() {
        let otherwise = |base: &str, host: &str| {
            let request = http::Request::builder().uri("/oidc/login").header("host", host);
            called_otherwise(base, &request.body(()).unwrap().into_parts().0)
        };
        assert!(!otherwise("https://post.example:3129", "post.example:3129"));
        assert!(!otherwise("http://[::1]:3129", "[::1]:3129"));
        assert!(otherwise("http://127.0.0.1:3129", "localhost:3129"));
    }
}
