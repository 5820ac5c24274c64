//! Decisions: lists by the index, records by the journal, and as they come.

mod export;
mod list;
mod one;
mod row;
mod stream;

pub(super) use export::export;
pub(super) use list::list;
pub(super) use one::{one, proof};
pub(super) use stream::stream;
