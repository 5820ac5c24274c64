//! Every answer of the resolver is judged; only permitted sockets remain.

use std::net::{IpAddr, SocketAddr};

use crate::geo::{Atlas, Entry, EntryId, State};
use crate::net::{Canonical, Host, Special};
use crate::policy::{Facts, Permit, Place, Refusal, Verdict};
use crate::telemetry::Event;

use super::active::{Active, Mixed};
use super::counting::{Counting, counted};
use super::error::Error;
use super::opening::Plan;
use super::upstream::Met;
use super::{Proxy, target::Target};

/// What became of one name's addresses.
#[derive(Debug)]
pub(super) struct Judged {
    /// At least one.
    pub(super) permits: Vec<Permit>,
    /// What becomes of a tunnel there.
    pub(super) plan: Plan,
    /// The connection on which the one permit was given, where its certificate mattered.
    pub(super) met: Option<Met>,
    /// Where each judged socket lies.
    located: Vec<(SocketAddr, EntryId)>,
}

impl Judged {
    /// Permits to meet a destination, by a tunnel that is opened there.
    pub(super) fn to_open(permits: Vec<Permit>, places: &[Place<'_>]) -> Self {
        let located = places.iter().map(|place| (place.socket, place.entry.id())).collect();
        Self { permits, plan: Plan::Open, met: None, located }
    }

    /// Where a judged socket lies.
    pub(super) fn entry(&self, socket: SocketAddr) -> Option<EntryId> {
        self.located.iter().find(|(judged, _)| *judged == socket).map(|(_, entry)| *entry)
    }
}

/// A refusal, and where the refused socket lies.
pub(super) type Refused = (Box<Refusal>, Option<EntryId>);

impl Proxy {
    /// Finds where every address of the target lies. None may be our own.
    pub(super) fn locate<'a>(
        &self,
        active: &'a Active,
        target: &Target,
        addresses: &[IpAddr],
    ) -> Result<Vec<Place<'a>>, Error> {
        let mut places: Vec<Place<'a>> = Vec::with_capacity(addresses.len());
        for address in addresses {
            let asked = SocketAddr::new(*address, target.authority.port);
            let place = active.place(&target.authority.host, asked);
            Event::Located(place.entry.state().name()).record(&self.metrics);
            let socket = place.socket;
            if places.iter().any(|seen| seen.socket == socket) {
                continue;
            }
            if self.own.contains(socket) && !active.chains.leaves(&target.authority.host) {
                return Err(Error::looped(format!("{socket} is this proxy's own listener")));
            }
            places.push(place);
        }
        Ok(places)
    }

    /// Judges every place, with what was counted for it.
    pub(super) fn judge(
        active: &Active,
        facts: &Facts<'_>,
        places: &[Place<'_>],
        counting: &Counting,
    ) -> Result<Judged, Refused> {
        let mut judged =
            Judged { permits: Vec::new(), plan: Plan::Tunnel, met: None, located: Vec::new() };
        let mut refused: Option<Refused> = None;
        for place in places {
            judged.located.push((place.socket, place.entry.id()));
            let counts = counting.at(place.socket);
            match active.policy.conclude(&counted(facts, &counts), *place) {
                Verdict::Allow(permit) => judged.permits.push(permit),
                Verdict::Refuse(refusal) => {
                    refused = refused.or_else(|| Some((Box::new(refusal), Some(place.entry.id()))));
                }
            }
        }
        match refused {
            Some(refused) if judged.permits.is_empty() || active.mixed == Mixed::Refuse => {
                Err(refused)
            }
            Some(_) | None => Ok(judged),
        }
    }
}

impl Active {
    /// One socket of a host, with what is known of it. Of a host whose name another proxy turns
    /// into an address, the socket has the unspecified address, and nothing is known beyond
    /// what the operator says of the host.
    pub(super) fn place(&self, host: &Host, socket: SocketAddr) -> Place<'_> {
        if self.chains.leaves(host) {
            let entry = self.by_host(host).unwrap_or_else(|| self.atlas.unknown());
            return Place { socket, judged: socket.ip(), special: None, entry };
        }
        let (canonical, entry) = self.locate(host, socket.ip());
        let dialled = SocketAddr::new(canonical.dial, socket.port());
        Place { socket: dialled, judged: canonical.judged, special: canonical.special, entry }
    }

    fn by_host(&self, host: &Host) -> Option<&Entry> {
        match host {
            Host::Name(name) => self.atlas.locate_host(name),
            Host::Address(_) => None,
        }
    }

    /// Takes an address apart and finds what is said of it: the operator's word on the
    /// host first, then the operator's word on the network, then the databases.
    pub fn locate(&self, host: &Host, address: IpAddr) -> (Canonical, &Entry) {
        let canonical = Canonical::of(address, &self.nat64);
        (canonical, self.by_host(host).unwrap_or_else(|| locate(&self.atlas, &canonical)))
    }
}

/// A destination that is not public lies nowhere, unless the operator says where.
fn locate<'a>(atlas: &'a Atlas, canonical: &Canonical) -> &'a Entry {
    let entry = atlas.locate(canonical.judged);
    match (canonical.special, entry.state()) {
        // A 6to4 address that the operator opened lies where its inner address does.
        (None | Some(Special::SixToFour), _) | (Some(_), State::Overridden) => entry,
        (Some(_), _) => atlas.not_public(),
    }
}
