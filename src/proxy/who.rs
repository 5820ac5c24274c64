//! Who asks: what the request proves, else what its connection did, else its network.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, StatusCode};

use crate::audit::{Authenticated, Failure, Fault};
use crate::auth::{Denied, Presented, Proved, Unreadable, is_taken};
use crate::telemetry::{ClientEvent, Event};
use crate::tls::Shown;

use super::Proxy;
use super::active::Active;
use super::error::{Error, Failed};
use super::ingress::Ingress;
use super::principals::Principal;

/// Somebody who asks, and by what that is known.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) principal: Arc<Principal>,
    pub(super) by: Authenticated,
    certificate: Option<Arc<Certificate>>,
}

/// What a client proved when it connected.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    proved: Proved,
    certificate: Option<Arc<Certificate>>,
}

/// A certificate of a client, looked at again by each new configuration: what was revoked since
/// ends more than the connections to come.
#[derive(Debug)]
struct Certificate {
    shown: Shown,
    listener: SocketAddr,
    /// The last configuration that took it.
    taken: AtomicU64,
}

/// Finds out who asks. `None` is somebody of whom nothing is known, where that is enough.
pub(super) async fn identify(
    proxy: &Proxy,
    active: &Active,
    ingress: &Ingress,
    headers: &HeaderMap,
) -> Result<Option<Asker>, Error> {
    let asker = ask(proxy, active, ingress, headers).await;
    if let Err(Error::Failed(failed)) = &asker
        && failed.failure.fault == Fault::Client
    {
        Event::Client(ClientEvent::Unproved(ingress.client, failed.failure.code))
            .record(&proxy.metrics);
    }
    asker
}

async fn ask(
    proxy: &Proxy,
    active: &Active,
    ingress: &Ingress,
    headers: &HeaderMap,
) -> Result<Option<Asker>, Error> {
    let client = ingress.client.ip();
    if let Some(tunnel) = &ingress.inside {
        // Who opened it asks in it. What a request inside says of itself is for others.
        let asker = &tunnel.statement.asker;
        return if stands(active, asker.as_ref()) { Ok(asker.clone()) } else { Err(taken_back()) };
    }
    // Without files of credentials the field is nobody's business, and taken off as ever.
    let presented = active.auth.reads_requests().then(|| Presented::of(headers)).flatten();
    let proved = match presented {
        Some(presented) => Some(Proof::of(prove(proxy, active, client, presented).await?)),
        None => ingress.principal.clone(),
    };
    match proved {
        Some(proof) => known(active, proof).map(Some),
        None if active.auth.required => Err(missing(active)),
        None => Ok(by_network(active, client)),
    }
}

/// Whether somebody who was known once is known still.
pub(super) fn stands(active: &Active, asker: Option<&Asker>) -> bool {
    let Some(Asker { principal, by, certificate }) = asker else { return !active.auth.required };
    let name = &*principal.name;
    active.auth.still_proves(name, *by)
        && certificate.as_ref().is_none_or(|certificate| certificate.stands(active))
        && (!active.auth.refuse_unknown || active.principals.named(name).is_some())
}

async fn prove(
    proxy: &Proxy,
    active: &Active,
    client: IpAddr,
    presented: Result<Presented, Unreadable>,
) -> Result<Proved, Error> {
    let presented = presented.map_err(unreadable)?;
    Box::pin(proxy.gate.prove(&active.auth, client, presented)).await.map_err(denied)
}

/// The principal of a proved name: as the configuration knows it, else a plain one.
fn known(active: &Active, proof: Proof) -> Result<Asker, Error> {
    let Proof { proved: Proved { name, by }, certificate } = proof;
    if is_taken(&name) {
        return Err(unknown(&name));
    }
    if certificate.as_ref().is_some_and(|certificate| !certificate.stands(active)) {
        return Err(taken_back());
    }
    if let Some(principal) = active.principals.named(&name) {
        return Ok(Asker { principal: Arc::clone(principal), by, certificate });
    }
    if active.auth.refuse_unknown {
        return Err(unknown(&name));
    }
    let (exporter, groups) = (active.exporter.clone(), Vec::new());
    let principal = Arc::new(Principal { name, exporter, declares: false, groups });
    Ok(Asker { principal, by, certificate })
}

