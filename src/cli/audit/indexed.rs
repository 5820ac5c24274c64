//! The index of a journal, where it can be used.

use std::path::Path;
use std::time::Duration;

use crate::audit::index::{Fault, Filters, Index, of_this};
use crate::audit::index_folder;

use super::super::output::news;

/// How long an answer may take; who asks at a terminal can end it before.
const LIMIT: Duration = Duration::from_mins(2);

/// The index of a journal; where it cannot be used, why is told, and the journal itself is read.
pub(super) fn open(journal: &Path) -> Option<Index> {
    let index = Index::open_read_only(&index_folder(journal), LIMIT);
    let index = index.and_then(|index| {
        of_this(index.state(), journal)?;
        Ok(index)
    });
    match index {
        Ok(index) => Some(index),
        Err(Fault::Absent(_)) => None,
        Err(fault) => {
            news(format!("the journal is read without its index: {fault}"));
            None
        }
    }
}

/// Where nothing was found: which words of the search no record has.
pub(super) fn tell_unseen(index: &Index, filters: &Filters) {
    match index.unseen(filters) {
        Ok(unseen) => unseen.into_iter().for_each(news),
        Err(fault) => tracing::debug!(%fault, "which words were never seen is not known"),
    }
}
