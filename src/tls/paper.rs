//! When what is shown to clients, or held against them, ends.

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

/// A certificate or a list, and its last moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paper {
    /// What it is.
    pub kind: PaperKind,
    /// Its last moment.
    pub until: Timestamp,
}

/// What ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaperKind {
    /// The certificate of a listener, or one between it and its authority.
    Listener,
    /// A list of certificates of clients that were revoked.
    Revocations,
    /// The authority that signs for opened tunnels.
    Authority,
}

impl PaperKind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Listener => "listener-certificate",
            Self::Revocations => "client-crl",
            Self::Authority => "authority",
        }
    }
}

impl Paper {
    /// The first end of a chain. What cannot be read has been refused elsewhere.
    pub(super) fn of_chain(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let end = |der: &CertificateDer<'_>| {
            let (_, certificate) = X509Certificate::from_der(der).ok()?;
            Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
        };
        let until = chain.iter().filter_map(end).min()?;
        Some(Self { kind: PaperKind::Listener, until })
    }

    /// The first end of some lists; one without an end has none (RFC 5280 section 5.1.2.5 wants
    /// one).
    pub(super) fn of_lists(lists: &[CertificateRevocationListDer<'_>]) -> Option<Self> {
        let end = |der: &CertificateRevocationListDer<'_>| {
            let (_, list) = CertificateRevocationList::from_der(der.as_ref()).ok()?;
            Timestamp::from_second(list.next_update()?.timestamp()).ok()
        };
        let until = lists.iter().filter_map(end).min()?;
        Some(Self { kind: PaperKind::Revocations, until })
    }
}
