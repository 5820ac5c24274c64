//! Connecting through another proxy: to it, then by its word to the destination.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::net::{Authority, Host};
use crate::policy::Permit;
use crate::tls::Alpn;

use super::super::active::StaticNames;
use super::super::carrier::Carrier;
use super::super::error::Error;
use super::super::ingress::leave_at_once;
use super::super::upstream::Upstream;
use super::{Egress, Parent, ParentSpeech, fault, http, socks};

impl Upstream {
    /// Connects to the permit's socket on the way that leads there.
    pub(in super::super) async fn dial(
        &self,
        permit: &Permit,
        egress: &Egress,
    ) -> Result<Carrier, Error> {
        let Egress::Through { parent, asked, trail } = egress else {
            return self.dial_direct(permit).await.map(Carrier::Bare);
        };
        let judged = || Authority {
            host: Host::Address(permit.socket().ip()),
            port: permit.socket().port(),
        };
        let target = asked.clone().unwrap_or_else(judged);
        let mut carrier = self.meet_parent(parent).await?;
        let trail = http::trail(trail.as_ref(), self.mark());
        let asking = async {
            match parent.speech {
                ParentSpeech::Http | ParentSpeech::Https => {
                    http::ask(&mut carrier, parent, &target, &trail).await
                }
                ParentSpeech::Socks5 => socks::ask(&mut carrier, parent, &target).await,
            }
        };
        // The parent has to connect as well before it can answer.
        let asked = timeout(self.settings().connect_timeout * 2, asking).await;
        asked.unwrap_or_else(|_| Err(fault::silent(parent, "answer")))?;
        Ok(carrier)
    }

    /// A connection to a parent, under TLS if it wants that.
    async fn meet_parent(&self, parent: &Parent) -> Result<Carrier, Error> {
        let stream = self.connect_parent(parent).await?;
        match parent.speech {
            ParentSpeech::Http | ParentSpeech::Socks5 => Ok(Carrier::Bare(stream)),
            ParentSpeech::Https => {
                let secured = self.trust().connect(stream, &parent.authority.host, Alpn::Http1);
                let secured = timeout(self.settings().connect_timeout, secured).await;
                let secured = secured.map_err(|_| fault::silent(parent, "finish TLS"))?;
                let secured = secured.map_err(|error| fault::insecure(parent, &error))?;
                Ok(Carrier::secured(secured.stream))
            }
        }
    }

    /// A socket to a parent: its addresses one after the other.
    async fn connect_parent(&self, parent: &Parent) -> Result<TcpStream, Error> {
        let mut addresses = parent.addresses.clone();
        if addresses.is_empty() {
            let names = StaticNames::default();
            let found = self.resolver().resolve(&parent.authority.host, &names);
            addresses = found.await.map_err(|error| fault::unresolved(parent, &error))?;
        }
        let mut failed = None;
        for address in addresses {
            let socket = SocketAddr::new(address, parent.authority.port);
            if self.own().contains(socket) {
                return Err(Error::looped(format!("{parent} is this proxy's own listener")));
            }
            let dialled = timeout(self.settings().connect_timeout, TcpStream::connect(socket));
            match dialled.await {
                Ok(Ok(stream)) => {
                    leave_at_once(&stream);
                    return Ok(stream);
                }
                Ok(Err(error)) => failed = Some(fault::unreachable(parent, socket, &error)),
                Err(_) => failed = Some(fault::silent(parent, "take the connection")),
            }
        }
        Err(failed.unwrap_or_else(|| fault::nowhere(parent)))
    }
}
