//! A TLS origin with a certificate that the test makes itself.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use super::http::Wire;
use super::origin::Origin;

/// An origin that answers `answer` to everything over TLS.
pub(crate) fn serve(config: Arc<ServerConfig>, ip: &str, answer: String) -> Origin {
    Origin::start(ip, move |wire, received| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let stream = wire.stream.try_clone().unwrap();
        let mut secure = Wire::over(StreamOwned::new(connection, stream));
        while let Some(request) = secure.request() {
            received.note(request);
            if secure.try_send(&answer).is_err() {
                return;
            }
        }
    })
}

/// A key and a self-signed certificate.
#[derive(Debug)]
pub(crate) struct Identity {
    folder: TempDir,
}

impl Identity {
    /// Makes one for `host` and `ip`.
    pub(crate) fn new(host: &str, ip: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let made = Command::new("openssl")
            .current_dir(folder.path())
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=test", "-keyout", "key.pem"])
            .args(["-out", "cert.pem", "-addext", &format!("subjectAltName=DNS:{host},IP:{ip}")])
            .output()
            .unwrap_or_else(|error| panic!("openssl: {error}; run the tests by tests/run"));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { folder }
    }

    /// The certificate, which is also its own authority.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// An origin that answers `ok` to everything over TLS.
    pub(crate) fn serve(&self, ip: &str, answer: String) -> Origin {
        serve(Arc::new(self.config()), ip, answer)
    }

    fn config(&self) -> ServerConfig {
        let read = |name: &str| fs::read(self.folder.path().join(name)).unwrap();
        let certificate = CertificateDer::from_pem_slice(&read("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&read("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
    }
}
