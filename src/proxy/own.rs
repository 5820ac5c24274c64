//! Our own listeners: a connection to one of them would go round for ever.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

/// The addresses that this program listens on.
#[derive(Clone, Debug)]
pub(super) struct Own(Arc<[SocketAddr]>);

impl Own {
    pub(super) fn new(own: Vec<SocketAddr>) -> Self {
        Self(own.into())
    }

    /// Where clients connect: the first of them.
    pub(super) fn first(&self) -> Option<SocketAddr> {
        self.0.first().copied()
    }

    /// Whether a connection to the socket would come back to us.
    pub(super) fn contains(&self, socket: SocketAddr) -> bool {
        self.0.iter().any(|own| {
            let any = own.ip().is_unspecified();
            own.port() == socket.port()
                && (own.ip() == socket.ip() || (any && is_here(socket.ip())))
        })
    }
}

/// Whether an address is one of this machine's: only those can be bound.
fn is_here(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_on_each_of_ours() {
        let own = |listeners: &[&str]| {
            Own::new(listeners.iter().map(|text| text.parse().unwrap()).collect())
        };
        let contains = |own: &Own, text: &str| own.contains(text.parse().unwrap());
        let one = own(&["127.0.0.1:3128"]);
        assert!(contains(&one, "127.0.0.1:3128"));
        assert!(!contains(&one, "127.0.0.1:3129") && !contains(&one, "127.0.0.2:3128"));
        let all = own(&["0.0.0.0:3128"]);
        assert!(contains(&all, "127.0.0.2:3128") && contains(&all, "0.0.0.0:3128"));
        assert!(!contains(&all, "192.0.2.1:3128") && !contains(&all, "127.0.0.2:3129"));
    }
}
