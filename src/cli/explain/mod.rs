//! `borderpost explain`: one decision off-line, with every rule's part in it.

mod body;
mod show;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use jiff::Timestamp;
use url::Url;

use crate::config;
use crate::data::{Tag, Tags};
use crate::geo::Country;
use crate::net::Host;
use crate::policy::{Circumstances, Counts, Declared, Exporter, Facts, Peer, Place, Policy, Slice};
use crate::proxy::{self, Active, Plan};

use super::ConfigArgument;
use super::output::{Usage, line};

/// Decide one request off-line.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// Where the request would go.
    #[arg(long, value_name = "URL")]
    url: Url,
    /// What it would carry; may be given more than once.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A part of its data, as the header `X-Data-Slice` has it: `(health id.contact);of=US;subjects=120`.
    #[arg(long = "slice", value_name = "SLICE")]
    slices: Vec<String>,
    /// What is declared of the transfer, as the header `X-Data-Context` has it:
    /// `transaction=vendor, contract_has=(cisa-2025-01)`.
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// The country that the exporter is organised in, in place of the configured exporter.
    #[arg(long, value_name = "COUNTRY")]
    exporter: Option<String>,
    /// What has been counted before: `us-28cfr202/bulk/genomic=99`.
    #[arg(long = "counted", value_name = "METER=NUMBER")]
    counted: Vec<String>,
    /// Decide as of this day or moment instead of now.
    #[arg(long, value_name = "DATE")]
    at: Option<String>,
    /// The request method; CONNECT for a tunnel.
    #[arg(long, default_value = "GET")]
    method: String,
    /// The destination's address. Without it no name server is asked, and conditions on
    /// the location stay unknown.
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// The client's address.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    client: IpAddr,
    /// Who the client proves to be; by its address if nobody is named.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    body: body::Body,
    #[command(flatten)]
    config: ConfigArgument,
}

/// How a request gets to its destination.
struct Way {
    /// The proxy in between.
    via: Option<String>,
    /// What becomes of its tunnel, where it comes in one and its address is known.
    plan: Option<Plan>,
}

