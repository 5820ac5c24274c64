//! What people see of an authority: who signs, until when, and the certificates to install.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::CertificateDer;

use super::key::pem;
use super::read::{Certificate, Validity};
use super::state::Member;
use super::{Authority, AuthoritySource, Constraints, DAY, WARN_DAYS};
use crate::tls::{Paper, PaperKind};

/// Certificates in PEM.
pub fn roots_in_pem(roots: &[CertificateDer<'_>]) -> String {
    roots.iter().map(|root| pem("CERTIFICATE", root)).collect()
}

/// One authority, for people.
#[derive(Clone, Debug)]
pub struct AuthorityView {
    /// Its number among ours.
    pub number: Option<u32>,
    /// Its name.
    pub subject: String,
    /// SHA-256 of its certificate.
    pub fingerprint: String,
    /// Its time.
    pub valid: Validity,
    /// For which names it may sign.
    pub constraints: Constraints,
    /// The root that clients must trust, if that is another one.
    pub root: Option<(String, String)>,
    /// Whether it signs.
    pub signs: Signs,
    /// Until when it is published.
    pub until: Option<Timestamp>,
}

/// Whether an authority signs new certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// It does.
    Now,
    /// It will, from then on.
    From(Timestamp),
    /// It did; a successor does.
    NoMore,
}

impl Authority {
    /// Every authority that is published, oldest first.
    pub fn views(&self, now: Timestamp) -> Vec<AuthorityView> {
        let state = self.state.load();
        let signing = state.members.iter().rposition(|member| member.from <= now);
        let view = |(at, member): (usize, &Member)| {
            let signs = if Some(at) == signing {
                Signs::Now
            } else if member.from > now {
                Signs::From(member.from)
            } else {
                Signs::NoMore
            };
            member.view(signs)
        };
        state.members.iter().enumerate().map(view).collect()
    }

    /// What should be known soon: an end that comes near.
    pub fn notes(&self, now: Timestamp) -> Vec<String> {
        let near = now.saturating_add(DAY * WARN_DAYS).unwrap_or(now);
        let ending = |view: &AuthorityView| view.signs == Signs::Now && view.valid.until <= near;
        let note = |view: AuthorityView| {
            let left: SignedDuration = view.valid.until.duration_since(now);
            let days = left.as_hours() / 24;
            let remedy = match view.number {
                Some(_) => "`borderpost ca rotate --overlap DAYS` makes a successor",
                None => "renew it, then reload",
            };
            format!("the authority {} ends in {days} days; {remedy}", view.subject)
        };
        let views = self.views(now);
        // A successor that waits is the answer already.
        if views.iter().any(|view| matches!(view.signs, Signs::From(_))) {
            return Vec::new();
        }
        views.into_iter().filter(ending).map(note).collect()
    }

    /// Whoever signs last, and when that ends: the one that signs now, or a successor that waits.
    pub fn paper(&self, now: Timestamp) -> Option<(Paper, String)> {
        let views = self.views(now).into_iter().filter(|view| view.signs != Signs::NoMore);
        let last = views.max_by_key(|view| view.valid.until)?;
        Some((Paper { kind: PaperKind::Authority, until: last.valid.until }, last.subject))
    }

    /// The roots that clients have to trust, in PEM.
    pub fn roots_pem(&self) -> String {
        self.published().iter().map(|root| pem("CERTIFICATE", &root.der)).collect()
    }

    /// The newest of them, in DER, for programs that take one certificate.
    pub fn root_der(&self) -> Vec<u8> {
        self.published().last().map(|root| root.der.to_vec()).unwrap_or_default()
    }

    /// The platform's roots and ours, in PEM, for programs that take one file. Reads files:
    /// some 20 ms.
    pub fn bundle_pem(&self) -> String {
        roots_in_pem(&self.bundle())
    }

    /// The platform's roots and ours. Reads files: some 20 ms.
    pub fn bundle(&self) -> Vec<CertificateDer<'static>> {
        let platform = rustls_native_certs::load_native_certs();
        for error in &platform.errors {
            tracing::warn!(%error, "a platform trust root could not be read");
        }
        let mut all = platform.certs;
        all.extend(self.published().into_iter().map(|root| root.der));
        all
    }

    /// Where the files of ours are, for messages.
    pub fn folder(&self) -> Option<PathBuf> {
        match &self.settings.source {
            AuthoritySource::Made(folder) => Some(folder.clone()),
            AuthoritySource::Given { .. } => None,
        }
    }

    pub(super) fn published(&self) -> Vec<Certificate> {
        self.published_at(Timestamp::now())
    }

    pub(super) fn published_at(&self, now: Timestamp) -> Vec<Certificate> {
        let state = self.state.load();
        let is_published = |member: &&Member| member.until.is_none_or(|until| until > now);
        state
            .members
            .iter()
            .filter(is_published)
            .map(|member| member.chain.root().clone())
            .collect()
    }
}

impl Member {
    fn view(&self, signs: Signs) -> AuthorityView {
        let (issuing, root) = (self.chain.issuing(), self.chain.root());
        let other = (root.der != issuing.der).then(|| (root.subject.clone(), root.fingerprint()));
        AuthorityView {
            number: self.number,
            subject: issuing.subject.clone(),
            fingerprint: issuing.fingerprint(),
            valid: self.chain.valid(),
            constraints: issuing.constraints.clone(),
            root: other,
            signs,
            until: self.until,
        }
    }
}
