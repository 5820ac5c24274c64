//! Floor 5: who asks. Credentials as files keep them, as requests present them, and the gate
//! that proves them without letting anybody guess.

mod attempts;
mod credentials;
mod gate;
pub mod jwt;
mod presented;
mod tokens;
mod users;

use std::sync::Arc;

use crate::audit::Authenticated;

pub use attempts::Attempts;
pub use credentials::{Mistakes, check_name, entries, is_taken};
pub use gate::{Denied, Gate};
pub use presented::{Presented, Unreadable};
pub use tokens::{Token, TokenDigest, Tokens};
pub use users::{PasswordHash, Users, check_password};

/// What clients have to prove, and by what; a reload replaces it.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// Whether a client that has proved nothing is refused.
    pub required: bool,
    /// Whether a proved name must be one that the configuration knows.
    pub refuse_unknown: bool,
    /// Names and passwords, if there are any.
    pub users: Option<Arc<Users>>,
    /// Bearer tokens, if there are any.
    pub tokens: Option<Arc<Tokens>>,
}

/// A name that was proved, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The name.
    pub name: Arc<str>,
    /// How it was proved.
    pub by: Authenticated,
}

impl Auth {
    /// Whether a request can carry a proof of its own.
    pub fn reads_requests(&self) -> bool {
        self.users.is_some() || self.tokens.is_some()
    }

    /// The values of `Proxy-Authenticate` (RFC 9110 section 11.7.1).
    pub fn challenges(&self) -> impl Iterator<Item = &'static str> {
        let basic = "Basic realm=\"borderpost\", charset=\"UTF-8\"";
        let bearer = "Bearer realm=\"borderpost\"";
        let basic = self.users.is_some().then_some(basic);
        basic.into_iter().chain(self.tokens.is_some().then_some(bearer))
    }

    /// Whether what was proved once could be proved still: its credential is still there.
    pub fn still_proves(&self, name: &str, by: Authenticated) -> bool {
        match by {
            Authenticated::Basic => self.users.as_ref().is_some_and(|users| users.has(name)),
            Authenticated::Bearer => self.tokens.as_ref().is_some_and(|tokens| tokens.has(name)),
            Authenticated::Mtls => true,
            Authenticated::Network => !self.required,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_what_is_configured() {
        let token = Token::generate().unwrap();
        let tokens = Tokens::parse(&format!("build:{}", token.kept())).unwrap();
        let auth = Auth { tokens: Some(Arc::new(tokens)), ..Auth::default() };
        assert!(auth.reads_requests() && !Auth::default().reads_requests());
        assert_eq!(auth.challenges().collect::<Vec<_>>(), ["Bearer realm=\"borderpost\""]);
        assert_eq!(Auth::default().challenges().count(), 0);
    }

    #[test]
    fn what_was_proved_stands_while_its_credential_does() {
        let token = Token::generate().unwrap();
        let tokens = Tokens::parse(&format!("build:{}", token.kept())).unwrap();
        let auth = Auth { tokens: Some(Arc::new(tokens)), ..Auth::default() };
        assert!(auth.still_proves("build", Authenticated::Bearer));
        assert!(!auth.still_proves("other", Authenticated::Bearer));
        assert!(!auth.still_proves("build", Authenticated::Basic));
        assert!(auth.still_proves("build", Authenticated::Network));
        let strict = Auth { required: true, ..auth };
        assert!(!strict.still_proves("build", Authenticated::Network));
    }
}
