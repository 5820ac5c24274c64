//! One table of a configuration file, read key by key. What was never asked for is an
//! unknown key, and is told when the section is dropped: forgetting to check is not
//! possible.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::data::Tag;
use crate::policy::register::Percent;

use super::problem::{Collector, Text};
use super::words::{nearest, parse_duration, parse_size};

/// A table and the mistakes found in it.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) file: &'a Arc<Text>,
    problems: &'a Collector,
    table: Option<&'a DeTable<'a>>,
    span: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
    /// Whether only some keys are wanted, here and below.
    partly: bool,
}

/// A text and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
}

/// One item of a list that holds texts and tables.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    Word(Word<'a>),
    Table(Section<'a>),
    Other(Range<usize>),
}

impl<'a> Section<'a> {
    pub(super) fn new(
        file: &'a Arc<Text>,
        problems: &'a Collector,
        table: &'a DeTable<'a>,
        span: Range<usize>,
    ) -> Self {
        let asked = RefCell::default();
        Self { file, problems, table: Some(table), span, asked, partly: false }
    }

    /// A section of which, and below which, only some keys are wanted: the others are not
    /// unknown.
    pub(super) fn partly_read(mut self) -> Self {
        self.partly = true;
        self
    }

    /// A table that stands within this one.
    fn below(&self, table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        let mut below = Self::new(self.file, self.problems, table, span);
        below.partly = self.partly;
        below
    }

    /// Where the section begins.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Notes a mistake in this file.
    pub(super) fn problem(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.problems.add(self.file, span, message, help);
    }

    /// Where the key's value stands, else where the section begins.
    pub(super) fn span_of(&self, key: &'static str) -> Range<usize> {
        self.get(key).map_or_else(|| self.span(), Spanned::span)
    }

