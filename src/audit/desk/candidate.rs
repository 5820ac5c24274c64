//! A candidate for a report: a decision that a law may want told, and when. A person tells
//! the authority, or finds that nothing is due; the program does neither.

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::data::Tags;
use crate::net::Host;
use crate::policy::{Due, Report};

use super::shelf::Filed;
use super::written;

/// Something that a person reports, or finds not to be due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its own id.
    #[serde(with = "written")]
    pub id: Uuid,
    /// The first decision that made it.
    #[serde(with = "written")]
    pub decision: Uuid,
    /// How many decisions of that day it stands for.
    pub count: u64,
    /// The pack that wants it.
    pub pack: String,
    /// The report within the pack.
    pub report: String,
    /// The rule that made it.
    pub rule: String,
    /// Where the law demands it.
    pub cite: String,
    /// Who asked.
    pub client: String,
    /// The destination.
    #[serde(with = "written::host")]
    pub host: Host,
    /// What the data was.
    #[serde(with = "written::tags")]
    pub tags: Tags,
    /// When the first decision was made.
    #[serde(with = "written")]
    pub made: Timestamp,
    /// Its day, in the zone of the pack.
    #[serde(with = "written")]
    pub day: Date,
    /// The last day on which it can be told in time.
    #[serde(with = "written")]
    pub due: Date,
    /// How a person closed it.
    pub closing: Option<Closing>,
}

/// How a person closed a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// When.
    #[serde(with = "written")]
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What came of it.
    pub outcome: Told,
    /// Why, in words.
    pub note: String,
    /// Where the proof is: a reference into another system.
    pub evidence: Option<String>,
}

/// What came of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// The authority was told.
    Reported,
    /// Nothing was due.
    NotDue,
}

/// What makes two candidates one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CandidateKey {
    report: (String, String),
    client: String,
    host: Host,
    tags: String,
    day: Date,
}

/// Who sent what where, in one decision.
#[derive(Clone, Debug)]
pub struct Deed {
    /// The decision.
    pub decision: Uuid,
    /// When it was made.
    pub at: Timestamp,
    /// Who asked.
    pub client: String,
    /// The destination.
    pub host: Host,
    /// What the data was.
    pub tags: Tags,
}

impl Candidate {
    /// What a decision makes due.
    pub fn new(due: &Due, deed: &Deed) -> Self {
        let day = due.zone.to_datetime(deed.at).date();
        Self {
            id: Uuid::now_v7(),
            decision: deed.decision,
            count: 1,
            pack: due.pack.clone(),
            report: due.report.id.clone(),
            rule: due.rule.clone(),
            cite: due.report.cite.clone(),
            client: deed.client.clone(),
            host: deed.host.clone(),
            tags: deed.tags.clone(),
            made: deed.at,
            day,
            due: due_date(day, &due.report),
            closing: None,
        }
    }
}

/// The day on which a report of a decision of `from` is due. Business days are Monday to Friday:
/// holidays are not known here, so the day may come before the law's own, never after.
pub(super) fn due_date(from: Date, report: &Report) -> Date {
    let mut left = report.due_days;
    let mut day = from;
    while left > 0 {
        day = day.saturating_add(1.day());
        let rests = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        if !(report.business_days && rests) {
            left -= 1;
        }
    }
    day
}

impl Filed for Candidate {
    type Key = CandidateKey;

    fn id(&self) -> Uuid {
        self.id
    }

    fn key(&self) -> CandidateKey {
        CandidateKey {
            report: (self.pack.clone(), self.report.clone()),
            client: self.client.clone(),
            host: self.host.clone(),
            tags: self.tags.to_string(),
            day: self.day,
        }
    }
}
