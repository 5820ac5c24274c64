//! Going over the journal for one pack and one period.

use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;

use crate::audit::Configured;
use crate::audit::event::Event;
use crate::audit::journal::{Entry, Gaps, Kind, Onward};
use crate::audit::personal::KeyRing;

/// From when until when; the end does not belong to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
}

/// What is gone over.
pub(super) struct Walk<'w> {
    pub(super) folder: &'w Path,
    /// What opens personal fields; those that nothing opens have a word in their place.
    pub(super) keys: &'w KeyRing,
    pub(super) pack: &'w str,
    pub(super) period: Period,
}

/// What the entries of a journal are to a report.
pub(super) enum Met<'m> {
    /// A request that began within the period.
    Ended(u64, &'m [u8], Box<Event<'m>>),
    /// A verdict, whenever.
    Decided(Entry<'m>, &'m [u8]),
    /// Something else of the period.
    Other(Entry<'m>),
    /// What was put in force by an entry, whenever.
    Configured(u64, Box<Configured>),
    /// The record of a request that is not of the period.
    Elsewhere(Box<Event<'m>>),
}

impl Period {
    pub(super) fn has(&self, at: Timestamp) -> bool {
        self.since <= at && at < self.until
    }
}

impl Walk<'_> {
    /// Whether a request is a transaction under the pack: one of its rules holds, if only in
    /// part, or one of its volumes grew, which may be past its threshold later.
    pub(super) fn concerns(&self, event: &Event<'_>) -> bool {
        event.counts.iter().any(|count| self.owns(&count.meter))
            || event.rules.iter().any(|rule| rule.pack == self.pack)
            || event.reports.iter().any(|report| report.pack == self.pack)
    }

    /// Whether a volume is one of the pack.
    pub(super) fn owns(&self, meter: &str) -> bool {
        meter.strip_prefix(self.pack).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Hands over what has its place in the report, up to entry `end`. Returns the number after the
    /// last entry, and what could not be read.
    pub(super) fn each(
        &self,
        end: u64,
        mut tell: impl FnMut(Met<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<(u64, Gaps)> {
        let mut reader = Onward::open(self.folder);
        if self.period.since > Timestamp::MIN {
            // An entry is made after the request has begun.
            reader = reader.since(self.period.since.as_millisecond());
        }
        let (mut next, mut opener) = (0, self.keys.opener());
        while let Some(entry) = reader.next_entry()? {
            let sequence = entry.sequence();
            if sequence >= end {
                break;
            }
            next = sequence + 1;
            let payload = entry.payload().map(|line| opener.open(line));
            match (entry.kind(), payload.as_deref()) {
                (Some(Kind::Ended), Some(line)) => {
                    let event: Event<'_> = serde_json::from_slice(line)
                        .with_context(|| format!("entry {sequence} is no record"))?;
                    let event = Box::new(event);
                    tell(if self.period.has(event.time) {
                        Met::Ended(sequence, line, event)
                    } else {
                        Met::Elsewhere(event)
                    })?;
                }
                (Some(Kind::Decided), line) => tell(Met::Decided(entry, line.unwrap_or_default()))?,
                (Some(Kind::Start | Kind::Note), Some(line)) => {
                    if let Some(found) = Configured::read(line) {
                        tell(Met::Configured(sequence, Box::new(found)))?;
                    }
                    if self.holds(&entry) {
                        tell(Met::Other(entry))?;
                    }
                }
                _ if self.holds(&entry) => tell(Met::Other(entry))?,
                _ => {}
            }
        }
        Ok((next, reader.into_gaps()))
    }

    /// Every transaction under the pack, in the order of the journal.
    pub(super) fn transactions(
        &self,
        end: u64,
        mut tell: impl FnMut(u64, &serde_json::Value, &Event<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        // What cannot be read was told by the first reading.
        let (_, _known) = self.each(end, |met| {
            let Met::Ended(sequence, line, event) = met else { return Ok(()) };
            if !self.concerns(&event) {
                return Ok(());
            }
            tell(sequence, &serde_json::from_slice(line)?, &event)
        })?;
        Ok(())
    }

    /// Whether an entry may say what was put in force.
    pub(super) fn may_configure(entry: &Entry<'_>) -> bool {
        matches!(entry.kind(), Some(Kind::Start | Kind::Note))
    }

    fn holds(&self, entry: &Entry<'_>) -> bool {
        let at = entry.at().and_then(|at| Timestamp::from_millisecond(at).ok());
        at.is_some_and(|at| self.period.has(at))
    }
}