    /// Whether the key is there; asking makes it known.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// A text.
    pub(super) fn word(&self, key: &'static str) -> Option<Word<'a>> {
        let value = self.get(key)?;
        self.to_word(key, value)
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &'static str) -> Option<Word<'a>> {
        if !self.has(key) {
            self.problem(self.span(), format!("`{key}` is missing here"), None);
        }
        let word = self.word(key)?;
        if word.text.trim().is_empty() {
            self.problem(word.span.clone(), format!("`{key}` says nothing"), None);
        }
        Some(word)
    }

    /// A list of texts; a single text stands for a list of one.
    pub(super) fn words(&self, key: &'static str) -> Vec<Word<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        self.items(key, value)
    }

    /// A list of texts that, if it is there, has at least one.
    pub(super) fn some_words(&self, key: &'static str) -> Option<Vec<Word<'a>>> {
        let value = self.get(key)?;
        let words = self.words(key);
        if words.is_empty()
            && value.get_ref().as_array().is_some_and(|items| items.iter().count() == 0)
        {
            let help = "leave the key out if it does not matter".to_owned();
            self.problem(
                value.span(),
                format!("`{key}` is empty, so it can never match"),
                Some(help),
            );
        }
        Some(words)
    }

    /// Each text of a list, parsed; what does not parse is told.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &self,
        words: &[Word<'a>],
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        words.iter().filter_map(|word| self.parse(word, &parse)).collect()
    }

    /// One text, parsed.
    pub(super) fn parse<T, E: std::fmt::Display>(
        &self,
        word: &Word<'a>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(word.text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(word.span.clone(), error.to_string(), None);
                None
            }
        }
    }

    /// One of a closed set of words.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let word = self.word(key)?;
        let found = choices.iter().find(|(name, _)| *name == word.text);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let message = format!("`{}` is none of {}", word.text, names.join(", "));
            let help = nearest(word.text, names).map(|name| format!("did you mean `{name}`?"));
            self.problem(word.span, message, help);
        }
        found.map(|(_, value)| *value)
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &self,
        key: &'static str,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = self.get(key)?;
        let number = value.get_ref().as_integer();
        let number = number.and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            let (low, high) = bounds.into_inner();
            let message = format!("`{key}` must be a whole number from {low} to {high}");
            self.problem(value.span(), message, None);
        }
        number
    }

    /// A list of whole numbers within bounds.
    pub(super) fn numbers(&self, key: &'static str, high: u64) -> Option<Vec<u64>> {
        let value = self.get(key)?;
        let items: Vec<&Spanned<DeValue<'a>>> = match value.get_ref().as_array() {
            Some(items) => items.iter().collect(),
            None => vec![value],
        };
        if items.is_empty() {
            self.problem(value.span(), format!("`{key}` is empty, so it can never match"), None);
        }
        let number = |item: &&Spanned<DeValue<'a>>| {
            let number = item.get_ref().as_integer();
            let number = number.and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
            let number = number.filter(|number| *number <= high);
            if number.is_none() {
                let message = format!("`{key}` takes whole numbers up to {high}");
                self.problem(item.span(), message, None);
            }
            number
        };
        Some(items.iter().filter_map(number).collect())
    }

    /// A list of lists of texts.
    pub(super) fn lists(&self, key: &'static str) -> Vec<Vec<Word<'a>>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(lists) = value.get_ref().as_array() else {
            self.expected(key, "a list of lists", value);
            return Vec::new();
        };
        lists.iter().map(|list| self.items(key, list)).collect()
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.expected(key, "true or false", value);
        }
        flag
    }

    /// A duration such as `30s`.
    pub(super) fn duration(&self, key: &'static str) -> Option<Duration> {
        let word = self.word(key)?;
        self.parse(&word, parse_duration)
    }

    /// A size such as `1MiB`, within bounds that are sizes too.
    pub(super) fn size(&self, key: &'static str, low: &str, high: &str) -> Option<u64> {
        let word = self.word(key)?;
        let size = self.parse(&word, parse_size)?;
        let within = parse_size(low).is_ok_and(|low| low <= size)
            && parse_size(high).is_ok_and(|high| size <= high);
        if !within {
            self.problem(word.span, format!("`{key}` must be from {low} to {high}"), None);
        }
        within.then_some(size)
    }

    /// A tag, exactly as tags are written.
    pub(super) fn tag(&self, word: &Word<'a>) -> Option<Tag> {
        let tag = Tag::parse(word.text).filter(|tag| tag.as_str() == word.text);
        if tag.is_none() {
            let message = format!("`{}` is not a tag: use a-z, 0-9, `_`, `-` and `.`", word.text);
            self.problem(word.span.clone(), message, None);
        }
        tag
    }

    /// A day.
    pub(super) fn date(&self, key: &'static str) -> Option<Date> {
        let value = self.get(key)?;
        let written = value.get_ref().as_datetime().filter(|one| one.time.is_none());
        let date = written.and_then(|one| one.date).and_then(|date| {
            let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
            Date::new(i16::try_from(date.year).ok()?, month, day).ok()
        });
        if date.is_none() {
            let help = "write it without quotes and without a time".to_owned();
            let message = format!("`{key}` must be a date such as 2026-01-31");
            self.problem(value.span(), message, Some(help));
        }
        date
    }

    /// A share, as a number from 0 to 100 with at most two decimals.
    pub(super) fn percent(&self, key: &'static str) -> Option<Percent> {
        let value = self.get(key)?;
        let whole = value.get_ref().as_integer().filter(|n| n.radix() == 10).map(|n| n.as_str());
        let Some(text) = value.get_ref().as_float().map(|n| n.as_str()).or(whole) else {
            self.expected(key, "a number from 0 to 100", value);
            return None;
        };
        self.parse(&Word { text, span: value.span() }, Percent::parse)
    }

    /// A table below this one; an empty one where the key is not there.
    pub(super) fn section(&self, key: &'static str) -> Self {
        let table = self.get(key).and_then(|value| {
            let table = value.get_ref().as_table();
            if table.is_none() {
                self.expected(key, "a table", value);
            }
            table.map(|table| (table, value.span()))
        });
        let (table, span) =
            table.map_or_else(|| (None, self.span()), |(table, span)| (Some(table), span));
        let (file, problems, partly) = (self.file, self.problems, self.partly);
        Self { file, problems, table, span, asked: RefCell::default(), partly }
    }

    /// The tables of a list.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Self> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            let help = Some(format!("write `[[{key}]]`, with two brackets"));
            self.problem(value.span(), format!("`{key}` must be a list of tables"), help);
            return Vec::new();
        };
        let section = |item: &'a Spanned<DeValue<'a>>| {
            let table = item.get_ref().as_table();
            if table.is_none() {
                self.expected(key, "a list of tables", item);
            }
            Some(self.below(table?, item.span()))
        };
        items.iter().filter_map(section).collect()
    }

    /// The items of a list, each a text or a table; a single one is a list of one.
    pub(super) fn entries_of(&self, key: &'static str) -> Vec<Entry<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let entry = |item: &'a Spanned<DeValue<'a>>| match item.get_ref() {
            DeValue::String(text) => Entry::Word(Word { text, span: item.span() }),
            DeValue::Table(table) => Entry::Table(self.below(table, item.span())),
            DeValue::Array(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Float(_)
            | DeValue::Integer(_) => Entry::Other(item.span()),
        };
        match value.get_ref().as_array() {
            Some(items) => items.iter().map(entry).collect(),
            None => vec![entry(value)],
        }
    }

    /// The value as it stands, for readers of other types.
    pub(super) fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.get(key)
    }

    /// How often `key = true` stands anywhere below.
    pub(super) fn count_flags(&self, key: &str) -> usize {
        self.table.map_or(0, |table| count_flags(table, key))
    }

    /// Every key and its value as it stands.
    pub(super) fn values(&self) -> impl Iterator<Item = (Word<'a>, &'a Spanned<DeValue<'a>>)> {
        self.entries()
    }

    /// Every table below this one, with its name: for tables whose keys the user chooses.
    pub(super) fn named_sections(&self) -> Vec<(Word<'a>, Self)> {
        self.entries()
            .filter_map(|(name, value)| {
                let table = value.get_ref().as_table();
                if table.is_none() {
                    self.expected(name.text, "a table", value);
                }
                Some((name, self.below(table?, value.span())))
            })
            .collect()
    }

    /// Every key and its list of texts: for tables whose keys the user chooses.
    pub(super) fn named_words(&self) -> Vec<(Word<'a>, Vec<Word<'a>>)> {
        let words = |(name, value): (Word<'a>, &'a Spanned<DeValue<'a>>)| {
            let items = self.items(name.text, value);
            (name, items)
        };
        self.entries().map(words).collect()
    }

    /// Every key and its number: for tables whose keys the user chooses.
    pub(super) fn named_numbers(&self, high: u64) -> Vec<(Word<'a>, u64)> {
        let number = |(name, value): (Word<'a>, &'a Spanned<DeValue<'a>>)| {
            let number = value.get_ref().as_integer();
            let number = number.and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
            let number = number.filter(|number| *number <= high);
            if number.is_none() {
                self.expected(name.text, "a whole number", value);
            }
            Some((name, number?))
        };
        self.entries().filter_map(number).collect()
    }

    /// All entries; none of them is unknown.
    fn entries(&self) -> impl Iterator<Item = (Word<'a>, &'a Spanned<DeValue<'a>>)> {
        self.asked.borrow_mut().push("*");
        let entries = self.table.into_iter().flat_map(|table| table.iter());
        entries.map(|(key, value)| (Word { text: key.get_ref(), span: key.span() }, value))
    }

    /// The texts of a list; a single text is a list of one.
    fn items(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Vec<Word<'a>> {
        match value.get_ref().as_array() {
            Some(items) => items.iter().filter_map(|item| self.to_word(key, item)).collect(),
            None => self.to_word(key, value).into_iter().collect(),
        }
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.table?.get(key)
    }

    fn to_word(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Option<Word<'a>> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.expected(key, "a text in quotes", value);
        }
        Some(Word { text: text?, span: value.span() })
    }

    fn expected(&self, key: &str, what: &str, value: &Spanned<DeValue<'_>>) {
        let found = value.get_ref().type_str();
        self.problem(value.span(), format!("`{key}` must be {what}, not {found}"), None);
    }
}

