//! Floor 2: what data leaves. Tags, and the carriers that declare them.

mod declared;
mod tag;

pub use declared::{Carrier, Carriers, Form};
pub use tag::{MAX_TAGS, Tag, TagPattern, Tags};