fn by_network(active: &Active, client: IpAddr) -> Option<Asker> {
    let principal = Arc::clone(active.principals.of(client)?);
    Some(Asker { principal, by: Authenticated::Network, certificate: None })
}

// === impl Proof ===

impl Proof {
    /// A name that needs no more than what it was proved by.
    pub(super) fn of(proved: Proved) -> Self {
        Self { proved, certificate: None }
    }

    /// The name that was proved.
    #[cfg(test)]
    pub(super) fn name(&self) -> &str {
        &self.proved.name
    }

    /// A certificate that was shown to the listener of this address.
    pub(super) fn shown(shown: Shown, listener: SocketAddr) -> Self {
        let proved = Proved { name: Arc::clone(&shown.name), by: Authenticated::Mtls };
        let certificate = Certificate { shown, listener, taken: AtomicU64::new(0) };
        Self { proved, certificate: Some(Arc::new(certificate)) }
    }
}

impl Certificate {
    fn stands(&self, active: &Active) -> bool {
        // Epochs count from 1.
        if self.taken.load(Ordering::Relaxed) == active.epoch {
            return true;
        }
        let Some(acceptor) = active.acceptors.get(&self.listener) else {
            // The listener is gone from the configuration, and stays until the program ends.
            return true;
        };
        let stands = acceptor.still_takes(&self.shown);
        if stands {
            self.taken.store(active.epoch, Ordering::Relaxed);
        }
        stands
    }
}

// === what goes wrong ===

const TRY_CREDENTIALS: &str = "send `Proxy-Authorization` as `Proxy-Authenticate` asks; whoever runs this proxy gives credentials";

fn failed(status: StatusCode, code: &'static str, detail: String, remedy: &'static str) -> Error {
    Error::failed(Failed {
        status,
        failure: Failure { fault: Fault::Client, code, detail },
        remedy,
        proxy_status: "http_request_denied",
        rfc: None,
        stage: None,
    })
}

fn challenge(code: &'static str, detail: &str) -> Error {
    let status = StatusCode::PROXY_AUTHENTICATION_REQUIRED;
    failed(status, code, detail.to_owned(), TRY_CREDENTIALS)
}

fn missing(active: &Active) -> Error {
    if active.auth.reads_requests() {
        return challenge("credentials-missing", "this proxy wants to know who asks");
    }
    // There is nothing that a request could be asked for (RFC 9110 section 15.5.8).
    let detail = "this proxy wants to know who asks, by a certificate".to_owned();
    let remedy = "connect to the proxy's TLS listener with a client certificate";
    failed(StatusCode::FORBIDDEN, "certificate-missing", detail, remedy)
}

fn taken_back() -> Error {
    let detail = "what this connection, or its tunnel, was proved by is no longer taken".to_owned();
    let remedy = "connect again, with credentials or a certificate that still hold";
    failed(StatusCode::FORBIDDEN, "proof-taken-back", detail, remedy)
}

fn unreadable(why: Unreadable) -> Error {
    match why {
        Unreadable::Malformed => {
            challenge("credentials-malformed", "the field Proxy-Authorization cannot be read")
        }
        Unreadable::Scheme => {
            challenge("credentials-scheme", "the scheme of Proxy-Authorization is not taken here")
        }
    }
}

fn denied(why: Denied) -> Error {
    let code = why.code();
    match why {
        // Which of name, password and token is wrong helps only who guesses.
        Denied::Wrong => challenge(code, "these credentials prove nothing"),
        Denied::TooMany(_) => failed(
            StatusCode::TOO_MANY_REQUESTS,
            code,
            "too many wrong credentials came from this address".to_owned(),
            "wait as long as `Retry-After` says, and then send the right ones",
        ),
        Denied::Busy => Error::failed(Failed {
            status: StatusCode::SERVICE_UNAVAILABLE,
            failure: Failure {
                fault: Fault::Us,
                code,
                detail: "too many passwords wait to be tried".to_owned(),
            },
            remedy: "try again; if it persists, see who floods this proxy with passwords",
            proxy_status: "proxy_internal_error",
            rfc: None,
            stage: None,
        }),
    }
}

fn unknown(name: &str) -> Error {
    let detail = format!("`{name}` has proved its name, and this proxy does not know it");
    let remedy = "whoever runs this proxy can add a `[[principal]]` of this name";
    failed(StatusCode::FORBIDDEN, "principal-unknown", detail, remedy)
}
