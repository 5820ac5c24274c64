//! What a browser comes back with is changed for who it is: for tokens at the issuer (RFC 6749 section
//! 4.1.3, with PKCE, RFC 7636), and for what else the issuer says of somebody.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use crate::auth::jwt::Claims;

use super::super::reply::Wrong;
use super::discovery::Metadata;
use super::fetch::Question;
use super::issuer::{Issuer, Unproved};
use super::pending::Words;
use super::settings::{OidcSettings, Secret};
use super::{down, person};

/// Letters of what an issuer says that are told.
const TOLD: usize = 200;

/// Tokens (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3).
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

/// A refusal (RFC 6749 section 5.2).
#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

/// Who has logged in.
pub(super) async fn person(
    issuer: &Issuer,
    metadata: &Metadata,
    code: &str,
    words: &Words,
    back: &str,
) -> Result<Claims, Wrong> {
    let settings = &issuer.settings;
    let token = metadata.token.as_ref().ok_or_else(|| down("it names no token_endpoint"))?;
    let question = question(settings, metadata, code, words, back)?;
    let answer = issuer.fetcher.ask(token, question).await;
    let (status, body) = answer.map_err(|why| down(&why))?;
    let tokens = tokens(status, &body)?;
    let nonce = Some(&*words.nonce);
    let verified = issuer.verify(&tokens.id_token, &settings.client_id, nonce).await;
    let mut claims = verified.map_err(|why| match why {
        Unproved::Refused(why) => bad(&format!("the ID token is not right: {why}")),
        Unproved::Down(why) => down(&why),
    })?;
    if let (Some(place), Some(token)) = (&metadata.person, &tokens.access_token)
        && !person::is_enough(settings, &claims)
    {
        let more = more(issuer, place, token).await?;
        // Otherwise it would be what is said of somebody else (OpenID Connect Core section 5.3.2).
        if more.get("sub").and_then(Value::as_str) != claims.text("sub") {
            return Err(bad("its userinfo is about somebody else"));
        }
        claims.add(more);
    }
    Ok(claims)
}

async fn more(issuer: &Issuer, place: &Url, token: &str) -> Result<Map<String, Value>, Wrong> {
    let proof = HeaderValue::try_from(format!("Bearer {token}"));
    let proof = proof.map_err(|_| bad("its access token is none"))?;
    let question = Question { authorization: Some(secret(proof)), ..Question::default() };
    let answer = issuer.fetcher.get(place, question).await.map_err(|why| down(&why))?;
    serde_json::from_slice(&answer).map_err(|_| bad("its userinfo is no object of JSON"))
}

fn question(
    settings: &OidcSettings,
    metadata: &Metadata,
    code: &str,
    words: &Words,
    back: &str,
) -> Result<Question, Wrong> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", back)
        .append_pair("code_verifier", &words.verifier);
    let mut authorization = None;
    match &settings.secret {
        Some(Secret(own)) if !metadata.secret_in_form => {
            // Each is coded as in a form before (RFC 6749 section 2.3.1).
            let coded =
                |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", coded(&settings.client_id), coded(own));
            let proof = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
            authorization = Some(secret(proof.map_err(Wrong::unavailable)?));
        }
        Some(Secret(own)) => {
            form.append_pair("client_id", &settings.client_id).append_pair("client_secret", own);
        }
        None => {
            form.append_pair("client_id", &settings.client_id);
        }
    }
    Ok(Question { form: Some(form.finish()), authorization })
}

fn tokens(status: StatusCode, body: &Bytes) -> Result<Tokens, Wrong> {
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(down(&format!("its token_endpoint answers {status}")));
    }
    if status != StatusCode::OK {
        let said = match serde_json::from_slice::<Refusal>(body) {
            Ok(Refusal { error, error_description: Some(more) }) => format!("{error}: {more}"),
            Ok(Refusal { error, error_description: None }) => error,
            Err(_) => status.to_string(),
        };
        return Err(bad(&format!("it does not give the tokens of this login: {}", told(&said))));
    }
    serde_json::from_slice(body).map_err(|_| bad("its token_endpoint answers without an ID token"))
}

/// The issuer does what it should not, or knows this program in another way than it is configured.
fn bad(why: &str) -> Wrong {
    let detail = format!("the issuer that `admin.oidc` names has not proved who this is: {why}");
    Wrong::new(StatusCode::BAD_GATEWAY, detail)
}

fn secret(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// What somebody else says, as people may see it.
pub(super) fn told(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TOLD).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::settings;
    use super::*;

    fn asked(secret: Option<&str>, in_form: bool) -> (String, Option<String>) {
        let secret = secret.map(|secret| Secret(secret.to_owned()));
        let settings = OidcSettings { client_id: "a b".to_owned(), secret, ..settings() };
        let document =
            br#"{"issuer":"https://issuer.example/realm","jwks_uri":"https://issuer.example/"}"#;
        let metadata = Metadata::parse(document, &settings).unwrap();
        let metadata = Metadata { secret_in_form: in_form, ..metadata };
        let words = Words { nonce: "n".to_owned(), verifier: "v".to_owned() };
        let back = "https://post.example/oidc/callback";
        let question = question(&settings, &metadata, "c&d", &words, back).unwrap();
        let proof = question.authorization.map(|proof| proof.to_str().unwrap().to_owned());
        (question.form.unwrap(), proof)
    }

    #[test]
    fn a_client_proves_itself_as_the_issuer_wants() {
        let form = "grant_type=authorization_code&code=c%26d&redirect_uri=https%3A%2F%2Fpost.example\
                    %2Foidc%2Fcallback&code_verifier=v";
        assert_eq!(asked(None, false), (format!("{form}&client_id=a+b"), None));
        let basic = format!("Basic {}", STANDARD.encode("a+b:x%3Ay%C3%A9"));
        assert_eq!(asked(Some("x:yé"), false), (form.to_owned(), Some(basic)));
        let posted = format!("{form}&client_id=a+b&client_secret=s");
        assert_eq!(asked(Some("s"), true), (posted, None));
    }

    #[test]
    fn a_refusal_of_the_issuer_is_told() {
        let answer = |status: u16, body: &'static str| {
            let status = StatusCode::from_u16(status).unwrap();
            tokens(status, &Bytes::from_static(body.as_bytes())).map(|tokens| tokens.id_token)
        };
        assert_eq!(answer(200, r#"{"id_token":"a.b.c","token_type":"Bearer"}"#).unwrap(), "a.b.c");
        let wrong = answer(400, r#"{"error":"invalid_grant","error_description":"a\nb"}"#);
        let wrong = wrong.unwrap_err();
        assert!(wrong.status == 502 && wrong.detail.ends_with("invalid_grant: a b"));
        assert!(answer(401, "no").unwrap_err().detail.ends_with("401 Unauthorized"));
        assert_eq!(answer(200, r#"{"access_token":"x"}"#).unwrap_err().status, 502);
        assert_eq!(answer(503, "").unwrap_err().status, 503);
    }
}
