//! The Merkle tree over all leaves (RFC 6962, RFC 9162): kept as it grows, and proofs from it.

mod compact;
mod proof;
mod tiles;

#[cfg(test)]
mod tests;

pub(super) use compact::Compact;
pub(super) use proof::{Nodes, consistency, inclusion};
pub use proof::{follows, includes};
pub(super) use tiles::{Tiles, read_tiles};

/// Leaves below each root that is kept in the file `tree`.
pub(super) const TILE: u64 = 256;
