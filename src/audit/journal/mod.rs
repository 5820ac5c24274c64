//! The evidence journal: an append-only log in a folder, which nobody can change, shorten or
//! reorder without it being seen by who has the public key. `entry` and `segment` say what the
//! files look like, octet by octet, `tree` and `note` which standards the rest follows.

mod entry;
mod fault;
mod files;
mod frames;
mod hash;
mod kind;
mod log;
mod note;
mod onward;
mod prove;
mod prune;
mod ranges;
mod reader;
mod seal;
mod segment;
mod settings;
mod signer;
mod tree;
mod uncovered;
mod verify;

#[cfg(test)]
mod tests;

pub use entry::{Entry, LONGEST};
pub use fault::Fault;
pub use hash::Hash;
pub use kind::Kind;
pub use log::{Done, Earlier, Left, Log, Recovered};
pub use note::{Checkpoint, NoteFault, VerifierKey};
pub use onward::{Gaps, Onward, Unread};
pub use prove::Prover;
pub use prune::{Pruned, prune, scan, sealed_segments};
pub use ranges::Ranges;
pub use reader::{Reader, first_key};
pub use seal::{Sealed, seal};
pub use segment::{SegmentFile, segments};
pub use settings::Settings;
pub use signer::Signer;
pub use tree::{follows, includes};
pub use verify::{Demands, Finding, Kept, KeptFile, Report, Watch, What, verify, verify_by};
