//! Signed tokens of an issuer (JWS in compact form, RFC 7515; JWT, RFC 7519; RFC 8725): its public keys,
//! and what a token says once its signature and its claims are right. There is neither `none` nor a key
//! that is a secret: no code is here that could take them.

mod claims;
mod keys;
#[cfg(test)]
pub(crate) mod tests;
mod token;

pub use claims::Claims;
pub use keys::{Algorithm, Keys};
pub use token::{Expected, Refused, SignedToken};
