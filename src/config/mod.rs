//! Floor 8: text to typed settings, once. Every mistake is found in one pass and told
//! with file, line, column, a caret and what would be right.

mod active;
mod admin;
mod auth;
mod authority;
mod carriers;
mod cases;
mod chains;
mod databases;
mod entities;
mod fixed;
mod inspect;
mod journal;
mod listeners;
mod load;
mod moments;
mod network;
mod oidc;
mod opening;
mod pack;
mod parties;
mod places;
mod problem;
mod register;
mod rules;
mod secrets;
mod section;
mod signature;
mod sinks;
mod sites;
mod sources;
mod trial;
mod trust;
mod words;
mod world;

pub use cases::{Case, Suite, read_cases};
pub use fixed::{Fixed, INDEXED};
pub use inspect::{digester, inspector};
pub use load::{Loaded, Origin, load, load_trial, load_with};
pub use pack::{Fact, Kept, PlainPack, PlainPart, RecordItem, RecordSet, lint_pack, record_set};
pub use problem::{Findings, Problems};
pub use register::read_register;
pub(crate) use secrets::loose;
pub use signature::{KeyError, PublicKey, SecretKey, Signature, signature_file};
pub use sites::{RuleSite, RuleSites};
pub use sources::PackText;
pub use trial::{Placing, Trial};
pub use trust::{Mistrust, Trust};
pub use words::parse_id;

/// The configuration that runs when no file is named; `borderpost check` accepts it as
/// a file too.
pub const DEFAULT: &str = include_str!("../../config/borderpost.toml");
