//! One authority: its certificate, what stands between it and a root, and its key. It is
//! checked as clients will check what it signs.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::net::Host;

use super::draft::{self, Draft, MOST_COMMON_NAME, Signer};
use super::fault::{AuthorityError, MintError};
use super::key::{self, KeySource};
use super::read::{Certificate, Validity};
use super::{HOUR, provider, server_name};

/// Certificates of an authority: what is published, and what a server sends beside its own.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// The issuing authority first, as far towards the root as the file goes.
    certificates: Vec<Certificate>,
}

/// An authority that can sign.
#[derive(Clone, Debug)]
pub(super) struct Issuer {
    pub(super) chain: Chain,
    signer: Signer,
}

// === impl Chain ===

impl Chain {
    /// Reads a PEM file; each certificate is named as the issuer of the one before it.
    pub(super) fn read(path: &Path) -> Result<Self, AuthorityError> {
        let text = fs::read(path)
            .map_err(|source| AuthorityError::File { path: path.to_owned(), source })?;
        let unfit = |subject: &str, detail: String| AuthorityError::Unfit {
            path: path.to_owned(),
            subject: subject.to_owned(),
            detail,
        };
        let mut certificates: Vec<Certificate> = Vec::new();
        for (at, der) in CertificateDer::pem_slice_iter(&text).enumerate() {
            let subject = format!("certificate {}", at + 1);
            let der = der.map_err(|error| unfit(&subject, error.to_string()))?;
            let read = Certificate::read(der).map_err(|detail| unfit(&subject, detail))?;
            if let Some(below) = certificates.last()
                && below.issuer_der != read.subject_der
            {
                let detail = format!(
                    "it did not issue {}, which stands before it; put each certificate after the one it issued",
                    below.subject
                );
                return Err(unfit(&read.subject, detail));
            }
            certificates.push(read);
        }
        if certificates.is_empty() {
            return Err(AuthorityError::NoCertificate(path.to_owned()));
        }
        Ok(Self { certificates })
    }

    /// Checks that each certificate is an authority whose time it is.
    fn check(&self, path: &Path, now: Timestamp) -> Result<(), AuthorityError> {
        (0_u32..).zip(&self.certificates).try_for_each(|(below, one)| {
            one.check(now, below).map_err(|detail| AuthorityError::Unfit {
                path: path.to_owned(),
                subject: one.subject.clone(),
                detail,
            })
        })
    }

    /// Tells this chain from any other.
    pub(super) fn fingerprints(&self) -> String {
        self.certificates.iter().map(Certificate::fingerprint).collect()
    }

    /// The authority itself.
    pub(super) fn issuing(&self) -> &Certificate {
        self.certificates.first().expect("a chain has its issuing authority")
    }

    /// What clients have to trust.
    pub(super) fn root(&self) -> &Certificate {
        self.certificates.last().expect("a chain has its issuing authority")
    }

    /// What a server sends after its own certificate: all but a root, which clients have.
    pub(super) fn sent(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.certificates.iter().filter(|one| !one.is_root()).map(|one| &one.der)
    }

    /// When all of it holds.
    pub(super) fn valid(&self) -> Validity {
        let each = self.certificates.iter().map(|one| one.valid);
        let both = |a: Validity, b: Validity| Validity {
            from: a.from.max(b.from),
            until: a.until.min(b.until),
        };
        each.reduce(both).expect("a chain has its issuing authority")
    }

    /// Whether a certificate for this host would be believed.
    pub(super) fn allows(&self, host: &Host) -> bool {
        self.certificates.iter().all(|one| one.constraints.allow(host))
    }

    fn example(&self) -> Option<Host> {
        let any = Host::parse("probe.invalid").expect("a name of RFC 6761");
        let within = self.certificates.iter().flat_map(|one| one.constraints.examples());
        within.chain([any]).find(|host| self.allows(host))
    }
}

impl Certificate {
    /// Whether it may sign certificates now, with so many authorities below it; says what is
    /// wrong.
    fn check(&self, now: Timestamp, below: u32) -> Result<(), String> {
        if !self.is_authority {
            return Err(
                "it is no authority (basicConstraints lacks CA:TRUE); name an issuing authority"
                    .to_owned(),
            );
        }
        if !self.signs_certificates {
            return Err(
                "it may not sign certificates (keyUsage lacks keyCertSign); name an issuing authority"
                    .to_owned(),
            );
        }
        if self.path_length.is_some_and(|most| most < below) {
            return Err(format!(
                "no more than {} authorities may stand below it",
                self.path_length.unwrap_or_default()
            ));
        }
        if self.valid.until <= now {
            return Err(format!("it ended at {}; renew it", self.valid.until));
        }
        if self.valid.from > now {
            return Err(format!("it begins at {}; is the clock right?", self.valid.from));
        }
        Ok(())
    }
}

