//! Requests one by one.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use crate::policy::Outcome;

use super::clause::Clause;
use super::entered::{Id, number_of, outcome_of};
use super::fault::Fault;
use super::filters::{Filters, UNKNOWN};
use super::label::{Kind, read};
use super::look::Index;
use super::words::Table;
use super::writer::number;

/// A request as the index has it; all of it says the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its entry in the journal.
    pub sequence: u64,
    /// When its head was read.
    pub time: Timestamp,
    /// The decision id.
    pub id: String,
    /// The destination's host.
    pub host: Option<String>,
    /// The client's address.
    pub client: String,
    /// The client's port.
    pub port: u16,
    /// Who that is.
    pub principal: Option<String>,
    /// The decision, where there was one.
    pub outcome: Option<Outcome>,
    /// Whether a rule would have had a say that only observes.
    pub observed: bool,
    /// What such a rule would have made of it.
    pub would: Option<Outcome>,
    /// What the client was answered.
    pub status: Option<u16>,
    /// The method.
    pub method: String,
    /// `http`, `https`, or how a tunnel came.
    pub scheme: String,
    /// The short word for why no answer of the destination came back.
    pub fault: Option<String>,
    /// Octets to the destination.
    pub bytes_out: u64,
    /// Octets back.
    pub bytes_in: u64,
    /// Where the destination may be.
    pub countries: Vec<String>,
    /// The tags.
    pub tags: Vec<String>,
    /// The rules that held, with their packs, the one that decided first.
    pub rules: Vec<String>,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last entries first.
    pub newest: bool,
    /// Only what comes after this entry in that order.
    pub after: Option<u64>,
    /// So many at most.
    pub limit: u32,
}

impl Index {
    /// The requests that are meant, in the order of their entries.
    pub fn list(&self, filters: &Filters, page: Page) -> Result<Vec<Listed>, Fault> {
        let mut listed = Vec::new();
        let rows = self.rows(filters, page, COLUMNS, JOINS, |row| {
            Ok((Listed::read(row)?, row.get::<_, Vec<u8>>(16)?))
        })?;
        for (mut one, labels) in rows {
            for (kind, word) in read(&labels) {
                let list = match kind {
                    Kind::Country => &mut one.countries,
                    Kind::Tag => &mut one.tags,
                    Kind::Rule => &mut one.rules,
                    Kind::Would => {
                        let text = self.text(Table::Word, word)?;
                        one.would = one.would.or_else(|| outcome_of(number_of(&text?)?));
                        continue;
                    }
                    Kind::All | Kind::Family | Kind::Pack | Kind::Method => continue,
                };
                list.extend(self.text(Table::Word, word)?);
            }
            one.countries.retain(|country| country != UNKNOWN);
            listed.push(one);
        }
        Ok(listed)
    }

    /// The entries alone.
    pub fn sequences(&self, filters: &Filters, page: Page) -> Result<Vec<u64>, Fault> {
        self.rows(filters, page, "r.seq", "", |row| row.get(0).map(entry))
    }

    fn rows<T>(
        &self,
        filters: &Filters,
        page: Page,
        columns: &str,
        joins: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Fault> {
        self.begin();
        let Some(mut clause) = Clause::new(self.connection(), filters, &self.state)? else {
            return Ok(Vec::new());
        };
        let after = page.after.map(|after| Value::Integer(number(after)));
        let (way, past) = if page.newest { ("DESC", "<") } else { ("ASC", ">") };
        let (from, order) = match clause.lead() {
            Some((kind, word)) => {
                let kind = i64::from(kind.number());
                clause.term("l.kind = ?", [Value::Integer(kind)]);
                clause.term("l.word = ?", [Value::Integer(word)]);
                // The range of the label is what is gone through.
                clause.term("l.seq >= ?", [Value::Integer(clause.from)]);
                ("label AS l CROSS JOIN request AS r ON r.seq = l.seq", "l.seq")
            }
            None => ("request AS r", "r.seq"),
        };
        if let Some(after) = after {
            clause.term(format!("{order} {past} ?"), [after]);
        }
        let (terms, mut values) = clause.text(true);
        values.push(Value::Integer(i64::from(page.limit)));
        let sql = format!(
            "SELECT {columns} FROM {from} {joins} WHERE {terms} ORDER BY {order} {way} LIMIT ?"
        );
        let mut statement = self.connection().prepare(&sql)?;
        let rows = statement.query_map(params_from_iter(values), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

const COLUMNS: &str = "r.seq, r.time, r.id, h.text, c.text, r.port, p.text, r.outcome, r.mode, \
                       r.status, m.text, s.text, f.text, r.bytes_out, r.bytes_in, r.config, \
                       r.labels";

const JOINS: &str = "LEFT JOIN host AS h ON h.id = r.host LEFT JOIN who AS c ON c.id = r.client \
                     LEFT JOIN who AS p ON p.id = r.principal \
                     LEFT JOIN word AS m ON m.id = r.method LEFT JOIN word AS s ON s.id = r.scheme \
                     LEFT JOIN word AS f ON f.id = r.fault";

impl Listed {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: entry(row.get(0)?),
            time: Timestamp::from_millisecond(row.get(1)?).unwrap_or_default(),
            id: row.get::<_, Id>(2)?.to_string(),
            host: row.get(3)?,
            client: row.get(4)?,
            port: row.get(5)?,
            principal: row.get(6)?,
            outcome: outcome_of(row.get(7)?),
            observed: row.get::<_, i64>(8)? != 0,
            would: None,
            status: row.get(9)?,
            method: row.get(10)?,
            scheme: row.get(11)?,
            fault: row.get(12)?,
            bytes_out: entry(row.get(13)?),
            bytes_in: entry(row.get(14)?),
            countries: Vec::new(),
            tags: Vec::new(),
            rules: Vec::new(),
        })
    }
}

/// What was entered with [`number`].
pub(super) fn entry(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
