//! `[admin.oidc]`: the issuer by which people and programs prove who they are to the admin listener.

use std::path::Path;
use std::sync::Arc;

use url::{Host, Url};

use crate::admin::{OidcSettings, Place, Role, Secret, is_guarded};
use crate::tls;

use super::secrets;
use super::section::{Section, Word};
use super::words::nearest;

/// The secret of the client: in a file, in a variable of the environment, or a credential.
const SECRET: [&str; 3] = ["client_secret_file", "client_secret_env", "client_secret_credential"];

/// Letters of a claim's, a group's or a scope's name.
const MOST: usize = 256;

/// What of the listener the way back of browsers depends on.
pub(super) struct Listener<'l> {
    pub(super) place: &'l Place,
    pub(super) names: &'l [String],
    /// Whether it speaks TLS.
    pub(super) secure: bool,
}

/// Reads it; paths are relative to `base`.
pub(super) fn read(
    admin: &Section<'_>,
    base: &Path,
    listener: &Listener<'_>,
) -> Option<Arc<OidcSettings>> {
    if !admin.has("oidc") {
        return None;
    }
    let section = admin.section("oidc");
    // What says nothing has been told already.
    let required = |key| section.required(key).filter(|word| !word.text.trim().is_empty());
    let issuer = required("issuer").and_then(|word| {
        let url = section.parse(&word, issuer)?;
        Some((url, word.text.to_owned()))
    });
    let client_id = required("client_id").and_then(|word| section.parse(&word, named));
    let secret = secret(&section, base);
    let audience = section.word("audience").and_then(|word| section.parse(&word, named));
    let url = section.word("url").and_then(|word| url(&section, &word, listener));
    way_back(&section, listener);
    let claim = |key| section.word(key).and_then(|word| section.parse(&word, named));
    let (groups, person) = (claim("groups"), claim("person"));
    let roles = roles(&section);
    let scopes = scopes(&section);
    let secure = issuer.as_ref().is_none_or(|(issuer, _)| issuer.scheme() == "https");
    let roots = roots(&section, base, secure);
    let ((issuer, name), client_id) = issuer.zip(client_id)?;
    Some(Arc::new(OidcSettings {
        issuer,
        name,
        secret,
        audience: audience.unwrap_or_else(|| client_id.clone()),
        client_id,
        url,
        roots,
        scopes,
        groups: groups.unwrap_or_else(|| OidcSettings::GROUPS.to_owned()),
        person,
        roles,
    }))
}

/// The name of an issuer (OpenID Connect Discovery section 3).
fn issuer(text: &str) -> Result<Url, String> {
    let example = "such as \"https://login.example/realms/staff\"";
    let url = Url::parse(text).map_err(|_| format!("`{text}` is no URL {example}"))?;
    let plain = url.query().is_none() && url.fragment().is_none();
    if !plain || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("an issuer is a URL without a query, a user and `#` {example}"));
    }
    if !is_guarded(&url) {
        return Err(format!(
            "an issuer is asked by https {example}; by http only on a loopback address"
        ));
    }
    Ok(url)
}

fn named(text: &str) -> Result<String, String> {
    let fits = !text.trim().is_empty()
        && text.chars().count() <= MOST
        && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
        .ok_or_else(|| format!("a name here has 1 to {MOST} letters and no control characters"))
}

fn secret(section: &Section<'_>, base: &Path) -> Option<Secret> {
    let key = SECRET.into_iter().find(|key| section.has(key))?;
    let octets = secrets::of(section, SECRET, base)?;
    let text = String::from_utf8(octets).ok().filter(|text| named(text).is_ok());
    if text.is_none() {
        let message = "the secret of the client is one line of text";
        section.problem(section.span_of(key), message, None);
    }
    text.map(Secret)
}

