//! The query of a request: each name once, and none that nobody knows.

use url::form_urlencoded;

use crate::audit::index::Filters;

use super::reply::Wrong;

/// Letters of a query.
const MOST: usize = 8 * 1024;

/// What a query says.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads it.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Wrong> {
        let query = query.unwrap_or_default();
        if query.len() > MOST {
            return Err(Wrong::unfit(format!("a query has at most {MOST} octets")));
        }
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if all.iter().any(|(known, _)| *known == name) {
                return Err(Wrong::unfit(format!("`{name}` is given twice")));
            }
            all.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(all))
    }

    /// Takes one by its name.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes a number.
    pub(super) fn number(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, Wrong> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let (least, most) = (range.start(), range.end());
        let wrong = || Wrong::unfit(format!("`{name}` is a number from {least} to {most}"));
        number.ok_or_else(wrong).map(Some)
    }

    /// Takes one of some words.
    pub(super) fn word<T: Copy>(
        &mut self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Wrong> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        let all = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| Wrong::unfit(format!("`{name}` is one of {}", all()))).map(Some)
    }

    /// Takes what is true or false.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> Result<bool, Wrong> {
        Ok(self.word(name, &[("true", true), ("false", false)])?.unwrap_or(default))
    }

    /// Takes a text; an empty one, as forms send it, is none.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.take(name).filter(|text| !text.is_empty())
    }

    /// Takes what says which records are meant.
    pub(super) fn filters(&mut self) -> Result<Filters, Wrong> {
        let mut filters = Filters::default();
        for name in Filters::NAMES {
            if let Some(value) = self.text(name) {
                short(name, &value, longest(name))?;
                filters.set(name, &value).map_err(Wrong::unfit)?;
            }
        }
        Ok(filters)
    }

    /// Nothing else may be there.
    pub(super) fn end(self) -> Result<(), Wrong> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Wrong::unfit(format!("this path has no parameter `{name}`"))),
        }
    }
}

/// Refuses a text of more letters than that.
pub(super) fn short(name: &str, text: &str, most: usize) -> Result<(), Wrong> {
    if text.chars().count() <= most {
        return Ok(());
    }
    Err(Wrong::unfit(format!("`{name}` has at most {most} letters")))
}

/// Letters of a filter: a host has 253, a tag 128.
fn longest(name: &str) -> usize {
    match name {
        "host" | "client" | "tag" => 256,
        "rule" => 512,
        _ => 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong<T: std::fmt::Debug>(result: Result<T, Wrong>) -> String {
        result.unwrap_err().detail
    }

    #[test]
    fn each_parameter_is_read_once_and_none_is_passed_over() {
        let mut params =
            Params::read(Some("host=.example.com&limit=10&outcome=block&since=2026-11-26&tag="))
                .unwrap();
        assert_eq!(params.number("limit", 1..=1000).unwrap(), Some(10));
        let filters = params.filters().unwrap();
        assert_eq!(filters.host.as_deref(), Some(".example.com"));
        assert_eq!(filters.outcome.as_deref(), Some("block"));
        assert_eq!(filters.since.unwrap().to_string(), "2026-11-26T00:00:00Z");
        assert_eq!(filters.tag, None, "what is empty is not there");
        params.end().unwrap();
        assert!(wrong(Params::read(Some("a=1&a=2"))).contains("twice"));
        assert!(wrong(Params::read(Some(&"a".repeat(9_000)))).contains("at most"));
        let read = |query: &str| Params::read(Some(query)).unwrap();
        assert!(wrong(read("nobody=1").end()).contains("no parameter `nobody`"));
        for limit in ["", "0", "1001", "-1", "x", "99999999999999999999"] {
            let mut params = read("");
            params.0.push(("limit".to_owned(), limit.to_owned()));
            assert!(wrong(params.number("limit", 1..=1000)).contains("from 1 to 1000"));
        }
        assert!(wrong(read(&format!("tag={}", "a".repeat(257))).filters()).contains("at most 256"));
        assert!(wrong(read("outcome=maybe").filters()).contains("is one of allow"));
        assert!(wrong(read("since=tomorrow").filters()).contains("neither a moment"));
        assert!(wrong(read("personal=1").flag("personal", true)).contains("true, false"));
    }
}
