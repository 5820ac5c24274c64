//! Retention: each entry of the journal is kept as long as the longest that speaks for it wants, a
//! pack, its class or a legal hold; then its payload is dropped, and chain and tree still verify. Its
//! personal fields may go earlier, with their key.

mod clock;
mod hold;
mod keys;
mod pass;
mod term;

#[cfg(test)]
pub(super) mod tests;

pub use clock::{doubt, trust};
pub use hold::LegalHold;
pub use keys::{Erasure, PersonalTerms};
pub use pass::{Announce, Pass, Passed, is_forgetting, retain};
pub use term::{Basis, Days, Terms};

/// How long entries are kept, and what stops their deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// How long, by class.
    pub terms: Terms,
    /// How long their personal fields can be read, where those are enciphered.
    pub personal: PersonalTerms,
    /// What is kept whatever its age.
    pub holds: Vec<LegalHold>,
}
