//! Which entries are meant, in words of the command line.

use jiff::Timestamp;

use crate::audit::index::Filters;
use crate::audit::search::moment;

use super::super::output::Usage;

/// Which records are meant; all that are given must hold.
#[derive(Clone, Debug, Default, clap::Args)]
pub(in crate::cli) struct Select {
    /// From this moment on: RFC 3339, a day, or so long ago: `7d`, `90m`.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    since: Option<Timestamp>,
    /// Before this moment.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    until: Option<Timestamp>,
    /// The decision id.
    #[arg(long)]
    id: Option<String>,
    /// The destination's host, or with a dot before it all of a domain.
    #[arg(long)]
    host: Option<String>,
    /// The address of the client, or the name that it proved.
    #[arg(long)]
    client: Option<String>,
    /// A tag and all below it: `health`; that tag alone: `=health`.
    #[arg(long)]
    tag: Option<String>,
    /// A country that the destination may be in: `DE`; `unknown` where none is known.
    #[arg(long)]
    country: Option<String>,
    /// What was decided; `failed` where there was no decision, `refused` for all that did not go out.
    #[arg(long, value_parser = ["allow", "log", "hold", "require", "block", "failed", "refused"])]
    outcome: Option<String>,
    /// What a rule that only observes would have made of it; `refused` is any of `hold`, `require`
    /// and `block`.
    #[arg(long, value_parser = ["log", "hold", "require", "block", "refused"])]
    would: Option<String>,
    /// A rule that held, with its pack or without: `pack/rule`; `pack/` for any of a pack.
    #[arg(long)]
    rule: Option<String>,
    /// The method: `POST`.
    #[arg(long)]
    method: Option<String>,
}

impl Select {
    /// The record with a decision's id.
    pub(super) fn of_id(id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..Self::default() }
    }

    /// What is meant.
    pub(in crate::cli) fn filters(self) -> Result<Filters, Usage> {
        let Self { since, until, id, host, client, tag, country, outcome, .. } = self;
        let Self { would, rule, method, .. } = self;
        let mut filters = Filters { since, until, id, ..Filters::default() };
        let rest = [("host", host), ("client", client), ("tag", tag), ("country", country)];
        let more = [("outcome", outcome), ("would", would), ("rule", rule), ("method", method)];
        for (name, value) in rest.into_iter().chain(more) {
            let Some(value) = value else { continue };
            filters.set(name, &value).map_err(Usage)?;
        }
        Ok(filters)
    }
}
