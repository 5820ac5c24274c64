//! How far the index goes.

use rusqlite::{Connection, params};

use super::super::journal::Hash;
use super::fault::Fault;

/// How far the index goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The first entry of the journal from which on it covers all. What is of a later time than
    /// `since` is in it even where it stands before.
    pub first: u64,
    /// The first one that it does not cover yet.
    pub next: u64,
    /// The chain value of the one before, by which an index of another journal shows.
    pub chain: Hash,
    /// From when on it knows everything, in milliseconds since 1970 UTC.
    pub since: i64,
}

impl State {
    pub(super) fn read(connection: &Connection) -> Result<Self, Fault> {
        let read = "SELECT first, next, chain, since FROM state";
        let (first, next, chain, since): (i64, i64, Vec<u8>, i64) =
            connection.query_row(read, [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
        let chain = <[u8; Hash::LEN]>::try_from(chain).map_or(Hash::ZERO, Hash::from);
        let entry = |number| u64::try_from(number).map_err(|_| Fault::Foreign("its state"));
        Ok(Self { first: entry(first)?, next: entry(next)?, chain, since })
    }

    pub(super) fn write(&self, connection: &Connection) -> Result<(), Fault> {
        connection.execute(
            "UPDATE state SET first = ?, next = ?, chain = ?, since = ?",
            params![
                self.first_seq(),
                super::writer::number(self.next),
                self.chain.octets().as_slice(),
                self.since
            ],
        )?;
        Ok(())
    }

    pub(super) fn first_seq(&self) -> i64 {
        super::writer::number(self.first)
    }
}
