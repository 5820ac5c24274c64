//! What a refresh of the shipped databases decides, without touching network or disk: converting
//! an export, comparing a new build with the old one, and the manifest.

mod compare;
mod ipfire;
mod manifest;

pub use compare::{Comparison, Refusal, compare};
pub use ipfire::{Export, ExportError, convert};
pub use manifest::{Manifest, Shipped};
