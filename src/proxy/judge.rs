//! Every answer of the resolver is judged; only permitted sockets remain.

use std::net::{IpAddr, SocketAddr};

use crate::geo::{Atlas, Entry, EntryId, State};
use crate::net::{Canonical, Host, Special};
use crate::policy::{Facts, Permit, Place, Refusal, Verdict};
use crate::telemetry::Event;

use super::active::{Active, Mixed};
use super::error::Error;
use super::{Proxy, target::Target};

/// What became of one name's addresses.
#[derive(Debug)]
pub(super) struct Judged {
    /// At least one.
    pub(super) permits: Vec<Permit>,
    /// Where each judged socket lies.
    located: Vec<(SocketAddr, EntryId)>,
}

impl Judged {
    /// Where a judged socket lies.
    pub(super) fn entry(&self, socket: SocketAddr) -> Option<EntryId> {
        self.located.iter().find(|(judged, _)| *judged == socket).map(|(_, entry)| *entry)
    }
}

/// A refusal, and where the refused socket lies.
pub(super) type Refused = (Refusal, Option<EntryId>);

impl Proxy {
    /// Judges every address of the target.
    pub(super) fn judge(
        &self,
        active: &Active,
        facts: &Facts<'_>,
        target: &Target,
        addresses: &[IpAddr],
    ) -> Result<Judged, Result<Refused, Error>> {
        let mut judged = Judged { permits: Vec::new(), located: Vec::new() };
        let mut refused: Option<Refused> = None;
        for address in addresses {
            let (canonical, entry) = active.locate(facts.host, *address);
            Event::Located(entry.state().name()).record(&self.metrics);
            let socket = SocketAddr::new(canonical.dial, target.authority.port);
            if judged.located.iter().any(|(seen, _)| *seen == socket) {
                continue;
            }
            if self.is_own(socket) {
                let text = format!("{socket} is this proxy's own listener");
                return Err(Err(Error::looped(text)));
            }
            judged.located.push((socket, entry.id()));
            let (judged_as, special) = (canonical.judged, canonical.special);
            let place = Place { socket, judged: judged_as, special, entry };
            match active.policy.conclude(facts, place) {
                Verdict::Allow(permit) => judged.permits.push(permit),
                Verdict::Refuse(refusal) => {
                    refused = refused.or_else(|| Some((refusal, Some(entry.id()))));
                }
            }
        }
        match refused {
            Some(refused) if judged.permits.is_empty() || active.mixed == Mixed::Refuse => {
                Err(Ok(refused))
            }
            Some(_) | None => Ok(judged),
        }
    }

    fn is_own(&self, socket: SocketAddr) -> bool {
        self.own.iter().any(|own| {
            let same = own.ip() == socket.ip();
            let any = own.ip().is_unspecified() && socket.ip().is_loopback();
            own.port() == socket.port() && (same || any)
        })
    }
}

impl Active {
    /// Takes an address apart and finds what is said of it: the operator's word on the
    /// host first, then the operator's word on the network, then the databases.
    pub fn locate(&self, host: &Host, address: IpAddr) -> (Canonical, &Entry) {
        let canonical = Canonical::of(address, &self.nat64);
        let by_host = match host {
            Host::Name(name) => self.atlas.locate_host(name),
            Host::Address(_) => None,
        };
        (canonical, by_host.unwrap_or_else(|| locate(&self.atlas, &canonical)))
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
