//! Floor 5: trust towards destinations and what their certificates say, and the authority that
//! clients trust.

pub mod authority;
mod client;
mod hello;
mod peer;
mod secret;

pub use authority::{
    Alpn, Authority, AuthorityError, AuthoritySettings, AuthoritySource, KeySource, MintError,
};
pub use client::{DestinationTrust, Secured, Trust, TrustError};
pub use hello::{Hello, HelloFault, MOST as MOST_HELLO};
