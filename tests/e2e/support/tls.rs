//! A TLS origin with a certificate that the test makes itself.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use tempfile::TempDir;

use super::http::Wire;
use super::origin::{Origin, Received};

/// A connection under TLS.
pub(crate) type SecureWire = Wire<StreamOwned<ServerConnection, TcpStream>>;

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

/// TLS on a socket, on either side.
pub(crate) type Secure = StreamOwned<ServerConnection, TcpStream>;
pub(crate) type SecureClient = StreamOwned<ClientConnection, TcpStream>;

/// A client's TLS on a stream that stands, with what it offers in ALPN.
pub(crate) fn client(
    stream: TcpStream,
    host: &str,
    roots: &Path,
    protocols: &[&str],
) -> SecureClient {
    let mut store = RootCertStore::empty();
    let pem = fs::read(roots).unwrap();
    CertificateDer::pem_slice_iter(&pem).for_each(|one| store.add(one.unwrap()).unwrap());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|one| one.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

/// A key and a certificate, by an authority of its own.
#[derive(Debug)]
pub(crate) struct Identity {
    folder: TempDir,
}

impl Identity {
    /// Makes one for `host` and `ip`.
    pub(crate) fn new(host: &str, ip: &str) -> Self {
        Self::of("/CN=test", host, ip)
    }

    /// Makes one whose holder has this name.
    pub(crate) fn of(subject: &str, host: &str, ip: &str) -> Self {
        let own = Self { folder: TempDir::new().unwrap() };
        own.make("ca", &["-subj", "/CN=test authority"]);
        own.issue(subject, host, ip);
        own
    }

    /// Makes one that nobody else has signed, as `openssl` does by itself: marked as an authority's.
    pub(crate) fn self_signed(host: &str, ip: &str) -> Self {
        let own = Self { folder: TempDir::new().unwrap() };
        let names = format!("subjectAltName=DNS:{host},IP:{ip}");
        own.make("cert", &["-subj", "/CN=test", "-addext", &names]);
        fs::copy(own.file("cert.pem"), own.certificate()).unwrap();
        own
    }

    /// Makes another by the same authority.
    pub(crate) fn another(&self, host: &str, ip: &str) -> Self {
        let own = Self { folder: TempDir::new().unwrap() };
        for name in ["ca.pem", "ca-key.pem"] {
            fs::copy(self.file(name), own.file(name)).unwrap();
        }
        own.issue("/CN=test", host, ip);
        own
    }

    fn issue(&self, subject: &str, host: &str, ip: &str) {
        let names = format!("subjectAltName=DNS:{host},IP:{ip}");
        let issuer = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-subj", subject];
        let leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", &names];
        self.make("cert", &[&issuer[..], &leaf].concat());
    }

    fn make(&self, name: &str, more: &[&str]) {
        let made = Command::new("openssl")
            .current_dir(self.folder.path())
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-keyout", &format!("{name}-key.pem")])
            .args(["-out", &format!("{name}.pem")])
            .args(more)
            .output()
            .unwrap_or_else(|error| panic!("openssl: {error}; run the tests by tests/run"));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// The certificate of its authority.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A file of it: `cert.pem` or `cert-key.pem`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The digest of its key as the register writes it: SHA-256 of the SubjectPublicKeyInfo.
    pub(crate) fn key(&self) -> String {
        let shell = "openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der \
                     | openssl dgst -sha256 -binary | openssl base64";
        let made = Command::new("sh").current_dir(self.folder.path()).args(["-c", shell]).output();
        format!("sha256/{}", String::from_utf8(made.unwrap().stdout).unwrap().trim_end())
    }

    /// An origin that answers `ok` to everything over TLS.
    pub(crate) fn serve(&self, ip: &str, answer: String) -> Origin {
        self.accept(ip, move |secure, received| {
            while let Some(request) = secure.request() {
                received.note(request);
                if secure.try_send(&answer).is_err() {
                    return;
                }
            }
        })
    }

    /// An origin that follows a script over TLS.
    pub(crate) fn accept(
        &self,
        ip: &str,
        script: impl Fn(&mut SecureWire, &Received) + Send + Sync + 'static,
    ) -> Origin {
        let config = Arc::new(self.config());
        Origin::start(ip, move |wire, received| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let stream = wire.stream.try_clone().unwrap();
            script(&mut Wire::over(StreamOwned::new(connection, stream)), received);
        })
    }

    /// The certificate and the key of the holder.
    pub(crate) fn pair(&self) -> [PathBuf; 2] {
        ["cert.pem", "cert-key.pem"].map(|name| self.folder.path().join(name))
    }

    /// What a server of this name needs that wants a certificate of its clients, by the same
    /// authority.
    pub(crate) fn mutual(&self) -> ServerConfig {
        let authority = CertificateDer::from_pem_file(self.certificate()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (roots, shared) = (Arc::new(roots), Arc::clone(&provider));
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots, provider);
        let builder = ServerConfig::builder_with_provider(shared);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let [certificate, key] = self.pair();
        let certificate = CertificateDer::from_pem_file(certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let builder = builder.with_client_cert_verifier(verifier.build().unwrap());
        builder.with_single_cert(vec![certificate], key).unwrap()
    }

    /// An origin of HTTP/2 over TLS that follows a script.
    pub(crate) fn serve_frames(
        &self,
        ip: &str,
        script: impl Fn(Wire<Secure>) + Send + Sync + 'static,
    ) -> Origin {
        let mut config = self.config();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let config = Arc::new(config);
        Origin::start(ip, move |wire, _| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            script(Wire::over(StreamOwned::new(connection, wire.stream.try_clone().unwrap())));
        })
    }

    /// The same, that sends along the certificate of another.
    pub(crate) fn beside(&self, other: &Self) -> ServerConfig {
        let read = |identity: &Self| CertificateDer::from_pem_file(&identity.pair()[0]).unwrap();
        let key = PrivateKeyDer::from_pem_file(&self.pair()[1]).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        builder.with_single_cert(vec![read(self), read(other)], key).unwrap()
    }

    /// What a server of this name needs.
    pub(crate) fn config(&self) -> ServerConfig {
        let read = |name: &str| fs::read(self.folder.path().join(name)).unwrap();
        let certificate = CertificateDer::from_pem_slice(&read("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&read("cert-key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
    }
}
