//! Floor 2: what data leaves. Tags, the carriers that declare them, and the scanner that finds
//! values in text.

pub mod checksum;
mod context;
mod custom;
mod declared;
mod digest;
mod finding;
mod groups;
mod inspect;
mod keys;
mod scanner;
mod tag;
mod values;

pub use custom::{Check, Dictionary, MAX_MATCH, Pattern, PatternError};
pub use declared::{Carrier, Carriers, Form};
pub use digest::{Digest, Digester};
pub use finding::{Confidence, Finding, Findings, Layer, MAX_FINDINGS, Outline, Source, Summary};
pub use groups::{Group, Groups};
pub use inspect::{Described, Inflate, Inspection, Inspector, Limits, Malformed};
pub use scanner::{Detectors, Options, Scanner, Syntax};
pub use tag::{MAX_TAGS, Tag, TagPattern, Tags};
