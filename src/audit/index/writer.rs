//! Entering records, a batch in a transaction, and dropping old ones.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use rusqlite::{
    Connection, OptionalExtension, Statement, Transaction, TransactionBehavior, params,
};

use super::super::event::Event;
use super::entered::{Id, labels, mode, outcome};
use super::fault::Fault;
use super::label::{Kind, push, read};
use super::schema;
use super::state::State;
use super::words::{Known, Table, Words};

pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;

/// Enters records; there is one for an index, whoever has its lock.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    hosts: Known,
    whos: Known,
    words: Known,
}

/// A transaction with records.
#[derive(Debug)]
pub struct Batch<'a> {
    transaction: &'a Transaction<'a>,
    hosts: Words<'a>,
    whos: Words<'a>,
    words: Words<'a>,
    request: Statement<'a>,
    label: Statement<'a>,
    pace: Statement<'a>,
    minute: i64,
    sums: HashMap<Sum, [i64; 3]>,
}

/// What requests are summed by: hour or minute, kind, begin, word and outcome.
type Sum = (i64, u8, i64, i64, i64);

// === impl Writer ===

impl Writer {
    /// Opens the index in a folder, or makes it.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let connection = schema::open(folder)?;
        let (hosts, whos, words) = (Known::default(), Known::default(), Known::default());
        Ok(Self { connection, hosts, whos, words })
    }

    /// What the index holds.
    pub fn state(&self) -> Result<State, Fault> {
        State::read(&self.connection)
    }

    /// Enters records in one transaction, and what the index holds then.
    pub fn enter(
        &mut self,
        state: &mut State,
        add: impl FnOnce(&mut Batch<'_>, &mut State) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let entered = self.try_enter(state, add);
        if entered.is_err() {
            self.forget();
        }
        entered
    }

    fn forget(&mut self) {
        self.hosts.forget();
        self.whos.forget();
        self.words.forget();
    }

    fn try_enter(
        &mut self,
        state: &mut State,
        add: impl FnOnce(&mut Batch<'_>, &mut State) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let mut batch = Batch {
            transaction: &transaction,
            hosts: Words::new(&transaction, Table::Host, &mut self.hosts)?,
            whos: Words::new(&transaction, Table::Who, &mut self.whos)?,
            words: Words::new(&transaction, Table::Word, &mut self.words)?,
            request: transaction.prepare(REQUEST)?,
            label: transaction.prepare("INSERT INTO label VALUES (?, ?, ?)")?,
            pace: transaction.prepare("INSERT OR IGNORE INTO pace VALUES (?, ?)")?,
            minute: i64::MIN,
            sums: HashMap::new(),
        };
        add(&mut batch, state)?;
        batch.end()?;
        state.write(&transaction)?;
        transaction.commit()?;
        Ok(())
    }

    /// Drops the oldest entries before a time, up to so many; whether there may be more. In small
    /// steps a reader's snapshot keeps little, and new records wait for milliseconds. Tables by
    /// day would drop at once, but every question would be a union over thirty of them, and each
    /// index thirty times looked into.
    ///
    /// Times need not grow: a clock may have been ahead, or set back. Only what is old by its own
    /// time goes. What is of a time after `now` keeps nothing else, and stays alone behind the
    /// others until it is old, too.
    pub fn drop_before(&mut self, at: i64, now: i64, most: u32) -> Result<bool, Fault> {
        let mut state = self.state()?;
        let (first, minute) = (state.first_seq(), at.div_euclid(MINUTE));
        let passed = "DELETE FROM pace WHERE minute < ? AND seq < ?";
        let Some(end) = self.old_until(first, minute, now.div_euclid(MINUTE))? else {
            self.connection.execute(passed, [minute, first])?;
            return self.drop_behind(first, at, most);
        };
        let last = "SELECT max(seq) FROM \
                    (SELECT seq FROM request WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?)";
        let last: Option<i64> =
            self.connection.query_row(last, params![first, end, most], |row| row.get(0))?;
        let until = last.map_or(end, |last| last + 1);
        let more = last.is_some();
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let old = "DELETE FROM request WHERE seq >= ? AND seq < ? AND time < ?";
        transaction.execute(old, [first, until, at])?;
        drop_labels(&transaction, first..until)?;
        if !more {
            transaction.execute(passed, [minute, until])?;
        }
        // Sums go by whole hours, and answers begin where they are whole.
        let since = state.since.max(at.div_euclid(HOUR) * HOUR + HOUR);
        transaction.execute("DELETE FROM sums WHERE span = 0 AND begin < ?", [since])?;
        transaction.execute("DELETE FROM sums WHERE span = 1 AND begin < ?", [since])?;
        state.since = since;
        state.first = u64::try_from(until).unwrap_or_default();
        state.write(&transaction)?;
        transaction.commit()?;
        Ok(more)
    }

    /// The entry before which all are old, as far as their times can be believed; `None` where none
    /// is. Whoever asks each minute pays 5 ms for a month of minutes.
    fn old_until(&self, first: i64, minute: i64, now: i64) -> Result<Option<i64>, Fault> {
        let old = "SELECT max(seq) FROM pace WHERE minute < ? AND seq >= ?";
        let old: Option<i64> = self.connection.query_row(old, [minute, first], |row| row.get(0))?;
        let Some(old) = old else { return Ok(None) };
        let new = "SELECT min(seq) FROM pace WHERE minute BETWEEN ? AND ? AND seq >= ?";
        let new: Option<i64> =
            self.connection.query_row(new, [minute, now, first], |row| row.get(0))?;
        Ok(Some(new.unwrap_or(old)).filter(|end| *end > first))
    }

    /// Drops what stayed behind and is old now.
    fn drop_behind(&self, first: i64, at: i64, most: u32) -> Result<bool, Fault> {
        let found = "SELECT seq, labels FROM request INDEXED BY request_time \
                     WHERE time < ? AND seq < ? ORDER BY time LIMIT ?";
        let mut found = self.connection.prepare(found)?;
        let found = found.query_map(params![at, first, most], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })?;
        let found = found.collect::<Result<Vec<_>, _>>()?;
        if found.is_empty() {
            return Ok(false);
        }
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        for (seq, labels) in found {
            transaction.execute("DELETE FROM request WHERE seq = ?", [seq])?;
            for (kind, word) in read(&labels) {
                let gone = "DELETE FROM label WHERE kind = ? AND word = ? AND seq = ?";
                transaction.execute(gone, params![kind.number(), word, seq])?;
            }
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Drops texts that no request has any more, of so many numbers from one on; the number to
    /// go on from, `None` at the end.
    pub fn drop_texts(&mut self, table: Texts, from: i64, most: u32) -> Result<Option<i64>, Fault> {
        let (name, used) = match table {
            Texts::Hosts => ("host", "SELECT 1 FROM request WHERE host = t.id"),
            Texts::Clients => (
                "who",
                "SELECT 1 FROM request WHERE client = t.id UNION ALL \
                 SELECT 1 FROM request WHERE principal = t.id AND principal IS NOT NULL",
            ),
        };
        let last = format!(
            "SELECT max(id) FROM (SELECT id FROM {name} WHERE id >= ? ORDER BY id LIMIT ?)"
        );
        let last: Option<i64> =
            self.connection.query_row(&last, params![from, most], |row| row.get(0))?;
        let Some(last) = last else { return Ok(None) };
        let drop =
            format!("DELETE FROM {name} AS t WHERE id BETWEEN ? AND ? AND NOT EXISTS ({used})");
        if self.connection.execute(&drop, [from, last])? > 0 {
            self.forget();
        }
        Ok(Some(last + 1))
    }
}

/// Texts that there may be very many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texts {
    /// Of destinations.
    Hosts,
    /// Addresses and names of clients.
    Clients,
}

