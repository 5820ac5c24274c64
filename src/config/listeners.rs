//! `[[listener]]`: further places where clients connect.

use std::net::SocketAddr;

use crate::proxy::Kind;

use super::section::Section;

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// What is spoken there.
    pub kind: Kind,
    /// Where clients connect.
    pub address: SocketAddr,
}

/// Reads every `[[listener]]`; `taken` are the addresses of the others.
pub(super) fn read(root: &Section<'_>, taken: &[SocketAddr]) -> Vec<Listener> {
    let mut listeners: Vec<Listener> = Vec::new();
    for section in root.sections("listener") {
        let Some(listener) = read_one(&section) else { continue };
        let known = listeners.iter().map(|one| one.address).chain(taken.iter().copied());
        // Port 0 is a free one.
        if listener.address.port() != 0 && known.into_iter().any(|one| one == listener.address) {
            let message = format!("there is another listener on {}", listener.address);
            section.problem(section.span_of("address"), message, None);
        }
        listeners.push(listener);
    }
    listeners
}

fn read_one(section: &Section<'_>) -> Option<Listener> {
    section.required("kind");
    let kind = kind(section);
    let parse = |text: &str| {
        text.parse()
            .map_err(|_| format!("`{text}` is not an address and port such as \"127.0.0.1:1080\""))
    };
    let address = section.required("address").and_then(|address| section.parse(&address, parse));
    Some(Listener { kind: kind?, address: address? })
}

/// What is spoken on a listener.
fn kind(section: &Section<'_>) -> Option<Kind> {
    section.choice("kind", &[("http", Kind::Http), ("socks5", Kind::Socks5)])
}
