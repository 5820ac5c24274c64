//! What every test is made of: the real program, clients that speak raw bytes, origins
//! that follow a script, and a name server. Everything is on loopback, on ports that the
//! system gives. Nothing sleeps for luck: whatever is waited for has a [`DEADLINE`].

mod authority;
mod bench;
mod config;
mod frames;
mod h2;
mod http;
mod names;
mod origin;
mod proxy;
mod retain;
pub(crate) mod site;
mod tls;

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

pub(crate) use authority::{Authority, Leaf};
pub(crate) use bench::{Bench, given, said, script};
pub(crate) use config::{Config, STAYS, act};
pub(crate) use frames::{Answer, End, Frame, Frames, PREFACE, block, flag, kind};
pub(crate) use h2::H2Origin;
pub(crate) use http::{Message, Wire};
pub(crate) use names::{Dns, Zone};
pub(crate) use origin::{Origin, ok};
pub(crate) use proxy::{Proxy, private, program, request};
pub(crate) use retain::retain_in;
pub(crate) use site::{BOTH, Flow, Site, answer, flowing, whole};
pub(crate) use tls::{Identity, Secure, SecureClient, client as tls_client, serve as serve_tls};

/// How long anything may take before the test has failed. It is far longer than a slow
/// machine needs; no test waits for it to pass.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(2);

/// Waits until `look` finds something.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(POLL);
    }
}

/// A socket on which nobody listens: connecting is refused.
pub(crate) fn closed_port(ip: &str) -> SocketAddr {
    TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap()
}