// === impl Issuer ===

impl Issuer {
    /// Reads certificates and key, and tries both.
    pub(super) fn load(
        path: &Path,
        key: &KeySource,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        let chain = Chain::read(path)?;
        chain.check(path, now)?;
        let signer = Signer::new(key.load()?);
        let unfit = |detail: String| AuthorityError::Unfit {
            path: path.to_owned(),
            subject: chain.issuing().subject.clone(),
            detail,
        };
        let signer = signer.ok_or_else(|| unfit("its key cannot sign certificates".to_owned()))?;
        if signer.public().as_deref() != Some(&*chain.issuing().key) {
            return Err(unfit(
                "the key is not the one of this certificate; name the key that it was issued for"
                    .to_owned(),
            ));
        }
        let issuer = Self { chain: chain.clone(), signer };
        issuer.prove(now).map_err(unfit)?;
        Ok(issuer)
    }

    /// Signs one certificate and verifies it as clients do: what this finds late (a path
    /// length, a usage, a constraint above) would fail every connection.
    fn prove(&self, now: Timestamp) -> Result<(), String> {
        let host = self.chain.example().ok_or("its name constraints leave no name to sign for")?;
        let (key, _) = key::generate().map_err(|error| error.to_string())?;
        let key = key.public_key().ok_or("a key without its public part")?.to_vec();
        let leaf = self.sign(&host, &key, self.valid_for(SignedDuration::from_hours(24), now));
        let (leaf, _) = leaf.map_err(|error| error.to_string())?;
        let mut roots = RootCertStore::empty();
        roots.add(self.chain.root().der.clone()).map_err(|error| error.to_string())?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        let verifier = verifier.map_err(|error| error.to_string())?;
        let sent: Vec<_> = self.chain.sent().cloned().collect();
        let name: ServerName<'_> = server_name(&host).map_err(|error| error.to_string())?;
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let verified = verifier.verify_server_cert(&leaf, &sent, &name, &[], at);
        verified.map(drop).map_err(|error| {
            format!("clients would not believe what it signs: {error}; check its chain")
        })
    }

    /// A time of this length, from an hour ago (clocks differ), within the authority's own.
    pub(super) fn valid_for(&self, length: SignedDuration, now: Timestamp) -> Validity {
        let own = self.chain.valid();
        let from = now.saturating_sub(HOUR).unwrap_or(now).max(own.from);
        // Both ends count (RFC 5280 section 4.1.2.5), so the last second is one less.
        let until = from.saturating_add(length - SignedDuration::from_secs(1)).unwrap_or(own.until);
        Validity { from, until: until.min(own.until) }
    }

    /// A server certificate for this host and key.
    pub(super) fn sign(
        &self,
        host: &Host,
        key: &[u8],
        valid: Validity,
    ) -> Result<(CertificateDer<'static>, Validity), MintError> {
        let text = match host {
            Host::Name(name) => name.to_string(),
            Host::Address(address) => address.to_string(),
        };
        let subject = draft::common_name(&text);
        let has_subject = text.len() <= MOST_COMMON_NAME;
        let [basic, usage, extended] = draft::server();
        let extensions = [
            draft::authority_key_id(&self.chain.issuing().key_id),
            draft::subject_key_id(key),
            draft::alternative_name(host, !has_subject),
            basic,
            usage,
            extended,
        ];
        let issuer = &self.chain.issuing().subject_der;
        let draft = Draft { issuer, subject: &subject, key, valid, extensions: &extensions };
        Ok((self.signer.sign(&draft)?, valid))
    }

    /// Whether signing belongs on a thread of its own.
    pub(super) fn is_slow(&self) -> bool {
        self.signer.is_slow()
    }
}

/// A new root: its certificate in DER and its key in PKCS#8.
pub(super) fn make_root(
    name: &str,
    valid: Validity,
    names: &[String],
) -> Result<(CertificateDer<'static>, Vec<u8>), MintError> {
    let (signing, octets) = key::generate()?;
    let signer = Signer::new(signing).ok_or(MintError::Unsigned)?;
    let public = signer.public().ok_or(MintError::Unsigned)?;
    // Two roots of one name and different keys confuse stores of certificates.
    let id = super::read::key_id_of(&public);
    let mark = id.first_chunk().map_or(0, |octets| u32::from_be_bytes(*octets));
    let subject = draft::common_name(&format!("{name} {mark:08x}"));
    let mut extensions = draft::authority().to_vec();
    extensions.push(draft::subject_key_id(&public));
    if !names.is_empty() {
        extensions.push(draft::only_names(names));
    }
    let draft =
        Draft { issuer: &subject, subject: &subject, key: &public, valid, extensions: &extensions };
    Ok((signer.sign(&draft)?, octets))
}
