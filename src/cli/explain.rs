//! `borderpost explain`: one decision off-line, with every rule's part in it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use jiff::Timestamp;
use serde_json::json;
use url::Url;

use crate::config;
use crate::data::{Tag, Tags};
use crate::net::Host;
use crate::policy::{
    Basis, Circumstances, Decision, Explanation, Facts, Held, Place, Policy, Truth,
};
use crate::proxy::Active;

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
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Explain {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let active = config::load(&self.config.clone().origin())?.active;
        let (host, port) = self.destination()?;
        let address = self.address.or_else(|| known_address(&active, &host));
        let place = address.map(|address| {
            let (canonical, entry) = active.locate(&host, address);
            let socket = SocketAddr::new(canonical.dial, port);
            Place { socket, judged: canonical.judged, special: canonical.special, entry }
        });
        let principal = active.principals.of(self.client);
        let exporter = match principal {
            Some(principal) => principal.exporter.as_deref(),
            None => active.exporter.as_deref(),
        };
        let content = active.policy.weigh(self.tags()?, true);
        let method = self.method.to_ascii_uppercase();
        let facts = Facts {
            client: self.client,
            principal: principal.map(|one| &*one.name),
            method: &method,
            host: &host,
            place,
            content: &content,
            circumstances: Circumstances { exporter, ..Circumstances::at(Timestamp::now()) },
        };
        let explanation = active.policy.explain(&facts);
        if self.json {
            line(serde_json::to_string_pretty(&as_json(&active.policy, &facts, &explanation))?);
        } else {
            print(&active.policy, &facts, &explanation);
        }
        Ok(())
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

/// A decision in one word, and what it stands on.
fn verdict(policy: &Policy, decision: &Decision) -> (&'static str, String) {
    let id = |held: &Held| policy.rules().get(held.rule).map_or("?", |rule| rule.id.as_str());
    match decision {
        Decision::Allow(permit) => {
            let rule = permit.held().first().map_or("no rule holds", id);
            (permit.outcome().name(), rule.to_owned())
        }
        Decision::Inspect => {
            ("undecided", "the destination's address is not known; give --address".to_owned())
        }
        Decision::Refuse(refusal) => {
            let why = match &refusal.basis {
                Basis::Rule(held) => id(held).to_owned(),
                Basis::Special(kind) => format!("the address is not public ({kind})"),
                Basis::Default => "no rule permits it and policy.default is block".to_owned(),
                Basis::Conflict { duty, bar } => {
                    format!("{} demands what {} bars; a person decides", id(duty), id(bar))
                }
            };
            (refusal.outcome.name(), why)
        }
    }
}

fn print(policy: &Policy, facts: &Facts<'_>, explanation: &Explanation) {
    let (outcome, why) = verdict(policy, &explanation.decision);
    line(format!("{outcome}: {why}"));
    line(format!("  host       {}", facts.host));
    if let Some(place) = &facts.place {
        line(format!(
            "  address    {} -> {}: {}",
            place.socket.ip(),
            place.entry.state(),
            place.entry.candidates()
        ));
    }
    line(format!(
        "  tags       {}",
        if facts.content.tags().is_empty() {
            "none".to_owned()
        } else {
            facts.content.tags().to_string()
        }
    ));
    for rule in &explanation.rules {
        let presumed =
            if rule.presumed { " (an unknown location counts as restricted)" } else { "" };
        line(format!("rule {} [{}]: {}{presumed}", rule.rule, rule.outcome, rule.truth));
        for condition in &rule.conditions {
            line(format!("  {:<8} {}", condition.truth.to_string(), condition.condition));
        }
        if rule.truth == Truth::Yes {
            line(format!(
                "  because  {}{}",
                rule.reason,
                rule.cite.as_ref().map_or(String::new(), |c| format!(" [{c}]"))
            ));
        }
    }
    if !explanation.changes.is_empty() {
        line("what would change the answer:");
        explanation.changes.iter().for_each(|change| line(format!("  - {change}")));
    }
}

fn as_json(policy: &Policy, facts: &Facts<'_>, explanation: &Explanation) -> serde_json::Value {
    let (outcome, why) = verdict(policy, &explanation.decision);
    let location = facts.place.as_ref().map(|place| {
        json!({
            "address": place.socket.ip(),
            "judged": place.judged,
            "special": place.special.map(|kind| kind.name()),
            "state": place.entry.state().to_string(),
            "countries": place.entry.candidates().iter().map(|c| c.code()).collect::<Vec<_>>(),
        })
    });
    json!({
        "outcome": outcome,
        "why": why,
        "host": facts.host.to_string(),
        "location": location,
        "tags": facts.content.tags().iter().map(Tag::as_str).collect::<Vec<_>>(),
        "rules": explanation.rules,
        "changes": explanation.changes,
    })
}
