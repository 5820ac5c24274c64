//! Floor 2: what data leaves. Tags, the carriers that declare them, and the scanner that finds
//! values in text.

pub mod checksum;
mod context;
mod custom;
mod declared;
mod digest;
mod fields;
mod finding;
mod groups;
mod hashed;
mod inspect;
mod keys;
mod labels;
mod mark;
mod scanner;
pub mod shapes;
mod tag;
mod values;
mod walk;

pub use custom::{Check, Dictionary, MAX_MATCH, Pattern, PatternError};
pub use declared::{Carrier, Carriers, Form};
pub use digest::{Digest, Digester};
pub use fields::{FieldMap, FieldRoute, FieldRow, Fields, PathPattern, Pointer, PointerError};
pub use finding::{Confidence, Finding, Findings, Layer, MAX_FINDINGS, Outline, Source, Summary};
pub use groups::{Group, Groups};
pub use hashed::ListError;
pub use inspect::{Described, Inflate, Inspection, Inspector, Limits, Malformed, Packing, Window};
pub use labels::{LabelRules, Labels, Part};
pub use mark::Mark;
pub use scanner::{Detectors, Options, Scanner, Syntax};
pub use tag::{MAX_TAGS, Tag, TagPattern, Tags};
