//! Floor 4: what operators see. One [`Event`] is one log line and its metrics, so the
//! two cannot drift apart.

mod classic;
mod client;
mod desk;
mod event;
mod index;
mod journal;
mod labels;
mod metrics;
mod names;
mod now;
mod process;
mod rates;
mod ship;
mod snapshot;
mod trace;
mod volume;

pub use client::ClientEvent;
pub use desk::DeskEvent;
pub use event::Event;
pub use index::IndexEvent;
pub use journal::{JournalEvent, Signed};
pub use labels::{Database, Direction, Inspected, Side, Stage, Verdict};
pub use metrics::Metrics;
pub use names::{LABELS, NAMES};
pub use now::Kept;
pub use rates::{OUTCOMES, Second};
pub use ship::ShipEvent;
pub use snapshot::{Buckets, Exemplar, MetricFamily, MetricKind, Point, Reading, Snapshot};
pub use trace::Trace;
pub use volume::VolumeEvent;
