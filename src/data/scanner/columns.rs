//! Tables: which column of CSV, or of an `INSERT INTO`, a value stands in, and which row.

use super::super::keys::{Key, Keys};
use super::records::Bits;

/// So many columns have their names kept.
const MOST: usize = 256;

/// So many tables of one window are told apart.
const TABLES: usize = 4;

/// The longest name that is read.
const NAME: usize = 96;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// RFC 4180, with this delimiter.
    Csv(u8),
    /// `INSERT INTO t (a, b) VALUES (1, 'x'), ...;`
    Sql,
}

/// Reads along, and remembers where cells and rows of the window begin.
#[derive(Debug)]
pub(super) struct Columns {
    form: Form,
    /// From which place on which columns announce what.
    tables: Vec<(usize, Vec<Key>)>,
    /// Whether the names are being read.
    heading: bool,
    /// Whether a tuple of values is open; always so in CSV.
    row: bool,
    quoted: bool,
    cell: Vec<u8>,
    cells: Bits,
    rows: Bits,
    /// In which column the window begins.
    column: usize,
}

impl Columns {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            tables: vec![(0, Vec::new())],
            heading: form != Form::Sql,
            row: form != Form::Sql,
            quoted: false,
            cell: Vec::new(),
            cells: Bits::default(),
            rows: Bits::default(),
            column: 0,
        }
    }

    /// Reads a stretch of the window.
    pub(super) fn read(&mut self, text: &[u8], from: usize, to: usize, keys: &Keys) {
        let part = text.get(from..to).unwrap_or_default();
        for (offset, byte) in part.iter().enumerate() {
            match self.form {
                Form::Csv(delimiter) => self.csv(*byte, delimiter, from + offset, keys),
                Form::Sql => self.sql(*byte, from + offset, keys),
            }
        }
    }

    fn csv(&mut self, byte: u8, delimiter: u8, place: usize, keys: &Keys) {
        if byte == b'"' {
            self.quoted = !self.quoted;
        } else if byte == b'\n' && !self.quoted {
            self.name(keys);
            self.heading = false;
            self.rows.set(place + 1);
        } else if byte == delimiter && !self.quoted {
            self.name(keys);
            self.cells.set(place + 1);
        } else if self.heading {
            self.spell(byte);
        }
    }

    fn sql(&mut self, byte: u8, place: usize, keys: &Keys) {
        match byte {
            b'\'' => self.quoted = !self.quoted,
            _ if self.quoted => {}
            b'(' if !self.row && self.is_values() => {
                self.row = true;
                self.rows.set(place + 1);
            }
            b'(' if !self.row => {
                self.heading = true;
                self.cell.clear();
                self.tables.push((place, Vec::new()));
                if self.tables.len() > TABLES {
                    self.tables.remove(0);
                }
            }
            b')' if self.heading => {
                self.name(keys);
                self.heading = false;
            }
            b')' => self.row = false,
            b',' if self.heading => self.name(keys),
            b',' if self.row => self.cells.set(place + 1),
            b';' => {
                self.row = false;
                self.cell.clear();
            }
            _ if !self.row => self.spell(byte),
            _ => {}
        }
    }

    /// Whether the words before a parenthesis, or those since the last tuple, say that values
    /// follow.
    fn is_values(&self) -> bool {
        let said = self.cell.trim_ascii_end();
        let said = said.get(said.len().saturating_sub(6)..).unwrap_or_default();
        said.eq_ignore_ascii_case(b"values") || said.ends_with(b",")
    }

    fn spell(&mut self, byte: u8) {
        if self.cell.len() >= NAME {
            self.cell.drain(..NAME / 2);
        }
        self.cell.push(byte);
    }

    fn name(&mut self, keys: &Keys) {
        let names = self.tables.last_mut().filter(|_| self.heading).map(|(_, names)| names);
        if let Some(names) = names.filter(|names| names.len() < MOST) {
            names.push(keys.read(&self.cell));
        }
        self.cell.clear();
    }

    /// What the column of a place announces, and where its cell begins.
    pub(super) fn key(&self, place: usize) -> Option<(Key, usize)> {
        let row = self.rows.last_until(place);
        let column = match row {
            Some(row) => self.cells.count(row, place),
            None => self.column + self.cells.count(0, place),
        };
        let cell = self.cells.last_until(place).max(row).unwrap_or(0);
        let (_, names) = self.tables.iter().rfind(|(from, _)| *from <= place)?;
        names.get(column).map(|key| (*key, cell))
    }

    /// How many rows begin in the window up to a place.
    pub(super) fn rows_until(&self, place: usize) -> usize {
        self.rows.count(0, place)
    }

    /// The window goes on by so many octets.
    pub(super) fn moved(&mut self, by: usize) {
        self.column = match self.rows.last_until(by) {
            Some(row) => self.cells.count(row, by),
            None => self.column + self.cells.count(0, by),
        };
        self.rows.moved(by);
        self.cells.moved(by);
        self.tables.iter_mut().for_each(|(from, _)| *from = from.saturating_sub(by));
        let last = self.tables.iter().rposition(|(from, _)| *from == 0).unwrap_or(0);
        self.tables.drain(..last);
    }
}
