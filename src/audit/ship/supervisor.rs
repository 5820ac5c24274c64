//! Keeps a sink running: where its work ends by a fault of ours, that is told and it begins again from
//! its cursor.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::telemetry::{Event, Metrics, ShipEvent};

use super::super::state::journal_folder;
use super::ShipContext;
use super::backoff::{Backoff, Rest};
use super::cursor::CursorFile;
use super::outlet::Outlet;
use super::settings::ShipSettings;
use super::shipper::Shipper;
use super::source::Source;

/// How often the end of the journal is looked for during a rest.
const LOOK: Duration = Duration::from_millis(250);

/// All that a sink is made of, as often as it must be.
pub(super) struct Plan {
    pub(super) settings: ShipSettings,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) state: PathBuf,
    pub(super) synced: watch::Receiver<u64>,
    pub(super) context: ShipContext,
}

impl Plan {
    /// Runs the sink until the writer of the journal has ended.
    pub(super) fn supervise(&self) {
        let metrics = &self.context.metrics;
        supervise(&self.settings.name, &self.synced, metrics, || self.run());
    }

    fn run(&self) -> io::Result<()> {
        let Self { settings, tls, state, synced, context } = self;
        let Some(outlet) = Outlet::new(&settings.to, tls.clone(), context) else { return Ok(()) };
        let cursor = CursorFile::open(&state.join("sinks"), &settings.name)?;
        let (folder, origin) = (journal_folder(state), context.origin.clone());
        let source = Source::new(&folder, &context.keys, settings, origin);
        let metrics = Arc::clone(&context.metrics);
        let name = settings.name.clone();
        let shipper = Shipper::new(name, source, outlet, cursor, synced.clone(), metrics);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(shipper.run());
        Ok(())
    }
}

fn supervise(
    name: &str,
    synced: &watch::Receiver<u64>,
    metrics: &Metrics,
    run: impl Fn() -> io::Result<()>,
) {
    let mut backoff = Backoff::default();
    loop {
        // Nothing of a run that has ended is seen by the next but its cursor, which is a file.
        let why = match catch_unwind(AssertUnwindSafe(&run)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a fault of this program, told above".to_owned(),
        };
        Event::Ship(ShipEvent::Died(name, &why)).record(metrics);
        let mut rest = backoff.next(Rest::Usual);
        while !rest.is_zero() {
            // The next start goes on with what is there.
            if synced.has_changed().is_err() {
                return;
            }
            std::thread::sleep(rest.min(LOOK));
            rest = rest.saturating_sub(LOOK);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use crate::telemetry::JournalEvent;

    use super::*;

    #[test]
    fn a_sink_that_dies_is_told_of_and_begins_again() {
        let metrics = Metrics::new();
        let (_writer, synced) = watch::channel(0);
        let up = |text: &str| text.contains("egress_audit_sink_up{sink=\"test\"} 1\n");
        Event::Ship(ShipEvent::Opened("test", 3)).record(&metrics);
        assert!(up(&metrics.render()));
        let runs = Cell::new(0);
        supervise("test", &synced, &metrics, || {
            runs.set(runs.get() + 1);
            match runs.get() {
                1 => std::panic::resume_unwind(Box::new("as a fault does")),
                2 => {
                    let text = metrics.render();
                    assert!(!up(&text), "{text}");
                    // The journal goes on, and its sink falls behind for everybody to see.
                    Event::Journal(JournalEvent::Holds(10)).record(&metrics);
                    let text = metrics.render();
                    let lag = "egress_audit_sink_lag_records{sink=\"test\"} 7\n";
                    assert!(text.contains(lag), "{text}");
                    Err(io::Error::other("no"))
                }
                _ => Ok(()),
            }
        });
        assert_eq!(runs.get(), 3);
        assert!(metrics.render().contains("egress_audit_sink_errors_total{sink=\"test\"} 2\n"));
    }

    #[test]
    fn none_begins_again_after_the_end() {
        let (writer, synced) = watch::channel(0);
        drop(writer);
        let runs = Cell::new(0);
        supervise("test", &synced, &Metrics::new(), || {
            runs.set(runs.get() + 1);
            Err(io::Error::other("no"))
        });
        assert_eq!(runs.get(), 1);
    }
}
