//! Texts and the numbers that stand for them.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Statement};

/// So many numbers are remembered; then all are forgotten and looked up again. A million hosts
/// would be 100 MB.
const REMEMBERED: usize = 50_000;

/// Where texts of a kind stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Host,
    Who,
    Word,
}

/// What is remembered of one table.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<String, i64>);

/// Finds the numbers of one table, and gives out new ones.
#[derive(Debug)]
pub(super) struct Words<'a> {
    known: &'a mut Known,
    find: Statement<'a>,
    add: Statement<'a>,
}

impl Table {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Who => "who",
            Self::Word => "word",
        }
    }

    /// The number of a text, where it has one.
    pub(super) fn find(self, connection: &Connection, text: &str) -> rusqlite::Result<Option<i64>> {
        let find = format!("SELECT id FROM {} WHERE text = ?", self.name());
        connection.query_row(&find, [text], |row| row.get(0)).optional()
    }
}

impl Known {
    /// After a change was not kept, or texts were dropped, what is known may be wrong.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

impl<'a> Words<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        table: Table,
        known: &'a mut Known,
    ) -> rusqlite::Result<Self> {
        let name = table.name();
        let find = connection.prepare(&format!("SELECT id FROM {name} WHERE text = ?"))?;
        let add = connection.prepare(&format!("INSERT INTO {name} (text) VALUES (?)"))?;
        Ok(Self { known, find, add })
    }

    /// The number of a text.
    pub(super) fn of(&mut self, text: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.0.get(text) {
            return Ok(*id);
        }
        let found = self.find.query_row([text], |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => self.add.insert([text])?,
        };
        if self.known.0.len() >= REMEMBERED {
            self.known.0.clear();
        }
        self.known.0.insert(text.to_owned(), id);
        Ok(id)
    }
}
