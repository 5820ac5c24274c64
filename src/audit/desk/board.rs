//! What people have approved, as every request reads it: without a lock and, where nothing is
//! approved, without a look-up.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::net::Host;
use crate::policy::Approval;

use super::docket::Approvals;

/// The approvals in force.
#[derive(Debug)]
pub(super) struct Board {
    approvals: ArcSwap<Approvals>,
    changed: watch::Sender<()>,
}

impl Board {
    pub(super) fn new(approvals: Approvals) -> Self {
        Self { approvals: ArcSwap::from_pointee(approvals), changed: watch::channel(()).0 }
    }

    /// Puts approvals up in place of what hung there.
    pub(super) fn publish(&self, approvals: Approvals) {
        self.approvals.store(Arc::new(approvals));
        self.changed.send_replace(());
    }

    pub(super) fn of(&self, host: &Host) -> Option<Arc<[Approval]>> {
        let approvals = self.approvals.load();
        // Most of the time there are none; hashing a host for nothing costs 20 ns.
        if approvals.is_empty() { None } else { approvals.get(host).cloned() }
    }

    /// The next end of an approval after a moment.
    pub(super) fn next_end(&self, after: Timestamp) -> Option<Timestamp> {
        let approvals = self.approvals.load();
        let ends = approvals.values().flat_map(|of_host| of_host.iter().map(|one| one.expires));
        ends.filter(|end| *end > after).min()
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}
