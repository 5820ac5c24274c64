//! TLS towards a destination. Certificates are always verified; TLS 1.2 is the least (RFC 9325 section 3.1.1).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, OtherError, ProtocolVersion, RootCertStore,
};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::audit::Tls;
use crate::net::{Host, HostPattern};
use crate::policy::Certificate;
use crate::policy::register::KeyDigest;

use super::explicit::{Explicit, OfAuthority};
use super::{Alpn, peer, secret, server};

/// Whom we believe, and who we are, towards all destinations and towards some.
#[derive(Debug, Default)]
pub struct Trust {
    general: Way,
    special: Vec<(Vec<HostPattern>, Way)>,
}

/// What holds for one kind of destination. It is made ready at the first use: reading the
/// platform's roots takes longer (about 20 ms) than all else that happens at start.
#[derive(Debug, Default)]
struct Way {
    roots: Vec<CertificateDer<'static>>,
    /// Whether the platform's roots do not count.
    alone: bool,
    identity: Option<Identity>,
    pins: Vec<KeyDigest>,
    config: OnceLock<[Arc<ClientConfig>; 2]>,
}

/// A client's certificate and key.
#[derive(Debug)]
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// What is special about some destinations.
#[derive(Clone, Debug, Default)]
pub struct DestinationTrust {
    /// The hosts.
    pub hosts: Vec<HostPattern>,
    /// PEM files of roots that count instead of all others; empty for those that count anywhere.
    pub roots: Vec<PathBuf>,
    /// Keys of which the destination's certificate must have one.
    pub pins: Vec<KeyDigest>,
    /// PEM files of our certificate, with its chain, and of its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A verified connection.
#[derive(Debug)]
pub struct Secured<S> {
    /// The connection.
    pub stream: TlsStream<S>,
    /// What the destination's certificate says; absent if it cannot be read.
    pub certificate: Option<Arc<Certificate>>,
    /// Whether HTTP/2 was agreed on.
    pub http2: bool,
    /// What was agreed on, for the record.
    pub session: Tls,
}

/// Why no trusted connection came about.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The destination's certificate, or its TLS, is not acceptable.
    #[error("the TLS handshake with {host} failed: {source}")]
    Handshake {
        /// The destination.
        host: String,
        /// What rustls says.
        source: io::Error,
    },
    /// The destination shows the certificate of an authority as its own, and nobody has named it.
    #[error(
        "{0} shows a certificate that is marked as an authority's (CA:TRUE) as its own: it is taken where \
         a file of roots (`tls.roots`, or under `exec` a variable such as SSL_CERT_FILE) has this very \
         certificate; else give the server one with `basicConstraints=CA:FALSE`"
    )]
    OfAuthority(String),
    /// Our certificate towards some destination is not usable.
    #[error("our certificate for a destination cannot be used: {0}")]
    Identity(String),
    /// The key of the destination's certificate is not pinned.
    #[error("{0} shows a certificate with none of the keys that `tls.destination` pins")]
    Pin(String),
    /// The name cannot stand in a certificate.
    #[error("{0} is not a name that a certificate can carry")]
    Name(String),
    /// A file of roots could not be read.
    #[error("{file}: {detail}")]
    Roots {
        /// The file.
        file: String,
        /// What is wrong.
        detail: String,
    },
}

impl Trust {
    /// The platform's roots and those of the PEM files, and what is special.
    pub fn load(files: &[PathBuf], special: &[DestinationTrust]) -> Result<Self, TrustError> {
        let general = Way { roots: certificates(files)?, ..Way::default() };
        let one = |one: &DestinationTrust| {
            let own = certificates(&one.roots)?;
            let alone = !own.is_empty();
            let roots = if alone { own } else { general.roots.clone() };
            let identity = one.identity.as_ref().map(|(chain, key)| identity(chain, key));
            let identity = identity.transpose()?;
            let pins = one.pins.clone();
            let way = Way { roots, alone, identity, pins, config: OnceLock::new() };
            way.check()?;
            Ok((one.hosts.clone(), way))
        };
        let special = special.iter().map(one).collect::<Result<_, TrustError>>()?;
        Ok(Self { general, special })
    }

    /// What a client of our own needs, towards a server for which nothing but these roots counts, or,
    /// where there are none, those that count for all.
    pub fn client(&self, files: &[PathBuf]) -> Result<Arc<ClientConfig>, TrustError> {
        let own = certificates(files)?;
        let (alone, general) = (!own.is_empty(), &self.general.roots);
        let roots = if alone { own } else { general.clone() };
        let [config, _] = Way { roots, alone, ..Way::default() }.build();
        let mut config = ClientConfig::clone(&config);
        // What is spoken is known, and not all of it has a name.
        config.alpn_protocols.clear();
        Ok(Arc::new(config))
    }

