//! The register of parties: who receives what goes to a host, where they are seated, who owns
//! them and which lists name them. The law asks this before it asks where a machine stands.

mod claims;
mod draft;
mod effective;
mod key;
mod ownership;
mod party;
mod percent;
mod prefixes;
mod reason;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::civil::Date;

use crate::net::Host;

use claims::Claims;

pub use claims::{Match, MatchedBy, Sighting};
pub use draft::{
    Claim, EmploymentDraft, Part, PartyDraft, RegisterError, RegisterFault, StakeDraft,
};
pub use key::{KeyDigest, KeyDigestError};
pub use ownership::{Because, Definition, Home, Standing};
pub use party::{Employment, Membership, Party, PartyId, PartyKind, Period, Seat, SeatKind, Stake};
pub use percent::{Percent, PercentError};
pub use reason::{Reason, Reasons};

/// All known parties. It never changes once built; share it by `Arc`.
#[derive(Debug, Default)]
pub struct Register {
    parties: Vec<Party>,
    ids: HashMap<Box<str>, PartyId>,
    claims: Claims,
    /// Who owns and who employs, seen from the owner and the employer.
    ties: Vec<Ties>,
    changes: Vec<Date>,
}

/// What follows from one party for others: `owners` and `employers` turned around.
#[derive(Clone, Debug, Default)]
struct Ties {
    holdings: Vec<Holding>,
    staff: Vec<(PartyId, Period)>,
}

/// A stake, seen from its owner.
#[derive(Clone, Copy, Debug)]
struct Holding {
    of: PartyId,
    percent: Percent,
    during: Period,
}

// === impl Register ===

impl Register {
    /// Makes the register, or tells every mistake of the drafts: ids that are taken or unknown,
    /// stakes that come to more than the whole, entries that stand for two parties, and seats,
    /// owners or employers that a party of the kind cannot have.
    pub fn build(drafts: Vec<PartyDraft>) -> Result<Self, Vec<RegisterError>> {
        draft::build(drafts)
    }

    fn assemble(parties: Vec<Party>, ids: HashMap<Box<str>, PartyId>, claims: Claims) -> Self {
        let mut ties = vec![Ties::default(); parties.len()];
        let known = "the builder knows the id";
        for (at, party) in parties.iter().enumerate() {
            let of = PartyId::at(at);
            for &Stake { owner, percent, during } in &party.owners {
                ties.get_mut(owner.index()).expect(known).holdings.push(Holding {
                    of,
                    percent,
                    during,
                });
            }
            for &Employment { employer, during } in &party.employers {
                ties.get_mut(employer.index()).expect(known).staff.push((of, during));
            }
        }
        let mut changes: Vec<_> = parties.iter().flat_map(Party::changes).collect();
        changes.sort_unstable();
        changes.dedup();
        Self { parties, ids, claims, ties, changes }
    }

    // === who it is ===

    /// Who stands behind a host: the host itself, else the longest `*.suffix`.
    pub fn by_host(&self, host: &Host) -> Option<Match<'_>> {
        self.claims.by_host(host)
    }

    /// Who stands behind the key of a certificate.
    pub fn by_key(&self, key: &KeyDigest) -> Option<Match<'_>> {
        self.claims.by_key(key)
    }

    /// Who stands behind an address: the smallest network that holds it.
    pub fn by_address(&self, address: IpAddr) -> Option<Match<'_>> {
        self.claims.by_address(address)
    }

    /// Who stands behind an autonomous system.
    pub fn by_asn(&self, asn: u32) -> Option<Match<'_>> {
        self.claims.by_asn(asn)
    }

    /// Who receives: by host, else key, else network, else the first known ASN.
    pub fn recognise(&self, seen: &Sighting<'_>) -> Option<Match<'_>> {
        self.matches(seen).next()
    }

    /// Everyone who is recognised, in the order of [`Self::recognise`]. A host of one party on
    /// the network of another has two: who receives, and whose machine it is.
    pub fn matches<'r>(&'r self, seen: &Sighting<'_>) -> impl Iterator<Item = Match<'r>> {
        let Sighting { host, key, address, asns } = *seen;
        let host = host.into_iter().filter_map(|host| self.by_host(host));
        let key = key.into_iter().filter_map(|key| self.by_key(key));
        let address = address.into_iter().filter_map(|address| self.by_address(address));
        let asns = asns.iter().filter_map(|asn| self.by_asn(*asn));
        host.chain(key).chain(address).chain(asns)
    }

    // === what is known of them ===

    /// The party of that number, which came from this register.
    pub fn get(&self, id: PartyId) -> &Party {
        self.parties.get(id.index()).expect("the number came from this register")
    }

    /// The number of the party with that id.
    pub fn find(&self, id: &str) -> Option<PartyId> {
        self.ids.get(id).copied()
    }

    /// Every party, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (PartyId, &Party)> {
        self.parties.iter().enumerate().map(|(at, party)| (PartyId::at(at), party))
    }

    /// How many parties there are.
    pub fn len(&self) -> usize {
        self.parties.len()
    }

    /// Whether somebody is known by the key of a certificate.
    pub fn knows_keys(&self) -> bool {
        self.claims.knows_keys()
    }

    /// Whether nobody is known.
    pub fn is_empty(&self) -> bool {
        self.parties.is_empty()
    }

    /// The days on which some seat, stake, employment or membership begins or has ended, in
    /// order. Between two of them every [`Standing`] stays as it is.
    pub fn change_dates(&self) -> &[Date] {
        &self.changes
    }

    fn ties(&self, id: PartyId) -> &Ties {
        self.ties.get(id.index()).expect("the number came from this register")
    }
}
