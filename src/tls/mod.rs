//! Floor 5: trust towards destinations and clients and what their certificates say, and the
//! authority that clients trust.

pub mod authority;
mod client;
mod explicit;
mod hello;
mod holder;
mod paper;
mod peer;
mod secret;
mod server;

pub use authority::{
    Alpn, Authority, AuthorityError, AuthoritySettings, AuthoritySource, KeySource, MintError,
};
pub use client::{DestinationTrust, Secured, Trust, TrustError};
#[cfg(test)]
pub(crate) use hello::tests::said as client_hello;
pub use hello::{Hello, HelloFault, MOST as MOST_HELLO};
pub use holder::NameFrom;
pub use paper::{Paper, PaperKind};
pub use server::{
    AcceptError, Accepted, Acceptor, Clients, Identity, IdentityError, Shown, certificates,
    private_key, revocations,
};
