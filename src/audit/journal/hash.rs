//! SHA-256 in the four ways the journal uses it: leaf and node of RFC 6962, the chain, and of
//! anything.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

/// 32 octets of SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; Hash::LEN]);

impl Hash {
    /// How many octets it has.
    pub const LEN: usize = 32;

    /// What the chain begins with.
    pub const ZERO: Self = Self([0; Self::LEN]);

    /// Of octets as they are.
    pub fn of(octets: &[u8]) -> Self {
        let hash = digest(&SHA256, octets);
        Self(hash.as_ref().try_into().expect("SHA-256 has 32 octets"))
    }

    /// The node above two others: `SHA-256(0x01 || left || right)` (RFC 6962, 2.1).
    pub fn node(left: &Self, right: &Self) -> Self {
        let mut octets = [1; 1 + 2 * Self::LEN];
        let (_, pair) = octets.split_at_mut(1);
        let (first, second) = pair.split_at_mut(Self::LEN);
        first.copy_from_slice(&left.0);
        second.copy_from_slice(&right.0);
        Self::of(&octets)
    }

    /// The chain with one more leaf: `SHA-256(chain || leaf)`.
    pub fn chain(&self, leaf: &Self) -> Self {
        let mut octets = [0; 2 * Self::LEN];
        let (first, second) = octets.split_at_mut(Self::LEN);
        first.copy_from_slice(&self.0);
        second.copy_from_slice(&leaf.0);
        Self::of(&octets)
    }

    /// The octets.
    pub const fn octets(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; Self::LEN]> for Hash {
    fn from(octets: [u8; Self::LEN]) -> Self {
        Self(octets)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
