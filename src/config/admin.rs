//! `[admin]`: where operators connect, and who may ask what.

use std::path::Path;
use std::sync::Arc;

use crate::admin::{Access, Door, Holder, Place, Role};
use crate::auth::{Tokens, check_name};
use crate::tls::Acceptor;

use super::auth::Credentials;
use super::listeners::acceptor;
use super::oidc;
use super::problem::Collector;
use super::section::Section;

/// Reads where it listens, and nothing else.
pub(super) fn place(section: &Section<'_>) -> Place {
    let word = section.word("listen");
    word.and_then(|word| section.parse(&word, str::parse)).unwrap_or_default()
}

/// A listener of which nothing else is known: for who only wants to know where it is.
pub(super) const fn at(place: Place) -> Door {
    let access =
        Access { tokens: Vec::new(), certificates: Vec::new(), oidc: None, names: Vec::new() };
    Door { place, acceptor: None, access }
}

/// Reads the section; paths are relative to `base`.
pub(super) fn read(root: &Section<'_>, base: &Path, problems: &Collector) -> Door {
    let section = root.section("admin");
    let place = place(&section);
    let names = section.words("names").into_iter();
    let names: Vec<_> = names.map(|name| name.text.to_ascii_lowercase()).collect();
    let secure = section.has("certificate");
    let listener = oidc::Listener { place: &place, names: &names, secure };
    let access = Access {
        tokens: tokens(&section, base, problems),
        certificates: certificates(&section),
        oidc: oidc::read(&section, base, &listener),
        names,
    };
    let acceptor = tls(&section, base, &place);
    // What is wrong with it has been told.
    let proves = access.proves() || section.has("oidc");
    if !place.is_local() && (acceptor.is_none() || !proves) {
        let message = "where others reach it, the admin listener needs TLS, and who asks must prove \
                       who they are";
        let help = "give `certificate` and `key`, and [[admin.token]], [[admin.client]] or \
                    [admin.oidc]; or listen on 127.0.0.1, [::1] or \"unix:/path\"";
        section.problem(section.span_of("listen"), message, Some(help.to_owned()));
    }
    Door { place, acceptor: acceptor.map(Arc::new), access }
}

fn tls(section: &Section<'_>, base: &Path, place: &Place) -> Option<Acceptor> {
    const KEYS: [&str; 6] =
        ["certificate", "key", "client_roots", "client_crls", "client_certificates", "name_from"];
    if section.has("client") && !section.has("client_roots") {
        let message = "certificates of clients need `certificate`, `key` and `client_roots`";
        section.problem(section.span_of("client"), message, None);
    }
    if !KEYS.into_iter().any(|key| section.has(key)) {
        return None;
    }
    let found = acceptor(section, base);
    if matches!(place, Place::Unix(_)) {
        let message = "a socket of this machine needs no TLS";
        section.problem(section.span_of("listen"), message, None);
    }
    found
}

fn tokens(section: &Section<'_>, base: &Path, problems: &Collector) -> Vec<Holder> {
    let mut all: Vec<Holder> = Vec::new();
    for token in section.sections("token") {
        let role = role(&token);
        let name = token.required("name");
        let name = name
            .and_then(|word| token.parse(&word, |text| check_name(text).map(|()| text.to_owned())));
        if !token.has("file") {
            let help = "`borderpost passwd --token FILE NAME` makes one".to_owned();
            token.problem(token.span(), "`file` is missing here", Some(help));
        }
        let file = Credentials { section: &token, base, problems };
        let tokens = file.read("file", Tokens::parse);
        let (Some(name), Some(role), Some(tokens)) = (name, role, tokens) else { continue };
        if !tokens.has(&name) {
            let message = format!("the file has no token of `{name}`");
            let help = format!("`borderpost passwd --token FILE {name}` makes one");
            token.problem(token.span_of("file"), message, Some(help));
        }
        if all.iter().any(|other| *other.name == *name) {
            let message = format!("`{name}` has a token above already");
            token.problem(token.span_of("name"), message, None);
        }
        all.push(Holder { name: name.into(), role, tokens });
    }
    all
}

fn certificates(section: &Section<'_>) -> Vec<(Arc<str>, Role)> {
    let all = section.sections("client");
    let one = |section: &Section<'_>| {
        let role = role(section);
        let name = section.required("name");
        Some((Arc::from(name?.text), role?))
    };
    all.iter().filter_map(one).collect()
}

fn role(section: &Section<'_>) -> Option<Role> {
    if !section.has("role") {
        let help = format!("one of {}", Role::WORDS.map(|(word, _)| word).join(", "));
        section.problem(section.span(), "`role` is missing here", Some(help));
    }
    section.choice("role", &Role::WORDS)
}
