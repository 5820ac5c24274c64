//! One decision that is only asked for: what would become of a request, with every rule's part in
//! it. Nothing is sent, no name server is asked.

mod show;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use jiff::Timestamp;
use url::Url;

use crate::data::{Described, Findings, Inspection, Syntax, Tag, Tags};
use crate::geo::Country;
use crate::net::Host;
use crate::policy::{
    Circumstances, Counts, Declared, Explanation, Exporter, Facts, Peer, Place, Policy, Slice,
};

use super::{Active, Plan, found_beside, parse_context, parse_slices};

pub use show::{counts, verdict};

/// A request as people write it down.
#[derive(Clone, Debug)]
pub struct Question {
    /// Where it would go.
    pub url: Url,
    /// What it would carry.
    pub tags: Vec<String>,
    /// Parts of its data, as the header `X-Data-Slice` has them.
    pub slices: Vec<String>,
    /// What is declared of the transfer, as the header `X-Data-Context` has it.
    pub context: Option<String>,
    /// The country of the exporter, in place of the configured one.
    pub exporter: Option<String>,
    /// What has been counted before, by meter.
    pub counted: BTreeMap<String, u64>,
    /// A day or moment instead of now.
    pub at: Option<String>,
    /// The method.
    pub method: String,
    /// The destination's address; without it conditions on the location stay unknown.
    pub address: Option<IpAddr>,
    /// The client's address.
    pub client: IpAddr,
    /// Who the client proves to be; by its address if nobody is named.
    pub principal: Option<String>,
}

/// What about a question cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {why}")]
pub struct Misasked {
    /// The field of the question.
    pub key: &'static str,
    /// What is wrong with it.
    pub why: String,
}

/// The answer, for who puts it into words.
#[derive(Debug)]
pub struct Answered<'a> {
    /// What was asked.
    pub facts: &'a Facts<'a>,
    /// By what.
    pub policy: &'a Policy,
    /// The decision and its reasons.
    pub explanation: &'a Explanation,
    /// How it gets to its destination.
    pub way: &'a Way,
    /// What is found in it.
    pub found: &'a Findings,
}

/// How a request gets to its destination.
#[derive(Clone, Debug)]
pub struct Way {
    /// The proxy in between.
    pub via: Option<String>,
    /// What becomes of its tunnel, where it comes in one and its address is known.
    pub plan: Option<Plan>,
}

/// Looks through path and query of a request as the proxy would; a body can be pushed after them.
pub fn look<'a>(
    active: &'a Active,
    host: &'a str,
    url: &'a Url,
    (content_type, content_encoding): (Option<&'a str>, Option<&'a str>),
) -> Inspection {
    let described = Described { host, path: url.path(), content_type, content_encoding };
    let mut inspection = Inspection::new(&active.inspector, &described);
    inspection.path(url.path());
    if let Some(query) = url.query() {
        inspection.text("query", Some(Syntax::Form), query.as_bytes());
    }
    inspection
}

impl Question {
    /// A question about a plain request to a URL.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            tags: Vec::new(),
            slices: Vec::new(),
            context: None,
            exporter: None,
            counted: BTreeMap::new(),
            at: None,
            method: "GET".to_owned(),
            address: None,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            principal: None,
        }
    }

    /// Decides, and hands the answer to `tell`.
    pub fn answer<T>(
        &self,
        active: &Active,
        found: &Findings,
        tell: impl FnOnce(&Answered<'_>) -> T,
    ) -> Result<T, Misasked> {
        let (host, port) = self.destination()?;
        let address = self.address.or_else(|| known_address(active, &host));
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
        slices.extend(found_beside(&slices, found, believed));
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
        let way = self.way(active, &facts);
        let policy = &*active.policy;
        let (facts, explanation, way) = (&facts, &explanation, &way);
        Ok(tell(&Answered { facts, policy, explanation, way, found }))
    }

    /// Where it would go.
    pub fn destination(&self) -> Result<(Host, u16), Misasked> {
        let host = self.url.host_str().unwrap_or_default();
        let host = Host::parse(host).map_err(|error| misasked("url", error.to_string()))?;
        let port = self.url.port_or_known_default();
        let port = port.filter(|_| matches!(self.url.scheme(), "http" | "https"));
        let port =
            port.ok_or_else(|| misasked("url", "the scheme must be http or https".to_owned()))?;
        Ok((host, port))
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
    fn moment(&self) -> Result<Timestamp, Misasked> {
        let Some(text) = &self.at else { return Ok(Timestamp::now()) };
        let moment = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
        moment.map_err(|_| {
            misasked("at", format!("`{text}` is no day such as 2026-01-31, nor a moment"))
        })
    }

    fn own_exporter(&self) -> Result<Option<Exporter>, Misasked> {
        let Some(code) = &self.exporter else { return Ok(None) };
        let country = Country::parse(code);
        let country = country.ok_or_else(|| {
            misasked("exporter", format!("`{code}` is no ISO 3166-1 country code"))
        })?;
        let id = "exporter".to_owned();
        Ok(Some(Exporter { id, jurisdiction: country, attributes: Vec::new() }))
    }

    fn slices(&self) -> Result<Vec<Slice>, Misasked> {
        let mut slices = Vec::new();
        for text in &self.slices {
            let found = parse_slices(text);
            slices.extend(found.map_err(|error| misasked("slices", error))?);
        }
        let tags = self.tags()?;
        if !tags.is_empty() {
            slices.push(Slice::of_tags(tags));
        }
        Ok(slices)
    }

    fn declared(&self) -> Result<Declared, Misasked> {
        let Some(text) = &self.context else { return Ok(Declared::default()) };
        parse_context(text).map_err(|error| misasked("context", error))
    }

    /// What was counted before, and what this request adds.
    fn counts(&self, policy: &Policy, facts: &Facts<'_>) -> Result<Counts, Misasked> {
        let known = policy.meter_names();
        if let Some(unknown) = self.counted.keys().find(|name| !known.contains(*name)) {
            let known = known.into_iter().collect::<Vec<_>>().join("`, `");
            let why = match known.as_str() {
                "" => format!("no pack that is loaded counts anything, and so not `{unknown}`"),
                known => format!("`{unknown}` is no meter of the packs; there are `{known}`"),
            };
            return Err(misasked("counted", why));
        }
        let mut counts = Counts::default();
        for metered in policy.meters(facts) {
            let before = self.counted.get(&*metered.name).copied().unwrap_or(0);
            let counted = metered.after(before);
            counts.insert(metered.meter, counted);
        }
        Ok(counts)
    }

    fn tags(&self) -> Result<Tags, Misasked> {
        let parse = |text: &String| {
            Tag::parse(text).ok_or_else(|| misasked("tags", format!("`{text}` is not a tag")))
        };
        self.tags.iter().map(parse).collect()
    }
}

fn misasked(key: &'static str, why: String) -> Misasked {
    Misasked { key, why }
}

/// The address of a literal or a static name: nobody need be asked for those.
fn known_address(active: &Active, host: &Host) -> Option<IpAddr> {
    host.address().or_else(|| active.names.get(host)?.first().copied())
}