/// Drops the labels of what is gone from a range. Kinds and words are few: each is a range in the
/// table.
fn drop_labels(transaction: &Transaction<'_>, of: Range<i64>) -> Result<(), Fault> {
    let next =
        "SELECT kind, word FROM label WHERE (kind, word) > (?, ?) ORDER BY kind, word LIMIT 1";
    let mut next = transaction.prepare(next)?;
    let drop = "DELETE FROM label WHERE kind = ? AND word = ? AND seq >= ?3 AND seq < ?4 \
                AND seq NOT IN (SELECT seq FROM request WHERE seq >= ?3 AND seq < ?4)";
    let mut drop = transaction.prepare(drop)?;
    let mut at = (-1_i64, 0_i64);
    while let Some(found) =
        next.query_row([at.0, at.1], |row| Ok((row.get(0)?, row.get(1)?))).optional()?
    {
        at = found;
        drop.execute([at.0, at.1, of.start, of.end])?;
    }
    Ok(())
}

// === impl Batch ===

const REQUEST: &str = "INSERT INTO request (seq, time, id, host, client, port, principal, outcome, \
                       mode, status, method, scheme, fault, config, bytes_out, bytes_in, labels) \
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const SUM: &str = "INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
                   requests = requests + excluded.requests, \
                   bytes_out = bytes_out + excluded.bytes_out, \
                   bytes_in = bytes_in + excluded.bytes_in";

