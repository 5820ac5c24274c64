//! Whose certificate the destination shows: the one thing it says of itself that it must prove.

use crate::geo::Country;

use super::register::KeyDigest;

/// What is known of the destination's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Peer<'a> {
    /// It will be shown before anything is sent, but has not been yet.
    Awaited,
    /// There is none that we see: plain HTTP, or a tunnel that passes unread.
    #[default]
    Hidden,
    /// It is this one, and it has been verified.
    Shown(&'a Certificate),
}

/// What a verified certificate says of its holder (RFC 5280).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The digest of its public key, which the party register may know.
    pub key: KeyDigest,
    /// The subject's countries (`C`); most certificates of today name none.
    pub countries: Vec<Country>,
    /// The subject's organisations (`O`), as written.
    pub organisations: Vec<String>,
}

impl Certificate {
    /// Whether one of the organisations is one of these; case does not count.
    pub(super) fn is_of(&self, names: &[String]) -> bool {
        let named = |one: &String| names.iter().any(|name| name.eq_ignore_ascii_case(one));
        self.organisations.iter().any(named)
    }
}
