//! Names to addresses, once per request. Answers are cached as long as their TTL says;
//! a literal or a static name asks nobody.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::lookup_ip::LookupIp;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use http::StatusCode;
use tokio::time::timeout;

use crate::net::Host;

use super::Proxy;
use super::active::{Active, StaticNames};
use super::error::Error;
use super::ingress::Pinned;

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServers {
    /// The servers; the system's own configuration if none is named.
    pub servers: Vec<SocketAddr>,
    /// Whether the system's hosts file comes first.
    pub hosts_file: bool,
    /// How many answers are cached.
    pub cache: u64,
}

impl Default for NameServers {
    fn default() -> Self {
        Self { servers: Vec::new(), hosts_file: true, cache: 8_192 }
    }
}

/// The resolver; without usable name servers it still answers literals and static names.
#[derive(Clone)]
pub struct Resolver {
    /// One for each family, so that a family whose answer does not come delays nobody.
    families: Result<[TokioResolver; 2], Arc<str>>,
    timeout: Duration,
}

impl Resolver {
    /// Builds the resolver. Must be called inside the runtime.
    pub fn new(names: &NameServers, timeout: Duration) -> Self {
        let four = family(names, timeout, LookupIpStrategy::Ipv4Only);
        let six = family(names, timeout, LookupIpStrategy::Ipv6Only);
        let families = four.and_then(|four| Ok([four, six?]));
        Self { families: families.map_err(|error| error.to_string().into()), timeout }
    }

    /// Every address of the host, in the order given.
    pub(super) async fn resolve(
        &self,
        host: &Host,
        names: &StaticNames,
    ) -> Result<Vec<IpAddr>, Error> {
        if let Some(addresses) = names.get(host) {
            return Ok(addresses.to_vec());
        }
        let name = match host {
            Host::Address(address) => return Ok(vec![*address]),
            Host::Name(name) => name,
        };
        let [four, six] = self.families.as_ref().map_err(|why| {
            let text = format!("no name server can be asked for {host}: {why}");
            failed(StatusCode::BAD_GATEWAY, "dns-unavailable", text)
        })?;
        // The final dot keeps search domains out: `api.example.com` never means
        // `api.example.com.corp.example`. A single label is the user's own network's.
        let absolute = if name.contains('.') { format!("{name}.") } else { name.to_string() };
        let asked = both(four.lookup_ip(absolute.as_str()), six.lookup_ip(absolute.as_str()));
        let answers = timeout(self.timeout, Box::pin(asked)).await.map_err(|_| too_late(host))?;
        let addresses: Vec<_> = answers.iter().flatten().flat_map(LookupIp::iter).collect();
        if addresses.is_empty() {
            // The first answer's error; a name without addresses of either family has none.
            let error = answers.into_iter().find_map(Result::err);
            return Err(error.map_or_else(|| nowhere(host), |error| explain(host, &error)));
        }
        Ok(addresses)
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Resolver").field(&self.families.as_ref().err()).finish()
    }
}

