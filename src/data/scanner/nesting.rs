//! What is a record in nested text, whoever reads along: an element of the outermost array of
//! JSON, a whole line of NDJSON, an element of XML that has elements.

/// How far into a JSON text a reader is.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct JsonNesting {
    depth: u32,
    /// Which of the innermost 64 levels are arrays; bit 0 is the innermost.
    arrays: u64,
    /// At which depth the record is open.
    record: Option<u32>,
    /// Whether only whole lines are records.
    lines: bool,
}

/// How far into an XML text a reader is.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct XmlNesting {
    depth: u32,
    /// Whether the open element below the root has elements.
    parent: bool,
}

// === impl JsonNesting ===

impl JsonNesting {
    /// At the beginning of a text.
    pub(in super::super) fn new(lines: bool) -> Self {
        Self { lines, ..Self::default() }
    }

    /// Goes into an object or an array; whether a record begins within.
    pub(in super::super) fn open(&mut self, array: bool) -> bool {
        let element = self.arrays & 1 == 1 && self.depth > 0 && self.depth <= 2;
        let begins = (self.depth == 0 || element && !self.lines) && self.record.is_none();
        if begins {
            // A top-level value is a record until an array in it has elements of its own.
            self.record = (self.depth > 0).then_some(self.depth);
        }
        self.arrays = self.arrays << 1 | u64::from(array);
        self.depth = self.depth.saturating_add(1);
        begins
    }

    /// Leaves it; whether a record ends.
    pub(in super::super) fn close(&mut self) -> bool {
        self.depth = self.depth.saturating_sub(1);
        self.arrays >>= 1;
        self.record.take_if(|record| *record == self.depth).is_some()
    }

    #[cfg(test)]
    pub(super) fn depth(&self) -> u32 {
        self.depth
    }
}

// === impl XmlNesting ===

impl XmlNesting {
    /// Goes into an element.
    pub(in super::super) fn open(&mut self) {
        self.parent |= self.depth >= 2;
        self.depth = self.depth.saturating_add(1);
    }

    /// Leaves it; whether a record ends.
    pub(in super::super) fn close(&mut self) -> bool {
        self.depth = self.depth.saturating_sub(1);
        self.depth == 1 && std::mem::take(&mut self.parent)
    }
}
