//! Filters as conditions of the database. Every text that was given is a parameter or the number
//! that stands for it; nothing from outside is part of a statement.

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::entered::{Id, numbers_of};
use super::fault::Fault;
use super::filters::{ALONE, Filters, UNKNOWN};
use super::label::Kind;
use super::state::State;
use super::words::Table;
use super::writer::{MINUTE, number};

/// Conditions on `request AS r`.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    terms: Vec<String>,
    values: Vec<Value>,
    /// Labels that must hold, each with the words one of which is enough.
    labels: Vec<(Kind, Vec<i64>)>,
    /// Whether few requests can be meant, and an index leads to them.
    pub(super) narrow: bool,
    /// The first entry that can be meant.
    pub(super) from: i64,
}

impl Clause {
    /// The conditions; `None` where no request can meet them.
    pub(super) fn new(
        connection: &Connection,
        filters: &Filters,
        state: &State,
    ) -> Result<Option<Self>, Fault> {
        let mut clause = Self {
            terms: Vec::new(),
            values: Vec::new(),
            labels: Vec::new(),
            narrow: false,
            from: state.first_seq(),
        };
        let possible = clause.times(connection, filters, state)?
            && clause.place(connection, filters)?
            && clause.who(connection, filters)?
            && clause.verdict(filters)
            && clause.words(connection, filters)?;
        clause.term("r.seq >= ?", [Value::Integer(clause.from)]);
        clause.term("r.seq < ?", [Value::Integer(number(state.next))]);
        Ok(possible.then_some(clause))
    }

    /// Adds a condition.
    pub(super) fn term<const N: usize>(&mut self, term: impl Into<String>, values: [Value; N]) {
        self.terms.push(term.into());
        self.values.extend(values);
    }

    /// Takes out a label by which requests can be gone through in their order: only one word.
    pub(super) fn lead(&mut self) -> Option<(Kind, i64)> {
        if self.narrow {
            return None;
        }
        let at = self.labels.iter().position(|(_, words)| words.len() == 1)?;
        let (kind, words) = self.labels.remove(at);
        words.first().map(|word| (kind, *word))
    }

    /// The conditions and their values; for a list a look for each request, else all at once.
    pub(super) fn text(mut self, each: bool) -> (String, Vec<Value>) {
        for (kind, words) in &self.labels {
            let (kind, words) = (kind.number(), numbers(words));
            let found = format!("FROM label WHERE kind = {kind} AND word IN ({words})");
            self.terms.push(if each {
                format!("EXISTS (SELECT 1 {found} AND seq = r.seq)")
            } else {
                format!("r.seq IN (SELECT seq {found})")
            });
        }
        (self.terms.join(" AND "), self.values)
    }

    /// Whether it asks for nothing but times and outcomes.
    pub(super) fn is_plain(filters: &Filters) -> bool {
        let Filters { since: _, until: _, id, host, client, tag, country, outcome: _, .. } =
            filters;
        let Filters { would, rule, method, .. } = filters;
        [id, host, client, tag, country, would, rule, method].iter().all(|one| one.is_none())
    }

    fn times(
        &mut self,
        connection: &Connection,
        filters: &Filters,
        state: &State,
    ) -> Result<bool, Fault> {
        if let Some(since) = filters.since.map(millis) {
            self.term("+r.time >= ?", [Value::Integer(since)]);
            if since >= state.since {
                // Not the entry of the minute itself: after the clock was set back a later minute
                // may have an earlier one. What is of a time to come may stand before the first.
                // As many minutes are looked at as are asked for: 5 ms for a month.
                let first = "SELECT min(seq) FROM pace WHERE minute >= ?";
                let minute = since.div_euclid(MINUTE);
                let first: Option<i64> = connection.query_row(first, [minute], |row| row.get(0))?;
                self.from = first.unwrap_or_else(|| number(state.next));
            }
        }
        if let Some(until) = filters.until.map(millis) {
            self.term("+r.time < ?", [Value::Integer(until)]);
        }
        Ok(true)
    }

