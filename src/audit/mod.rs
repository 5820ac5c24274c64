//! Floor 4: evidence. Exactly one [`Record`] for every request and tunnel, refusals and
//! failures included, written as one JSON line.

mod line;
mod record;
mod sink;
mod state;
mod volumes;

pub use record::{Failure, Fault, Location, Record, Timings, Tolled};
pub use sink::{PATIENCE, Sink, SinkTarget};
pub use state::open_volumes;
pub use volumes::{
    Ask, Counted, Gauge, HmacKey, Meter, Reservation, Subjects, VolumeError, Volumes, Window,
};
