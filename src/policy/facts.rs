//! What is known of one request when a decision is asked.

use std::net::{IpAddr, SocketAddr};

use crate::data::Tags;
use crate::geo::Entry;
use crate::net::{Host, Special};

/// Everything a rule may look at. What is not known yet is absent, and conditions on it
/// are [`super::Truth::Unknown`].
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The client's address.
    pub client: IpAddr,
    /// Who the client is, if the configuration says.
    pub principal: Option<&'a str>,
    /// The request method; `CONNECT` for a tunnel.
    pub method: &'a str,
    /// The canonical destination host.
    pub host: &'a Host,
    /// Where one of the destination's addresses lies; `None` before it is resolved.
    pub place: Option<Place<'a>>,
    /// What is known of the data.
    pub content: &'a Content,
}

/// One vetted address of the destination.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The socket to connect to.
    pub socket: SocketAddr,
    /// The address that location and networks are judged by (the embedded IPv4, if any).
    pub judged: IpAddr,
    /// Set if the address is not public.
    pub special: Option<Special>,
    /// What the databases say.
    pub entry: &'a Entry,
}

/// What is known of the data so far, and whether that is all there is.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// The tags seen.
    pub(super) tags: Tags,
    /// Which of the policy's tag patterns some tag matches.
    pub(super) bits: TagBits,
    /// Whether no tag can be added any more.
    pub(super) complete: bool,
}

impl Content {
    /// The tags seen so far.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Whether all there is to know of the data is known.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

/// One bit for each distinct tag pattern of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagBits([u64; Self::WORDS]);

impl TagBits {
    const WORDS: usize = 8;
    /// How many distinct patterns a policy may name.
    pub const CAPACITY: usize = Self::WORDS * 64;

    /// Sets one bit; a bit beyond the capacity is a mistake of the builder.
    pub(super) fn insert(&mut self, bit: usize) {
        let word = self.0.get_mut(bit / 64).expect("the builder checks the capacity");
        *word |= 1 << (bit % 64);
    }

    /// Whether the sets share a bit.
    pub(super) fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(mine, other)| mine & other != 0)
    }
}
