//! Kinds of recipient. The register comes first: a company is what it is wherever its servers
//! stand. Only where the register knows nobody does the location decide.

use super::dated::Dated;
use super::reach::Reach;
use super::register::PartyId;

/// A kind of recipient that a pack defines: `covered`, `foreign`.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Its name in the pack.
    pub name: String,
    /// The parties of the register that are of this kind.
    pub members: Dated<PartySet>,
    /// Where a recipient that the register does not know must be to be of this kind.
    pub otherwise: Option<Reach>,
}

/// A set of parties of one register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartySet(Box<[u64]>);

impl PartySet {
    /// Whether the party is in the set.
    pub fn contains(&self, party: PartyId) -> bool {
        let index = party.index();
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }
}

impl FromIterator<PartyId> for PartySet {
    fn from_iter<I: IntoIterator<Item = PartyId>>(parties: I) -> Self {
        let mut words: Vec<u64> = Vec::new();
        for party in parties {
            let (word, bit) = (party.index() / 64, party.index() % 64);
            if words.len() <= word {
                words.resize(word + 1, 0);
            }
            if let Some(word) = words.get_mut(word) {
                *word |= 1 << bit;
            }
        }
        Self(words.into())
    }
}
