//! `borderpost audit query`.

use std::io::{self, Write};

use super::super::output::line;
use super::Place;
use super::select::{Found, Select};

/// List what was recorded.
#[derive(Debug, clap::Args)]
pub(super) struct Query {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    select: Select,
    /// So many at most.
    #[arg(long, default_value_t = 100)]
    limit: u64,
    /// The records themselves, as lines of JSON.
    #[arg(long)]
    json: bool,
}

impl Query {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let folder = self.place.folder()?;
        let mut left = self.limit;
        if left == 0 {
            return Ok(());
        }
        self.select.each(&folder, |found| {
            if self.json {
                let mut out = io::stdout().lock();
                out.write_all(found.line)?;
                out.write_all(b"\n")?;
            } else {
                line(short(&found));
            }
            left -= 1;
            Ok(left > 0)
        })
    }
}

/// `SEQUENCE TIME OUTCOME METHOD HOST COUNTRIES TAGS RULE STATUS ID`
fn short(found: &Found<'_>) -> String {
    let Found { sequence, event, .. } = found;
    let countries = event.location.as_ref().map(|location| location.countries.join(","));
    let rule = event.rules.first().map(|rule| format!("{}/{}", rule.pack, rule.rule));
    let outcome = event.outcome.map_or("failed", |outcome| outcome.name());
    let or_dash = |text: Option<&str>| match text {
        None | Some("") => "-".to_owned(),
        Some(text) => text.to_owned(),
    };
    format!(
        "{sequence} {:.3} {outcome} {} {} {} {} {} {} {}",
        event.time,
        event.method,
        or_dash(event.host.as_deref()),
        or_dash(countries.as_deref()),
        or_dash(Some(&event.tags.join(","))),
        or_dash(rule.as_deref()),
        event.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
        event.id,
    )
}
