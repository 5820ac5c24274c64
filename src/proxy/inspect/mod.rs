//! Bodies that are looked into on their way: the beginning is held until all is known of it, what
//! is longer leaves while the rest is looked at.

mod head;
mod judge;
mod look;
mod messages;
mod pieces;
mod queue;
mod redact;
mod room;
mod settings;
mod source;
mod watch;

pub(super) use judge::Judge;
pub(super) use look::{Look, Seen};
pub(super) use messages::Messages;
pub(super) use room::Room;
pub use settings::{Settings, When};
pub(super) use source::Source;
