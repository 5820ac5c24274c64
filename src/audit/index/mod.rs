//! The search index beside the journal: what `query` and `top` need of every record, in SQLite,
//! built from the journal and at any time again. It is never the truth: what it finds is read in
//! the journal, and where it is lost or spoilt nothing else is.

mod clause;
mod compare;
mod entered;
mod fault;
mod filters;
mod keeper;
mod label;
mod list;
mod lock;
mod look;
mod schema;
mod state;
mod tail;
mod top;
mod unseen;
mod words;
mod writer;

#[cfg(test)]
mod tests;

pub use compare::{Check, Compared, Tally};
pub use fault::Fault;
pub use filters::Filters;
pub use keeper::{Keeper, Keeping, forget, is_asked, rebuild};
pub use list::{Listed, Page};
pub use look::Index;
pub use state::State;
pub use tail::of_this;
pub use top::{Bucket, Dimension, Ranked, Sums};
pub use writer::{Batch, Texts, Writer};
