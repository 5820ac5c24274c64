//! A look at the index: what it sees is of one moment, and no answer takes longer than it may. It
//! never waits for the writer, and the writer never for it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use super::schema;
use super::state::State;
use super::words::Table;

/// Steps of the database between two looks at the clock: less than a millisecond.
const STEPS: i32 = 5_000;

/// A look at the index. Open another for what has come since: opening takes a millisecond.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    pub(super) state: State,
    limit: Duration,
    opened: Instant,
    /// Milliseconds after that at which an answer is too late.
    until: Arc<AtomicU64>,
}

impl Index {
    /// Opens the index in a folder. Each answer may take so long.
    pub fn open_read_only(folder: &Path, limit: Duration) -> Result<Self, Fault> {
        let mut connection = schema::open_read_only(folder)?;
        let (opened, until) = (Instant::now(), Arc::new(AtomicU64::new(u64::MAX)));
        let clock = Arc::clone(&until);
        let late = move || millis(opened.elapsed()) > clock.load(Ordering::Relaxed);
        connection.progress_handler(STEPS, Some(late))?;
        connection.execute_batch("BEGIN")?;
        let state = State::read(&connection)?;
        Ok(Self { connection, state, limit, opened, until })
    }

    /// How far it goes.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Begins an answer.
    pub(super) fn begin(&self) {
        let until = millis(self.opened.elapsed().saturating_add(self.limit));
        self.until.store(until, Ordering::Relaxed);
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The text that a number stands for.
    pub(super) fn text(&self, table: Table, id: i64) -> Result<Option<String>, Fault> {
        let find = format!("SELECT text FROM {} WHERE id = ?", table.name());
        Ok(self.connection.query_row(&find, [id], |row| row.get(0)).optional()?)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
