//! Names to addresses, once per request. Answers are cached as long as their TTL says;
//! a literal or a static name asks nobody.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use http::StatusCode;

use crate::net::Host;

use super::active::StaticNames;
use super::error::Error;

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
pub struct Resolver(Result<TokioResolver, Arc<str>>);

impl Resolver {
    /// Builds the resolver. Must be called inside the runtime.
    pub fn new(names: &NameServers, timeout: Duration) -> Self {
        let builder = if names.servers.is_empty() {
            TokioResolver::builder_tokio()
        } else {
            let servers = names.servers.iter().map(server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
        };
        let built = builder.and_then(|mut builder| {
            let options = builder.options_mut();
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            options.cache_size = names.cache;
            options.timeout = timeout / 2;
            options.attempts = 2;
            options.use_hosts_file =
                if names.hosts_file { ResolveHosts::Always } else { ResolveHosts::Never };
            builder.build()
        });
        Self(built.map_err(|error| error.to_string().into()))
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
        let resolver = self.0.as_ref().map_err(|why| {
            let text = format!("no name server can be asked for {host}: {why}");
            failed(StatusCode::BAD_GATEWAY, "dns-unavailable", text)
        })?;
        // The final dot keeps search domains out: `api.example.com` never means
        // `api.example.com.corp.example`. A single label is the user's own network's.
        let absolute = if name.contains('.') { format!("{name}.") } else { name.to_string() };
        let found = resolver.lookup_ip(absolute).await.map_err(|error| explain(host, &error))?;
        let addresses: Vec<_> = found.iter().collect();
        if addresses.is_empty() {
            return Err(failed(StatusCode::BAD_GATEWAY, "dns-no-address", no_address(host)));
        }
        Ok(addresses)
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Resolver").field(&self.0.as_ref().err()).finish()
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
        return failed(StatusCode::BAD_GATEWAY, "dns-no-address", no_address(host));
    }
    if matches!(error, NetError::Timeout) {
        let text = format!("no name server answered for {host} in time");
        return failed(StatusCode::GATEWAY_TIMEOUT, "dns-timeout", text);
    }
    let text = format!("the name {host} could not be resolved: {error}");
    failed(StatusCode::BAD_GATEWAY, "dns-failed", text)
}

fn no_address(host: &Host) -> String {
    format!("the name {host} exists but has no address")
}

fn failed(status: StatusCode, code: &'static str, text: String) -> Error {
    let proxy_status = if code == "dns-timeout" { "dns_timeout" } else { "dns_error" };
    Error::upstream(status, "resolve", code, proxy_status, text)
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
