//! What is known of one request when a decision is asked.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use jiff::Timestamp;

use crate::data::Tags;
use crate::geo::Entry;
use crate::net::{Host, Special};

use super::declared::Declared;
use super::index::RuleSet;
use super::pack::{Approval, Exporter};
use super::peer::Peer;
use super::slice::{ClassBits, Slice, Weighed};
use super::volume::Counts;

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
    /// What is known of the destination's certificate.
    pub peer: Peer<'a>,
    /// What is known of the data.
    pub content: &'a Content,
    /// What is known beside the request itself.
    pub circumstances: Circumstances<'a>,
}

impl Facts<'_> {
    /// Whether this is a tunnel that is still to be opened.
    pub fn is_sealed(&self) -> bool {
        self.method == "CONNECT" && !self.content.complete
    }
}

/// What is known beside the request itself: who stands behind it, what is declared, what has
/// been counted, and what time it is.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The moment as of which is decided.
    pub at: Timestamp,
    /// The entity on whose behalf the client acts, if it is known.
    pub exporter: Option<&'a Exporter>,
    /// What is declared of the transfer.
    pub declared: &'a Declared,
    /// What has been counted; `None` before anybody was asked.
    pub counts: Option<&'a Counts>,
    /// What people have approved.
    pub approvals: &'a [Approval],
}

impl Circumstances<'_> {
    /// Nothing is known but the time.
    pub fn at(at: Timestamp) -> Self {
        static NOTHING: LazyLock<Declared> = LazyLock::new(Declared::default);
        Self { at, exporter: None, declared: &NOTHING, counts: None, approvals: &[] }
    }
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

/// What is known of the data so far, and whether that is all there is. Only a policy makes it:
/// it holds which of that policy's rules can hold.
#[derive(Clone, Debug)]
pub struct Content {
    /// The tags seen.
    pub(super) tags: Tags,
    /// The slices they belong to.
    pub(super) slices: Vec<Weighed>,
    /// The classes of all linked slices.
    pub(super) linked: ClassBits,
    /// The rules that can hold for it.
    pub(super) candidates: RuleSet,
    /// Whether no tag can be added any more.
    pub(super) complete: bool,
}

impl Content {
    /// The tags seen so far.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// The slices seen so far.
    pub fn slices(&self) -> impl Iterator<Item = &Slice> {
        self.slices.iter().map(|weighed| &weighed.slice)
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

    /// Whether the bit is set.
    pub(super) fn contains(&self, bit: usize) -> bool {
        self.0.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// Whether the sets share a bit.
    pub(super) fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(mine, other)| mine & other != 0)
    }
}
