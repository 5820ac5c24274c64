//! Floor 4: evidence. Exactly one [`Record`] for every request and tunnel, refusals and
//! failures included, written as one JSON line; and the desk, where what a person must decide waits.

mod desk;
mod line;
mod record;
mod sink;

pub use desk::{
    Candidate, Closing, Decided, Deed, Desk, DeskError, Hold, HoldState, HoldingRule, Ruling, Told,
};
pub use record::{Failure, Fault, Location, Record, Timings, Waiting};
pub use sink::{PATIENCE, Sink, SinkTarget};
