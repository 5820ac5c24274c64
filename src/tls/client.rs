//! TLS towards a destination, for `https` targets in absolute form. Certificates are
//! always verified; TLS 1.2 is the least (RFC 9325 section 3.1.1).

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::net::Host;
use crate::policy::Certificate;

use super::peer;

/// Whom we believe, loaded at the first use: reading the platform's roots takes longer
/// (about 20 ms) than all else that happens at start.
#[derive(Debug, Default)]
pub struct Trust {
    extra: Vec<CertificateDer<'static>>,
    config: OnceLock<[Arc<ClientConfig>; 2]>,
}

/// Which versions of HTTP are offered to a destination (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2, else HTTP/1.1.
    Http2,
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
    /// The platform's roots and those of the PEM files.
    pub fn with_roots(files: &[PathBuf]) -> Result<Self, TrustError> {
        let mut extra = Vec::new();
        for file in files {
            let wrong =
                |detail: String| TrustError::Roots { file: file.display().to_string(), detail };
            let found = CertificateDer::pem_file_iter(file).map_err(|e| wrong(e.to_string()))?;
            let before = extra.len();
            for certificate in found {
                extra.push(certificate.map_err(|error| wrong(error.to_string()))?);
            }
            if extra.len() == before {
                return Err(wrong("no certificate in this file; expected PEM".to_owned()));
            }
        }
        Ok(Self { extra, config: OnceLock::new() })
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
        let [http1, http2] = self.config.get_or_init(|| self.build());
        let config = match alpn {
            Alpn::Http1 => http1,
            Alpn::Http2 => http2,
        };
        let connector = TlsConnector::from(Arc::clone(config));
        let host = host.to_string();
        let stream = connector.connect(name, stream).await;
        let stream = stream.map_err(|source| TrustError::Handshake { host, source })?;
        let (_, session) = stream.get_ref();
        let certificate = peer::read(session.peer_certificates());
        let http2 = session.alpn_protocol() == Some(b"h2");
        Ok(Secured { stream, certificate, http2 })
    }

    fn build(&self) -> [Arc<ClientConfig>; 2] {
        let mut roots = RootCertStore::empty();
        let platform = rustls_native_certs::load_native_certs();
        for error in &platform.errors {
            tracing::warn!(%error, "a platform trust root could not be read");
        }
        roots.add_parsable_certificates(platform.certs);
        roots.add_parsable_certificates(self.extra.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http1 = Arc::new(config.clone());
        config.alpn_protocols.insert(0, b"h2".to_vec());
        [http1, Arc::new(config)]
    }
}
