//! `[[chain]]`: destinations that are reached through another proxy.

use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::net::{Authority, Host, HostPattern, parse_network};
use crate::proxy::{Chain, Chains, Credentials, Names, Parent, ParentSpeech, StaticNames};

use super::section::{Section, Word};

/// Reads every `[[chain]]`; files of passwords are looked for under the first of `bases`.
pub(super) fn read(root: &Section<'_>, names: &StaticNames, bases: &[PathBuf]) -> Chains {
    let mut all = false;
    let mut chains = Vec::new();
    for section in root.sections("chain") {
        if all {
            let message = "this can never matter: a chain above covers every destination";
            let help = "give the one above a `to`, or put it last".to_owned();
            section.problem(section.span(), message, Some(help));
        }
        all |= !section.has("to");
        chains.extend(read_one(&section, names, bases));
    }
    chains.into_iter().collect()
}

fn read_one(section: &Section<'_>, names: &StaticNames, bases: &[PathBuf]) -> Option<Chain> {
    let to = section.some_words("to").unwrap_or_default();
    let (mut hosts, mut networks) = (Vec::new(), Vec::new());
    for word in &to {
        if let Ok(network) = parse_network(word.text) {
            networks.push(network);
        } else {
            hosts.extend(section.parse(word, HostPattern::parse));
        }
    }
    let via = section.required("via")?;
    if via.text == "direct" {
        let networks = networks.into_iter().collect();
        return Some(Chain { hosts, networks, via: None, names: Names::Address });
    }
    let choices = [("address", Names::Address), ("host", Names::Host)];
    let asked = section.choice("names", &choices).unwrap_or_default();
    if asked == Names::Host && hosts.is_empty() && !networks.is_empty() {
        let help = "name hosts in `to`, or leave names to this proxy".to_owned();
        let message =
            "a name that is not looked up here lies in no network, so this can never matter";
        section.problem(section.span_of("names"), message, Some(help));
    }
    let parent = parent(section, &via, names, bases);
    let networks = networks.into_iter().collect();
    Some(Chain { hosts, networks, via: Some(Arc::new(parent?)), names: asked })
}

fn parent(
    section: &Section<'_>,
    via: &Word<'_>,
    names: &StaticNames,
    bases: &[PathBuf],
) -> Option<Parent> {
    let secret = secret(section, bases);
    let url = section.parse(via, parse_url)?;
    let (speech, port) = speech(&url)?;
    let host =
        section.parse(&Word { text: url.host_str()?, span: via.span.clone() }, Host::parse)?;
    let credentials = credentials(section, via, &url, secret);
    let credentials = credentials.inspect(|one| check(section, via, speech, one));
    let addresses = names.get(&host).map(<[_]>::to_vec).unwrap_or_default();
    let authority = Authority { host, port: url.port().unwrap_or(port) };
    Some(Parent { speech, authority, addresses, credentials })
}

fn parse_url(text: &str) -> Result<Url, String> {
    let wrong = || {
        "`via` must be \"direct\" or the URL of a proxy, such as \"http://proxy.example:3128\" or \
         \"socks5://proxy.example:1080\""
            .to_owned()
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let fits = bare && url.host_str().is_some() && url.port() != Some(0);
    if fits && speech(&url).is_some() { Ok(url) } else { Err(wrong()) }
}

/// What is spoken to the proxy, and its usual port.
fn speech(url: &Url) -> Option<(ParentSpeech, u16)> {
    match url.scheme() {
        "http" => Some((ParentSpeech::Http, 80)),
        "https" => Some((ParentSpeech::Https, 443)),
        "socks5" | "socks5h" => Some((ParentSpeech::Socks5, 1080)),
        _ => None,
    }
}

/// The password from a file or the environment.
fn secret(section: &Section<'_>, bases: &[PathBuf]) -> Option<String> {
    let (file, variable) = (section.word("password_file"), section.word("password_env"));
    if let (Some(_), Some(variable)) = (&file, &variable) {
        let message = "the password comes from a file or from the environment, not from both";
        section.problem(variable.span.clone(), message, None);
    }
    if let Some(word) = file {
        let base = bases.first().cloned().unwrap_or_default();
        let read = |text: &str| {
            let path = base.join(text);
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        // Editors and `echo` end a file with a line's end, which is not part of the password.
        let text = section.parse(&word, read)?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return Some(text.strip_suffix('\r').unwrap_or(text).to_owned());
    }
    let word = variable?;
    section.parse(&word, |name| {
        std::env::var(name)
            .map_err(|_| format!("the environment has no variable `{name}`, or not as text"))
    })
}

/// The name of the URL, and the password of the URL or from elsewhere.
fn credentials(
    section: &Section<'_>,
    via: &Word<'_>,
    url: &Url,
    secret: Option<String>,
) -> Option<Credentials> {
    let elsewhere = section.has("password_file") || section.has("password_env");
    if url.password().is_some() && elsewhere {
        let message = "the password stands in `via` and comes from elsewhere";
        section.problem(via.span.clone(), message, Some("take it out of `via`".to_owned()));
    }
    if url.username().is_empty() {
        if elsewhere || url.password().is_some() {
            let help = "write the name into `via`, as in \"http://name@proxy.example:3128\"";
            let message = "there is a password here, and no name that it belongs to";
            section.problem(via.span.clone(), message, Some(help.to_owned()));
        }
        return None;
    }
    let decode = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
    let decoded =
        decode(url.username()).and_then(|name| Ok((name, url.password().map(decode).transpose()?)));
    let Ok((name, password)) = decoded else {
        let message = "the name and the password in `via` are not UTF-8";
        section.problem(via.span.clone(), message, None);
        return None;
    };
    Some(Credentials { name, password: password.or(secret).unwrap_or_default() })
}

/// What a protocol cannot carry (RFC 7617 section 2, RFC 1929 section 2).
fn check(section: &Section<'_>, via: &Word<'_>, speech: ParentSpeech, one: &Credentials) {
    let wrong = match speech {
        ParentSpeech::Http | ParentSpeech::Https => {
            let control = one.name.chars().chain(one.password.chars()).any(char::is_control);
            (one.name.contains(':') || control)
                .then_some("HTTP carries no name with a colon, and no control characters")
        }
        ParentSpeech::Socks5 => {
            let fits = |text: &str| (1..=255).contains(&text.len());
            (!fits(&one.name) || !fits(&one.password))
                .then_some("SOCKS carries a name and a password of 1 to 255 octets")
        }
    };
    if let Some(message) = wrong {
        section.problem(via.span.clone(), message, None);
    }
}
