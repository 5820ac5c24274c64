//! What is in force, asked for one request or for many that were.

mod ask;
mod view;
mod what_if;

pub(super) use ask::test;
pub(super) use view::view;
pub(super) use what_if::what_if;