    /// Handshakes and verifies.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        host: &Host,
        alpn: Alpn,
    ) -> Result<Secured<S>, TrustError> {
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.to_string()),
            Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        };
        let name = name.map_err(|_| TrustError::Name(host.to_string()))?;
        let covers = |(hosts, _): &&(Vec<HostPattern>, Way)| {
            hosts.iter().any(|pattern| pattern.matches(host))
        };
        let way = self.special.iter().find(covers).map_or(&self.general, |(_, way)| way);
        let [http1, http2] = way.config.get_or_init(|| way.build());
        let config = match alpn {
            Alpn::Http1 => http1,
            Alpn::Http2 => http2,
        };
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name, stream).await;
        let handshake = |source| {
            let host = host.to_string();
            if is_of_authority(&source) {
                return TrustError::OfAuthority(host);
            }
            TrustError::Handshake { host, source }
        };
        let stream = stream.map_err(handshake)?;
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates();
        // Of its own certificate: what it sends beside that, anybody could.
        if !way.pins.is_empty() && !peer::key_of(shown).is_some_and(|key| way.pins.contains(&key)) {
            return Err(TrustError::Pin(host.to_string()));
        }
        let certificate = peer::read(shown);
        let http2 = session.alpn_protocol() == Some(b"h2");
        let session = agreed(session, certificate.as_deref());
        Ok(Secured { stream, certificate, http2, session })
    }
}

fn is_of_authority(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(why)))) => {
            why.downcast_ref::<OfAuthority>().is_some()
        }
        Some(_) | None => false,
    }
}

/// What was agreed on, as records say it.
fn agreed(session: &ClientConnection, certificate: Option<&Certificate>) -> Tls {
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        // rustls knows no other.
        Some(_) | None => "unknown",
    };
    let alpn = match session.alpn_protocol() {
        Some(b"h2") => Some("h2"),
        Some(b"http/1.1") => Some("http/1.1"),
        // Nothing else was offered.
        Some(_) | None => None,
    };
    Tls { version, alpn, key: certificate.map(|certificate| certificate.key.to_string().into()) }
}

impl Way {
    /// Whether our key fits our certificate.
    fn check(&self) -> Result<(), TrustError> {
        let Some(identity) = &self.identity else { return Ok(()) };
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().expect(SUITES);
        let builder = builder.with_root_certificates(RootCertStore::empty());
        builder
            .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
            .map(drop)
            .map_err(|error| TrustError::Identity(error.to_string()))
    }

    fn build(&self) -> [Arc<ClientConfig>; 2] {
        let mut roots = RootCertStore::empty();
        if !self.alone {
            let platform = rustls_native_certs::load_native_certs();
            for error in &platform.errors {
                tracing::warn!(%error, "a platform trust root could not be read");
            }
            roots.add_parsable_certificates(platform.certs);
        }
        roots.add_parsable_certificates(self.roots.iter().cloned());
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().expect(SUITES);
        let roots = Arc::new(roots);
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider());
        let builder = match usual.build() {
            Ok(usual) => {
                let explicit = Explicit::new(usual, self.roots.iter().cloned());
                builder.dangerous().with_custom_certificate_verifier(Arc::new(explicit))
            }
            // There are no roots at all, and then nobody is trusted.
            Err(_) => builder.with_root_certificates(roots),
        };
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key }) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .expect("`check` has tried it"),
        };
        // A session that is resumed shows the certificate of the first one, not what the
        // destination would show now, and decisions stand on it.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http1 = Arc::new(config.clone());
        config.alpn_protocols.insert(0, b"h2".to_vec());
        [http1, Arc::new(config)]
    }
}

const SUITES: &str = "the provider has suites for TLS 1.2 and 1.3";

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn certificates(files: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let mut all = Vec::new();
    for file in files {
        let wrong = |detail: String| TrustError::Roots { file: file.display().to_string(), detail };
        let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
        all.extend(server::certificates(&pem).map_err(wrong)?);
    }
    Ok(all)
}

fn identity(chain: &Path, key: &Path) -> Result<Identity, TrustError> {
    let file = key.display().to_string();
    let wrong = |detail: String| TrustError::Roots { file: file.clone(), detail };
    if let Some(mode) = secret::open_to_others(key).map_err(|error| wrong(error.to_string()))? {
        return Err(wrong(format!(
            "others may use this key (mode {mode:04o}); `chmod 600` makes it its owner's alone"
        )));
    }
    let chain = certificates(&[chain.to_owned()])?;
    let pem = std::fs::read(key).map_err(|error| wrong(error.to_string()))?;
    let key = server::private_key(&pem).map_err(wrong)?;
    Ok(Identity { chain, key })
}
