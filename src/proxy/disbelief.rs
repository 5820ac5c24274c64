//! Clients that do not believe our certificates although others do: perhaps they are pinned.
//! They are told of, and never let by.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use rustls::AlertDescription;

use crate::net::Host;
use crate::telemetry::{ClientEvent, Event};

use super::Proxy;

/// So many pairs of a client and a host are remembered; then all begin anew.
const MOST: usize = 4096;

/// How often each client has refused our certificate of a host.
#[derive(Debug, Default)]
pub(super) struct Disbelief(Mutex<HashMap<(IpAddr, Host), u32>>);

impl Disbelief {
    /// Notes a handshake that failed, if the client did not believe us.
    pub(super) fn note(&self, proxy: &Proxy, client: IpAddr, host: &Host, error: &io::Error) {
        if !is_disbelief(error) {
            return;
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (client, host.clone());
        if seen.len() >= MOST && !seen.contains_key(&key) {
            seen.clear();
        }
        let times = seen.entry(key).or_default();
        *times = times.saturating_add(1);
        let times = *times;
        drop(seen);
        if times == proxy.active().opening.pinned_after {
            Event::Client(ClientEvent::Pinned(client, host, times)).record(&proxy.metrics);
        }
    }
}

/// Whether the client said that it does not trust the certificate (RFC 8446 section 6.2).
fn is_disbelief(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::AlertReceived(alert)) = inner else { return false };
    [
        AlertDescription::UnknownCA,
        AlertDescription::BadCertificate,
        AlertDescription::CertificateUnknown,
        AlertDescription::UnsupportedCertificate,
        AlertDescription::AccessDenied,
    ]
    .contains(alert)
}
