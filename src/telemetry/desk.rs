//! What happens at the desk, where holds and candidates for reports wait for a person.

use tracing::{error, info, warn};
use uuid::Uuid;

use super::labels::Ruled;
use super::metrics::Metrics;

/// One thing that happened at the desk.
#[derive(Debug)]
pub enum DeskEvent<'a> {
    /// So many holds, and candidates for reports, are open.
    Counted(usize, usize),
    /// What waits for a person could not be kept.
    Failed(&'a dyn std::error::Error),
    /// What has changed was kept.
    Written,
    /// A request waits for a person for the first time.
    Held(Uuid),
    /// A person decided on a hold: `approve` or `deny`.
    Decided(&'static str),
    /// Too many holds are open: the one that was asked least recently is forgotten.
    Dropped(Uuid),
}

impl DeskEvent<'_> {
    pub(super) fn record(self, metrics: &Metrics) {
        match self {
            Self::Counted(holds, reports) => {
                let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
                metrics.holds_open.set(number(holds));
                metrics.reports_open.set(number(reports));
            }
            Self::Failed(error) => {
                metrics.store("desk", false);
                error!(%error, "holds and reports cannot be kept; what needs them is refused");
            }
            Self::Written => metrics.store("desk", true),
            Self::Held(id) => info!(%id, "held: a person decides"),
            Self::Decided(decision) => {
                metrics.holds_decided.get_or_create(&Ruled { decision }).inc();
            }
            Self::Dropped(id) => {
                warn!(%id, "too many holds are open: the one that nobody asks for is forgotten");
            }
        }
    }
}
