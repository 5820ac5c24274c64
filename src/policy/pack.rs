//! What a pack is beside its rules: whom it binds and when, what may lift its rules, and what
//! it wants reported. One pack stands for one legal instrument.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::geo::{Country, CountrySet};
use crate::net::{Host, HostPattern};

use super::principals::PrincipalSet;
use super::rule::{Mode, Outcome};

/// From when and until when something is in force; `until` is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// The first moment, if there is one.
    pub from: Option<Timestamp>,
    /// The first moment after, if there is one.
    pub until: Option<Timestamp>,
}

/// A pack as it is in force.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Its id; `local` for rules of the main configuration.
    pub id: String,
    /// Its version, as the pack says.
    pub version: String,
    /// The instrument; empty for local rules.
    pub authority: String,
    /// `sha256:` and the digest of its text.
    pub digest: String,
    /// Who signed it: the name of a trusted key, or `built in`. None where it is unsigned.
    pub signer: Option<String>,
    /// When it is in force.
    pub validity: Validity,
    /// Where its days begin at midnight.
    pub zone: TimeZone,
    /// Whom it binds.
    pub binds: Binds,
    /// What a refusal that stands on presumption alone is softened to.
    pub on_unknown: Option<Outcome>,
    /// How many years records of its decisions are kept.
    pub retain_years: Option<u16>,
    /// What may lift its rules.
    pub exemptions: Vec<Exemption>,
    /// What it wants reported.
    pub reports: Vec<Report>,
}

/// The exporters that a pack binds.
#[derive(Clone, Debug, Default)]
pub struct Binds {
    /// Their jurisdictions; empty binds every exporter.
    pub exporters: CountrySet,
    /// And one of these attributes; empty asks for none.
    pub attributes: Vec<String>,
}

/// Who sends: the legal entity on whose behalf a client acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exporter {
    /// Its id in the configuration; the key of volumes.
    pub id: String,
    /// The jurisdiction that it is organised in.
    pub jurisdiction: Country,
    /// What it is, in the words of the packs: `ciio`, `data-broker`.
    pub attributes: Vec<String>,
}

/// A ground on which rules of its own pack do not apply.
#[derive(Clone, Debug)]
pub struct Exemption {
    /// Its id within the pack.
    pub id: String,
    /// Where the law grants it.
    pub cite: String,
    /// The rules that it lifts, by their place in the policy.
    pub lifts: Vec<usize>,
    /// Whether a record must still be made.
    pub still_record: bool,
    /// The reports that are still due.
    pub still_reports: Vec<String>,
}

/// Something that a person must report, or decide that it need not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its id within the pack.
    pub id: String,
    /// How many days after the decision it is due.
    pub due_days: u16,
    /// Whether only business days count.
    pub business_days: bool,
    /// Where the law demands it.
    pub cite: String,
}

/// An exemption in use: why, by whom, until when, for what.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its name in records: the exemption's, or the id of an approved hold.
    pub name: String,
    /// The pack whose rules it lifts.
    pub pack: usize,
    /// The exemption within the pack.
    pub exemption: usize,
    /// When it is in force.
    pub validity: Validity,
    /// The clients that may use it; empty for all.
    pub principals: PrincipalSet,
    /// The destinations; empty for all.
    pub hosts: Vec<HostPattern>,
    /// The declared purposes; empty for all.
    pub purposes: Vec<String>,
}

/// A person's leave for what a rule held: bound to client, destination and data, and ended.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The held decision that was approved.
    pub hold: String,
    /// The rules it lifts, as `pack/rule`.
    pub rules: Vec<String>,
    /// The client: its principal, else its address.
    pub client: String,
    /// The destination.
    pub host: Host,
    /// The tags that the data had; data with another tag is not covered.
    pub tags: crate::data::Tags,
    /// When it ends.
    pub expires: Timestamp,
}

/// A pack for people and records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackInfo {
    /// Its id; `local` for rules of the main configuration.
    pub id: String,
    /// Its version, as the pack says.
    pub version: String,
    /// How many rules it brings.
    pub rules: usize,
    /// Who signed it: the name of a trusted key, or `built in`. None where it is unsigned.
    pub signer: Option<String>,
    /// The mode of the pack as a whole.
    pub mode: Mode,
}

// === impl Validity ===

impl Validity {
    /// Whether it holds at a moment.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// What both allow.
    #[must_use]
    pub fn within(self, outer: Self) -> Self {
        let until = match (self.until, outer.until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, None) | (None, one) => one,
        };
        Self { from: self.from.max(outer.from), until }
    }
}

// === impl Binds ===

impl Binds {
    /// Whether an exporter is bound, and whether only because nothing is known of it.
    pub fn holds(&self, exporter: Option<&Exporter>) -> (bool, bool) {
        if self.exporters.is_empty() && self.attributes.is_empty() {
            return (true, false);
        }
        let Some(exporter) = exporter else { return (true, true) };
        let place = self.exporters.is_empty() || self.exporters.contains(exporter.jurisdiction);
        let kind = self.attributes.is_empty()
            || self.attributes.iter().any(|one| exporter.attributes.contains(one));
        (place && kind, false)
    }
}

// === impl PackInfo ===

impl fmt::Display for PackInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = if self.rules == 1 { "rule" } else { "rules" };
        write!(f, "{} {} ({} {many}", self.id, self.version, self.rules)?;
        match self.signer.as_deref() {
            // Rules of the main configuration have no signer, and no version.
            None if self.version == "-" => f.write_str(")"),
            None => f.write_str(", unsigned)"),
            Some("built in") => f.write_str(", built in)"),
            Some(signer) => write!(f, ", signed by {signer})"),
        }
    }
}

// === impl Pack ===

impl Pack {
    /// A pack for rules that come from no instrument.
    pub fn local() -> Self {
        Self {
            id: "local".to_owned(),
            version: "-".to_owned(),
            authority: String::new(),
            digest: String::new(),
            signer: None,
            validity: Validity::default(),
            zone: TimeZone::UTC,
            binds: Binds::default(),
            on_unknown: None,
            retain_years: None,
            exemptions: Vec::new(),
            reports: Vec::new(),
        }
    }
}