fn count_flags(table: &DeTable<'_>, key: &str) -> usize {
    let below = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::Table(table) => count_flags(table, key),
        DeValue::Array(items) => {
            let tables = items.iter().filter_map(|item| item.get_ref().as_table());
            tables.map(|table| count_flags(table, key)).sum()
        }
        DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Float(_)
        | DeValue::Integer(_)
        | DeValue::String(_) => 0,
    };
    let here = table.get(key).is_some_and(|value| value.get_ref().as_bool() == Some(true));
    usize::from(here) + table.iter().map(|(_, value)| below(value)).sum::<usize>()
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        let asked = self.asked.borrow();
        let Some(table) = self.table.filter(|_| !self.partly && !asked.contains(&"*")) else {
            return;
        };
        for (key, _) in table.iter().filter(|(key, _)| !asked.contains(&&**key.get_ref())) {
            let near = nearest(key.get_ref(), asked.iter().copied());
            let help = near.map_or_else(|| known(&asked), |near| format!("did you mean `{near}`?"));
            let message = format!("unknown key `{}`", key.get_ref());
            self.problems.add(self.file, key.span(), message, Some(help));
        }
    }
}

fn known(asked: &[&'static str]) -> String {
    let mut known: Vec<_> = asked.iter().map(|name| format!("`{name}`")).collect();
    known.sort_unstable();
    known.dedup();
    format!("known here: {}", known.join(", "))
}
