//! By what somebody has proved who they are: kept, so that a session and a stream can be asked whether
//! that counts still.

use std::sync::Arc;

use jiff::Timestamp;

use crate::auth::TokenDigest;
use crate::tls::Shown;

use super::super::oidc::Person;
use super::super::role::Who;

/// What somebody has shown.
#[derive(Clone, Debug)]
pub(in super::super) enum Proof {
    /// Nothing: nobody had to.
    Nothing,
    /// A token of the configuration.
    Token(TokenDigest),
    /// A certificate, which has an end and may be taken back.
    Certificate(Shown),
    /// What an issuer says of them, and until when that counts; for as long as the session, if none.
    Issuer(Arc<Person>, Option<Timestamp>),
}

/// Somebody, and by what that is known.
#[derive(Clone, Debug)]
pub(in super::super) struct Proved {
    pub(in super::super) who: Who,
    pub(in super::super) proof: Proof,
}

impl Proof {
    /// When it ends by itself, where that is known.
    pub(in super::super) const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Issuer(_, until) => *until,
            Self::Nothing | Self::Token(_) | Self::Certificate(_) => None,
        }
    }
}

impl Proved {
    /// Somebody on this machine, where nobody has to prove anything.
    pub(in super::super) fn local() -> Self {
        Self { who: Who::local(), proof: Proof::Nothing }
    }
}
