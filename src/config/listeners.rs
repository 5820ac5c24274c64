//! `[[listener]]`: further places where clients connect.

use std::net::SocketAddr;

use crate::proxy::{By, Claimed, Kind, Transparent, Unrecognised};

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
    let transparent = |by| {
        Kind::Transparent(Transparent {
            by,
            unrecognised: Unrecognised::default(),
            names: Claimed::default(),
        })
    };
    let kinds = [
        ("http", Kind::Http),
        ("socks5", Kind::Socks5),
        ("transparent", transparent(By::Redirect)),
        ("tproxy", transparent(By::Tproxy)),
    ];
    match section.choice("kind", &kinds)? {
        kind @ (Kind::Http | Kind::Socks5) => Some(kind),
        Kind::Transparent(Transparent { by, .. }) => {
            let unrecognised = [("refuse", Unrecognised::Refuse), ("tunnel", Unrecognised::Tunnel)];
            let unrecognised = section.choice("unrecognised", &unrecognised).unwrap_or_default();
            let names = [("verify", Claimed::Verify), ("trust", Claimed::Trust)];
            let names = section.choice("names", &names).unwrap_or_default();
            if !cfg!(target_os = "linux") {
                let message = "only Linux says where a redirected connection was meant to go";
                section.problem(section.span_of("kind"), message, None);
            }
            Some(Kind::Transparent(Transparent { by, unrecognised, names }))
        }
    }
}
