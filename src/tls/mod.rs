//! Floor 5: trust towards destinations, and what their certificates say.

mod client;
mod peer;

pub use client::{Alpn, Secured, Trust, TrustError};
