//! Floor 2: what data leaves. Tags, the carriers that declare them, and findings of values.

pub mod checksum;
mod declared;
mod digest;
mod finding;
mod tag;

pub use declared::{Carrier, Carriers, Form};
pub use digest::{Digest, Digester};
pub use finding::{Confidence, Finding, Findings, Layer, MAX_FINDINGS, Outline, Source, Summary};
pub use tag::{MAX_TAGS, Tag, TagPattern, Tags};
