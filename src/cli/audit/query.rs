//! `borderpost audit query`: by the index where there is one that goes so far, and what it does
//! not cover by the journal itself. What is listed is always read in the journal.

use std::collections::VecDeque;
use std::io::{self, Write};

use crate::audit::index::{Fault, Filters, Index, Page};
use crate::audit::journal::Gaps;
use crate::audit::search::{Found, Journal, Scan, covers};

use super::super::output::{line, news};
use super::Place;
use super::indexed;
use super::select::Select;
use super::whole::whole;

/// So many entries are asked of the index at once.
const PAGE: u32 = 1_000;

/// List what was recorded.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, clap::Args)]
pub(super) struct Query {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    select: Select,
    /// Also verdicts that were kept before their requests had ended.
    #[arg(long)]
    verdicts: bool,
    /// So many at most.
    #[arg(long, default_value_t = 100)]
    limit: u64,
    /// The last ones, the last first.
    #[arg(long)]
    newest: bool,
    /// Read the journal itself, without its index.
    #[arg(long)]
    scan: bool,
    /// The records themselves, as lines of JSON.
    #[arg(long)]
    json: bool,
}

impl Query {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let journal = self.place.open()?;
        let filters = self.select.filters()?;
        // Verdicts of requests under way are not in the index.
        let index = if self.scan || self.verdicts { None } else { indexed::open(&journal.folder) };
        let scan = Scan { verdicts: self.verdicts, ..Scan::all(&journal, &filters) };
        let mut out = Out { left: self.limit, json: self.json, gaps: Gaps::default() };
        if out.left == 0 {
            return Ok(());
        }
        if let Some(index) = index {
            let found = if self.newest {
                out.backward(&index, &filters, &journal)
            } else {
                out.forward(&index, &filters, &journal)
            };
            match found {
                // It is spoilt within, or slow; nothing of it has been told yet.
                Err(error) if out.left == self.limit && error.is::<Fault>() => {
                    news(format!("the journal is read without its index: {error}"));
                }
                found => {
                    if out.left == self.limit {
                        indexed::tell_unseen(&index, &filters);
                    }
                    return found.and_then(|()| whole(&out.gaps));
                }
            }
        }
        if self.newest {
            out.last(&scan)?;
        } else {
            out.all(&scan)?;
        }
        whole(&out.gaps)
    }
}

/// Where records go, and how many more.
struct Out {
    left: u64,
    json: bool,
    /// What could not be read.
    gaps: Gaps,
}

impl Out {
    /// Everything that a scan finds.
    fn all(&mut self, scan: &Scan<'_>) -> anyhow::Result<()> {
        let gaps = scan.each(|found| self.put(&found))?;
        self.gaps.extend(gaps);
        Ok(())
    }

    /// What came before the index began, what it has, and what has come since.
    fn forward(
        &mut self,
        index: &Index,
        filters: &Filters,
        journal: &Journal,
    ) -> anyhow::Result<()> {
        let state = index.state();
        let scan = Scan::all(journal, filters);
        if !covers(state, filters) {
            self.all(&Scan { before: state.first, ..scan })?;
        }
        let scan = Scan::all(journal, filters);
        let mut after = None;
        while self.left > 0 {
            let page = Page { newest: false, after, limit: PAGE };
            let entries = index.sequences(filters, page)?;
            let Some(last) = entries.last() else { break };
            after = Some(*last);
            let gaps = scan.those(&entries, |found| self.put(&found))?;
            self.gaps.extend(gaps);
        }
        if self.left > 0 {
            self.all(&Scan { from: state.next, ..scan })?;
        }
        Ok(())
    }

    fn backward(
        &mut self,
        index: &Index,
        filters: &Filters,
        journal: &Journal,
    ) -> anyhow::Result<()> {
        let state = index.state();
        if !self.last(&Scan { from: state.next, ..Scan::all(journal, filters) })? {
            return Ok(());
        }
        let scan = Scan::all(journal, filters);
        let mut after = None;
        while self.left > 0 {
            let limit = u32::try_from(self.left).unwrap_or(PAGE).min(PAGE);
            let mut entries = index.sequences(filters, Page { newest: true, after, limit })?;
            let Some(last) = entries.last() else { break };
            after = Some(*last);
            entries.reverse();
            let mut lines = Vec::new();
            let gaps = scan.those(&entries, |found| {
                lines.push(self.text(&found));
                anyhow::Ok(true)
            })?;
            self.gaps.extend(gaps);
            for text in lines.iter().rev() {
                self.print(text)?;
            }
        }
        if self.left > 0 && !covers(state, filters) {
            self.last(&Scan { before: state.first, ..scan })?;
        }
        Ok(())
    }

    /// The last that a scan finds, the last first; whether more are wanted.
    fn last(&mut self, scan: &Scan<'_>) -> anyhow::Result<bool> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let mut lines = VecDeque::new();
        let gaps = scan.each(|found| {
            if lines.len() == most {
                lines.pop_front();
            }
            lines.push_back(self.text(&found));
            anyhow::Ok(true)
        })?;
        self.gaps.extend(gaps);
        for text in lines.iter().rev() {
            self.print(text)?;
        }
        Ok(self.left > 0)
    }

    /// Prints a record; whether more are wanted.
    fn put(&mut self, found: &Found<'_>) -> anyhow::Result<bool> {
        self.print(&self.text(found))?;
        Ok(self.left > 0)
    }

    fn text(&self, found: &Found<'_>) -> Vec<u8> {
        if self.json { found.line.to_vec() } else { short(found).into_bytes() }
    }

    fn print(&mut self, text: &[u8]) -> anyhow::Result<()> {
        self.left = self.left.saturating_sub(1);
        if self.json {
            let mut out = io::stdout().lock();
            out.write_all(text)?;
            out.write_all(b"\n")?;
        } else {
            line(String::from_utf8_lossy(text));
        }
        Ok(())
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
