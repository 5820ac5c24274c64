//! Who may log in with a name and a password, as SOCKS (RFC 1929) and `Proxy-Authorization` ask.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use super::active::Principal;

/// Who it is, if the password is right; checking one takes time by design.
pub type Verified<'a> = Pin<Box<dyn Future<Output = Option<Arc<Principal>>> + Send + 'a>>;

/// The people and programs that have a password.
pub trait Login: Debug + Send + Sync {
    /// Finds out who it is. A wrong name takes as long as a wrong password.
    fn verify<'a>(&'a self, name: &'a str, password: &'a [u8]) -> Verified<'a>;
}
