//! Retention: each entry of the journal is kept as long as the longest that speaks for it wants, a
//! pack, its class or a legal hold; then its payload is dropped, and chain and tree still verify.

mod hold;
mod pass;
mod term;

#[cfg(test)]
pub(super) mod tests;

pub use hold::LegalHold;
pub use pass::{Pass, Passed, retain};
pub use term::{Basis, Days, Terms};

/// How long entries are kept, and what stops their deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// How long, by class.
    pub terms: Terms,
    /// What is kept whatever its age.
    pub holds: Vec<LegalHold>,
}
