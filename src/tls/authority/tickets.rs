//! Session tickets that resume only towards the host that they were given for.
//!
//! All hosts share the keys, which rotate, so a name costs no memory for them and tickets
//! outlive a name's place in the cache. The host is sealed inside: without that, a ticket
//! of one address would resume at another, since both come without SNI.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::server::ProducesTickets;

use crate::net::Host;

/// Octets of the digest that stands before the session.
const DIGEST: usize = 32;

/// The tickets of one host.
#[derive(Debug)]
pub(super) struct HostTickets {
    shared: Arc<dyn ProducesTickets>,
    host: [u8; DIGEST],
}

impl HostTickets {
    pub(super) fn new(shared: Arc<dyn ProducesTickets>, host: &Host) -> Self {
        let digest = digest(&SHA256, host.to_string().as_bytes());
        let host = digest.as_ref().try_into().expect("SHA-256 has 32 octets");
        Self { shared, host }
    }
}

impl ProducesTickets for HostTickets {
    fn enabled(&self) -> bool {
        self.shared.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.shared.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.shared.encrypt(&[&self.host, plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let mut plain = self.shared.decrypt(cipher)?;
        if plain.get(..DIGEST) != Some(&self.host) {
            return None;
        }
        Some(plain.split_off(DIGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_of_no_use_elsewhere() {
        let shared = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
        let of = |host: &str| HostTickets::new(Arc::clone(&shared), &Host::parse(host).unwrap());
        let ticket = of("192.0.2.1").encrypt(b"session").unwrap();
        assert_eq!(of("192.0.2.1").decrypt(&ticket).unwrap(), b"session");
        assert_eq!(of("192.0.2.2").decrypt(&ticket), None);
        assert_eq!(of("a.example").decrypt(&ticket), None);
        let short = shared.encrypt(b"short").unwrap();
        assert_eq!(of("192.0.2.1").decrypt(&short), None, "not even its digest");
    }
}
