//! This process's own mark in `Via`: a pseudonym (RFC 9110 section 7.6.3) that no other proxy on
//! the way has, or two of us in a row would take each other for a loop.

use http::{HeaderValue, Version};
use uuid::Uuid;

use super::fields::PSEUDONYM;

/// The mark, and the fields that carry it, made once: they are added to every message.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    own: HeaderValue,
    hop_1_0: HeaderValue,
    hop_1_1: HeaderValue,
    hop_2: HeaderValue,
}

impl Mark {
    /// A mark that nobody else has.
    pub(super) fn new() -> Self {
        // The last eight bytes of a version 7 UUID are random.
        let (_, random) = Uuid::now_v7().as_u64_pair();
        Self::of(&format!("{PSEUDONYM}-{random:016x}"))
    }

    pub(super) fn of(pseudonym: &str) -> Self {
        let value = |text: String| {
            HeaderValue::try_from(text).expect("a version and a pseudonym are visible ASCII")
        };
        let hop = |version: &str| value(format!("{version} {pseudonym}"));
        Self {
            own: value(pseudonym.to_owned()),
            hop_1_0: hop("1.0"),
            hop_1_1: hop("1.1"),
            hop_2: hop("2"),
        }
    }

    /// What a message received in this version gets as its `Via`.
    pub(super) fn hop(&self, version: Version) -> HeaderValue {
        match version {
            Version::HTTP_10 => self.hop_1_0.clone(),
            Version::HTTP_2 => self.hop_2.clone(),
            _ => self.hop_1_1.clone(),
        }
    }

    /// The pseudonym.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.own.as_bytes()
    }

    /// Whether a `Via` has a hop of ours.
    pub(super) fn is_in(&self, via: &HeaderValue) -> bool {
        let hops = via.as_bytes().split(|byte| *byte == b',');
        let word = |byte: &u8| byte.is_ascii_whitespace();
        let mut names = hops.filter_map(|hop| hop.split(word).filter(|one| !one.is_empty()).nth(1));
        names.any(|name| name == self.as_bytes())
    }
}