impl Explain {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let active = config::load(&self.config.clone().origin())?.active;
        let (host, port) = self.destination()?;
        let found = self.body.found(&active, (&host, &self.url))?;
        let address = self.address.or_else(|| known_address(&active, &host));
        let place = address.map(|address| {
            let (canonical, entry) = active.locate(&host, address);
            let socket = SocketAddr::new(canonical.dial, port);
            Place { socket, judged: canonical.judged, special: canonical.special, entry }
        });
        let principal = match &self.principal {
            Some(name) => active.principals.named(name),
            None => active.principals.of(self.client),
        };
        let own = self.own_exporter()?;
        let exporter = own.as_ref().or(match principal {
            Some(principal) => principal.exporter.as_deref(),
            None => active.exporter.as_deref(),
        });
        let mut slices = self.slices()?;
        let believed = principal.is_some_and(|one| one.declares);
        slices.extend(proxy::found_beside(&slices, &found, believed));
        let content = active.policy.weigh_slices(slices, true);
        let declared = self.declared()?;
        let method = self.method.to_ascii_uppercase();
        let at = self.moment()?;
        let facts = Facts {
            client: self.client,
            principal: self.principal.as_deref().or_else(|| principal.map(|one| &*one.name)),
            method: &method,
            host: &host,
            place,
            peer: Peer::Hidden,
            content: &content,
            circumstances: Circumstances { exporter, declared: &declared, ..Circumstances::at(at) },
        };
        let counts = self.counts(&active.policy, &facts)?;
        let circumstances = Circumstances { counts: Some(&counts), ..facts.circumstances };
        let facts = Facts { circumstances, ..facts };
        let explanation = active.policy.explain(&facts);
        let way = self.way(&active, &facts);
        if self.json {
            let value = show::as_json(&active.policy, &facts, &explanation, &way, &found);
            line(serde_json::to_string_pretty(&value)?);
        } else {
            show::print(&active.policy, &facts, &explanation, &way, &found);
        }
        Ok(())
    }

    /// How it gets there. A request under TLS comes in a tunnel, of which nothing is known yet but
    /// where it leads.
    fn way(&self, active: &Active, facts: &Facts<'_>) -> Way {
        let socket = facts.place.map(|place| place.socket);
        let via = active.chains.via(facts.host, socket);
        let tunnelled = facts.method == "CONNECT" || self.url.scheme() == "https";
        let place = facts.place.filter(|_| tunnelled);
        let (sealed, nothing) =
            (active.policy.weigh_slices(Vec::new(), false), Declared::default());
        let plan = |place| {
            let circumstances =
                Circumstances { declared: &nothing, counts: None, ..facts.circumstances };
            let bare = Facts { method: "CONNECT", content: &sealed, circumstances, ..*facts };
            let asked = if facts.method == "CONNECT" { *facts } else { bare };
            active.opening.plan(&active.policy, &Facts { place: None, ..asked }, &[place])
        };
        Way { via, plan: place.map(plan) }
    }

    /// A day begins at midnight in UTC.
    fn moment(&self) -> Result<Timestamp, Usage> {
        let Some(text) = &self.at else { return Ok(Timestamp::now()) };
        let moment = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
        moment.map_err(|_| {
            Usage(format!("--at: `{text}` is no day such as 2026-01-31, nor a moment"))
        })
    }

    fn own_exporter(&self) -> Result<Option<Exporter>, Usage> {
        let Some(code) = &self.exporter else { return Ok(None) };
        let country = Country::parse(code);
        let country = country
            .ok_or_else(|| Usage(format!("--exporter: `{code}` is no ISO 3166-1 country code")))?;
        let id = "exporter".to_owned();
        Ok(Some(Exporter { id, jurisdiction: country, attributes: Vec::new() }))
    }

    fn slices(&self) -> Result<Vec<Slice>, Usage> {
        let mut slices = Vec::new();
        for text in &self.slices {
            let found = proxy::parse_slices(text);
            slices.extend(found.map_err(|error| Usage(format!("--slice: {error}")))?);
        }
        let tags = self.tags()?;
        if !tags.is_empty() {
            slices.push(Slice::of_tags(tags));
        }
        Ok(slices)
    }

    fn declared(&self) -> Result<Declared, Usage> {
        let Some(text) = &self.context else { return Ok(Declared::default()) };
        proxy::parse_context(text).map_err(|error| Usage(format!("--context: {error}")))
    }

    /// What was counted before, and what this request adds.
    fn counts(&self, policy: &Policy, facts: &Facts<'_>) -> Result<Counts, Usage> {
        let mut before = std::collections::BTreeMap::new();
        for text in &self.counted {
            let pair =
                text.rsplit_once('=').and_then(|(name, n)| Some((name, n.parse::<u64>().ok()?)));
            let (name, number) =
                pair.ok_or_else(|| Usage(format!("--counted: `{text}` is not METER=NUMBER")))?;
            before.insert(name, number);
        }
        let mut counts = Counts::default();
        for metered in policy.meters(facts) {
            let before = before.get(&*metered.name).copied().unwrap_or(0);
            let counted = metered.after(before);
            counts.insert(metered.meter, counted);
        }
        Ok(counts)
    }

    fn destination(&self) -> Result<(Host, u16), Usage> {
        let host = self.url.host_str().unwrap_or_default();
        let host = Host::parse(host).map_err(|error| Usage(format!("--url: {error}")))?;
        let port = self.url.port_or_known_default();
        let port =
            port.ok_or_else(|| Usage("--url: the scheme must be http or https".to_owned()))?;
        Ok((host, port))
    }

    fn tags(&self) -> Result<Tags, Usage> {
        let parse = |text: &String| {
            Tag::parse(text).ok_or_else(|| Usage(format!("--tag: `{text}` is not a tag")))
        };
        self.tags.iter().map(parse).collect()
    }
}

/// The address of a literal or a static name: nobody need be asked for those.
fn known_address(active: &Active, host: &Host) -> Option<IpAddr> {
    host.address().or_else(|| active.names.get(host)?.first().copied())
}
