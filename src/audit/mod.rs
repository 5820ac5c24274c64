//! Floor 4: evidence. Exactly one [`Record`] for every request and tunnel, refusals and
//! failures included, written as one JSON line, which is an [`Event`] for whoever reads it and can be told in
//! other formats; and the desk, where what a person must decide waits.

mod background;
mod configured;
mod desk;
pub mod event;
mod found;
pub mod index;
mod interrupted;
pub mod journal;
mod line;
mod owner;
mod path;
pub mod personal;
mod proof;
mod record;
mod replay;
pub mod retention;
pub mod search;
pub mod ship;
mod sink;
mod state;
mod verdict;
mod volumes;

pub use background::give_way;
pub use configured::{Built, Cause, Configured, Named};
pub use desk::{
    Candidate, Closing, Decided, Deed, Desk, DeskError, Hold, HoldState, HoldingRule, Ruling, Told,
    read_candidates,
};
pub use event::{Event, Findings, Format, Origin};
pub use found::{Found, Kind};
pub use path::path_without_values;
pub use proof::{Unproved, prove};
pub use record::{
    Authenticated, Failure, Fault, Location, Record, Redacted, Timings, Tls, Tolled, Waiting,
};
pub use replay::Replayed;
pub use sink::{Journal, PATIENCE, Sink, SinkTarget, Unwritable};
pub use state::{index_folder, journal_folder, keys_folder, open_journal, open_volumes};
pub use verdict::Late;
pub use volumes::{
    Ask, Counted, Gauge, HmacKey, Meter, Reservation, Subjects, VolumeError, Volumes, Window,
};
