//! `borderpost audit top`.

use std::cmp::Ordering;
use std::collections::HashMap;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::audit::Event;
use crate::audit::index::{Dimension, Filters, Ranked, Sums};
use crate::audit::journal::Gaps;
use crate::audit::search::{Journal, Scan, covers};

use super::super::output::{line, news};
use super::Place;
use super::indexed;
use super::select::Select;
use super::whole::whole;

/// Rank what was recorded: REQUESTS, OCTETS OUT, OCTETS IN and NAME.
#[derive(Debug, clap::Args)]
pub(super) struct Top {
    /// By what.
    #[arg(value_parser = dimensions())]
    dimension: Dimension,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    select: Select,
    /// So many at most.
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// Read the journal itself, without its index.
    #[arg(long)]
    scan: bool,
}

/// The names, so that a shell completes them.
fn dimensions() -> impl TypedValueParser<Value = Dimension> {
    let names = PossibleValuesParser::new(Dimension::ALL.map(Dimension::name));
    names.try_map(|name| name.parse::<Dimension>())
}

impl Top {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let journal = self.place.open()?;
        let filters = self.select.filters()?;
        let index = if self.scan { None } else { indexed::open(&journal.folder) };
        let index = index.filter(|index| covers(index.state(), &filters));
        let mut gaps = Gaps::default();
        let ranked = match index {
            Some(index) => {
                let behind = behind(&journal, index.state().next, &filters, &mut gaps)?;
                if behind > 0 {
                    news(format!("{behind} records are not in the index yet and do not count"));
                }
                let ranked = index.top(self.dimension, &filters, self.limit)?;
                if ranked.is_empty() {
                    indexed::tell_unseen(&index, &filters);
                }
                ranked
            }
            None => scanned(self.dimension, (&journal, &filters), self.limit, &mut gaps)?,
        };
        for Ranked { name, sums } in ranked {
            let Sums { requests, bytes_out, bytes_in } = sums;
            line(format!("{requests} {bytes_out} {bytes_in} {}", name.as_deref().unwrap_or("-")));
        }
        whole(&gaps)
    }
}

fn behind(journal: &Journal, from: u64, filters: &Filters, gaps: &mut Gaps) -> anyhow::Result<u64> {
    let mut behind = 0;
    gaps.extend(Scan { from, ..Scan::all(journal, filters) }.each(|_| {
        behind += 1;
        anyhow::Ok(true)
    })?);
    Ok(behind)
}

/// The same by reading everything.
fn scanned(
    dimension: Dimension,
    (journal, filters): (&Journal, &Filters),
    most: usize,
    gaps: &mut Gaps,
) -> anyhow::Result<Vec<Ranked>> {
    let mut counts: HashMap<Option<String>, (usize, Sums)> = HashMap::new();
    gaps.extend(Scan::all(journal, filters).each(|found| {
        let event = &found.event;
        let one = Sums { requests: 1, bytes_out: event.bytes_out, bytes_in: event.bytes_in };
        for name in names(dimension, event) {
            let order = counts.len();
            counts.entry(name).or_insert_with(|| (order, Sums::default())).1.add(&one);
        }
        anyhow::Ok(true)
    })?);
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by(|(name, (order, sums)), (other, (place, more))| {
        let names = if dimension.is_wide() { Ordering::Equal } else { name.cmp(other) };
        more.requests.cmp(&sums.requests).then(names).then(order.cmp(place))
    });
    ranked.truncate(most);
    Ok(ranked.into_iter().map(|(name, (_, sums))| Ranked { name, sums }).collect())
}

/// What a record counts for, each once.
fn names(dimension: Dimension, event: &Event<'_>) -> Vec<Option<String>> {
    let mut names: Vec<Option<String>> = match dimension {
        Dimension::Client => vec![Some(event.client.address())],
        Dimension::Country => {
            let countries = event.location.iter().flat_map(|location| location.countries.iter());
            countries.map(|country| Some(country.to_ascii_uppercase())).collect()
        }
        Dimension::Host => vec![event.host.as_deref().map(str::to_owned)],
        Dimension::Method => vec![Some(event.method.to_string())],
        Dimension::Outcome => {
            vec![Some(event.outcome.map_or("failed", |outcome| outcome.name()).to_owned())]
        }
        Dimension::Pack => event.rules.iter().map(|rule| Some(rule.pack.to_string())).collect(),
        Dimension::Principal => {
            event.principal.iter().map(|principal| Some(principal.to_string())).collect()
        }
        Dimension::Rule => {
            let name =
                |rule: &crate::audit::event::Rule<'_>| Some(format!("{}/{}", rule.pack, rule.rule));
            event.rules.iter().map(name).collect()
        }
        Dimension::Tag => event.tags.iter().map(|tag| Some(tag.to_string())).collect(),
    };
    let mut seen = Vec::new();
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    names
}
