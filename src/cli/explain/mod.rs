//! `borderpost explain`: one decision off-line, with every rule's part in it.

mod body;
mod recorded;
mod show;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;
use url::Url;

use crate::config::{self, Placing};
use crate::proxy::{Active, Misasked, Question};

use super::ConfigArgument;
use super::ask::Admin;
use super::exec::trial;
use super::output::{Usage, line};

/// Decide one request off-line, or show one that a running proxy has decided and recorded.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// Where the request would go.
    #[arg(long, value_name = "URL", required_unless_present = "id")]
    url: Option<Url>,
    /// The decision with this id, which the answer to its client has; the running proxy is asked.
    #[arg(
        long,
        conflicts_with_all = ["url", "tags", "slices", "context", "exporter", "counted", "at", "address", "principal", "geo", "packs"]
    )]
    id: Option<String>,
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
    /// Where a host, `*.host`, address or network is taken to lie, as `exec --geo` has it.
    #[arg(long, value_name = "HOST=CC", value_parser = Placing::parse)]
    geo: Vec<Placing>,
    /// A pack in the place of the one with its id, as `exec --pack` has it.
    #[arg(long = "pack", value_name = "PACK")]
    packs: Vec<String>,
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    admin: Admin,
}

impl Explain {
    pub(super) fn run(self) -> anyhow::Result<()> {
        if let Some(id) = &self.id {
            return recorded::show(&self.admin.or_of(&self.config)?, id, self.json);
        }
        let url = self.url.as_ref().context("clap wants one of them")?;
        let active = self.active()?;
        let question = self.question(url)?;
        let (host, _) = question.destination().map_err(usage)?;
        let found = self.body.found(&active, (&host, url))?;
        if self.json {
            let value = question.answer(&active, &found, |answered| answered.as_json());
            line(serde_json::to_string_pretty(&value.map_err(usage)?)?);
        } else {
            question.answer(&active, &found, show::print).map_err(usage)?;
        }
        Ok(())
    }

    fn active(&self) -> anyhow::Result<Active> {
        let origin = self.config.clone().origin();
        if self.geo.is_empty() && self.packs.is_empty() {
            return Ok(config::load(&origin)?.active);
        }
        let trial = trial(&self.packs, &self.geo, false)?;
        Ok(config::load_trial(&origin, &trial)?.active)
    }

    fn question(&self, url: &Url) -> Result<Question, Usage> {
        let mut counted = BTreeMap::new();
        for text in &self.counted {
            let pair =
                text.rsplit_once('=').and_then(|(name, n)| Some((name, n.parse::<u64>().ok()?)));
            let (name, number) =
                pair.ok_or_else(|| Usage(format!("--counted: `{text}` is not METER=NUMBER")))?;
            counted.insert(name.to_owned(), number);
        }
        Ok(Question {
            url: url.clone(),
            tags: self.tags.clone(),
            slices: self.slices.clone(),
            context: self.context.clone(),
            exporter: self.exporter.clone(),
            counted,
            at: self.at.clone(),
            method: self.method.clone(),
            address: self.address,
            client: self.client,
            principal: self.principal.clone(),
        })
    }
}

/// In the words of the command line, where what may be given more than once has no plural.
fn usage(Misasked { key, why }: Misasked) -> Usage {
    Usage(format!("--{}: {why}", key.trim_end_matches('s')))
}