    fn place(&mut self, connection: &Connection, filters: &Filters) -> Result<bool, Fault> {
        if let Some(id) = &filters.id {
            let value = match Id::of(id) {
                Id::Uuid(octets) => Value::Blob(octets.to_vec()),
                Id::Text(text) => Value::Text(text),
            };
            self.narrow = true;
            self.term("r.id = ?", [value]);
        }
        let Some(host) = &filters.host else { return Ok(true) };
        self.narrow = true;
        if let Some(domain) = host.strip_prefix('.') {
            let length = i64::try_from(host.chars().count()).unwrap_or(i64::MAX);
            let texts = [domain.to_owned().into(), Value::Integer(-length), host.clone().into()];
            let all = "r.host IN (SELECT id FROM host WHERE text = ? OR substr(text, ?) = ?)";
            self.term(all, texts);
            return Ok(true);
        }
        let found = Table::Host.find(connection, host)?;
        self.term("r.host = ?", [found.map_or(Value::Null, Value::Integer)]);
        Ok(found.is_some())
    }

    fn who(&mut self, connection: &Connection, filters: &Filters) -> Result<bool, Fault> {
        let Some(client) = &filters.client else { return Ok(true) };
        self.narrow = true;
        let mut any = Vec::new();
        if let Some(id) = Table::Who.find(connection, client)? {
            // Only with its own condition is the index of those with a name used.
            any.push(format!("r.client = {id}"));
            any.push(format!("(r.principal = {id} AND r.principal IS NOT NULL)"));
        }
        let socket = client.parse::<std::net::SocketAddr>().ok();
        if let Some(socket) = socket.filter(|socket| socket.to_string() == *client)
            && let Some(id) = Table::Who.find(connection, &socket.ip().to_string())?
        {
            any.push(format!("(r.client = {id} AND r.port = {})", socket.port()));
        }
        self.term(format!("({})", any.join(" OR ")), []);
        Ok(!any.is_empty())
    }

    fn verdict(&mut self, filters: &Filters) -> bool {
        let Some(word) = filters.outcome.as_deref() else { return true };
        let found = numbers_of(word);
        self.term(format!("r.outcome IN ({})", numbers(&found)), []);
        if !found.contains(&0) {
            self.narrow = true;
            self.term("r.outcome <> 0", []);
        }
        !found.is_empty()
    }

    fn words(&mut self, connection: &Connection, filters: &Filters) -> Result<bool, Fault> {
        if let Some(method) = &filters.method {
            let Some(word) = Table::Word.find(connection, method)? else { return Ok(false) };
            self.term("r.method = ?", [Value::Integer(word)]);
        }
        let country = filters.country.as_deref().map(|country| {
            let unknown = country.eq_ignore_ascii_case(UNKNOWN);
            if unknown { UNKNOWN.to_owned() } else { country.to_ascii_uppercase() }
        });
        let rule = filters.rule.as_deref();
        let pack = rule.and_then(|rule| rule.strip_suffix('/'));
        let pack = pack.filter(|pack| !pack.contains('/'));
        let whole = rule.filter(|rule| rule.contains('/') && pack.is_none());
        let tag = filters.tag.as_deref();
        let alone = tag.and_then(|tag| tag.strip_prefix(ALONE));
        let one = [
            (Kind::Would, filters.would.as_deref()),
            (Kind::Pack, pack),
            (Kind::Tag, alone),
            (Kind::Family, tag.filter(|_| alone.is_none())),
            (Kind::Country, country.as_deref()),
            (Kind::Rule, whole),
        ];
        for (kind, text) in one {
            let Some(text) = text else { continue };
            let Some(word) = Table::Word.find(connection, text)? else { return Ok(false) };
            self.labels.push((kind, vec![word]));
        }
        let Some(rule) = filters.rule.as_deref().filter(|rule| !rule.contains('/')) else {
            return Ok(true);
        };
        let all = "SELECT id FROM word WHERE instr(text, '/') > 0 \
                   AND substr(text, instr(text, '/') + 1) = ?";
        let mut all = connection.prepare(all)?;
        let words = all.query_map([rule], |row| row.get(0))?;
        let words = words.collect::<Result<Vec<i64>, _>>()?;
        let possible = !words.is_empty();
        self.labels.push((Kind::Rule, words));
        Ok(possible)
    }
}

/// The first whole millisecond that is not before a moment: records have no smaller parts.
pub(super) fn millis(moment: Timestamp) -> i64 {
    let part = moment.subsec_nanosecond() % 1_000_000 > 0;
    moment.as_millisecond() + i64::from(part)
}

/// As a list of the database.
pub(super) fn numbers(all: &[i64]) -> String {
    all.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}
