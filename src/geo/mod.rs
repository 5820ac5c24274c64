//! Where an address is: several databases asked at once, their evidence kept apart, the
//! operator's corrections before all. This floor takes bytes and gives values; it opens no file.

mod answer;
mod atlas;
mod country;
mod country_set;
mod database;
mod entry;
mod fault;
mod iso3166;
mod merge;
mod overlay;
mod record;
pub mod refresh;
mod source;
mod steps;
mod table;
mod tree;
mod value;
pub mod writer;

pub use answer::{Answer, Subdivision};
pub use atlas::Atlas;
pub use country::Country;
pub use country_set::CountrySet;
pub use database::Database;
pub use entry::{Entry, EntryId, State, Votes};
pub use fault::{DatabaseError, Fault, TreeFault};
pub use overlay::{Correction, Overlay, OverlayError};
pub use source::{DatabaseInfo, Sha256, Source};
pub use value::ValueFault;

/// Widens an index. The tables hold `u32` to stay small; every supported target has at least
/// 32-bit pointers, so this loses nothing.
#[expect(clippy::as_conversions, reason = "u32 to usize widens on every supported target")]
const fn wide(index: u32) -> usize {
    const { assert!(usize::BITS >= u32::BITS) }
    index as usize
}

/// Narrows a count that an invariant keeps below 2^32: the MMDB format cannot express more.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).expect("an MMDB file has fewer than 2^32 nodes and records")
}

/// Splits 128 bits into the upper and the lower 64.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "cutting is meant")]
const fn halves(number: u128) -> (u64, u64) {
    ((number >> 64) as u64, number as u64)
}