/// One family's resolver.
fn family(
    names: &NameServers,
    timeout: Duration,
    strategy: LookupIpStrategy,
) -> Result<TokioResolver, NetError> {
    let mut builder = if names.servers.is_empty() {
        TokioResolver::builder_tokio()?
    } else {
        let servers = names.servers.iter().map(server).collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    options.ip_strategy = strategy;
    options.cache_size = names.cache;
    options.timeout = timeout / 2;
    options.attempts = 2;
    options.use_hosts_file =
        if names.hosts_file { ResolveHosts::Always } else { ResolveHosts::Never };
    builder.build()
}

/// How long the second family may follow a first that has addresses (RFC 8305 section 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

type Found = Result<LookupIp, NetError>;

/// Both answers, or the one with addresses if the other does not follow it soon.
async fn both(four: impl Future<Output = Found>, six: impl Future<Output = Found>) -> Vec<Found> {
    tokio::pin!(four, six);
    tokio::select! {
        first = &mut four => with_second(first, six).await,
        first = &mut six => {
            let mut found = with_second(first, four).await;
            // IPv4 stands first whichever came first: the order does not depend on luck.
            found.reverse();
            found
        }
    }
}

async fn with_second(first: Found, second: impl Future<Output = Found>) -> Vec<Found> {
    if first.is_err() {
        return vec![first, second.await];
    }
    match timeout(RESOLUTION_DELAY, second).await {
        Ok(second) => vec![first, second],
        Err(_) => vec![first],
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    connections.iter_mut().for_each(|connection| connection.port = address.port());
    NameServerConfig::new(address.ip(), true, connections)
}

fn explain(host: &Host, error: &NetError) -> Error {
    if error.is_nx_domain() {
        let text = format!("the name {host} does not exist");
        return failed(StatusCode::BAD_GATEWAY, "dns-no-such-name", text);
    }
    if error.is_no_records_found() {
        return nowhere(host);
    }
    if matches!(error, NetError::Timeout) {
        return too_late(host);
    }
    let text = format!("the name {host} could not be resolved: {error}");
    failed(StatusCode::BAD_GATEWAY, "dns-failed", text)
}

fn nowhere(host: &Host) -> Error {
    let text = format!("the name {host} exists but has no address");
    failed(StatusCode::BAD_GATEWAY, "dns-no-address", text)
}

fn too_late(host: &Host) -> Error {
    let text = format!("no name server answered for {host} in time");
    failed(StatusCode::GATEWAY_TIMEOUT, "dns-timeout", text)
}

fn failed(status: StatusCode, code: &'static str, text: String) -> Error {
    let proxy_status = if code == "dns-timeout" { "dns_timeout" } else { "dns_error" };
    Error::upstream(status, "resolve", code, proxy_status, text)
}

impl Proxy {
    /// Every address of the host; the unspecified one where another proxy turns its name into
    /// an address, and no name server of ours is asked.
    pub(super) async fn addresses(
        &self,
        active: &Active,
        host: &Host,
        pinned: Option<Pinned>,
    ) -> Result<Vec<IpAddr>, Error> {
        if let Some(pinned) = pinned {
            return self.pinned(active, host, pinned).await;
        }
        if active.chains.leaves(host) {
            return Ok(vec![Ipv4Addr::UNSPECIFIED.into()]);
        }
        self.resolver.resolve(host, &active.names).await
    }

    /// The address that a client itself has dialled, if the host that it names may stand for it.
    async fn pinned(
        &self,
        active: &Active,
        host: &Host,
        pinned: Pinned,
    ) -> Result<Vec<IpAddr>, Error> {
        let address = pinned.socket.ip();
        let fits = match host {
            Host::Address(named) => *named == address,
            Host::Name(_) if !pinned.verified => true,
            Host::Name(_) => {
                let found = self.resolver.resolve(host, &active.names).await?;
                found.iter().any(|one| one.to_canonical() == address)
            }
        };
        // A name that another proxy resolves is dialled by that proxy, not at this address.
        if !fits || active.chains.leaves(host) {
            return Err(mismatch(host, address));
        }
        Ok(vec![address])
    }
}

fn mismatch(host: &Host, address: IpAddr) -> Error {
    let text = format!(
        "the client connected to {address} and asks for {host}, which is not known to be there"
    );
    let status = StatusCode::MISDIRECTED_REQUEST;
    Error::client(status, "name-mismatch", text, "RFC 9110 section 15.5.20")
}

impl Resolver {
    /// Every address of the host, for commands that have no request to answer.
    pub async fn addresses(&self, host: &Host, names: &StaticNames) -> Result<Vec<IpAddr>, String> {
        self.resolve(host, names).await.map_err(|error| match error {
            Error::Failed(failed) => failed.failure.detail,
            Error::Refused(_) => "refused".to_owned(),
        })
    }
}
