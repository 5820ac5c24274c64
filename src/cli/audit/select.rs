//! Which entries are meant, and reading them: lines that cannot be meant are not parsed.

use std::path::Path;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use memchr::memmem::Finder;

use crate::audit::event::{Event, is_host, is_under};
use crate::audit::journal::{Kind, Reader};

/// Which records are meant; all that are given must hold.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Select {
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
    /// A tag, or all below it: `health`.
    #[arg(long)]
    tag: Option<String>,
    /// A country that the destination may be in: `DE`.
    #[arg(long)]
    country: Option<String>,
    /// `allow`, `log`, `hold`, `require`, `block`, or `failed` where there was no decision.
    #[arg(long)]
    outcome: Option<String>,
    /// A rule that held, with its pack or without: `pack/rule`.
    #[arg(long)]
    rule: Option<String>,
    /// Also verdicts that were kept before their requests had ended.
    #[arg(long)]
    verdicts: bool,
}

/// `2026-11-26T03:00:00Z`, `2026-11-26`, or so long ago.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        return format!("{day}T00:00:00Z").parse().map_err(|error: jiff::Error| error.to_string());
    }
    ago(text).ok_or_else(|| {
        format!("`{text}` is neither a moment (2026-11-26T03:00:00Z), nor a day, nor a time (7d)")
    })
}

fn ago(text: &str) -> Option<Timestamp> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = number.parse::<i64>().ok()?.checked_mul(seconds)?;
    Timestamp::now().checked_sub(SignedDuration::from_secs(seconds)).ok()
}

/// One record that is meant.
pub(super) struct Found<'a> {
    pub(super) sequence: u64,
    pub(super) line: &'a [u8],
    pub(super) event: Event<'a>,
}

impl Select {
    /// The record with a decision's id.
    pub(super) fn of_id(id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..Self::default() }
    }

    /// Hands every record that is meant to `tell`, until it has seen enough.
    pub(super) fn each(
        &self,
        folder: &Path,
        mut tell: impl FnMut(Found<'_>) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let mut reader = Reader::open(folder);
        if let Some(since) = self.since {
            reader = reader.since(since.as_millisecond());
        }
        let needles = self.needles();
        let finders: Vec<_> = needles.iter().map(|needle| Finder::new(needle)).collect();
        while let Some(entry) = reader.next()? {
            let wanted = match entry.kind() {
                Some(Kind::Ended) => true,
                Some(Kind::Decided) => self.verdicts,
                _ => false,
            };
            let Some(line) = entry.payload().filter(|_| wanted) else { continue };
            if !finders.iter().all(|finder| finder.find(line).is_some()) {
                continue;
            }
            let sequence = entry.sequence();
            let event: Event<'_> = match serde_json::from_slice(line) {
                Ok(event) => event,
                // A verdict on a request under way tells less than a record.
                Err(_) if entry.kind() == Some(Kind::Decided) => continue,
                Err(error) => {
                    return Err(error).with_context(|| format!("entry {sequence} is no record"));
                }
            };
            if self.means(&event) && !tell(Found { sequence, line, event })? {
                break;
            }
        }
        Ok(())
    }

    /// Texts that a line has which is meant.
    fn needles(&self) -> Vec<&[u8]> {
        let host = self.host.as_deref().map(|host| host.trim_start_matches('.'));
        let rule = self.rule.as_deref().map(|rule| rule.rsplit('/').next().unwrap_or(rule));
        let words = [
            self.id.as_deref(),
            host,
            self.client.as_deref(),
            self.tag.as_deref(),
            self.country.as_deref(),
            rule,
        ];
        // What JSON escapes is not sought like that.
        let plain = |word: &&str| !word.contains(['"', '\\']) && word.is_ascii();
        words.into_iter().flatten().filter(plain).map(str::as_bytes).collect()
    }

    fn means(&self, event: &Event<'_>) -> bool {
        let is = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(test)
        };
        self.since.is_none_or(|since| event.time >= since)
            && self.until.is_none_or(|until| event.time < until)
            && is(&self.id, &|id| event.id == id)
            && is(&self.host, &|host| event.host.as_deref().is_some_and(|own| is_host(own, host)))
            && is(&self.client, &|client| is_client(event, client))
            && is(&self.tag, &|tag| event.tags.iter().any(|one| is_under(one, tag)))
            && is(&self.country, &|country| is_in(event, country))
            && is(&self.outcome, &|outcome| match event.outcome {
                Some(one) => one.name() == outcome,
                None => outcome == "failed",
            })
            && is(&self.rule, &|rule| {
                event.rules.iter().any(|one| match rule.split_once('/') {
                    Some((pack, rule)) => one.pack == pack && one.rule == rule,
                    None => one.rule == rule,
                })
            })
    }
}

fn is_client(event: &Event<'_>, wanted: &str) -> bool {
    event.principal.as_deref() == Some(wanted)
        || event.client.ip().to_string() == wanted
        || event.client.to_string() == wanted
}

fn is_in(event: &Event<'_>, wanted: &str) -> bool {
    let countries = event.location.iter().flat_map(|location| location.countries.iter());
    countries.into_iter().any(|country| country.eq_ignore_ascii_case(wanted))
}
