//! Floor 5: trust towards destinations and clients, and what their certificates say.

mod client;
mod holder;
mod peer;
mod server;

pub use client::{Alpn, Secured, Trust, TrustError};
pub use holder::NameFrom;
pub use server::{
    AcceptError, Accepted, Acceptor, Clients, Identity, IdentityError, Shown, certificates,
    private_key, revocations,
};
