//! `borderpost audit reindex`.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::audit::index::{Index, Keeping, is_asked, rebuild};
use crate::audit::index_folder;
use crate::config::{Fixed, INDEXED};

use super::super::output::{Progress, line};
use super::whole::whole;
use super::{Journal, Place};

/// How long a running proxy has to hear of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(100);

/// Build the index of the journal anew.
#[derive(Debug, clap::Args)]
pub(super) struct Reindex {
    #[command(flatten)]
    place: Place,
}

impl Reindex {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let keep = match &self.place.journal {
            Some(_) => Some(INDEXED),
            None => Fixed::load(&self.place.config.clone().origin())?.indexed,
        };
        let Journal { folder: journal, keys } = self.place.open()?;
        // Whoever keeps no index may still want one to search in now.
        let keep = keep.unwrap_or(INDEXED);
        let keeping = Keeping { folder: index_folder(&journal), journal, keys, keep };
        let mut progress = Progress::of("entries");
        let Some(gaps) = rebuild(&keeping, |entries| progress.at(entries))? else {
            let begun = Instant::now();
            while is_asked(&keeping.folder) {
                ensure!(
                    begun.elapsed() < PATIENCE,
                    "the process that keeps the index does not answer; end it and try again"
                );
                thread::sleep(LOOK);
            }
            line(
                "another process keeps the index, and builds it anew; of a running proxy egress_audit_index_lag_records tells how far it is",
            );
            return Ok(());
        };
        let index = Index::open_read_only(&keeping.folder, PATIENCE)?;
        let state = index.state();
        line(format!("indexed entries {} to {} of the journal", state.first, state.next));
        whole(&gaps)
    }
}
