//! What is in force of the authority: those that follow each other, and who of them signs.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::fault::{AuthorityError, MintError};
use super::issuer::{Chain, Issuer};
use super::server::Common;
use super::{AuthoritySource, store};

/// What a reload replaces.
#[derive(Debug)]
pub(super) struct State {
    /// Oldest first.
    pub(super) members: Vec<Member>,
    pub(super) common: Common,
}

/// One authority of possibly several that follow each other.
#[derive(Debug)]
pub(super) struct Member {
    /// Its number in the folder, if it is ours.
    pub(super) number: Option<u32>,
    pub(super) chain: Chain,
    /// Absent where a successor signs already: a key that is not needed is not read.
    pub(super) issuer: Option<Arc<Issuer>>,
    /// From when on it signs.
    pub(super) from: Timestamp,
    /// Until when it is published.
    pub(super) until: Option<Timestamp>,
}

impl State {
    pub(super) fn load(source: &AuthoritySource, now: Timestamp) -> Result<Self, AuthorityError> {
        let members = match source {
            AuthoritySource::Given { certificate, key } => {
                vec![Member::signing(Issuer::load(certificate, key, now)?, None, Timestamp::MIN)]
            }
            AuthoritySource::Made(folder) => {
                let entries = store::read(folder)?;
                let signing = entries.iter().rposition(|entry| entry.from <= now).unwrap_or(0);
                let mut members = Vec::new();
                for (at, entry) in entries.iter().enumerate() {
                    let is_over = entry.until.is_some_and(|until| until <= now);
                    if at >= signing {
                        let (certificate, key) = (entry.certificate(folder), entry.key(folder));
                        let issuer = Issuer::load(&certificate, &key, now)?;
                        let mut member = Member::signing(issuer, Some(entry.number), entry.from);
                        member.until = entry.until;
                        members.push(member);
                    } else if !is_over {
                        members.extend(Member::published(folder, entry, now)?);
                    }
                }
                members
            }
        };
        Ok(Self { members, common: Common::new()? })
    }

    /// Who signs at that time.
    pub(super) fn signing(&self, now: Timestamp) -> Result<&Arc<Issuer>, MintError> {
        let mut begun = self.members.iter().rev().filter(|member| member.from <= now);
        let first = self.members.first().map_or(now, |member| member.from);
        let issuer = begun.find_map(|member| member.issuer.as_ref());
        let issuer = issuer.ok_or(MintError::TooEarly(first))?;
        let until = issuer.chain.valid().until;
        if until <= now { Err(MintError::Expired(until)) } else { Ok(issuer) }
    }

    /// What tells one state from another.
    pub(super) fn marks(&self) -> Vec<(String, Timestamp, Option<Timestamp>, bool)> {
        let mark = |member: &Member| {
            let every = member.chain.fingerprints();
            (every, member.from, member.until, member.issuer.is_some())
        };
        self.members.iter().map(mark).collect()
    }
}

impl Member {
    fn signing(issuer: Issuer, number: Option<u32>, from: Timestamp) -> Self {
        let issuer = Arc::new(issuer);
        Self { number, chain: issuer.chain.clone(), issuer: Some(issuer), from, until: None }
    }

    /// One that only stays published; none if its own time is over.
    fn published(
        folder: &Path,
        entry: &store::Entry,
        now: Timestamp,
    ) -> Result<Option<Self>, AuthorityError> {
        let chain = Chain::read(&entry.certificate(folder))?;
        let (number, from, until) = (Some(entry.number), entry.from, entry.until);
        let member = Self { number, chain, issuer: None, from, until };
        Ok(Some(member).filter(|member| member.chain.valid().until > now))
    }
}
