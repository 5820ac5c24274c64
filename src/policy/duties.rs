//! What a decision obliges to: records kept for years, reports that a person closes, alerts.
//! Obligations of all rules that hold add up and never compete.

use jiff::tz::TimeZone;

use super::decide::Policy;
use super::decision::{Held, Lift};
use super::pack::Report;
use super::rule::Mode;

/// What follows from a decision beside its outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duties {
    /// How many years the record is kept: the longest of the packs whose rules hold.
    pub retain_years: Option<u16>,
    /// Candidates for reports.
    pub reports: Vec<Due>,
    /// Whether somebody is to be told at once.
    pub alert: bool,
}

/// A candidate for a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The pack that wants it.
    pub pack: String,
    /// The rule that makes it.
    pub rule: String,
    /// The report.
    pub report: Report,
    /// The zone in which the pack's days begin.
    pub zone: TimeZone,
}

impl Policy {
    /// What the rules that hold oblige to. A rule that only observes obliges to keep the record
    /// and to nothing else.
    pub fn duties(&self, held: &[Held]) -> Duties {
        let mut duties = Duties::default();
        for (held, rule) in held.iter().filter_map(|held| Some((held, self.rule(held)?))) {
            let Some(pack) = self.packs().get(rule.pack_index) else { continue };
            duties.retain_years = duties.retain_years.max(pack.retain_years);
            if rule.mode == Mode::Observe {
                continue;
            }
            duties.alert |= rule.alert && held.lifted.is_none();
            for report in pack.reports.iter().filter(|one| rule.reports.contains(&one.id)) {
                let due = Due {
                    pack: pack.id.clone(),
                    rule: rule.id.clone(),
                    report: report.clone(),
                    zone: pack.zone.clone(),
                };
                let known = duties
                    .reports
                    .iter()
                    .any(|one| one.pack == due.pack && one.report == due.report);
                if !known && self.still_due(held, &report.id) {
                    duties.reports.push(due);
                }
            }
        }
        duties
    }

    /// Whether what lifts a rule leaves its report due.
    fn still_due(&self, held: &Held, report: &str) -> bool {
        match held.lifted {
            None | Some(Lift::Approval(_)) => true,
            Some(lift @ Lift::Grant(_)) => {
                let grant = self.grants().get(lift.place());
                let exemption = grant.and_then(|grant| {
                    self.packs().get(grant.pack)?.exemptions.get(grant.exemption)
                });
                exemption.is_some_and(|one| one.still_reports.iter().any(|still| still == report))
            }
        }
    }
}
