//! Where clients connect: `proxy.listen`, and `[[listener]]` for every other place and kind.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::net::{NetworkSet, parse_network};
use crate::proxy::{Claimed, Kind, Listener, Transparent, Unrecognised};
use crate::tls::{self, Acceptor, Clients, Identity, IdentityError, NameFrom};

use super::fixed::parse_socket;
use super::secrets;
use super::section::{Section, Word};

/// All listeners.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    /// Where and what they are; a reload changes nothing of it.
    pub(super) all: Vec<Listener>,
    /// How those of TLS handshake; a reload reads it again.
    pub(super) acceptors: HashMap<SocketAddr, Arc<Acceptor>>,
    /// Whether some listener takes certificates of clients.
    pub(super) certificates: bool,
}

/// What turns the plain listener off.
const NONE: &str = "none";

impl Listeners {
    /// Reads them; paths are relative to `base`.
    pub(super) fn read(root: &Section<'_>, proxy: &Section<'_>, base: &Path) -> Self {
        let mut all = Self::default();
        let word = proxy.word("listen");
        let off = word.as_ref().is_some_and(|word| word.text == NONE);
        let address = match &word {
            None => Some(SocketAddr::from(([127, 0, 0, 1], 3128))),
            Some(word) if !off => proxy.parse(word, parse_socket),
            Some(_) => None,
        };
        let proxy_protocol_from = balancers(proxy);
        if let Some(address) = address {
            all.all.push(Listener { address, kind: Kind::Http, proxy_protocol_from });
        }
        let more = root.sections("listener");
        more.iter().for_each(|section| all.add(section, base));
        if off && more.is_empty() {
            let help = "add a `[[listener]]`, or an address here".to_owned();
            let message = "no client can connect anywhere";
            proxy.problem(proxy.span_of("listen"), message, Some(help));
        }
        all
    }

    fn add(&mut self, section: &Section<'_>, base: &Path) {
        if !section.has("kind") {
            let help = format!("one of {}", Kind::WORDS.map(|(word, _)| word).join(", "));
            section.problem(section.span(), "`kind` is missing here", Some(help));
        }
        let kind = section.choice("kind", &Kind::WORDS).map(|kind| detailed(section, kind));
        let address = section.required("address");
        let address = address.and_then(|word| section.parse(&word, parse_socket));
        let proxy_protocol_from = balancers(section);
        let acceptor = match kind {
            Some(Kind::Https) => {
                self.certificates |= section.has("client_roots");
                acceptor(section, base)
            }
            Some(Kind::Http | Kind::Socks5 | Kind::Transparent(_)) => None,
            // Which keys belong here is known when the kind is.
            None => {
                section.values().for_each(drop);
                None
            }
        };
        let (Some(kind), Some(address)) = (kind, address) else { return };
        // Port 0 is a free one.
        let taken = |other: &Listener| other.address == address && address.port() != 0;
        if self.all.iter().any(taken) {
            let message = format!("another listener has the address {address}");
            section.problem(section.span_of("address"), message, None);
        }
        self.all.push(Listener { address, kind, proxy_protocol_from });
        if let Some(acceptor) = acceptor {
            self.acceptors.insert(address, Arc::new(acceptor));
        }
    }
}

/// How a section says to handshake.
pub(super) fn acceptor(section: &Section<'_>, base: &Path) -> Option<Acceptor> {
    let files = Files { section, base };
    let chain =
        section.required("certificate").and_then(|word| files.public(&word, tls::certificates));
    let key = section.required("key").and_then(|word| files.secret(&word));
    let clients = files.clients();
    let identity = Identity { chain: chain?, key: key?, clients: clients.ok()? };
    let told = |error: IdentityError| {
        let key = match error {
            IdentityError::Own(_) => "certificate",
            IdentityError::Roots(_) => "client_roots",
            IdentityError::Revoked(_) => "client_crls",
        };
        section.problem(section.span_of(key), error.to_string(), None);
    };
    Acceptor::new(identity).map_err(told).ok()
}

/// What a kind wants to know beside.
fn detailed(section: &Section<'_>, kind: Kind) -> Kind {
    let Kind::Transparent(Transparent { by, .. }) = kind else { return kind };
    let unrecognised = [("refuse", Unrecognised::Refuse), ("tunnel", Unrecognised::Tunnel)];
    let unrecognised = section.choice("unrecognised", &unrecognised).unwrap_or_default();
    let names = [("verify", Claimed::Verify), ("trust", Claimed::Trust)];
    let names = section.choice("names", &names).unwrap_or_default();
    if !cfg!(target_os = "linux") {
        let message = "only Linux says where a redirected connection was meant to go";
        section.problem(section.span_of("kind"), message, None);
    }
    Kind::Transparent(Transparent { by, unrecognised, names })
}

fn balancers(section: &Section<'_>) -> NetworkSet {
    let words = section.words("proxy_protocol_from");
    section.parsed(&words, parse_network).into_iter().collect()
}

/// Files that a section names.
struct Files<'a> {
    section: &'a Section<'a>,
    base: &'a Path,
}

/// A mistake that has been told.
struct Told;

impl Files<'_> {
    fn public<T>(
        &self,
        word: &Word<'_>,
        parse: impl Fn(&[u8]) -> Result<Vec<T>, String>,
    ) -> Option<Vec<T>> {
        let read = |text: &str| {
            let file = self.base.join(text);
            let told = |why: String| format!("{}: {why}", file.display());
            let bytes = std::fs::read(&file).map_err(|error| told(error.to_string()))?;
            parse(&bytes).map_err(told)
        };
        self.section.parse(word, read)
    }

    fn secret(&self, word: &Word<'_>) -> Option<rustls::pki_types::PrivateKeyDer<'static>> {
        let read = |text: &str| {
            let file = self.base.join(text);
            let bytes = secrets::read(&file)?;
            tls::private_key(&bytes).map_err(|why| format!("{}: {why}", file.display()))
        };
        self.section.parse(word, read)
    }

    /// Whose certificates are taken.
    fn clients(&self) -> Result<Option<Clients>, Told> {
        let section = self.section;
        let required = [("optional", false), ("required", true)];
        let chosen = section.choice("client_certificates", &required);
        let name_from = section.choice("name_from", &NameFrom::WORDS);
        let lists = section.words("client_crls");
        let revoked: Option<Vec<_>> =
            lists.iter().map(|word| self.public(word, tls::revocations)).collect();
        if !section.has("client_roots") {
            for key in ["client_certificates", "client_crls", "name_from"] {
                if section.has(key) {
                    let message = "certificates of clients need `client_roots`";
                    section.problem(section.span_of(key), message, None);
                }
            }
            return Ok(None);
        }
        let words = section.some_words("client_roots").unwrap_or_default();
        let roots: Option<Vec<_>> =
            words.iter().map(|word| self.public(word, tls::certificates)).collect();
        let roots = roots.filter(|roots| !roots.is_empty()).ok_or(Told)?;
        let revoked = revoked.ok_or(Told)?;
        Ok(Some(Clients {
            roots: roots.into_iter().flatten().collect(),
            revoked: revoked.into_iter().flatten().collect(),
            required: chosen.unwrap_or(false),
            name_from: name_from.unwrap_or(NameFrom::Uri),
        }))
    }
}
