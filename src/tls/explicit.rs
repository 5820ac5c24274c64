//! Certificates that are trusted by themselves: who makes one for a server of his own, by `openssl req
//! -x509`, gets one that is marked as an authority's, which no path of certificates may end in. It is
//! taken where the very certificate is among the roots that were named, as OpenSSL does; what else makes
//! a certificate good is asked all the same.

use std::collections::HashSet;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use thiserror::Error as Fault;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Verifies as usual, and by itself what is marked as an authority's.
#[derive(Debug)]
pub(super) struct Explicit {
    usual: Arc<WebPkiServerVerifier>,
    /// The roots that were named; the platform's are not among them.
    named: HashSet<CertificateDer<'static>>,
}

/// A server shows the certificate of an authority as its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Fault)]
#[error("the certificate is marked as an authority's (CA:TRUE)")]
pub(super) struct OfAuthority;

impl Explicit {
    pub(super) fn new(
        usual: Arc<WebPkiServerVerifier>,
        named: impl Iterator<Item = CertificateDer<'static>>,
    ) -> Self {
        Self { usual, named: named.collect() }
    }
}

impl ServerCertVerifier for Explicit {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.usual.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        // Nothing but that it is an authority's is looked over, and another fault stays one.
        let Err(Error::InvalidCertificate(CertificateError::Other(_))) = &verified else {
            return verified;
        };
        let Ok((_, certificate)) = X509Certificate::from_der(end_entity) else { return verified };
        if !certificate.is_ca() {
            return verified;
        }
        if !self.named.contains(end_entity) {
            return Err(invalid(CertificateError::Other(OtherError(Arc::new(OfAuthority)))));
        }
        is_valid(&certificate, now)?;
        may_serve(&certificate)?;
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

const fn invalid(error: CertificateError) -> Error {
    Error::InvalidCertificate(error)
}

/// Whether it is the time for it (RFC 5280 section 4.1.2.5).
fn is_valid(certificate: &X509Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    if now < validity.not_before.timestamp() {
        return Err(invalid(CertificateError::NotValidYet));
    }
    if now > validity.not_after.timestamp() {
        return Err(invalid(CertificateError::Expired));
    }
    Ok(())
}

/// Whether its key may sign for a server (RFC 5280 sections 4.2.1.3 and 4.2.1.12), where it says for
/// what it may be used.
fn may_serve(certificate: &X509Certificate<'_>) -> Result<(), Error> {
    let unread = |_| invalid(CertificateError::BadEncoding);
    let signs = certificate.key_usage().map_err(unread)?;
    let signs = signs.is_none_or(|usage| usage.value.digital_signature());
    let serves = certificate.extended_key_usage().map_err(unread)?;
    let serves = serves.is_none_or(|usage| usage.value.server_auth || usage.value.any);
    if signs && serves { Ok(()) } else { Err(invalid(CertificateError::InvalidPurpose)) }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use rustls::RootCertStore;

    use super::*;

    /// What `openssl req -x509` makes, with these options besides.
    fn made(options: &[&str]) -> CertificateDer<'static> {
        let folder = tempfile::TempDir::new().unwrap();
        let (key, file) = (folder.path().join("key.pem"), folder.path().join("it.der"));
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-nodes", "-newkey", "ec", "-subj", "/CN=it"]);
        command.args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-outform", "DER", "-keyout"]);
        command.arg(key).arg("-out").arg(&file).args(options);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::read(file).unwrap().into()
    }

    const NAME: [&str; 2] = ["-addext", "subjectAltName=DNS:it.example,IP:127.0.0.1"];

    /// What is said of one where these are named; `days` from now.
    fn said(
        shown: &CertificateDer<'static>,
        named: &[&CertificateDer<'static>],
        name: &str,
        days: i64,
    ) -> Result<(), Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(named.iter().map(|one| (*one).clone()));
        // As the platform's, which are never empty.
        roots.add(made(&["-subj", "/CN=platform"])).unwrap();
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let explicit =
            Explicit::new(usual.build().unwrap(), named.iter().map(|one| (*one).clone()));
        let now = UnixTime::now().as_secs().checked_add_signed(days * 86_400).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        explicit.verify_server_cert(shown, &[], &name, &[], now).map(drop)
    }

    #[test]
    fn only_what_was_named_is_trusted_by_itself() {
        let (own, other) = (made(&NAME), made(&NAME));
        assert_eq!(said(&own, &[&own], "it.example", 0), Ok(()));
        assert_eq!(said(&own, &[&other, &own], "127.0.0.1", 0), Ok(()));
        let strange = said(&own, &[&other], "it.example", 0).unwrap_err();
        let Error::InvalidCertificate(CertificateError::Other(OtherError(why))) = strange else {
            panic!("{strange}");
        };
        assert!(why.downcast_ref::<OfAuthority>().is_some(), "{why}");
    }

    #[test]
    fn name_and_time_and_purpose_must_fit() {
        let own = made(&NAME);
        let why = |certificate: &CertificateDer<'static>, name: &str, days: i64| match said(
            certificate,
            &[certificate],
            name,
            days,
        ) {
            Err(Error::InvalidCertificate(why)) => format!("{why:?}"),
            other => format!("{other:?}"),
        };
        assert!(why(&own, "other.example", 0).starts_with("NotValidForName"));
        assert!(why(&own, "127.0.0.2", 0).starts_with("NotValidForName"));
        assert!(why(&own, "it.example", 400).starts_with("Expired"));
        assert!(why(&own, "it.example", -2).starts_with("NotValidYet"));
        let signing = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
        let signing = made(&[&NAME[..], &signing].concat());
        assert!(why(&signing, "it.example", 0).starts_with("InvalidPurpose"));
        let client = made(&[&NAME[..], &["-addext", "extendedKeyUsage=clientAuth"]].concat());
        assert!(why(&client, "it.example", 0).starts_with("InvalidPurpose"));
        let server =
            ["-addext", "extendedKeyUsage=serverAuth", "-addext", "keyUsage=digitalSignature"];
        assert_eq!(why(&made(&[&NAME[..], &server].concat()), "it.example", 0), "Ok(())");
        // A name in the subject alone is none (RFC 9525 section 2).
        assert!(why(&made(&[]), "it", 0).starts_with("NotValidForName"));
    }
}