/// How browsers call the listener, where something stands before it or its names are many.
fn url(section: &Section<'_>, word: &Word<'_>, listener: &Listener<'_>) -> Option<String> {
    let url = section.parse(word, |text| {
        let url = Url::parse(text).ok().filter(|url| {
            let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            bare && is_guarded(url) && url.username().is_empty() && url.password().is_none()
        });
        url.ok_or_else(|| {
            format!(
                "`{text}` is not how browsers come back: \"https://post.example:3129\", without a \
                 path; http only on a loopback address"
            )
        })
    })?;
    if listener.secure && url.scheme() == "http" {
        section.problem(word.span.clone(), "this listener speaks TLS: `https`", None);
    }
    if let Some(Host::Domain(name)) = url.host()
        && name != "localhost"
        && !listener.names.iter().any(|known| known == name)
    {
        let message =
            format!("the listener is not called `{name}`, and would refuse who comes back");
        let help = format!("add \"{name}\" to `admin.names`");
        section.problem(word.span.clone(), message, Some(help));
    }
    Some(url.origin().ascii_serialization())
}

/// Browsers must find back to a listener that has no address of its own.
fn way_back(section: &Section<'_>, listener: &Listener<'_>) {
    let anywhere = listener.place.address().is_some_and(|address| address.ip().is_unspecified());
    let named = listener.secure && !listener.names.is_empty();
    if anywhere && !named && !section.has("url") {
        let message = "nothing says how browsers come back from the issuer to this listener";
        let help = "give `url`, or `names` under [admin], of which the first counts".to_owned();
        section.problem(section.span(), message, Some(help));
    }
}

fn scopes(section: &Section<'_>) -> Vec<String> {
    let mut scopes = vec!["openid".to_owned()];
    if section.has("scopes") {
        let words = section.words("scopes");
        // RFC 6749 section 3.3
        let scope = |text: &str| {
            let fits = named(text).is_ok()
                && text.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\');
            let wrong = || format!("`{text}` is no scope: each is one word of its own");
            fits.then(|| text.to_owned()).ok_or_else(wrong)
        };
        scopes.extend(section.parsed(&words, scope).into_iter().filter(|one| one != "openid"));
    } else {
        scopes.extend(OidcSettings::SCOPES.into_iter().skip(1).map(str::to_owned));
    }
    scopes
}

/// Which group may what.
fn roles(section: &Section<'_>) -> Vec<(String, Role)> {
    let table = section.section("roles");
    let mut roles = Vec::new();
    for (group, words) in table.named_words() {
        let group = table.parse(&group, named);
        if let [_, second, ..] = words.as_slice() {
            let message = "a group has one role: each may what the one before may";
            table.problem(second.span.clone(), message, None);
        }
        let role = words.first().and_then(|word| role(&table, word));
        roles.extend(group.zip(role));
    }
    if !section.has("roles") || (roles.is_empty() && table.values().next().is_none()) {
        let help = "[admin.oidc.roles] with a line for each: \"egress-admins\" = \"admin\"";
        let message = "no group has a role, so that nobody who logs in may do anything";
        section.problem(section.span(), message, Some(help.to_owned()));
    }
    roles
}

fn role(section: &Section<'_>, word: &Word<'_>) -> Option<Role> {
    let found = Role::WORDS.iter().find(|(name, _)| *name == word.text);
    if found.is_none() {
        let names = Role::WORDS.map(|(name, _)| name);
        let message = format!("`{}` is none of {}", word.text, names.join(", "));
        let help = nearest(word.text, names).map(|name| format!("did you mean `{name}`?"));
        section.problem(word.span.clone(), message, help);
    }
    found.map(|(_, role)| *role)
}

fn roots(section: &Section<'_>, base: &Path, secure: bool) -> Vec<std::path::PathBuf> {
    let words = section.words("roots");
    if !secure && let Some(word) = words.first() {
        let message = "this can never matter: the issuer is not reached by TLS";
        section.problem(word.span.clone(), message, None);
        return Vec::new();
    }
    section.parsed(&words, |text| {
        let file = base.join(text);
        let told = |why: String| format!("{}: {why}", file.display());
        let octets = std::fs::read(&file).map_err(|error| told(error.to_string()))?;
        tls::certificates(&octets).map_err(told)?;
        Ok::<_, String>(file)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_url_of_https_or_of_this_machine() {
        for fine in ["https://login.example", "https://login.example/a/", "http://127.0.0.1:1"] {
            assert!(issuer(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "",
            "login.example",
            "http://login.example",
            "https://login.example/?a=b",
            "https://login.example/#a",
            "https://ann:secret@login.example",
            "file:///etc/passwd",
        ] {
            assert!(issuer(wrong).is_err(), "{wrong}");
        }
    }
}
