//! The certificate authority of TLS interception: it gives a ready server for any name.
//! Certificates are signed once for each name, kept in a bounded cache, and never outlive
//! who signed them. The authority is ours (`borderpost ca init`) or the customer's own.

mod constraints;
mod der;
mod draft;
mod fault;
mod issuer;
mod key;
mod read;
mod server;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod tickets;
mod trust_store;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use moka::future::Cache;
use moka::ops::compute::{CompResult, Op};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;

use crate::net::Host;

use issuer::Issuer;
use server::Server;
use state::State;

pub use constraints::Constraints;
pub use fault::{AuthorityError, MintError};
pub use key::KeySource;
pub use read::Validity;
pub use server::Alpn;
pub use store::{NewAuthority, init, rotate};
pub use trust_store::trust_store;
pub use view::{AuthorityView, Signs, roots_in_pem};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// No leaf is valid for longer, whatever is configured: what browsers take from 2029 on
/// (CA/Browser Forum ballot SC-081).
pub const MOST_LEAF_DAYS: i32 = 47;

/// From so many days before its end on, an authority asks for a successor.
const WARN_DAYS: i32 = 30;

/// Which authority signs, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthoritySettings {
    /// Whose it is.
    pub source: AuthoritySource,
    /// For how many days a leaf is valid; 47 at most.
    pub leaf_days: u32,
    /// For how many hosts certificates are kept in memory.
    pub cache: u64,
}

/// Where an authority comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthoritySource {
    /// Made by `borderpost ca init`, in this folder.
    Made(PathBuf),
    /// The customer's own.
    Given {
        /// PEM, the issuing authority first, then those above it.
        certificate: PathBuf,
        /// Where its key is.
        key: KeySource,
    },
}

/// A certificate authority that signs for every host that clients ask for.
#[derive(Debug)]
pub struct Authority {
    settings: AuthoritySettings,
    state: ArcSwap<State>,
    servers: Cache<Host, Arc<Server>>,
    minted: AtomicU64,
}

impl Authority {
    /// Reads the authority and checks that clients would believe what it signs.
    pub fn load(settings: &AuthoritySettings) -> Result<Self, AuthorityError> {
        Self::load_at(settings, Timestamp::now())
    }

    /// The same, and none where `borderpost ca init` has not been run.
    pub fn find(settings: &AuthoritySettings) -> Result<Option<Self>, AuthorityError> {
        match Self::load(settings) {
            Err(AuthorityError::Absent(_)) => Ok(None),
            other => other.map(Some),
        }
    }

    fn load_at(settings: &AuthoritySettings, now: Timestamp) -> Result<Self, AuthorityError> {
        Ok(Self {
            settings: settings.clone(),
            state: ArcSwap::from_pointee(State::load(&settings.source, now)?),
            servers: Cache::new(settings.cache),
            minted: AtomicU64::new(0),
        })
    }

    /// Reads the files again, and says whether anything is new; a mistake changes nothing.
    /// New authorities come with new keys of leaves and tickets: nothing of the old resumes.
    pub fn reload(&self) -> Result<bool, AuthorityError> {
        self.reload_at(Timestamp::now())
    }

    fn reload_at(&self, now: Timestamp) -> Result<bool, AuthorityError> {
        let new = State::load(&self.settings.source, now)?;
        let is_new = new.marks() != self.state.load().marks();
        if is_new {
            self.state.store(Arc::new(new));
        }
        Ok(is_new)
    }

    /// A server for this host: its certificate, the protocols that it offers, and tickets
    /// that resume at this host only (no 0-RTT). Whoever asks for the same host at the same
    /// time waits for the same certificate.
    pub async fn server_config(
        &self,
        host: &Host,
        alpn: Alpn,
    ) -> Result<Arc<ServerConfig>, MintError> {
        self.server_config_at(host, alpn, Timestamp::now()).await
    }

    async fn server_config_at(
        &self,
        host: &Host,
        alpn: Alpn,
        now: Timestamp,
    ) -> Result<Arc<ServerConfig>, MintError> {
        let state = self.state.load_full();
        let issuer = state.signing(now)?;
        if let Some(server) = self.servers.get(host).await
            && server.is_fresh(issuer, now)
        {
            return Ok(server.config(&state.common, alpn));
        }
        let entry = self.servers.entry_by_ref(host);
        let found = entry
            .and_try_compute_with(async |known| {
                // Whoever waited finds what the first one made.
                if known.is_some_and(|known| known.value().is_fresh(issuer, now)) {
                    return Ok(Op::Nop);
                }
                self.mint(&state, host, issuer, now).await.map(|server| Op::Put(Arc::new(server)))
            })
            .await?;
        match found {
            CompResult::Inserted(entry)
            | CompResult::ReplacedWith(entry)
            | CompResult::Unchanged(entry)
            | CompResult::Removed(entry) => Ok(entry.value().config(&state.common, alpn)),
            CompResult::StillNone(_) => Err(MintError::Stopping),
        }
    }

    async fn mint(
        &self,
        state: &Arc<State>,
        host: &Host,
        issuer: &Arc<Issuer>,
        now: Timestamp,
    ) -> Result<Server, MintError> {
        let days = i32::try_from(self.settings.leaf_days).unwrap_or(MOST_LEAF_DAYS);
        let length = DAY * days.clamp(1, MOST_LEAF_DAYS);
        let made = if issuer.is_slow() {
            let (state, host, issuer) = (Arc::clone(state), host.clone(), Arc::clone(issuer));
            let mint = move || Server::mint(&host, &issuer, &state.common, length, now);
            tokio::task::spawn_blocking(mint).await.map_err(|_| MintError::Stopping)?
        } else {
            Server::mint(host, issuer, &state.common, length, now)
        }?;
        self.minted.fetch_add(1, Ordering::Relaxed);
        Ok(made)
    }

    /// How many certificates were signed since the start.
    pub fn minted(&self) -> u64 {
        self.minted.load(Ordering::Relaxed)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The host as certificates carry it: no wildcard, nothing but letters, digits, `-` and `_`.
fn server_name(host: &Host) -> Result<ServerName<'static>, MintError> {
    match host {
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Name(name) => {
            ServerName::try_from(name.to_string()).map_err(|_| MintError::Name(host.to_string()))
        }
    }
}
