//! Floor 5: trust towards destinations.

mod client;

pub use client::{Trust, TrustError};
