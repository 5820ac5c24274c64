//! What an issuer says of itself (OpenID Connect Discovery 1.0, RFC 8414): where it is asked for what.

use serde::Deserialize;
use url::Url;

use super::settings::{OidcSettings, is_guarded};

/// What an issuer says of itself.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) keys: Url,
    /// Where people log in, and where what they come back with is changed for tokens. An issuer
    /// without them has only tokens of programs.
    pub(super) login: Option<Url>,
    pub(super) token: Option<Url>,
    /// Where more is said of somebody.
    pub(super) person: Option<Url>,
    /// Whether it wants the secret of a client in the form, and not in the head.
    pub(super) secret_in_form: bool,
    /// Whether each answer of a login says who it is of (RFC 9207 section 3).
    pub(super) says_issuer: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Where it says that (section 4): below its name.
pub(super) fn place(issuer: &Url) -> Url {
    let mut place = issuer.clone();
    place.set_path(&format!(
        "{}/.well-known/openid-configuration",
        issuer.path().trim_end_matches('/')
    ));
    place
}

impl Metadata {
    /// Reads it.
    pub(super) fn parse(octets: &[u8], settings: &OidcSettings) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(octets)
            .map_err(|error| format!("what the issuer says of itself cannot be read: {error}"))?;
        if document.issuer != settings.name {
            // Somebody else could speak for it otherwise (section 4.3).
            return Err(format!(
                "who is asked calls itself `{}`, not `{}`: `admin.oidc.issuer` must be the same, \
                 letter by letter",
                document.issuer, settings.name
            ));
        }
        let optional = |name, text: Option<String>| {
            text.map(|text| endpoint(name, &text, settings)).transpose()
        };
        let methods = document.token_endpoint_auth_methods_supported.unwrap_or_default();
        let has = |method: &str| methods.iter().any(|one| one == method);
        Ok(Self {
            keys: endpoint("jwks_uri", &document.jwks_uri, settings)?,
            login: optional("authorization_endpoint", document.authorization_endpoint)?,
            token: optional("token_endpoint", document.token_endpoint)?,
            person: optional("userinfo_endpoint", document.userinfo_endpoint)?,
            secret_in_form: has("client_secret_post") && !has("client_secret_basic"),
            says_issuer: document.authorization_response_iss_parameter_supported,
        })
    }
}

fn endpoint(name: &str, text: &str, settings: &OidcSettings) -> Result<Url, String> {
    let wrong = || format!("the issuer says `{text}` for `{name}`, which is no URL of https");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain = url.scheme() == "http" && settings.is_secure();
    if plain || !is_guarded(&url) || url.fragment().is_some() {
        return Err(wrong());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::settings;
    use super::*;

    fn document() -> Value {
        json!({
            "issuer": "https://issuer.example/realm",
            "jwks_uri": "https://issuer.example/keys",
            "authorization_endpoint": "https://issuer.example/login?a=b",
            "token_endpoint": "https://issuer.example/token",
        })
    }

    fn read(document: &Value) -> Result<Metadata, String> {
        Metadata::parse(document.to_string().as_bytes(), &settings())
    }

    #[test]
    fn it_is_found_below_the_name() {
        for issuer in ["https://issuer.example", "https://issuer.example/"] {
            let place = place(&Url::parse(issuer).unwrap());
            assert_eq!(place.as_str(), "https://issuer.example/.well-known/openid-configuration");
        }
        for issuer in ["https://issuer.example/a", "https://issuer.example/a/"] {
            let place = place(&Url::parse(issuer).unwrap());
            assert_eq!(place.as_str(), "https://issuer.example/a/.well-known/openid-configuration");
        }
    }

    #[test]
    fn an_issuer_speaks_for_itself_and_by_tls() {
        let metadata = read(&document()).unwrap();
        assert_eq!(metadata.login.unwrap().as_str(), "https://issuer.example/login?a=b");
        assert!(!metadata.secret_in_form && !metadata.says_issuer && metadata.person.is_none());
        let with = |name: &str, value: Value| {
            let mut document = document();
            document[name] = value;
            read(&document)
        };
        let methods = "token_endpoint_auth_methods_supported";
        assert!(with(methods, json!(["client_secret_post"])).unwrap().secret_in_form);
        let both = json!(["client_secret_post", "client_secret_basic"]);
        assert!(!with(methods, both).unwrap().secret_in_form);
        let says = "authorization_response_iss_parameter_supported";
        assert!(with(says, json!(true)).unwrap().says_issuer);
        for other in ["https://issuer.example/realm/", "https://evil.example", ""] {
            assert!(with("issuer", json!(other)).unwrap_err().contains("letter by letter"));
        }
        for name in ["jwks_uri", "authorization_endpoint", "token_endpoint", "userinfo_endpoint"] {
            for wrong in ["http://issuer.example/x", "http://127.0.0.1/", "/x", "javascript:x", ""]
            {
                assert!(with(name, json!(wrong)).unwrap_err().contains(name), "{name}: {wrong}");
            }
        }
        assert!(with("jwks_uri", Value::Null).unwrap_err().contains("cannot be read"));
    }
}
