//! TLS towards clients: our own certificate, and theirs where they show one. TLS 1.2 is the
//! least (RFC 9325 section 3.1.1).

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::holder::NameFrom;
use super::paper::Paper;

/// Handshakes with clients.
pub struct Acceptor {
    tls: TlsAcceptor,
    verifier: Arc<dyn ClientCertVerifier>,
    name_from: Option<NameFrom>,
    papers: Vec<Paper>,
}

/// What an acceptor is made of.
#[derive(Debug)]
pub struct Identity {
    /// Our certificate, and those between it and its authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
    /// Whose certificates are taken of clients, if they may show one.
    pub clients: Option<Clients>,
}

/// Which certificates of clients are taken.
#[derive(Debug)]
pub struct Clients {
    /// Their authorities.
    pub roots: Vec<CertificateDer<'static>>,
    /// What the authorities have taken back. If there is a list at all, each authority must
    /// have one that is not out of date.
    pub revoked: Vec<CertificateRevocationListDer<'static>>,
    /// Whether a client without one is refused.
    pub required: bool,
    /// What names their holder.
    pub name_from: NameFrom,
}

/// A client behind TLS.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: TlsStream<TcpStream>,
    /// Whether HTTP/2 was agreed on.
    pub http2: bool,
    /// The certificate that the client showed, if it did.
    pub shown: Option<Shown>,
}

/// A client's certificate that was right when it was shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The name in it.
    pub name: Arc<str>,
    /// It, and those between it and its authority.
    chain: Arc<[CertificateDer<'static>]>,
}

/// What is wrong with the files of a TLS listener. Each is about one of its settings.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The certificate and the key do not go together, or cannot be used.
    #[error("the certificate and the key cannot be used: {0}")]
    Own(rustls::Error),
    /// An authority of clients cannot be used.
    #[error("the authorities of clients cannot be used: {0}")]
    Roots(String),
    /// A list of revoked certificates cannot be used.
    #[error(
        "the revocation lists cannot be used, which must be of version 2 with a number (RFC 5280 section 5): {0}"
    )]
    Revoked(String),
}

/// Why no client came about.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// The handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[from] io::Error),
    /// The certificate is right, and says nothing of what it was asked for.
    #[error("the client's certificate has no name of the kind `{0}`")]
    Nameless(&'static str),
}

impl AcceptError {
    /// The word for it, where it is about what a client should have proved.
    pub fn code(&self) -> Option<&'static str> {
        let error = match self {
            Self::Nameless(_) => return Some("certificate-nameless"),
            Self::Handshake(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        };
        if *error == rustls::Error::NoCertificatesPresented {
            return Some("certificate-missing");
        }
        let refused = matches!(error, rustls::Error::InvalidCertificate(_));
        refused.then_some("certificate-refused")
    }
}

/// All certificates of a PEM file.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    all(pem, "certificate")
}

/// All revocation lists of a PEM file.
pub fn revocations(pem: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    all(pem, "revocation list")
}

/// The private key of a PEM file.
pub fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    // What a parser says of a key might quote it.
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| "no private key in this file; expected PEM".to_owned())
}

fn all<T: PemObject>(pem: &[u8], what: &str) -> Result<Vec<T>, String> {
    let found: Result<Vec<T>, PemError> = T::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| error.to_string())?;
    if found.is_empty() {
        return Err(format!("no {what} in this file; expected PEM"));
    }
    Ok(found)
}

// === impl Acceptor ===

impl Acceptor {
    /// Puts the parts together.
    pub fn new(identity: Identity) -> Result<Self, IdentityError> {
        let Identity { chain, key, clients } = identity;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3");
        let name_from = clients.as_ref().map(|clients| clients.name_from);
        let lists = clients.as_ref().and_then(|clients| Paper::of_lists(&clients.revoked));
        let papers = Paper::of_chain(&chain).into_iter().chain(lists).collect();
        let verifier = match clients {
            Some(clients) => clients.verifier(provider)?,
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let builder = builder.with_client_cert_verifier(Arc::clone(&verifier));
        let mut config = builder.with_single_cert(chain, key).map_err(IdentityError::Own)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        if name_from.is_some() {
            // A resumed session would outlive the certificate that it was begun with.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Self { tls: TlsAcceptor::from(Arc::new(config)), verifier, name_from, papers })
    }

    /// What it needs that ends.
    pub fn papers(&self) -> &[Paper] {
        &self.papers
    }

    /// Handshakes, and verifies what the client shows.
    pub async fn accept(&self, stream: TcpStream) -> Result<Accepted, AcceptError> {
        let stream = self.tls.accept(stream).await?;
        let (_, session) = stream.get_ref();
        let http2 = session.alpn_protocol() == Some(b"h2");
        let chain = session.peer_certificates().filter(|chain| !chain.is_empty());
        let shown = match (self.name_from, chain) {
            (Some(from), Some(chain)) => {
                let name = chain.first().and_then(|holder| from.read(holder));
                let name = name.ok_or_else(|| AcceptError::Nameless(from.word()))?;
                let chain = chain.iter().map(|one| one.clone().into_owned()).collect();
                Some(Shown { name: name.into(), chain })
            }
            (_, _) => None,
        };
        Ok(Accepted { stream, http2, shown })
    }

    /// Whether a certificate would still be taken, as of now.
    pub fn still_takes(&self, shown: &Shown) -> bool {
        let Some((holder, between)) = shown.chain.split_first() else { return false };
        self.name_from.is_some()
            && self.verifier.verify_client_cert(holder, between, UnixTime::now()).is_ok()
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor").field("name_from", &self.name_from).finish_non_exhaustive()
    }
}

// === impl Clients ===

impl Clients {
    fn verifier(
        self,
        provider: Arc<rustls::crypto::CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, IdentityError> {
        let mut roots = RootCertStore::empty();
        for root in self.roots {
            roots.add(root).map_err(|error| IdentityError::Roots(error.to_string()))?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        // A list that is out of date says nothing of what was revoked since.
        let builder = builder.with_crls(self.revoked).enforce_revocation_expiration();
        let builder = if self.required { builder } else { builder.allow_unauthenticated() };
        builder.build().map_err(|error| IdentityError::Revoked(error.to_string()))
    }
}
