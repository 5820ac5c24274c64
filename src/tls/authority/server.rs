//! What a client meets in the place of a server: a certificate of its name, and sessions of
//! its own.

use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};
use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};

use crate::net::Host;

use super::fault::MintError;
use super::issuer::Issuer;
use super::tickets::HostTickets;
use super::{provider, server_name};

/// Which protocols are offered to the client, or to the destination (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// `http/1.1`
    Http1,
    /// `h2`, then `http/1.1`
    Http2,
}

/// What all servers share until the authority changes.
#[derive(Debug)]
pub(super) struct Common {
    /// The key of every leaf, made at the start and never on disk. One for each leaf would
    /// take as long again as its signing (33 us), 0.7 kB beside the 1.7 kB of a name, and
    /// guard nothing: whoever reads one out of this process reads them all.
    key: Arc<dyn SigningKey>,
    public: Vec<u8>,
    tickets: Arc<dyn ProducesTickets>,
    template: ServerConfig,
}

/// One host's certificate and what is made of it.
#[derive(Debug)]
pub(super) struct Server {
    /// Who signed it.
    issuer: Arc<Issuer>,
    /// From when on a new one shall take its place.
    renew: Timestamp,
    resolver: Arc<dyn ResolvesServerCert>,
    tickets: Arc<dyn ProducesTickets>,
    http1: OnceLock<Arc<ServerConfig>>,
    http2: OnceLock<Arc<ServerConfig>>,
}

impl Common {
    pub(super) fn new() -> Result<Self, MintError> {
        let (key, _) = super::key::generate()?;
        let public = key.public_key().ok_or(MintError::Unsigned)?.to_vec();
        let tickets = rustls::crypto::aws_lc_rs::Ticketer::new();
        let tickets = tickets.map_err(|_| MintError::NoRandomness)?;
        let empty: Arc<dyn ResolvesServerCert> =
            Arc::new(rustls::server::ResolvesServerCertUsingSni::new());
        let mut template = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(empty);
        // Sessions live in tickets alone: the memory of 256 sessions that each configuration
        // would have is allocated with it, for each name.
        template.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self { key, public, tickets, template })
    }
}

impl Server {
    /// Signs a certificate for this host.
    pub(super) fn mint(
        host: &Host,
        issuer: &Arc<Issuer>,
        common: &Common,
        length: SignedDuration,
        now: Timestamp,
    ) -> Result<Self, MintError> {
        server_name(host)?;
        if !issuer.chain.allows(host) {
            return Err(MintError::Constrained(host.to_string()));
        }
        let valid = issuer.valid_for(length, now);
        if valid.until <= now {
            return Err(MintError::Expired(valid.until));
        }
        let (leaf, valid) = issuer.sign(host, &common.public, valid)?;
        let chain = std::iter::once(leaf).chain(issuer.chain.sent().cloned()).collect();
        let certified = CertifiedKey::new(chain, Arc::clone(&common.key));
        let tickets = HostTickets::new(Arc::clone(&common.tickets), host);
        Ok(Self {
            issuer: Arc::clone(issuer),
            // The last quarter of its time is for clocks that differ and long connections.
            renew: now.saturating_add(valid.until.duration_since(now) / 4 * 3).unwrap_or(now),
            resolver: Arc::new(SingleCertAndKey::from(certified)),
            tickets: Arc::new(tickets),
            http1: OnceLock::new(),
            http2: OnceLock::new(),
        })
    }

    /// Whether it can still be shown: signed by who signs now, and not near its end.
    pub(super) fn is_fresh(&self, issuer: &Arc<Issuer>, now: Timestamp) -> bool {
        Arc::ptr_eq(&self.issuer, issuer) && now < self.renew
    }

    pub(super) fn config(&self, common: &Common, alpn: Alpn) -> Arc<ServerConfig> {
        let (place, protocols): (_, &[&[u8]]) = match alpn {
            Alpn::Http1 => (&self.http1, &[b"http/1.1"]),
            Alpn::Http2 => (&self.http2, &[b"h2", b"http/1.1"]),
        };
        let make = || {
            let mut config = common.template.clone();
            config.cert_resolver = Arc::clone(&self.resolver);
            config.ticketer = Arc::clone(&self.tickets);
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            Arc::new(config)
        };
        Arc::clone(place.get_or_init(make))
    }
}
