//! Personal fields of the journal's lines, enciphered under a key for each class of records and
//! each month. The chain runs over what is stored, so that whoever destroys a key erases the fields
//! and nothing else: chain, roots, proofs and signatures hold as before.

mod fault;
mod hidden;
mod key;
mod line;
mod opener;
mod ring;
mod sealer;

#[cfg(test)]
pub(in crate::audit) mod tests;

pub use fault::Fault;
pub use hidden::Hidden;
pub use key::{Class, KeyId, Month, WrongKeyId};
pub use line::{PERSONAL, key_of};
pub use opener::Opener;
pub use ring::KeyRing;
pub use sealer::Sealer;
