//! Floor 5: trust towards destinations, and the authority that clients trust.

pub mod authority;
mod client;

pub use authority::{
    Alpn, Authority, AuthorityError, AuthoritySettings, AuthoritySource, KeySource, MintError,
};
pub use client::{Trust, TrustError};
