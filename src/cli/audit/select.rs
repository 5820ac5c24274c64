//! Which entries are meant, and reading them: lines that cannot be meant are not parsed.

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use memchr::memmem::Finder;

use crate::audit::event::Event;
use crate::audit::index::Filters;
use crate::audit::journal::{Entry, Kind, Reader};

use super::Journal;

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

/// The first whole millisecond that is not before a moment.
pub(super) fn millis(moment: Timestamp) -> i64 {
    moment.as_millisecond() + i64::from(moment.subsec_nanosecond() % 1_000_000 > 0)
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
    /// With its personal fields, or a word for each.
    pub(super) line: &'a [u8],
    pub(super) event: Event<'a>,
}

/// Reads the journal itself.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) filters: &'a Filters,
    pub(super) journal: &'a Journal,
    /// Only entries from this one on.
    pub(super) from: u64,
    /// Only entries before this one.
    pub(super) before: u64,
    /// Also verdicts that were kept before their requests had ended.
    pub(super) verdicts: bool,
}

impl Select {
    /// The record with a decision's id.
    pub(super) fn of_id(id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..Self::default() }
    }

    /// What is meant.
    pub(super) fn filters(self) -> Filters {
        let Self { since, until, id, host, client, tag, country, outcome, rule } = self;
        Filters { since, until, id, host, client, tag, country, outcome, rule }
    }
}

impl<'a> Scan<'a> {
    /// All records that are meant.
    pub(super) const fn all(journal: &'a Journal, filters: &'a Filters) -> Self {
        Self { filters, journal, from: 0, before: u64::MAX, verdicts: false }
    }

    /// Hands every record that is meant to `tell`, until it has seen enough.
    pub(super) fn each(
        &self,
        mut tell: impl FnMut(Found<'_>) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let mut reader = Reader::open(&self.journal.folder).from_sequence(self.from);
        let mut opener = self.journal.keys.opener();
        if let Some(since) = self.filters.since {
            reader = reader.since(since.as_millisecond());
        }
        let needles = self.filters.needles();
        let finders: Vec<_> = needles.iter().copied().map(Finder::new).collect();
        while let Some(entry) = reader.next_entry()? {
            if entry.sequence() >= self.before {
                break;
            }
            let Some(line) = self.line(&entry) else { continue };
            let line = opener.open(line);
            if !finders.iter().all(|finder| finder.find(&line).is_some()) {
                continue;
            }
            if let Some(found) = read(&entry, &line)?
                && self.filters.means(&found.event)
                && !tell(found)?
            {
                break;
            }
        }
        Ok(())
    }

    /// Hands those of some entries to `tell` that are meant, until it has seen enough; the
    /// entries in rising order.
    pub(super) fn those(
        &self,
        entries: &[u64],
        mut tell: impl FnMut(Found<'_>) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let Some(first) = entries.first() else { return Ok(()) };
        let mut reader = Reader::open(&self.journal.folder).from_sequence(*first);
        let mut opener = self.journal.keys.opener();
        for wanted in entries {
            reader.skip_to(*wanted);
            let Some(entry) = reader.next_entry()? else { break };
            // What was pruned since is in no list.
            let Some(line) = self.line(&entry).filter(|_| entry.sequence() == *wanted) else {
                continue;
            };
            let line = opener.open(line);
            if let Some(found) = read(&entry, &line)?
                && self.filters.means(&found.event)
                && !tell(found)?
            {
                break;
            }
        }
        Ok(())
    }

    fn line<'e>(&self, entry: &Entry<'e>) -> Option<&'e [u8]> {
        let wanted = match entry.kind()? {
            Kind::Ended => true,
            Kind::Decided => self.verdicts,
            Kind::Start | Kind::Gap | Kind::Checkpoint | Kind::Key | Kind::Note => false,
        };
        entry.payload().filter(|_| wanted)
    }
}

fn read<'e>(entry: &Entry<'e>, line: &'e [u8]) -> anyhow::Result<Option<Found<'e>>> {
    let sequence = entry.sequence();
    match serde_json::from_slice(line) {
        Ok(event) => Ok(Some(Found { sequence, line, event })),
        // A verdict on a request under way tells less than a record.
        Err(_) if entry.kind() == Some(Kind::Decided) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("entry {sequence} is no record")),
    }
}
