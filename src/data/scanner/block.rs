//! One block of the window: where values may stand, and what they are put to.

use super::super::keys::{Key, Keys, Memo, Names};
use super::super::values::masks::{Masks, WORD};
use super::super::values::{self, Hit, Kind, Prefixes, Seeker};
use super::super::{context, values::text::span};
use super::columns::{self, Columns};
use super::own::{Followed, Own};
use super::records::Records;
use super::syntax::Syntax;

/// What goes on from block to block.
#[derive(Debug)]
pub(super) struct State {
    columns: Option<Columns>,
    records: Option<Records>,
    rows: Option<u64>,
    masks: Box<Masks>,
    seeker: Seeker,
    /// Up to where marks of text were followed.
    followed: usize,
    own: Followed,
}

/// A block's surroundings.
#[derive(Clone, Copy)]
pub(super) struct Blocks<'a> {
    pub(super) text: &'a [u8],
    pub(super) keys: &'a Keys,
    pub(super) memo: &'a Memo,
    pub(super) prefixes: &'a Prefixes,
    pub(super) own: &'a Own,
}

impl State {
    pub(super) fn new(syntax: Syntax, records: bool) -> Self {
        let columns = match syntax {
            Syntax::Csv { delimiter } => Some(Columns::new(columns::Form::Csv(delimiter))),
            Syntax::Sql => Some(Columns::new(columns::Form::Sql)),
            Syntax::Json | Syntax::JsonLines | Syntax::Xml | Syntax::Form | Syntax::Text => None,
        };
        let tracker = match syntax {
            Syntax::Json => Some(Records::json(false)),
            Syntax::JsonLines => Some(Records::json(true)),
            Syntax::Xml => Some(Records::xml()),
            Syntax::Text => Some(Records::lines()),
            Syntax::Csv { .. } | Syntax::Sql | Syntax::Form => None,
        };
        Self {
            rows: (records && columns.is_some()).then_some(0),
            records: tracker.filter(|_| records),
            columns,
            masks: Box::default(),
            seeker: Seeker::default(),
            followed: 0,
            own: Followed::default(),
        }
    }

    /// In which record a place lies.
    pub(super) fn record(&self, place: usize) -> u64 {
        match (&self.records, &self.columns, self.rows) {
            (Some(records), _, _) => records.record(place),
            (None, Some(columns), Some(rows)) => {
                rows + u64::try_from(columns.rows_until(place)).unwrap_or(0)
            }
            (None, _, _) => 0,
        }
    }

    /// The window goes on by so many octets.
    pub(super) fn moved(&mut self, by: usize) {
        if let (Some(rows), Some(columns), Some(last)) =
            (&mut self.rows, &self.columns, by.checked_sub(1))
        {
            *rows += u64::try_from(columns.rows_until(last)).unwrap_or(0);
        }
        self.records.iter_mut().for_each(|records| records.moved(by));
        self.columns.iter_mut().for_each(|columns| columns.moved(by));
        self.seeker.moved(by);
        self.own.moved(by);
        self.followed = self.followed.saturating_sub(by);
    }
}

impl Blocks<'_> {
    /// Looks at the text from one place to another, of which the first is a multiple of 64.
    pub(super) fn scan(self, state: &mut State, (from, to): (usize, usize), hits: &mut Vec<Hit>) {
        if let Some(columns) = &mut state.columns {
            columns.read(self.text, from, to, self.keys);
        }
        state.masks.read(span(self.text, from, to));
        if let Some(records) = &mut state.records {
            records.read(self.text, &state.masks, from, to);
        }
        let columns = state.columns.as_ref();
        let key = |start: usize| self.key(columns, start);
        for (place, seeds) in (from..to).step_by(WORD).zip(state.masks.seeds()) {
            if !seeds.is_empty() {
                state.seeker.seek(self.text, place, seeds, hits, key);
                if self.own.has_lists() {
                    for seed in seeds.numbers() {
                        self.own.token(self.text, place + seed, &mut state.own, hits);
                    }
                }
            }
        }
        self.own.patterns(self.text, (from, to), &mut state.own, hits);
        self.signs((from, to), hits, key);
        self.words(&mut state.followed, (from, to), hits, key);
    }

    /// What the text around a value says of it.
    fn key(self, columns: Option<&Columns>, start: usize) -> Key {
        let names = Names { keys: self.keys, memo: self.memo };
        match columns.and_then(|columns| columns.key(start)) {
            Some((key, cell)) if key.is_empty() => {
                context::before_value(span(self.text, cell, start), start - cell, names)
            }
            Some((key, _)) => key,
            None => context::before_value(self.text, start, names),
        }
    }

    /// At signs and plus signs.
    fn signs(self, (from, to): (usize, usize), hits: &mut Vec<Hit>, key: impl Fn(usize) -> Key) {
        for place in memchr::memchr2_iter(b'@', b'+', span(self.text, from, to)) {
            hits.extend(values::sign(self.text, from + place, &key));
        }
    }

    /// Prefixes of tokens, and words that announce.
    fn words(
        self,
        followed: &mut usize,
        (from, to): (usize, usize),
        hits: &mut Vec<Hit>,
        key: impl Fn(usize) -> Key,
    ) {
        // A prefix may lie across the end of the block: it belongs to where it begins.
        let end = self.text.len().min(to + Prefixes::LONGEST - 1);
        let mut place = from.max(*followed);
        while let Some((start, which)) = self.prefixes.next(self.text, place, end) {
            if start >= to {
                break;
            }
            let hit = values::announced(self.text, start, which, &key);
            place =
                hit.as_ref().filter(|hit| hit.kind != Kind::Icd).map_or(start + 1, |hit| hit.end);
            hits.extend(hit);
        }
        *followed = place.max(to);
    }
}
