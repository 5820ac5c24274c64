//! Floor 0: names and addresses in one canonical form. Everything above compares
//! and judges only what this floor has brought into that form.

mod authority;
mod host;
mod network;
mod special;

pub use authority::{Authority, AuthorityError};
pub use host::{Host, HostError, HostPattern};
pub use network::{NetworkError, NetworkSet, parse_network};
pub use special::{Canonical, Embedding, Nat64, Special};
