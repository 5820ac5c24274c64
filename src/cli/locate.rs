//! `borderpost locate`: what every database says of a host or an address.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use crate::config;
use crate::geo::Entry;
use crate::net::{Canonical, Host, HostPattern};
use crate::proxy::{Active, Resolver};

use super::ConfigArgument;
use super::output::{Usage, line};

/// Show what every database says.
#[derive(Debug, clap::Args)]
pub(super) struct Locate {
    /// A host name, or an address in any notation.
    host: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Locate {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let loaded = config::load(&self.config.origin())?;
        let host = host(&self.host)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let addresses = runtime.block_on(async {
            let resolver = Resolver::new(&loaded.fixed.names, Duration::from_secs(5));
            resolver.addresses(&host, &loaded.active.names).await
        });
        let addresses = addresses.map_err(anyhow::Error::msg)?;
        for address in addresses {
            let (canonical, entry) = loaded.active.locate(&host, address);
            if self.json {
                line(as_json(&loaded.active, &host, canonical, entry));
            } else {
                print(&loaded.active, canonical, entry);
            }
        }
        Ok(())
    }
}

/// A host as it stands in a URL, or an IPv6 address without brackets.
fn host(text: &str) -> Result<Host, Usage> {
    match HostPattern::parse(text) {
        Ok(HostPattern::Exact(host)) => Ok(host),
        Ok(HostPattern::Below(_)) => {
            Err(Usage("a pattern has no address; name one host".to_owned()))
        }
        Err(error) => Err(Usage(error.to_string())),
    }
}

fn print(active: &Active, canonical: Canonical, entry: &Entry) {
    line(canonical.dial);
    if canonical.judged != canonical.dial {
        line(format!("  judged as  {}", canonical.judged));
    }
    if let Some(kind) = canonical.special {
        line(format!("  special    {kind}: refused unless opened"));
    }
    for (database, answer) in active.atlas.databases().iter().zip(entry.answers()) {
        let country = answer
            .country
            .map_or_else(|| "no answer".to_owned(), |c| format!("{} {}", c.code(), c.name()));
        let asn = answer.asn.map_or(String::new(), |asn| format!(", AS{asn}"));
        let hidden = if answer.hidden { ", anycast or anonymiser" } else { "" };
        line(format!(
            "  {:<10} {country}{asn}{hidden}  (build {})",
            database.name,
            database.build_date()
        ));
    }
    if let Some(correction) = entry.correction() {
        let reason = correction.reason.as_deref().unwrap_or("no reason given");
        line(format!("  corrected  {reason}"));
    }
    line(format!("  verdict    {}: {}", entry.state(), entry.candidates()));
}

fn as_json(active: &Active, host: &Host, canonical: Canonical, entry: &Entry) -> serde_json::Value {
    let judged: IpAddr = canonical.judged;
    let databases =
        active.atlas.databases().iter().zip(entry.answers()).map(|(database, answer)| {
            json!({
                "name": database.name,
                "build": database.build_date(),
                "sha256": database.sha256.hex(),
                "country": answer.country.map(|country| country.code()),
                "subdivision": answer.subdivision.map(|region| region.to_string()),
                "asn": answer.asn,
                "hidden": answer.hidden,
            })
        });
    json!({
        "host": host.to_string(),
        "address": canonical.dial,
        "judged": judged,
        "special": canonical.special.map(|kind| kind.name()),
        "state": entry.state().to_string(),
        "countries": entry.candidates().iter().map(|c| c.code()).collect::<Vec<_>>(),
        "correction": entry.correction().and_then(|c| c.reason.clone()),
        "databases": databases.collect::<Vec<_>>(),
    })
}