impl Batch<'_> {
    /// Notes that an entry was made at a time, which retention needs. The clock may have been set
    /// either way since the one before.
    pub fn pass(&mut self, sequence: u64, at: i64) -> Result<(), Fault> {
        let minute = at.div_euclid(MINUTE);
        if minute != self.minute {
            self.minute = minute;
            self.pace.execute([minute, number(sequence)])?;
        }
        Ok(())
    }

    /// Adds the record of an entry.
    pub fn add(&mut self, sequence: u64, event: &Event<'_>) -> Result<(), Fault> {
        let (seq, time) = (number(sequence), event.time.as_millisecond());
        // Of after its entry, where the clock was set back while it ran.
        let minute = time.div_euclid(MINUTE);
        if minute > self.minute {
            self.pace.execute([minute, seq])?;
        }
        let method = self.words.of(&event.method)?;
        let mut octets = Vec::new();
        let mut words = vec![(Kind::Method, method)];
        for (kind, text) in labels(event) {
            let word = self.words.of(&text)?;
            push(&mut octets, kind, word);
            self.label.execute(params![kind.number(), word, seq])?;
            words.push((kind, word));
        }
        let outcome = outcome(event.outcome);
        let (out, back) = (number(event.bytes_out), number(event.bytes_in));
        self.sum((time, outcome), &words, [1, out, back]);
        let host = event.host.as_deref().map(|host| self.hosts.of(host)).transpose()?;
        let principal = event.principal.as_deref().map(|who| self.whos.of(who)).transpose()?;
        let fault = event.error.as_ref().map(|error| self.words.of(&error.code)).transpose()?;
        self.request.execute(params![
            seq,
            time,
            Id::of(&event.id),
            host,
            self.whos.of(&event.client.address())?,
            event.client.port().unwrap_or_default(),
            principal,
            outcome,
            mode(event.mode),
            event.status,
            method,
            self.words.of(&event.scheme)?,
            fault,
            self.words.of(&event.config)?,
            out,
            back,
            octets,
        ])?;
        Ok(())
    }

    fn sum(&mut self, (time, outcome): (i64, i64), words: &[(Kind, i64)], of: [i64; 3]) {
        let mut add = |sum: Sum| {
            let total = self.sums.entry(sum).or_default();
            for (total, one) in total.iter_mut().zip(of) {
                *total = total.saturating_add(one);
            }
        };
        let hour = time.div_euclid(HOUR) * HOUR;
        let all = Kind::All.number();
        add((0, all, time.div_euclid(MINUTE) * MINUTE, 0, outcome));
        add((1, all, hour, 0, outcome));
        for (kind, word) in words.iter().filter(|(kind, _)| *kind != Kind::Family) {
            add((1, kind.number(), hour, *word, outcome));
        }
    }

    fn end(self) -> Result<(), Fault> {
        let mut sum = self.transaction.prepare(SUM)?;
        for ((span, kind, begin, word, outcome), [requests, out, back]) in self.sums {
            sum.execute(params![span, kind, begin, word, outcome, requests, out, back])?;
        }
        Ok(())
    }
}

/// SQLite's numbers end at 2^63; no journal and no transfer comes near.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
