//! In which record a field stands, counted as the scanner counts them.

use super::super::Syntax;

/// Counts along.
#[derive(Debug)]
pub(super) struct Records {
    syntax: Syntax,
    number: u64,
    depth: u64,
    /// Which of the innermost 64 levels are arrays; bit 0 is the innermost.
    arrays: u64,
    /// At which depth the record is open.
    record: Option<u64>,
    /// Whether the open element below the root has elements.
    parent: bool,
}

impl Records {
    pub(super) fn of(syntax: Syntax) -> Self {
        Self { syntax, number: 0, depth: 0, arrays: 0, record: None, parent: false }
    }

    /// The record that is open.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn enter(&mut self, array: bool) {
        match self.syntax {
            Syntax::Json | Syntax::JsonLines => {
                let element = self.arrays & 1 == 1 && self.depth > 0 && self.depth <= 2;
                let begins = self.depth == 0 || element && self.syntax == Syntax::Json;
                if begins && self.record.is_none() {
                    self.number += 1;
                    self.record = (self.depth > 0).then_some(self.depth);
                }
                self.arrays = self.arrays << 1 | u64::from(array);
            }
            Syntax::Xml => self.parent |= self.depth >= 2,
            Syntax::Csv { .. } | Syntax::Form | Syntax::Sql | Syntax::Text => {}
        }
        self.depth += 1;
    }

    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.arrays >>= 1;
        let xml = self.syntax == Syntax::Xml && self.depth == 1 && self.parent;
        if xml || self.record == Some(self.depth) {
            self.number += 1;
            self.record = None;
            self.parent = false;
        }
    }
}
